"""The build fails when it should, and says where: each test breaks a book of two pages with the real configuration."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from test_execute import executed, write_chapter

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ("01-first", "02-second")
TIMEOUT = 300  # seconds; a build takes about 10

pytestmark = pytest.mark.slow


@pytest.fixture
def course(tmp_path: Path) -> Path:
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
    files = "\n".join(f"      - file: {name}" for name in (*CHAPTERS, "exercises"))
    toc = f"format: jb-book\nroot: index\nparts:\n  - caption: The part\n    chapters:\n{files}\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    for name in CHAPTERS:
        cells = ["from helpers.claims import claim", f"claim('{name} holds', True, 'nothing')"]
        write_chapter(tmp_path, name, cells, "\n\nBack to the [start](index.md).")
    return tmp_path


def build(course: Path) -> SimpleNamespace:
    command = [sys.executable, "tools/build.py", "--jobs", "2"]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COURSE_", "PYTHONPATH"))}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=course, env=env, timeout=TIMEOUT, check=False, **pipes)
    print(done.stdout)  # pytest shows it where a test fails
    return SimpleNamespace(good=done.returncode == 0, said=done.stdout, executed=set(executed(done.stdout)))


def change_cell(course: Path, name: str, cell: str, source: str) -> None:
    path = course / "book" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(c for c in notebook.cells if c.id == f"{name}-{cell}").source = source
    nbformat.write(notebook, path)


def page_of(course: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((course / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def test_broken_links_fail_and_are_named_and_a_build_that_failed_fails_again(course: Path) -> None:
    links = "[next](03-gone.ipynb), [part](01-first.ipynb#no-such-part) and [that](#nor-this)"
    change_cell(course, "02-second", "title", f"# Chapter\n\nSee {links}.")
    for _ in range(2):
        done = build(course)
        complaints = "".join(line for line in done.said.splitlines() if "WARNING" in line and "02-second" in line)
        assert not done.good and all(target in complaints for target in ("gone", "no-such-part", "nor-this"))


def test_what_changed_is_built_again_and_nothing_else(course: Path) -> None:
    first = build(course)
    assert first.good and first.executed == set(CHAPTERS)
    assert "eavesdropping" not in first.said and len(first.said.splitlines()) < 16

    second = build(course)
    assert second.good and not second.executed and "pages: nothing has changed" in second.said

    change_cell(course, "01-first", "title", "# A new title")
    third = build(course)
    assert third.good and not third.executed
    assert "A new title" in page_of(course, "01-first").h1.text
    assert "01 A new title" in page_of(course, "02-second").find(class_="bd-sidebar-primary").text

    change_cell(course, "02-second", "title", "# Chapter\n\nBack to the [title](01-first.ipynb#a-new-title).")
    change_cell(course, "01-first", "1", "claim('four is even', 4 % 2 == 0, 'remainder 0')")
    fourth = build(course)
    assert fourth.good and fourth.executed == {"01-first"}, "the code of only one chapter changed"
    assert "four is even" in page_of(course, "01-first").text

    change_cell(course, "01-first", "title", "# Another title")  # to which a page links that did not change
    last = build(course)
    assert not last.good and "a-new-title" in last.said


def test_a_new_chapter_takes_its_notebook_and_one_line(course: Path) -> None:
    opening = " isn't old\n\n> **Question.** Does it\n> a | b?\n>\n> Not this.\n\nText."
    exercise = "\n\n## Exercises\n\n### Exercise 1 (core): look\n\n**Predict** it. Is it there?"
    cells = ["from helpers.claims import claim", "claim('99-new holds', True, 'nothing')"]
    write_chapter(course, "99-new", cells, opening + exercise)
    path, toc, line = course / "book" / "99-new.ipynb", course / "_toc.yml", "      - file: 02-second\n"
    new = nbformat.read(path, as_version=4)
    new.cells[2].metadata |= {"tags": ["check", "hide-input"], "mystnb": {"code_prompt_show": "The check"}}
    nbformat.write(new, path)
    toc.write_text(toc.read_text(encoding="utf-8").replace(line, f"{line}      - file: 99-new\n"), encoding="utf-8")

    done = build(course)
    assert done.good and done.executed == {*CHAPTERS, "99-new"}
    check = page_of(course, "99-new").find(class_="tag_check")
    output, folded = check.find_all(True, recursive=False)
    assert "99-new holds" in output.find(class_="claim").text, "what is seen stands above the folded code"
    assert folded.summary.find(class_="collapsed").text == "The check" and not folded.summary.attrs
    start = page_of(course, "index")
    assert start.article.find("h2").text.startswith("The part")
    row = start.article.find("a", string="99 99-new isn’t old").find_parent("tr")
    assert row.text.strip().endswith("Does it a | b?")
    for page in ("index", "01-first"):
        assert "99 99-new isn’t old" in page_of(course, page).find(class_="bd-sidebar-primary").text
    link = page_of(course, "exercises").find("a", string=re.compile("1. Look"))
    assert link["href"] == "99-new.html#exercise-1-core-look"
    assert "3 chapters, 1 exercises" in page_of(course, "exercises").text
    took = page_of(course, "exercises").find("a", string="99 99-new isn’t old").find_parent("tr").find_all("td")
    assert took[1].text == "1" and took[2].text.isdigit(), "claims and seconds of the chapter's execution"
    (course / "tools" / "predictions.toml").write_text('["09-gone#a"]\nchoices = ["b", "c"]\n', encoding="utf-8")
    assert "not on the site: ['09-gone#a']" in build(course).said
