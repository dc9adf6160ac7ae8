"""House rules for every file: clean code, documented helpers, nothing that belongs to one machine."""

import ast
import importlib
import inspect
import pkgutil
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import helpers

ROOT = Path(__file__).resolve().parents[1]
TEXT = {
    ".py",
    ".ipynb",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".cff",
    ".cfg",
    ".txt",
    ".in",
    ".js",
    ".css",
    ".html",
    ".jsonl",
}
# Written in two pieces, or this file would find itself.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
ONE_MACHINE = re.compile(r"(?<![\w.])/(home|Users|root|work)" + r"/\w|[A-Z]:\\Users\\")


def test_ruff_has_nothing_to_say() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def text_files() -> list[Path]:
    """Return the text files that are tracked, or would be by `git add`."""
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in filter(None, listing.split("\0"))]
    return [path for path in paths if path.is_file() and (path.suffix in TEXT or path.name == "Makefile")]


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Return 'file:line: text' for every line that matches."""
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_there_are_files_to_look_at() -> None:
    names = {path.name for path in text_files()}
    assert {"pyproject.toml", "_config.yml", "test_style.py"} <= names


def test_nothing_is_left_unfinished() -> None:
    found = lines_with(UNFINISHED, text_files())
    assert not found, "\n".join(found)


def test_no_path_of_one_machine() -> None:
    found = lines_with(ONE_MACHINE, text_files())
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


# --- the helpers are documented --------------------------------------------------------------------


def helper_modules() -> list[ModuleType]:
    """Import every public module of the helpers, also those of the packages inside."""
    found = pkgutil.walk_packages(helpers.__path__, "helpers.")
    return [importlib.import_module(info.name) for info in found if not info.name.split(".")[-1].startswith("_")]


def public_functions(module: ModuleType) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the public functions of a module, and the public methods of its public classes."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield f"{module.__name__}.{name}", value
        elif inspect.isclass(value):
            for method, member in vars(value).items():
                if inspect.isfunction(member) and not method.startswith("_"):
                    yield f"{module.__name__}.{name}.{method}", member


def documentation_problems(name: str, function: Callable[..., object]) -> Iterator[str]:
    """Say what a reader of a function's signature and docstring would miss."""
    signature = inspect.signature(function)
    for argument in signature.parameters.values():
        if argument.annotation is inspect.Parameter.empty and argument.name != "self":
            yield f"{name}: the argument {argument.name} has no annotation"
    if signature.return_annotation is inspect.Signature.empty:
        yield f"{name}: no annotation of what it returns"
    text = " ".join((function.__doc__ or "").split())
    if not text.endswith((".", "?")):
        yield f"{name}: the docstring is not a sentence"


def test_public_functions_are_annotated_and_documented() -> None:
    functions = [pair for module in helper_modules() for pair in public_functions(module)]
    assert len(functions) > 80, "found hardly any function: is this looking at the helpers?"
    found = [problem for name, function in functions for problem in documentation_problems(name, function)]
    assert not found, "\n".join(found)


def test_undocumented_functions_are_named() -> None:
    def bare(x, y: int = 1):  # type: ignore[no-untyped-def]
        pass

    def half(x: int) -> int:
        """Return it"""
        return x

    def good(x: int) -> int:
        """Return it."""
        return x

    functions = {"m.bare": bare, "m.half": half, "m.good": good}
    assert [problem for pair in functions.items() for problem in documentation_problems(*pair)] == [
        "m.bare: the argument x has no annotation",
        "m.bare: no annotation of what it returns",
        "m.bare: the docstring is not a sentence",
        "m.half: the docstring is not a sentence",
    ]


# --- the core stays small ----------------------------------------------------------------------------


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


def test_bodies_are_counted_without_their_docstrings(tmp_path: Path) -> None:
    text = 'def f():\n    """One\n    two."""\n    a = (\n        1\n    )\n    return a\n'
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    assert body_lengths(tmp_path / "a.py") == [4]
