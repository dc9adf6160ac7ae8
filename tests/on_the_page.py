"""Functions as a chapter writes them out, for the tests that compare them with those of `helpers`."""

import ast
import json
from pathlib import Path
from typing import Any

BOOK = Path(__file__).resolve().parents[1] / "book"


def on_the_page(chapter: str, name: str) -> Any:
    """Return a function as a chapter writes it out, with what it needs: imports, and other functions of the page."""
    (page,) = BOOK.glob(f"{chapter}-*.ipynb")
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    tree = ast.parse("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    there = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    wanted = [name]
    for each in wanted:  # grows while it is read
        names = {node.id for node in ast.walk(there[each]) if isinstance(node, ast.Name)}
        wanted += sorted(names & set(there) - set(wanted))
    known: dict[str, Any] = {}
    exec(compile(ast.Module([*imports, *(there[each] for each in wanted)], []), page.name, "exec"), known)
    return known[name]
