"""Execute the chapters, several at once, and keep each result for as long as nothing that it depends on changes.

What a chapter depends on is read from its code and never guessed from dates: its code cells, the modules of
`helpers` that it imports directly or through others, the data files that these name, and the pinned packages.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import hashlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from kernels import PatientManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).resolve().parent.parent
CLIENT: dict[str, Any] = {
    "kernel_manager_class": PatientManager,
    "timeout": 300,  # seconds; a cell that takes longer hangs
    "record_timing": False,  # the same code gives the same file
    "store_widget_state": False,  # nor has a site sliders of a kernel, whose names are drawn anew each time
    "coalesce_streams": True,  # as a busy machine may send one print in two pieces
    "extra_arguments": ["--IPKernelApp.log_level=40"],  # it would warn that programs of this machine could listen
}
SETTINGS = {
    "COURSE_BUILD": "1",  # helpers.figures.widgets.explore returns a still
    "COURSE_WORKERS": "1",  # a chapter keeps to one core, as others run beside it; the numbers are the same
    "OMP_NUM_THREADS": "1",  # chapters share the cores; more threads also change the last digits
    "TQDM_DISABLE": "1",  # a progress bar is a dead widget on a page
}


def kernel_environment(root: Path = ROOT) -> dict[str, str]:
    """Return the variables a chapter is executed with; a test that runs a chapter again sets the same."""
    paths = [str(root), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return SETTINGS | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}  # the helpers of this checkout


# ------------------------------------------------------------------------------ what a chapter depends on
def module_files(root: Path, dotted: str) -> Iterator[Path]:
    """Yield the files that `import dotted` runs, packages first; names inside a module yield none."""
    place = root
    for part in dotted.split("."):
        place = place / part
        yield from (path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file())


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the dotted names that some code may import; `package` is where its relative imports start."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)  # a module or a name in one


def words_named(tree: ast.AST) -> set[str]:
    """Return the parts of strings in some code that may be names of files: no sentences."""
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {word for text in strings if not re.search(r"\s", text) for word in re.split(r"[/.]", text)}


class Helpers:
    """The modules of `helpers` and their data files, and which of them some code depends on."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        found = sorted((root / "helpers").rglob("*"))
        files = [path for path in found if not re.search(r"/(\.|__pycache__)", path.relative_to(root).as_posix())]
        self.trees = {path: ast.parse(path.read_bytes()) for path in files if path.suffix == ".py"}
        self.data = [path for path in files if path.is_file() and path.suffix not in {".py", ".md", ".typed"}]

    def modules(self, tree: ast.AST) -> set[Path]:
        """Return the modules that some code imports, directly or through others."""
        found: set[Path] = set()
        waiting = [(tree, "")]
        while waiting:
            code, package = waiting.pop()
            names = (name for name in imported(code, package) if name.split(".")[0] == "helpers")
            for path in {path for name in names for path in module_files(self.root, name)} - found:
                found.add(path)
                waiting.append((self.trees[path], ".".join(path.parent.relative_to(self.root).parts)))
        return found

    @cached_property
    def unnamed(self) -> set[Path]:
        """Data files that no module names: whoever imports anything may read them."""
        named = set().union(*map(words_named, self.trees.values()))
        return {path for path in self.data if path.parent.name != "results" and path.stem not in named}

    def needed(self, code: str) -> list[Path]:
        """Return all files that some code depends on: modules, and the data that it or they name."""
        tree = ast.parse(code)
        modules = self.modules(tree)
        named = words_named(tree).union({path.stem for path in modules}, *(words_named(self.trees[m]) for m in modules))
        data = {path for path in self.data if path.stem in named} | (self.unnamed if modules else set())
        return sorted(modules | data)


def code_of(notebook: NotebookNode) -> str:
    """Return a notebook's code as plain Python, its magic commands as calls."""
    cells = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    return "".join(map(TransformerManager().transform_cell, cells))


def fingerprint(notebook: NotebookNode, helpers: Helpers) -> str:
    """Hash everything that a chapter's outputs depend on."""
    # The bootstrap cell does nothing where the helpers are: a new address changes no output.
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    cells = [cell.source for cell in code if "bootstrap" not in cell.metadata.get("tags", [])]
    digest = hashlib.sha256(json.dumps([cells, SETTINGS]).encode())
    for path in [*helpers.needed(code_of(notebook)), helpers.root / "requirements.txt"]:
        digest.update(path.relative_to(helpers.root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


# --------------------------------------------------------------------------------------------- one chapter
@dataclass
class Chapter:
    """A notebook of the book, the kept copy of it with outputs, and how its execution goes."""

    path: Path
    kept: Path
    notebook: NotebookNode
    fingerprint: str
    started: float = 0.0
    seconds: float = 0.0
    failure: str = ""
    state: str = "waiting"

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @property
    def claims_file(self) -> Path:
        """Where the chapter's kernel records its claims."""
        return self.kept.with_suffix(".claims.jsonl")

    @property
    def is_current(self) -> bool:
        """Whether the kept copy still shows what the code would print."""
        return self.kept.is_file() and self.claims_file.is_file() and self.fingerprint == stored_fingerprint(self.kept)

    def claims(self) -> list[str]:
        """Return the claims made so far, one readable line each."""
        text = self.claims_file.read_text(encoding="utf-8") if self.claims_file.is_file() else ""
        return [readable_claim(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def execute(self) -> None:
        """Run every cell in a new kernel; keep the outputs if all went well, and the explanation if not."""
        self.kept.unlink(missing_ok=True)
        self.claims_file.write_text("", encoding="utf-8")
        self.state, self.started = "running", time.monotonic()
        client = NotebookClient(self.notebook, **CLIENT)
        env = os.environ | kernel_environment(self.path.parents[1]) | {"COURSE_CLAIMS": str(self.claims_file)}
        try:
            asyncio.run(client.async_execute(cwd=str(self.path.parent), env=env))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            self.failure = explain_failure(self, str(error))
        self.seconds = time.monotonic() - self.started
        if not self.failure:
            self.notebook.metadata["course"] = {"fingerprint": self.fingerprint, "seconds": round(self.seconds)}
            nbformat.write(self.notebook, self.kept)
        self.state = "FAILED" if self.failure else "done"


def stored_fingerprint(kept: Path) -> str:
    """Return the fingerprint that an executed copy was made with."""
    return json.loads(kept.read_text(encoding="utf-8"))["metadata"].get("course", {}).get("fingerprint", "")


def readable_claim(line: str) -> str:
    """Turn a JSON line of a claims file into one readable line."""
    claim = json.loads(line)
    return f"{'holds' if claim['holds'] else 'FAILS'}: {claim['text']} [{claim['measured']}]"


def explain_failure(chapter: Chapter, trace: str) -> str:
    """Say in plain lines which cell of which notebook failed, with its source and what Python said."""
    for number, cell in enumerate(chapter.notebook.cells, start=1):
        errors = [out for out in cell.get("outputs", []) if out.get("output_type") == "error"]
        if errors:
            source = "\n".join("    " + line for line in cell.source.splitlines())
            said = f"{errors[0].ename}: {errors[0].evalue}"
            return f"in book/{chapter.path.name}, cell {number} (id {cell.get('id')}):\n{source}\n{said}"
    return f"in book/{chapter.path.name}, with no error from a cell (a time limit, or the kernel died):\n{trace}"


def with_outputs(notebook: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """Return a notebook with the outputs of its executed copy, whose code cells are the same."""
    whole = copy.deepcopy(notebook)
    whole.metadata["language_info"] = executed.metadata["language_info"]
    code = [[cell for cell in each.cells if cell.cell_type == "code"] for each in (whole, executed)]
    for cell, twin in zip(*code, strict=True):
        cell.outputs, cell.execution_count = twin.outputs, twin.execution_count
    return whole


# -------------------------------------------------------------------------------------------- all chapters
def chapters_of(root: Path, build: Path) -> list[Chapter]:
    """Return the chapters that the table of contents names, in its order: notebooks with code."""
    helpers, folder = Helpers(root), build / "executed"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [root / "book" / f"{name}.ipynb" for name in parse_toc_yaml(root / "_toc.yml")]
    notebooks = {path: nbformat.read(path, as_version=4) for path in paths if path.is_file()}
    return [
        Chapter(path, folder / path.name, notebook, fingerprint(notebook, helpers))
        for path, notebook in notebooks.items()
        if any(cell.cell_type == "code" for cell in notebook.cells)
    ]


class Board:
    """Tells how far the chapters are: one live line each on a terminal, whole lines anywhere else."""

    def __init__(self, chapters: list[Chapter], verbose: bool, out: TextIO | None = None) -> None:
        self.chapters, self.verbose, self.out = chapters, verbose, out or sys.stdout
        self.live = self.out.isatty() and not verbose
        self.told: dict[str, tuple[str, int]] = {}
        self.drawn = 0

    def line(self, chapter: Chapter) -> str:
        """Describe a chapter in one line."""
        seconds = chapter.seconds or time.monotonic() - chapter.started
        state = "" if chapter.state == "done" else f"  {chapter.state}"
        return f"  {chapter.name:<40}{len(chapter.claims()):3} claims {seconds:4.0f} s{state}"

    def tell(self) -> None:
        """Print what is new."""
        if self.live:
            self.redraw()
            return
        for chapter in self.chapters:
            state, claims = self.told.get(chapter.name, ("waiting", 0))
            if state == "waiting" and chapter.state != "waiting":
                print(f"executing book/{chapter.path.name}", file=self.out)
            if self.verbose:
                new = chapter.claims()[claims:] if chapter.state != "waiting" else []
                claims += len(new)
                print(*(f"  {chapter.name[:2]} {claim}\n" for claim in new), sep="", end="", file=self.out)
            if state != chapter.state and chapter.state in {"done", "FAILED"}:
                print(self.line(chapter), file=self.out)
            self.told[chapter.name] = (chapter.state, claims)
        self.out.flush()

    def redraw(self) -> None:
        """Write the lines of all chapters that have started over those written before."""
        lines = [self.line(chapter) for chapter in self.chapters if chapter.state != "waiting"]
        up = f"\x1b[{self.drawn}A" if self.drawn else ""
        print(up + "".join(f"\x1b[K{line}\n" for line in lines), end="", flush=True, file=self.out)
        self.drawn = len(lines)


def execute_together(chapters: list[Chapter], jobs: int, board: Board) -> None:
    """Execute chapters, `jobs` at a time, and tell twice a second how far they are."""
    finished = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(chapter.execute) for chapter in chapters]
        threading.Thread(target=lambda: (pool.shutdown(wait=True), finished.set()), daemon=True).start()
        try:
            while not finished.wait(0.5):
                board.tell()
        except KeyboardInterrupt:
            os._exit(130)  # kernels end when they notice that this process is gone; threads would go on to the end
        board.tell()
    for run in runs:
        run.result()  # raises what went wrong beside a chapter's own code


def remove_others(folder: Path, chapters: Iterable[Chapter]) -> None:
    """Delete what is kept of chapters that are no longer in the book."""
    wanted = {path for chapter in chapters for path in (chapter.kept, chapter.claims_file)}
    for path in set(folder.iterdir()) - wanted:
        path.unlink()


def execute_book(jobs: int, verbose: bool = False, root: Path = ROOT) -> list[str]:
    """Execute the chapters whose results are not up to date; return what went wrong, chapter by chapter."""
    build, start = root / "_build", time.monotonic()
    chapters = chapters_of(root, build)
    remove_others(build / "executed", chapters)
    stale = [chapter for chapter in chapters if not chapter.is_current]
    print(f"chapters: {len(stale)} of {len(chapters)} to execute" + (f", {jobs} at once" if stale else ""), flush=True)
    execute_together(stale, jobs, Board(stale, verbose))
    claims = "".join(chapter.claims_file.read_text(encoding="utf-8") for chapter in chapters)
    (build / "claims.jsonl").write_text(claims, encoding="utf-8")
    if stale:
        print(f"chapters: {claims.count(chr(10))} claims, {time.monotonic() - start:.0f} s", flush=True)
    return [chapter.failure for chapter in stale if chapter.failure]
