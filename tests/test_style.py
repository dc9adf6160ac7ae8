"""House rules for every file: clean code, documented helpers, nothing that belongs to one machine."""

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Written in two pieces, or this file would find itself.
UNFINISHED = r"(^|[^[:alnum:]_])(TO" + r"DO|FIX" + r"ME|XX" + r"X)([^[:alnum:]_]|$)"
ONE_MACHINE = r"(^|[^[:alnum:]_.])/(home|Users|root|work)" + r"/[[:alnum:]_]|[A-Z]:\\Users\\"


def ruff(*arguments: str, text: str = "") -> str:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "--output-format", "concise", *arguments]
    return subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_ruff_has_nothing_to_say() -> None:
    assert ruff(".") == ""
    # It would have: this is not documented.
    found = ruff("--stdin-filename", "helpers/x.py", "-", text="def bare(x):\n    return x\n")
    assert {"D100", "D103", "ANN001", "ANN201"} <= set(re.findall(r" ([A-Z]+\d+) ", found))


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        (UNFINISHED, ["# TO" + "DO: later"], ["mastodons and methods"]),
        (
            ONE_MACHINE,
            ["open('/ho" + "me/ann/data.npz')", r"C:\Us" + "ers\\ann"],
            ["https://example.org/ho" + "me/page and ./work" + "/x", "/tmp/out.ipynb"],
        ),
    ],
    ids=["unfinished", "path of one machine"],
)
def test_no_file_has(pattern: str, hits: list[str], misses: list[str], tmp_path: Path) -> None:
    def lines(folder: Path, files: str) -> list[str]:
        command = ["git", "grep", "-nIE", files, pattern]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.splitlines()

    assert lines(ROOT, "--untracked") == []
    (tmp_path / "a.py").write_text("\n".join(hits + misses), encoding="utf-8")
    assert [line.split(":", 2)[2] for line in lines(tmp_path, "--no-index")] == hits


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
    paths = sorted((ROOT / "helpers").glob("*.py"))
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) <= 1500 and max(map(len, lines)) <= 100
    lengths = sorted(length for path in paths for length in body_lengths(path))
    assert len(lengths) > 80 and lengths[-1] <= 25
    assert statistics.median(lengths) <= 6 and lengths[9 * len(lengths) // 10] <= 15
