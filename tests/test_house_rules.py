"""House rules for every file: clean code of short functions, the words of the field, nothing of one machine."""

import ast
import importlib.util
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from check_words import Word, all_pages, all_words, problems
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from roles import code_of

ROOT = Path(__file__).resolve().parents[1]
# Written in two pieces, or this file would find itself.
UNFINISHED = r"(^|[^[:alnum:]_])(TO" + r"DO|FIX" + r"ME|XX" + r"X)([^[:alnum:]_]|$)"
ONE_MACHINE = r"(^|[^[:alnum:]_.])/(home|Users|root|work)" + r"/[[:alnum:]_]|[A-Z]:\\Users\\"


def test_ruff_has_nothing_to_say() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "" and done.returncode == 0, done.stderr


@pytest.mark.parametrize("pattern", [UNFINISHED, ONE_MACHINE], ids=["unfinished", "path of one machine"])
def test_no_file_has(pattern: str, tmp_path: Path) -> None:
    def lines(folder: Path, files: str) -> list[str]:
        command = ["git", "grep", "-nIE", files, pattern]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.splitlines()

    assert lines(ROOT, "--untracked") == []
    bad = ["# TO" + "DO: later", "open('/ho" + "me/ann/data.npz')", r"C:\Us" + "ers\\ann"]
    good = ["mastodons and methods", "https://example.org/ho" + "me/page and ./work" + "/x", "/tmp/out.ipynb"]
    (tmp_path / "a.py").write_text("\n".join(bad + good), encoding="utf-8")
    expected = bad[:1] if pattern == UNFINISHED else bad[1:]
    assert [line.split(":", 2)[2] for line in lines(tmp_path, "--no-index")] == expected


def test_workflows_are_pinned_and_may_only_read() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert workflows, "no workflow found"
    for path in workflows:
        text = path.read_text(encoding="utf-8")
        # A tag can be moved to other code; a commit cannot. The comment says which version it is.
        for use in re.findall(r"uses: .*", text):
            assert re.fullmatch(r"uses: [\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", use), f"{path}: {use}"
        assert "\npermissions:\n  contents: read\n" in text, f"{path}: the jobs may do more than read"


def body_lengths(path: Path) -> list[int]:
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    bodies = [node.body[1:] if ast.get_docstring(node) else node.body for node in functions]
    return [body[-1].end_lineno - body[0].lineno + 1 for body in bodies if body]


def test_the_core_can_be_read_in_one_sitting() -> None:
    lines = [line for path in (ROOT / "helpers").glob("*.py") for line in path.read_text("utf-8").splitlines()]
    assert len(lines) <= 1500 and max(map(len, lines)) <= 100


@pytest.mark.parametrize(("files", "longest"), [("helpers/**/*.py", 25), ("tools/*.py", 25), ("tests/*.py", 30)])
def test_functions_are_short(files: str, longest: int) -> None:
    lengths = sorted(length for path in ROOT.glob(files) for length in body_lengths(path))
    assert len(lengths) > 200 and lengths[-1] <= longest
    assert statistics.median(lengths) <= 6 and lengths[9 * len(lengths) // 10] <= 15


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


def test_cells_are_short() -> None:
    notebooks = (nbformat.read(path, as_version=4) for path in (ROOT / "book").glob("*.ipynb"))
    sources = (code_of(cell) for notebook in notebooks for cell in notebook.cells if cell.cell_type == "code")
    lengths = sorted(len(source.splitlines()) for source in sources)
    assert len(lengths) > 900 and lengths[-1] <= 25
    assert statistics.median(lengths) <= 8 and lengths[9 * len(lengths) // 10] <= 20
