"""The build's lists of chapters say what the notebooks say."""

from pathlib import Path

import nbformat
import pytest
from lists import LISTS, all_chapters, chapters_among, executions, question_of, title_of
from nbformat.v4 import new_markdown_cell, new_notebook
from sphinx_external_toc.parsing import parse_toc_data

ROOT = Path(__file__).resolve().parents[1]
OPENING = "# The group's code\n\n> **Question.** Is a | b\n> worth $x$?\n>\n> Not this.\n\n*You will be able to* see."
TOC = {
    "format": "jb-book",
    "root": "index",
    "parts": [
        {"caption": "Part I. The game", "chapters": [{"file": "01-first"}, {"file": "quizzes/part-1"}]},
        {"caption": "Around", "chapters": [{"file": "glossary"}]},
    ],
}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "quizzes").mkdir()
    for name in ("01-first", "quizzes/part-1"):
        nbformat.write(new_notebook(cells=[new_markdown_cell(OPENING)]), tmp_path / f"{name}.ipynb")
    (tmp_path / "glossary.md").write_text("# Glossary\n", encoding="utf-8")
    return tmp_path


def test_title_and_question_are_taken_from_the_opening(book: Path) -> None:
    assert title_of(book / "01-first.ipynb") == "The group’s code"
    assert question_of(book / "01-first.ipynb") == "Is a \\| b worth $x$?"


def test_parts_without_chapters_and_pages_that_are_none_are_left_out(book: Path) -> None:
    written = all_chapters(parse_toc_data(TOC), book)
    row = "| [01 The group’s code](01-first.ipynb) | Is a \\| b worth $x$? |"
    assert written == f"## Part I. The game\n\n| chapter | its question |\n| --- | --- |\n{row}\n\n"
    assert chapters_among(book, parse_toc_data(TOC)) == [book / "01-first.ipynb"]


def test_the_status_page_says_what_each_chapter_took_and_how_many_claims_it_made(tmp_path: Path) -> None:
    kept = tmp_path / "_build" / "executed"
    kept.mkdir(parents=True)
    (tmp_path / "book").mkdir()
    notebook = new_notebook(cells=[new_markdown_cell(OPENING)])
    nbformat.write(notebook, tmp_path / "book" / "01-first.ipynb")
    notebook.metadata["course"] = {"seconds": 31}
    nbformat.write(notebook, kept / "01-first.ipynb")
    (kept / "01-first.claims.jsonl").write_text("{}\n{}\n", encoding="utf-8")
    written = executions(parse_toc_data(TOC), tmp_path / "book")
    assert written.splitlines()[2:] == ["| [01 The group’s code](01-first.ipynb) | 2 | 31 |"]


def test_each_list_stands_on_a_page_of_the_book() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md"))
    assert [pages.count(place) for place in LISTS] == [1] * len(LISTS)
