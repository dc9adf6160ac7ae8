"""The build fails when it should, and says where: tried on a book of two pages with the real configuration.

Each test breaks one thing. Outputs, MyST in notebooks and missing alt texts are caught earlier, by
test_notebooks.py.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ("01-first", "02-second")
TIMEOUT = 300  # seconds; a build takes about 10

pytestmark = pytest.mark.slow


def chapter(name: str) -> nbformat.NotebookNode:
    """Return a chapter whose claim holds."""
    # Ids and code differ: the build finds a notebook's name by its ids and its stored result by its code.
    cells = [
        new_markdown_cell(f"# Chapter {name}\n\nBack to the [start](index.md).", id=f"title-{name}"),
        new_code_cell("from helpers.claims import claim", id=f"imports-{name}"),
        new_code_cell(f"claim('{name} holds', True, 'nothing')", id=f"claim-{name}"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Make a small course with the real configuration, site tools and helpers."""
    if not (ROOT / "book" / "static" / "vendor").is_dir():
        pytest.fail("book/static/vendor is missing: run the build first (make book)")
    for name in ("_config.yml", "requirements.txt", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("helpers", "tools", "book/static"):
        vendor = "vendor" if name == "tools" else ""
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", vendor))
    (tmp_path / "tools" / "vendor").symlink_to(ROOT / "tools" / "vendor")
    (tmp_path / "book" / "references.bib").write_text("", encoding="utf-8")
    (tmp_path / "book" / "index.md").write_text("# Start\n\n{{ chapters }}\n", encoding="utf-8")
    (tmp_path / "book" / "exercises.md").write_text("# All exercises\n\n{{ exercises }}\n", encoding="utf-8")
    files = "\n".join(f"      - file: {name}" for name in (*CHAPTERS, "exercises"))
    toc = f"format: jb-book\nroot: index\nparts:\n  - caption: The part\n    chapters:\n{files}\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    for name in CHAPTERS:
        nbformat.write(chapter(name), tmp_path / "book" / f"{name}.ipynb")
    return tmp_path


def build(course: Path) -> subprocess.CompletedProcess[str]:
    """Build the small course as the Makefile builds the real one; return what it said."""
    command = [sys.executable, "tools/build.py", "--jobs", "2"]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COURSE_", "PYTHONPATH"))}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.run(command, cwd=course, env=env, timeout=TIMEOUT, check=False, **pipes)


def change_cell(course: Path, name: str, cell: str, source: str) -> None:
    """Replace the source of one cell of a chapter."""
    path = course / "book" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(c for c in notebook.cells if c.id == f"{cell}-{name}").source = source
    nbformat.write(notebook, path)


def executed(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the names of the chapters that a build has executed."""
    return set(re.findall(r"^executing book/(\S+)\.ipynb", done.stdout, re.MULTILINE))


def page_of(course: Path, name: str) -> BeautifulSoup:
    """Read a page of the built site."""
    return BeautifulSoup((course / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def test_a_failing_claim_and_an_error_fail_and_name_their_cells(course: Path) -> None:
    change_cell(course, "01-first", "claim", "claim('three is even', 3 % 2 == 0, 'remainder 1')")
    change_cell(course, "02-second", "claim", "value = 1\nvalue / 0")
    done = build(course)
    assert done.returncode != 0, done.stdout
    # With the measured value: whoever reads the log learns how far off it was.
    claim = ("book/01-first.ipynb", "claim-01-first", "three is even", "remainder 1")
    for words in (*claim, "book/02-second.ipynb", "claim-02-second", "ZeroDivisionError", "value / 0"):
        assert words in done.stdout, f"{words!r} is not named\n{done.stdout}"


def test_broken_links_fail_and_are_named_and_a_build_that_failed_fails_again(course: Path) -> None:
    links = "[next](03-gone.ipynb), [part](01-first.ipynb#no-such-part) and [that](#nor-this)"
    change_cell(course, "02-second", "title", f"# Chapter\n\nSee {links}.")
    for _ in range(2):
        done = build(course)
        complaints = [line for line in done.stdout.splitlines() if "WARNING" in line and "02-second" in line]
        assert done.returncode != 0, done.stdout
        for target in ("gone", "no-such-part", "nor-this"):
            assert any(target in line for line in complaints), f"{target}\n{done.stdout}"


def test_what_changed_is_built_again_and_nothing_else(course: Path) -> None:
    first = build(course)
    assert first.returncode == 0, first.stdout
    assert executed(first) == set(CHAPTERS), first.stdout
    assert "eavesdropping" not in first.stdout and len(first.stdout.splitlines()) < 16, first.stdout

    second = build(course)
    assert second.returncode == 0 and executed(second) == set(), second.stdout
    assert "pages: nothing has changed" in second.stdout

    change_cell(course, "01-first", "title", "# A new title")
    third = build(course)
    assert third.returncode == 0 and executed(third) == set(), third.stdout
    assert "A new title" in page_of(course, "01-first").h1.text
    assert "01 A new title" in page_of(course, "02-second").find(class_="bd-sidebar-primary").text

    change_cell(course, "01-first", "claim", "claim('four is even', 4 % 2 == 0, 'remainder 0')")
    fourth = build(course)
    assert fourth.returncode == 0, fourth.stdout
    assert executed(fourth) == {"01-first"}, "only one chapter changed"
    assert "four is even" in page_of(course, "01-first").text

    # A page that did not change links to what is gone.
    change_cell(course, "02-second", "title", "# Chapter\n\nBack to the [title](01-first.ipynb#a-new-title).")
    assert build(course).returncode == 0
    change_cell(course, "01-first", "title", "# Another title")
    last = build(course)
    assert last.returncode != 0 and "a-new-title" in last.stdout, last.stdout


def test_a_new_chapter_takes_its_notebook_and_one_line(course: Path) -> None:
    new = chapter("99-new")
    new.cells[0].source = "# A new one\n\n> **Question.** Does it\n> appear?\n\nText."
    exercise = "## Exercises\n\n### Exercise 1 (core): look\n\n**Predict** it. Is it there?"
    new.cells.append(new_markdown_cell(exercise, id="exercise"))
    new.cells[2].metadata |= {"tags": ["check", "hide-input"], "mystnb": {"code_prompt_show": "The check"}}
    nbformat.write(new, course / "book" / "99-new.ipynb")
    toc = course / "_toc.yml"
    line = "      - file: 02-second\n"
    toc.write_text(toc.read_text(encoding="utf-8").replace(line, f"{line}      - file: 99-new\n"), encoding="utf-8")

    done = build(course)
    assert done.returncode == 0 and "99-new" in executed(done), done.stdout
    check = page_of(course, "99-new").find(class_="tag_check")
    output, folded = check.find_all(True, recursive=False)
    assert "99-new holds" in output.find(class_="claim").text, "what is seen stands above the folded code"
    assert folded.summary.find(class_="collapsed").text == "The check" and not folded.summary.attrs
    start = page_of(course, "index")
    assert start.article.find("h2").text.startswith("The part")
    row = start.article.find("a", string="99 A new one").find_parent("tr")
    assert "Does it appear?" in row.text
    for page in ("index", "01-first"):
        assert "99 A new one" in page_of(course, page).find(class_="bd-sidebar-primary").text
    link = page_of(course, "exercises").find("a", string=re.compile("1. Look"))
    assert link["href"] == "99-new.html#exercise-1-core-look"
    assert "3 chapters, 1 exercises" in page_of(course, "exercises").text
