"""The words of the field: words of this course's own are found, ordinary English is not, and spelling is checked."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import check_words
import nbformat
import pytest
from check_words import Word, all_pages, all_words, problems
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
WORDS = all_words()


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.say)
def test_a_word_is_found_and_ordinary_english_is_not(word: Word) -> None:
    assert word.hits and word.misses
    assert [text for text in word.hits if not word.found(text)] == []
    assert [text for text in word.misses if word.found(text)] == []


@pytest.mark.parametrize("path", all_pages(), ids=lambda path: path.name)
def test_a_page_says_what_the_field_says(path: Path) -> None:
    found = problems(path, WORDS)
    assert not found, "\n".join(found)


BLOB = Word(r"\bblobs?\b", "mode", but=["blob storage"], pages=["01-"])


def test_what_is_read_is_looked_at_and_nothing_else(tmp_path: Path) -> None:
    text = "Eight\nblobs, `blobs`, $blob$,\n\n$$blobs$$ [there](#blobs) and blob storage.\n\n```\nblob\n```"
    cells = [new_markdown_cell(text), new_code_cell('blobs = f("8 blobs")  # of a blob')]
    path = tmp_path / "02-two.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    found = problems(path, [BLOB], book=tmp_path)
    assert [line.split(": ")[1].split(" in ")[0] for line in found] == ["'blobs'", "'blobs'", "'blob'"]
    assert all("; say: mode" in line for line in found) and "cell 0" in found[0] and "cell 1" in found[1]
    page = tmp_path / "page.md"
    page.write_text("```{note}\nA blob.\n```\n\n(blobs)=\n## The rest\n\n{ref}`blobs` of a blob.\n", encoding="utf-8")
    assert len(problems(page, [BLOB], book=tmp_path)) == 2
    path.rename(tmp_path / "01-one.ipynb")
    assert problems(tmp_path / "01-one.ipynb", [BLOB], book=tmp_path) == [], "it is introduced there"


def test_spelling(tmp_path: Path) -> None:
    if importlib.util.find_spec("codespell_lib") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("codespell is not installed")
    command = [sys.executable, "-m", "codespell_lib"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "" and done.returncode == 0
    (tmp_path / "a.md").write_text("We reci" + "eve it.", encoding="utf-8")
    found = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "receive" in found.stdout


def test_the_check_prints_what_it_found_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check_words, "BOOK", tmp_path)
    page = tmp_path / "page.md"
    for text, status, said in (("A loss.", 0, "1 pages say what"), ("A price.", 1, "book/page.md: 'price'")):
        page.write_text(text, encoding="utf-8")
        assert check_words.main([str(page)]) == status
        assert capsys.readouterr().out.startswith(said)
