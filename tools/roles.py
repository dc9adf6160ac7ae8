"""Fold the code cells of every chapter by their role, in each of the places where a chapter is read.

    python tools/roles.py            # write the folding into every notebook in book/
    python tools/roles.py --check    # exit 1 and name the notebooks that differ

A code cell says by one tag what it is for. From it follow the tag that folds it on the site with the words on the
fold, `source_hidden` for JupyterLab, and for Colab a form with a title line, below which Colab hides the code.
"""

import argparse
import copy
import sys
from pathlib import Path

import nbformat
from bootstrap import ROOT
from nbformat import NotebookNode

# What stands on the fold; the other roles stay open.
FOLDED = {
    "setup": "Set-up",
    "plot": "Code of this figure",
    "check": "How this was checked",
    "solution": "Solution",
    "more": "One more claim, and how it was checked",  # no role: a `check` whose claim is folded, too
}
ROLES = {"bootstrap", "parameters", "idea", "explore", *FOLDED} - {"more"}
HIDING = {"hide-input", "hide-output", "hide-cell"}
TITLE = "# @title "


def roles_of(cell: NotebookNode) -> list[str]:
    """Return the role tags of a cell; there should be one."""
    return [tag for tag in cell.metadata.get("tags", []) if tag in ROLES]


def code_of(cell: NotebookNode) -> str:
    """Return the source of a cell without the title line that this tool has put there."""
    first, _, rest = cell.source.partition("\n")
    return rest if first.startswith(TITLE) else cell.source


def folded(cell: NotebookNode) -> NotebookNode:
    """Return a copy of a code cell with the folding that its role asks for."""
    cell = copy.deepcopy(cell)
    # The bootstrap cell belongs to tools/bootstrap.py, word for word; what has no role is for the checker to report.
    if len(roles_of(cell)) != 1 or roles_of(cell) == ["bootstrap"]:
        return cell
    (role,) = roles_of(cell)
    data = cell.metadata
    more = role == "check" and "more" in data.tags
    words = FOLDED.get("more" if more else role)
    others = [tag for tag in data.tags if tag not in HIDING | {role}]
    hide = ["hide-cell" if more or role == "solution" else "hide-input"] if words else []
    data.tags = [role, *hide, *others]
    put(data, "cellView", "form" if words else None)
    put_within(data, "jupyter", source_hidden=True if words else None)
    put_within(data, "mystnb", code_prompt_show=words, code_prompt_hide=words)
    cell.source = f"{TITLE}{words}\n{code_of(cell)}" if words else code_of(cell)
    return cell


def put(data: NotebookNode, key: str, value: object) -> None:
    """Set an entry, or remove it where the value is None or empty."""
    data.pop(key, None)
    if value:
        data[key] = value


def put_within(data: NotebookNode, key: str, **entries: object) -> None:
    """Set or remove entries of the dictionary `data[key]`, and leave its others alone."""
    inner = data.get(key, NotebookNode())
    for name, value in entries.items():
        put(inner, name, value)
    put(data, key, inner)


def main(arguments: list[str] | None = None) -> int:
    """Write or check the folding; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a notebook differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder that holds book/")
    options = parser.parse_args(arguments)
    status = 0
    for path in sorted((options.root / "book").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        cells = [folded(cell) if cell.cell_type == "code" else cell for cell in notebook.cells]
        if cells == notebook.cells:
            continue
        if options.check:
            print(f"{path}: its cells are not folded by their roles; run tools/roles.py")
            status = 1
        else:
            notebook.cells = cells
            nbformat.write(notebook, path)
            print(f"{path}: folding written")
    return status


if __name__ == "__main__":
    sys.exit(main())
