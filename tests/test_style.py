"""House rules for every file: clean code, documented helpers, nothing that belongs to one machine."""

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = re.compile(r"\.(py|ipynb|md|toml|ya?ml|cff|cfg|txt|in|js|css|html|jsonl)$|^Makefile$")
# Written in two pieces, or this file would find itself.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
ONE_MACHINE = re.compile(r"(?<![\w.])/(home|Users|root|work)" + r"/\w|[A-Z]:\\Users\\")


def ruff(*arguments: str, text: str = "") -> str:
    """Return what ruff has to say."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "--output-format", "concise", *arguments]
    return subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_ruff_has_nothing_to_say() -> None:
    assert ruff(".") == ""
    # It would have: this is not documented.
    found = ruff("--stdin-filename", "helpers/x.py", "-", text="def bare(x):\n    return x\n")
    assert {"D100", "D103", "ANN001", "ANN201"} <= set(re.findall(r" ([A-Z]+\d+) ", found))


def text_files() -> list[Path]:
    """Return the text files that are tracked, or would be by `git add`."""
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in filter(None, listing.split("\0"))]
    return [path for path in paths if path.is_file() and TEXT.search(path.name)]


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Return 'file:line: text' for every line that matches."""
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("pattern", [UNFINISHED, ONE_MACHINE], ids=["unfinished", "path of one machine"])
def test_no_file_has(pattern: re.Pattern[str]) -> None:
    paths = text_files()
    assert {"pyproject.toml", "_config.yml", "test_style.py"} <= {path.name for path in paths}
    found = lines_with(pattern, paths)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        (UNFINISHED, "# TO" + "DO: later", True),
        (UNFINISHED, "mastodons and methods", False),
        (ONE_MACHINE, "open('/ho" + "me/ann/data.npz')", True),
        (ONE_MACHINE, r"C:\Us" + "ers\\ann", True),
        (ONE_MACHINE, "https://example.org/ho" + "me/page and ./work" + "/x", False),
        (ONE_MACHINE, "/tmp/out.ipynb", False),
    ],
)
def test_patterns_find_what_they_should(pattern: re.Pattern[str], line: str, matches: bool, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"first\n{line}\n", encoding="utf-8")
    found = lines_with(pattern, [tmp_path / "a.py"])
    assert bool(found) == matches
    assert all("a.py:2:" in message for message in found)


def test_workflows_are_pinned_and_may_only_read() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert workflows, "no workflow found"
    for path in workflows:
        text = path.read_text(encoding="utf-8")
        # A tag can be moved to other code; a commit cannot. The comment says which version it is.
        for use in re.findall(r"uses: .*", text):
            assert re.fullmatch(r"uses: [\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", use), f"{path}: {use}"
        assert "\npermissions:\n  contents: read\n" in text, f"{path}: the jobs may do more than read"


def test_docstrings_of_the_helpers_are_sentences() -> None:
    # That there are docstrings and annotations is one of ruff's rules.
    trees = [(path, ast.parse(path.read_text("utf-8"))) for path in sorted((ROOT / "helpers").rglob("*.py"))]
    nodes = [(path, node) for path, tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    texts = {f"{path}:{node.lineno}": ast.get_docstring(node) for path, node in nodes if ast.get_docstring(node)}
    assert len(texts) > 80, "found hardly any function: is this looking at the helpers?"
    assert not [place for place, text in texts.items() if not text.endswith((".", "?"))]


def body_lengths(path: Path) -> list[int]:
    """Return how many lines the body of each function has, without its docstring."""
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    bodies = [node.body[1:] if ast.get_docstring(node) else node.body for node in functions]
    return [body[-1].end_lineno - body[0].lineno + 1 for body in bodies if body]


def test_the_core_can_be_read_in_one_sitting() -> None:
    paths = sorted((ROOT / "helpers").glob("*.py"))
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) <= 1500 and max(map(len, lines)) <= 100
    lengths = sorted(length for path in paths for length in body_lengths(path))
    assert len(lengths) > 80 and lengths[-1] <= 25
    assert statistics.median(lengths) <= 6 and lengths[9 * len(lengths) // 10] <= 15
