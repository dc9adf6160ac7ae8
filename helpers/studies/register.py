"""Every chapter: how often does each of its claims hold, on seeds that the chapter was not written with?

A run is one chapter with one seed, from beginning to end. A claim that does not hold ends its cell and not the run.
Rows belong to the chapter's code as it was: of an edited chapter all seeds are run again, and its old rows stay, as the
history of its claims. The chapters come with a checkout of the course, not with the package `helpers`.
"""

import hashlib
import io
import json
import os
import re
import tempfile
import tokenize
from pathlib import Path
from typing import Any

from helpers.checks import require

BOOK = Path(__file__).resolve().parents[2] / "book"
STORE = BOOK / "register.jsonl"
SEEDS = range(20)
COST = "about three hours on 2 cores; chapters that did not change keep their rows"
SECONDS = 600  # for a cell; one that takes longer hangs
KERNEL = {"COURSE_BUILD": "1", "COURSE_WORKERS": "1", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


def code_of(chapter: str) -> str:
    """Return a short hash of a chapter's code, without its comments and the cell that only fetches the helpers."""
    cells = json.loads((BOOK / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = (
        cell for cell in cells if cell["cell_type"] == "code" and "bootstrap" not in cell["metadata"].get("tags", [])
    )
    return hashlib.sha256(json.dumps([_bare("".join(cell["source"])) for cell in code]).encode()).hexdigest()[:12]


def _bare(source: str) -> list[str]:
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return [line.rstrip() for line in lines if line.strip()]


CHAPTERS = sorted(path.stem for path in BOOK.glob("[0-9][0-9]-*.ipynb"))
PARTS = {name[:2]: [{"chapter": name, "code": code_of(name)}] for name in CHAPTERS}


def run(seed: int, chapter: str, code: str) -> dict[str, Any]:
    """Run a chapter; return its claims in order (sentence, 1 if it held, measured values), and other errors."""
    from nbclient import NotebookClient  # here: with the package alone neither is there
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    require(code == code_of(chapter), "code", code, f"that of {chapter} today, {code_of(chapter)}")
    source = load_notebook_node(str(BOOK / f"{chapter}.ipynb"))
    notebook = parameterize_notebook(source, {"SEED": seed}, kernel_name="python3", language="python")
    with tempfile.TemporaryDirectory() as folder:
        claims = Path(folder) / "claims.jsonl"
        paths = os.pathsep.join(filter(None, [str(BOOK.parent), os.environ.get("PYTHONPATH")]))
        env = os.environ | KERNEL | {"PYTHONPATH": paths, "COURSE_CLAIMS": str(claims)}
        client = NotebookClient(notebook, timeout=SECONDS, allow_errors=True)
        client.execute(cwd=str(BOOK), env=env)
        lines = claims.read_text(encoding="utf-8").splitlines() if claims.exists() else []
    found = [json.loads(line) for line in lines]
    columns = {key: [one[key] for one in found] for key in ("text", "holds", "measured")}
    columns["holds"] = [int(holds) for holds in columns["holds"]]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    errors = [f"{one.ename}: {one.evalue}" for one in outputs if one.output_type == "error"]
    return columns | {"errors": [one for one in errors if not re.match("AssertionError: The claim does not hold", one)]}
