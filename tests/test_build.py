"""The build: chapters are executed again when something changes that they depend on, and only then, several at once; it
fails when it should, and says where."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from execute import chapters_of, execute_book
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CLAIM = """
import os
def claim():
    with open(os.environ["COURSE_CLAIMS"], "a") as file:
        print('{"text": "third holds", "holds": true, "measured": "other"}', file=file)
"""
CHAPTERS = {
    "01-first": ["import helpers.middle as m", "print(m.X)"],
    "02-second": ["from helpers.studies import margins", "print('second')"],
    "03-third": ["from helpers.claims import claim", "claim()", "READ = 'other.jsonl'"],
    "04-fourth": ["print(4)"],
}
EVERY = set(CHAPTERS)
ANY_IMPORT = EVERY - {"04-fourth"}
# file below helpers/: its text, and the chapters that depend on it
HELPERS: dict[str, tuple[str, set[str]]] = {
    "__init__.py": ("", ANY_IMPORT),  # of the package, which each import runs
    "low.py": ("import json\nX = 1\n", {"01-first"}),
    "middle.py": ("from .low import X\n", {"01-first"}),
    "alone.py": ("from pathlib import Path\n\ndef picture():\n    return Path('assets/digits.npz')\n", {"02-second"}),
    "apart.py": ("'Says alone, low and margins.'\n", set()),
    "claims.py": (CLAIM, {"03-third"}),
    "studies/__init__.py": ("", {"02-second"}),
    "studies/margins.py": ("from helpers import alone\n", {"02-second"}),
    "studies/results/margins.jsonl": ("{}\n", {"02-second"}),
    "studies/results/other.jsonl": ("{}\n", {"03-third"}),
    "assets/digits.npz": ("0", {"02-second"}),
    "assets/unnamed.npz": ("0", ANY_IMPORT),
    "README.md": ("Read me.\n", set()),
}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    for name, (text, _) in HELPERS.items():
        path = tmp_path / "helpers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "book").mkdir()
    for name, cells in CHAPTERS.items():
        write_chapter(tmp_path, name, cells)
    (tmp_path / "book" / "index.md").write_text("# Start\n", encoding="utf-8")
    files = "".join(f"  - file: {name}\n" for name in CHAPTERS)
    (tmp_path / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{files}", encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("numpy==2\n", encoding="utf-8")
    return tmp_path


def write_chapter(course: Path, name: str, cells: list[str], text: str = "") -> None:
    # Ids and code differ: the build finds a notebook's name by its ids and its stored result by its code.
    code = [new_code_cell(source, id=f"{name}-{number}") for number, source in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_markdown_cell(f"# {name}{text}", id=f"{name}-title"), *code]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), course / "book" / f"{name}.ipynb")


def edit_markdown(course: Path, name: str) -> None:
    path = course / "book" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "# Another title"
    notebook.cells[1].metadata.tags = ["hide-input"]
    nbformat.write(notebook, path)


def changed_by(course: Path, change: Callable[[], object]) -> set[str]:
    def fingerprints() -> set[tuple[str, str]]:
        return {(chapter.name, chapter.fingerprint) for chapter in chapters_of(course, course / "_build")}

    before = fingerprints()
    change()
    return {name for name, _ in before ^ fingerprints()}


@pytest.mark.parametrize("name", HELPERS)
def test_an_edit_concerns_the_chapters_that_import_or_name_the_file(course: Path, name: str) -> None:
    path = course / "helpers" / name
    found = changed_by(course, lambda: path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8"))
    assert found == HELPERS[name][1]


def test_pins_concern_every_chapter_prose_none_and_a_new_module_in_front_of_a_name_is_noticed(course: Path) -> None:
    assert changed_by(course, lambda: edit_markdown(course, "01-first")) == set()
    pins, new = course / "requirements.txt", course / "helpers" / "middle" / "__init__.py"
    assert changed_by(course, lambda: pins.write_text("numpy==3\n", encoding="utf-8")) == EVERY
    assert changed_by(course, lambda: write_chapter(course, "04-fourth", ["%time print(5)"])) == {"04-fourth"}
    new.parent.mkdir()
    assert changed_by(course, lambda: new.write_text("X = 2\n", encoding="utf-8")) == {"01-first"}


def executed(said: str) -> list[str]:
    return re.findall(r"^executing book/(\S+)\.ipynb$", said, re.MULTILINE)


def kept(course: Path) -> dict[str, bytes]:
    """Return the files that are kept of executed chapters, but for how long they took."""
    took = re.compile(rb'"seconds": \d+')
    return {path.name: took.sub(b"", path.read_bytes()) for path in (course / "_build" / "executed").iterdir()}


def test_the_right_chapters_are_executed_and_two_at_once_print_the_same(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(jobs: int) -> set[str]:
        assert execute_book(jobs, root=course) == []
        return set(executed(capsys.readouterr().out))

    assert run(1) == EVERY
    alone = kept(course)
    for path in (course / "_build" / "executed").iterdir():
        path.unlink()
    assert run(2) == EVERY
    assert kept(course) == alone
    assert (course / "_build" / "claims.jsonl").read_text(encoding="utf-8").count("third holds") == 1
    edit_markdown(course, "01-first")
    assert run(2) == set()
    (course / "helpers" / "studies" / "margins.py").write_text("from helpers import low\n", encoding="utf-8")
    assert run(2) == {"02-second"}
    (course / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: 01-first\n", encoding="utf-8")
    assert run(2) == set()
    assert set(kept(course)) == {"01-first.ipynb", "01-first.claims.jsonl"}, "nothing is kept of what left the book"


def test_a_chapter_that_fails_is_explained_and_fails_again_and_the_others_go_on(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_chapter(course, "01-first", ["print(1)", "value = 1\nvalue / 0"])
    write_chapter(course, "03-third", ["import os", "os._exit(3)"])
    failures = execute_book(2, root=course)
    assert len(failures) == 2
    assert "01-first.ipynb, cell 3 (id 01-first-1):\n    value = 1\n    value / 0\nZeroDivisionError" in failures[0]
    assert "book/03-third.ipynb" in failures[1] and "kernel died" in failures[1]
    assert set(executed(capsys.readouterr().out)) == EVERY
    assert len(execute_book(2, root=course)) == 2
    assert set(executed(capsys.readouterr().out)) == {"01-first", "03-third"}


# Below, each test breaks a book of two pages with the real configuration, and builds it.
ROOT = Path(__file__).resolve().parents[1]
TWO = ("01-first", "02-second")
TIMEOUT = 300  # seconds; a build takes about 10


@pytest.fixture
def book(tmp_path: Path) -> Path:
    if not (ROOT / "book" / "static" / "vendor").is_dir():
        pytest.fail("book/static/vendor is missing: run the build first (make book)")
    for name in ("_config.yml", "requirements.txt", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("helpers", "tools", "book/static"):
        vendor = "vendor" if name == "tools" else ""
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", vendor))
    (tmp_path / "tools" / "vendor").symlink_to(ROOT / "tools" / "vendor")
    for name in ("book/references.bib", "tools/predictions.toml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "book" / "index.md").write_text("# Start\n\n{{ chapters }}\n", encoding="utf-8")
    lists = "# Lists\n\n{{ exercises }}\n\n{{ executions }}\n"
    (tmp_path / "book" / "exercises.md").write_text(lists, encoding="utf-8")
    files = "\n".join(f"      - file: {name}" for name in (*TWO, "exercises"))
    toc = f"format: jb-book\nroot: index\nparts:\n  - caption: The part\n    chapters:\n{files}\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    for name in TWO:
        cells = ["from helpers.claims import claim", f"claim('{name} holds', True, 'nothing')"]
        write_chapter(tmp_path, name, cells, "\n\nBack to the [start](index.md).")
    return tmp_path


def build(book: Path) -> SimpleNamespace:
    command = [sys.executable, "tools/build.py", "--jobs", "2"]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COURSE_", "PYTHONPATH"))}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=book, env=env, timeout=TIMEOUT, check=False, **pipes)
    print(done.stdout)  # pytest shows it where a test fails
    return SimpleNamespace(good=done.returncode == 0, said=done.stdout, executed=set(executed(done.stdout)))


def change_cell(book: Path, name: str, cell: str, source: str) -> None:
    path = book / "book" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(c for c in notebook.cells if c.id == f"{name}-{cell}").source = source
    nbformat.write(notebook, path)


def page_of(book: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((book / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


@pytest.mark.slow
def test_broken_links_fail_and_are_named_and_a_build_that_failed_fails_again(book: Path) -> None:
    links = "[next](03-gone.ipynb), [part](01-first.ipynb#no-such-part) and [that](#nor-this)"
    change_cell(book, "02-second", "title", f"# Chapter\n\nSee {links}.")
    for _ in range(2):
        done = build(book)
        complaints = "".join(line for line in done.said.splitlines() if "WARNING" in line and "02-second" in line)
        assert not done.good and all(target in complaints for target in ("gone", "no-such-part", "nor-this"))


@pytest.mark.slow
def test_what_changed_is_built_again_and_nothing_else(book: Path) -> None:
    first = build(book)
    assert first.good and first.executed == set(TWO)
    assert "eavesdropping" not in first.said and len(first.said.splitlines()) < 16
    second = build(book)
    assert second.good and not second.executed and "pages: nothing has changed" in second.said
    change_cell(book, "01-first", "title", "# A new title")
    third = build(book)
    assert third.good and not third.executed
    assert "A new title" in page_of(book, "01-first").h1.text
    assert "01 A new title" in page_of(book, "02-second").find(class_="bd-sidebar-primary").text
    change_cell(book, "02-second", "title", "# Chapter\n\nBack to the [title](01-first.ipynb#a-new-title).")
    change_cell(book, "01-first", "1", "claim('four is even', 4 % 2 == 0, 'remainder 0')")
    fourth = build(book)
    assert fourth.good and fourth.executed == {"01-first"}, "the code of only one chapter changed"
    assert "four is even" in page_of(book, "01-first").text
    change_cell(book, "01-first", "title", "# Another title")  # to which a page links that did not change
    last = build(book)
    assert not last.good and "a-new-title" in last.said


@pytest.mark.slow
def test_an_edition_beside_it_changes_no_english_page_and_executes_nothing(book: Path) -> None:
    def english() -> dict[str, str]:
        switch = r'\n<a class="language-switch.*?</a>|<link rel="alternate" hreflang=.*?>\n'
        pages = (book / "_build" / "html").rglob("*.*")
        files = [path for path in pages if path.is_file() and path.suffix != ".woff" and "ko" not in path.parts]
        return {str(path): re.sub(switch, "", path.read_text("utf-8", errors="replace")) for path in files}

    assert build(book).good
    alone = english()
    catalogue = book / "book" / "locales" / "ko" / "LC_MESSAGES" / "index.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text('msgid ""\nmsgstr ""\n\nmsgid "Start"\nmsgstr "시작"\n', encoding="utf-8")
    (book / "_build" / ".site").unlink()
    done = build(book)
    beside = english()
    assert done.good and not done.executed
    assert [name for name in {*alone, *beside} if alone.get(name) != beside.get(name)] == []
    start, chapter = page_of(book, "ko/index"), page_of(book, "ko/01-first")
    assert (start.html["lang"], start.h1.text.rstrip("#"), chapter.article["lang"]) == ("ko", "시작", "en")
    assert chapter.select_one("a.language-switch")["href"] == "../01-first.html"


@pytest.mark.slow
def test_a_new_chapter_takes_its_notebook_and_one_line(book: Path) -> None:
    opening = " isn't old\n\n> **Question.** Does it\n> a | b?\n>\n> Not this.\n\nText."
    exercise = "\n\n## Exercises\n\n### Exercise 1 (core): look\n\n**Predict** it. Is it there?"
    cells = ["from helpers.claims import claim", "claim('99-new holds', True, 'nothing')"]
    write_chapter(book, "99-new", cells, opening + exercise)
    path, toc, line = book / "book" / "99-new.ipynb", book / "_toc.yml", "      - file: 02-second\n"
    new = nbformat.read(path, as_version=4)
    new.cells[2].metadata |= {"tags": ["check", "hide-input"], "mystnb": {"code_prompt_show": "The check"}}
    nbformat.write(new, path)
    toc.write_text(toc.read_text(encoding="utf-8").replace(line, f"{line}      - file: 99-new\n"), encoding="utf-8")
    done = build(book)
    assert done.good and done.executed == {*TWO, "99-new"}
    output, folded = page_of(book, "99-new").find(class_="tag_check").find_all(True, recursive=False)
    assert "99-new holds" in output.find(class_="claim").text, "what is seen stands above the folded code"
    assert folded.summary.find(class_="collapsed").text == "The check" and not folded.summary.attrs
    start = page_of(book, "index")
    assert start.article.find("h2").text.startswith("The part")
    row = start.article.find("a", string="99 99-new isn’t old").find_parent("tr")
    assert row.text.strip().endswith("Does it a | b?")
    for page in ("index", "01-first"):
        assert "99 99-new isn’t old" in page_of(book, page).find(class_="bd-sidebar-primary").text
    link = page_of(book, "exercises").find("a", string=re.compile("1. Look"))
    assert link["href"] == "99-new.html#exercise-1-core-look"
    assert "3 chapters, 1 exercises" in page_of(book, "exercises").text
    took = page_of(book, "exercises").article.find("a", string="99 99-new isn’t old").find_parent("tr").find_all("td")
    assert took[1].text == "1" and took[2].text.isdigit(), "claims and seconds of the chapter's execution"
    (book / "tools" / "predictions.toml").write_text('["09-gone#a"]\nchoices = ["b", "c"]\n', encoding="utf-8")
    assert "not on the site: ['09-gone#a']" in build(book).said
