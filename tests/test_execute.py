"""Chapters are executed again when something changes that they depend on, and only then; several at once."""

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
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
