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
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
# Warnings are errors, in references too; go on after the first, to name them all; read every page.
FLAGS = ["-W", "--keep-going", "-n", "--all"]
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
        pytest.fail("book/static/vendor is missing: run the build first (make site)")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "book" / "static", tmp_path / "book" / "static")
    (tmp_path / "tools").mkdir()
    for name in ("course_site.py", "light_pages.py", "openings.py"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    (tmp_path / "tools" / "vendor").symlink_to(ROOT / "tools" / "vendor")
    (tmp_path / "book" / "references.bib").write_text("", encoding="utf-8")
    links = "\n".join(f"- [{name}]({name}.ipynb)" for name in CHAPTERS)
    (tmp_path / "book" / "index.md").write_text(f"# Start\n\n{links}\n", encoding="utf-8")
    files = "\n".join(f"  - file: {name}" for name in CHAPTERS)
    toc = f"format: jb-book\nroot: index\nchapters:\n{files}\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    for name in CHAPTERS:
        nbformat.write(chapter(name), tmp_path / "book" / f"{name}.ipynb")
    return tmp_path


def build(course: Path) -> subprocess.CompletedProcess[str]:
    """Build the small course as the Makefile builds the real one; return what it said."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", "book", "--toc", course / "_toc.yml", *FLAGS]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COURSE_", "PYTHONPATH"))}
    return subprocess.run(
        [str(word) for word in command],
        cwd=course,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def change_cell(course: Path, name: str, cell: str, source: str) -> None:
    """Replace the source of one cell of a chapter."""
    path = course / "book" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(c for c in notebook.cells if c.id == f"{cell}-{name}").source = source
    nbformat.write(notebook, path)


def executed(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the names of the chapters that a build has executed."""
    return set(re.findall(r"^executing book/(\S+)\.ipynb", done.stdout, re.MULTILINE))


def test_makefile_builds_with_the_flags_tried_here() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    missing = [flag for flag in FLAGS if not re.search(rf"(?<=\s){re.escape(flag)}\b", makefile)]
    assert not missing, f"the Makefile builds without {missing}: what is proved below would not hold for it"


def test_error_in_a_cell_fails_and_names_it(course: Path) -> None:
    change_cell(course, "02-second", "claim", "value = 1\nvalue / 0")
    done = build(course)
    assert done.returncode != 0, done.stdout
    assert "02-second" in done.stdout, done.stdout
    assert "claim-02-second" in done.stdout, f"the cell is not named\n{done.stdout}"
    assert "ZeroDivisionError" in done.stdout and "value / 0" in done.stdout


def test_failing_claim_fails_and_names_it(course: Path) -> None:
    change_cell(course, "01-first", "claim", "claim('three is even', 3 % 2 == 0, 'remainder 1')")
    done = build(course)
    assert done.returncode != 0, done.stdout
    assert "01-first" in done.stdout and "claim-01-first" in done.stdout, done.stdout
    # With the measured value: whoever reads the log learns how far off it was.
    assert "three is even" in done.stdout and "remainder 1" in done.stdout


@pytest.mark.parametrize("link", ["[next](03-gone.ipynb)", "[part](01-first.ipynb#no-such-part)"])
def test_broken_link_fails_and_names_it(course: Path, link: str) -> None:
    change_cell(course, "02-second", "title", f"# Chapter\n\nSee {link}.")
    done = build(course)
    assert done.returncode != 0, f"the build does not mind {link}\n{done.stdout}"
    complaint = [line for line in done.stdout.splitlines() if "WARNING" in line and "02-second" in line]
    assert complaint, done.stdout
    assert any(re.search(r"gone|no-such-part", line) for line in complaint), complaint


def test_helpers_change_executes_again_and_nothing_else_does(course: Path) -> None:
    first = build(course)
    assert first.returncode == 0, first.stdout
    assert executed(first) == set(CHAPTERS), first.stdout
    assert (course / "_build" / "html" / "01-first.html").is_file()

    second = build(course)
    assert second.returncode == 0, second.stdout
    assert executed(second) == set(), "nothing changed, yet chapters were executed again"

    losses = course / "helpers" / "losses.py"
    losses.write_text(losses.read_text(encoding="utf-8") + "\n# one line more\n", encoding="utf-8")
    third = build(course)
    assert third.returncode == 0, third.stdout
    assert executed(third) == set(CHAPTERS), "helpers changed, but the chapters show what the old ones did"

    change_cell(course, "01-first", "claim", "claim('four is even', 4 % 2 == 0, 'remainder 0')")
    fourth = build(course)
    assert fourth.returncode == 0, fourth.stdout
    assert executed(fourth) == {"01-first"}, "only one chapter changed"
