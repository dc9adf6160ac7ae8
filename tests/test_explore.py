"""The chapters' `explore` cells in a live kernel: every slider is moved, and what is shown below it answers."""

import ast
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from symtable import symtable

import nbformat
import pytest
from check_notebooks import tags
from execute import CLIENT, kernel_environment
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

BOOK = Path(__file__).resolve().parents[1] / "book"
CHAPTERS = [path for path in sorted(BOOK.glob("*.ipynb")) if '"explore"' in path.read_text("utf-8")]
pytestmark = pytest.mark.slow

CATCH = """\
import builtins  # which %reset leaves alone
builtins._shown = []
get_ipython().display_pub.register_hook(lambda message: _shown.append(message["content"].get("data", {})))
"""
START = """\
_shown.clear()
*_sliders, _ = (_box := {call}).children
assert len(_sliders) == len(_box.kwargs)
_settings = dict(_box.kwargs)
_sliders.sort(key=lambda one: one.description not in ("steps", "updates"))  # a short training first: the rest is fast
"""
MOVE = """\
_slider = _sliders[{number}]
_ends = _slider.options[::-1] if hasattr(_slider, "options") else (_slider.min, _slider.max)
_slider.value = next(end for end in _ends if end != _slider.value)
"""
LOOK = 'print(len(_sliders), *(hash(one["image/png"]) for one in _shown if "image/png" in one)); _shown.clear()'
# What moved nothing beside the others' ends is moved where they began, and with each choice (a margin needs its loss).
AGAIN = """\
def _moves(_slider):
    import io
    from matplotlib import pyplot

    def picture(changes):
        _box.f(**_settings | changes)
        pyplot.savefig(file := io.BytesIO(), format="rgba")
        pyplot.close("all")
        return file.getvalue()

    _ends = _slider.options[::len(_slider.options) - 1] if hasattr(_slider, "options") else (_slider.min, _slider.max)
    choices = [(one.description, value) for one in _sliders for value in getattr(one, "options", ())]
    places = [{{}}, *({{name: value}} for name, value in choices)]
    return any(len({{picture(place | {{_slider.description: end}}) for end in _ends}}) > 1 for place in places)

print(_moves(_sliders[{number}]), _sliders[{number}].description)
"""


def names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Return the global names that a statement binds, and those that it reads, also inside its functions."""
    tables = [symtable(ast.unparse(statement), "cell", "exec")]
    bound = {symbol.get_name() for symbol in tables[0].get_symbols() if symbol.is_assigned()}
    read = {symbol.get_name() for symbol in tables[0].get_symbols() if symbol.is_referenced()}
    for table in tables:  # which grows on the way
        tables += table.get_children()
        read |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return bound, read


def needed(chapter: Path) -> list[str]:
    """Return the chapter's set-up, the other statements that its `explore` cells need, and as the last one the call."""
    cells = [cell for cell in nbformat.read(chapter, as_version=4).cells if cell.cell_type == "code"]
    while "explore" not in tags(cells[-1]):  # what is set up after the last one is not for it
        cells.pop()
    steps = [(statement, set(tags(cell))) for cell in cells for statement in ast.parse(cell.source).body]
    kept, wanted = list[str](), set[str]()
    while "explore" not in steps[-1][1]:
        steps.pop()
    for statement, roles in steps[::-1]:
        bound, read = names(statement)
        if roles & {"bootstrap", "setup", "parameters", "explore"} or wanted & bound:
            wanted = (wanted - bound) | read
            kept.append(ast.unparse(statement))
    return kept[::-1]


@pytest.fixture(scope="module")
def client() -> Iterator[NotebookClient]:
    """Start one kernel for all chapters, as a reader's starts: without the variable that the site's build sets."""
    environment = os.environ | kernel_environment()
    del environment["COURSE_BUILD"]
    client = NotebookClient(new_notebook(), **CLIENT)
    with client.setup_kernel(cwd=str(BOOK), env=environment):
        run(client, CATCH)
        yield client


def run(client: NotebookClient, source: str) -> str:
    client.nb.cells = [new_code_cell(source)]
    cell = client.execute_cell(client.nb.cells[0], 0)
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[path.stem for path in CHAPTERS])
def test_each_slider_moves_what_is_shown(chapter: Path, client: NotebookClient) -> None:
    *before, call = needed(chapter)
    run(client, "%reset -f")
    run(client, "\n".join(before))
    count, *pictures = run(client, START.format(call=call) + LOOK).split()
    for number in range(int(count)):
        pictures += run(client, MOVE.format(number=number) + LOOK).split()[1:]
    assert len(pictures) == int(count) + 1, "not one picture for each setting"
    idle = [number for number, (old, new) in enumerate(pairwise(pictures)) if old == new]
    said = [run(client, AGAIN.format(number=number)).split() for number in idle]
    assert not [name for moves, name in said if moves != "True"], f"sliders of {call} that move nothing"
