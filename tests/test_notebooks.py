"""Every chapter obeys the rules of tools/check_notebooks.py, and the checker notices when one does not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import bootstrap
import nbformat
import pytest
import roles
from check_notebooks import pictures_without_alt, problems
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
EXECUTED = ROOT / "_build" / "jupyter_execute"
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[path.stem for path in CHAPTERS])


@each_chapter
def test_chapter_obeys_the_rules(chapter: Path) -> None:
    assert problems(chapter) == []


def test_toc_lists_every_notebook() -> None:
    unlisted = {path.stem for path in CHAPTERS} - set(parse_toc_yaml(ROOT / "_toc.yml"))
    assert CHAPTERS and not unlisted, f"_toc.yml does not list {sorted(unlisted)}: nobody would find these chapters"


@each_chapter
def test_executed_copy_exists_and_its_pictures_have_alt(chapter: Path) -> None:
    executed = EXECUTED / chapter.name
    # nbval runs the executed copies; a missing one would be a test that silently does not happen.
    assert executed.is_file(), f"{executed} is missing: run the build first (make book)"
    # Colab's title lines are not on the site: tools/roles.py knows the code without them.
    both = (nbformat.read(path, as_version=4).cells for path in (chapter, executed))
    ours, theirs = ([roles.code_of(cell) for cell in cells] for cells in both)
    assert ours == theirs, f"{executed} is older than the chapter: run the build first (make book)"
    assert pictures_without_alt(executed) == []


OPENING = """\
# A small chapter
> **Question.** Does the checker see what is wrong, and nothing else?

*You will be able to* trust it. *You need* nothing. *Reading* 2 minutes, *running* 1 second."""

# Everything here looks a little like MyST or HTML and is neither.
ORDINARY = r"""## Ordinary text
The mean $\mathbb{E}_{x \sim p}[D(x)]$ of `{braces}` and {braces}, where
$a<b$ and $c>d$, is 50 % of $\frac{1}{2}$.

$$
% a comment in math
\mathcal{L}_{D} = \mathbb{E}[D(x)] + \{m - D(G(z))\}_{+}
$$

| set | $\{0, 1\}$ |
| --- | --- |
| see | [the other chapter](other.md#part) and [a paper](https://arxiv.org/abs/1609.03126) |

<details><summary>A hint</summary>

x<sub>1</sub> is small.

</details>

```python
# a fence with a plain language; {this} is code
```"""

FIGURE_ALT = "A blue line that rises from zero to one."
IMAGE = {"image": {"alt": FIGURE_ALT}}
CAT = "a <img alt='a cat on a red mat' "
PRINTED = new_output("stream", name="stdout", text="1")
CLAIM = "claims.claim('It rises', line()[1] > 0, 'to 1')"
DRAWN = new_output("display_data", data={"image/png": "iVBORw0KGgo="})


def code(role: str, source: str, name: str, **metadata: object) -> NotebookNode:
    return roles.folded(new_code_cell(source, id=name, metadata={"tags": [role]} | metadata))


def good_notebook() -> NotebookNode:
    cells = [
        new_markdown_cell(OPENING, id="opening"),
        new_code_cell(bootstrap.bootstrap_source(), id="bootstrap", metadata={"tags": bootstrap.TAGS}),
        code("setup", "import matplotlib.pyplot as plt\nfrom helpers import claims, widgets", "imports"),
        code("parameters", "SEED = 0\nSTEPS: int = 3", "parameters"),
        new_markdown_cell(ORDINARY, id="ordinary"),
        code("idea", "def line():\n    return [0, 1]", "function"),
        code("plot", "fig, axes = plt.subplots()\naxes.plot(line())", "figure", mystnb=IMAGE),
        code("plot", f"widgets.scrub([plt.figure()], alt={FIGURE_ALT!r})", "scrub"),
        code("check", CLAIM, "claim"),
        code("idea", "plt.rcParams['figure.dpi'] = 90; print(1)", "style"),
    ]
    for number in (1, 2, 3):
        cells.append(new_markdown_cell(f"### Exercise {number}. Count\nHow many?", id=f"exercise-{number}"))
        cells.append(code("solution", f"print({number})", f"sol-{number}"))
    cells.append(new_markdown_cell("## What to remember\nThis.\n\n## Further reading\nThat.", id="closing"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "book" / "other.md").write_text("# Other", encoding="utf-8")
    return tmp_path / "book"


def problems_after(book: Path, change: Callable[[NotebookNode], object]) -> list[str]:
    notebook = good_notebook()
    change(notebook)
    path = book / "chapter.ipynb"
    path.write_text(nbformat.v4.writes(notebook), encoding="utf-8")
    return problems(path)


def add_text(name: str, text: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: cell(notebook, name).update(source=f"{cell(notebook, name).source}\n\n{text}\n")


def update(name: str, **values: object) -> Callable[[NotebookNode], None]:
    return lambda notebook: cell(notebook, name).update(values)


def replace(name: str, old: str, new: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: cell(notebook, name).update(source=cell(notebook, name).source.replace(old, new))


def set_metadata(name: str, **metadata: object) -> Callable[[NotebookNode], None]:
    return update(name, metadata=nbformat.from_dict(metadata))


def set_role(name: str, role: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        cell(notebook, name).metadata["tags"] = [role]
        cell(notebook, name).update(roles.folded(cell(notebook, name)))

    return change


def set_image(**image: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: cell(notebook, "figure").metadata["mystnb"].update(image=image)


# name of the broken rule: (change, id of the cell that the message must name or None, words of the message)
BROKEN: dict[str, tuple[Callable[[NotebookNode], object], str | None, str]] = {
    "outputs committed": (update("figure", outputs=[PRINTED]), "figure", "has outputs"),
    "times left by a run": (set_metadata("style", tags=["idea"], execution={}), "style", "left by a run"),
    "double id": (update("sol-2", id="sol-1"), "sol-1", "unique"),
    "MyST fence": (add_text("ordinary", "```{note}\nLook.\n```"), "ordinary", "MyST directive {note}"),
    "MyST role": (add_text("ordinary", "See {ref}`part`."), "ordinary", "MyST role {ref}"),
    "MyST target": (add_text("ordinary", "(part)=\n### Part"), "ordinary", "MyST target (part)="),
    "MyST substitution": (add_text("ordinary", "By {{ author }}."), "ordinary", "MyST substitution"),
    "vanishing line": (add_text("ordinary", "Half of them, 50\n% of all."), "ordinary", "begins with %"),
    "HTML that runs": (add_text("ordinary", CAT + "src='other.md' onerror='f()'>"), "ordinary", "<img> with onerror"),
    "HTML that opens": (add_text("ordinary", "<details ontoggle=f() open>x</details>"), "ordinary", "no whole tag"),
    "HTML with style": (add_text("ordinary", "a <sub style='x'>b</sub>"), "ordinary", "<sub> with style"),
    "HTML without end": (add_text("ordinary", "a\n\n<script src=//a.b/x"), "ordinary", "no whole tag: '<script"),
    "HTML from elsewhere": (add_text("ordinary", CAT + "src='https://a.b/x'>"), "ordinary", "<img> with src"),
    "HTML page": (add_text("ordinary", "<iframe srcdoc='x'></iframe>"), "ordinary", "raw HTML <iframe>"),
    "raw cell": (update("ordinary", cell_type="raw"), "ordinary", "a raw cell; only code"),
    "attachment": (update("ordinary", attachments={"a.svg": {}}), "ordinary", "has attachments"),
    "picture without alt": (add_text("ordinary", "![](other.md)"), "ordinary", "alt text"),
    "long cell": (update("style", source="x = 1\n" * 25 + "x"), "style", "26 lines; at most 25"),
    "long line": (update("style", source=f"x = '{'a' * 83}'"), "style", "a line of 89 characters, at most 88"),
    "no role": (set_metadata("style"), "style", "0 role tags"),
    "plot left open": (set_metadata("scrub", tags=["plot"]), "scrub", "not folded by its role"),
    "four open claims": (replace("claim", "claims.", f"{CLAIM}\n{CLAIM}\n{CLAIM}\nclaims."), "claim", "open claim 4"),
    "claim among ideas": (set_role("claim", "idea"), "claim", "a claim outside of a cell with the role"),
    "magic": (update("style", source="%matplotlib inline"), "style", "not plain Python"),
    "trailing semicolon": (update("style", source="x = 1\nprint(x);  # quiet"), "style", "the last line ends in ';'"),
    "raises-exception": (set_metadata("style", tags=["idea", "raises-exception"]), "style", "raises-exception"),
    "wrong bootstrap": (replace("bootstrap", "--quiet", "-q"), "bootstrap", "not the bootstrap cell"),
    "late import": (update("style", source="if True:\n    import os"), "style", "an import in line 2"),
    "no import cell": (update("imports", source="# @title Set-up\nx = 1"), "imports", "it imports nothing"),
    "missing parameters": (set_role("parameters", "idea"), None, "0 cells are tagged `parameters`"),
    "parameters without SEED": (update("parameters", source="STEPS = 3"), "parameters", "does not set SEED"),
    "missing alt": (set_image(), "figure", "mystnb.image.alt"),
    "alt is a file name": (set_image(alt="the curve in figure_1.png"), "figure", "is a file name"),
    "scrub without alt": (replace("scrub", "alt=", "text="), "scrub", "scrub() in line 2 has no alt="),
    "no question": (replace("opening", "> **Question.**", "Question."), "opening", "Question"),
    "no objectives": (replace("opening", "will be able", "want"), "opening", "You will be able to"),
    "two exercises": (replace("exercise-3", "### Exercise", "### Task"), None, "has 2 exercises"),
    "exercise without solution": (set_role("sol-2", "idea"), "exercise-2", "'Exercise 2. Count' has no solution"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_checker_names_file_and_cell(book: Path, name: str) -> None:
    change, cell_id, words = BROKEN[name]
    assert problems_after(book, lambda notebook: None) == []
    found = problems_after(book, change)
    # Exactly the planted problem: neither missed nor buried under false alarms.
    assert len(found) == 1, found
    assert words in found[0]
    assert str(book / "chapter.ipynb") in found[0]
    if cell_id is not None:
        assert f"(id {cell_id})" in found[0] and ", cell " in found[0]


def test_checker_reports_a_file_that_is_no_notebook_and_an_executed_picture_without_alt(book: Path) -> None:
    path = book / "chapter.ipynb"
    tagged = '{"id": "a", "cell_type": "code", "metadata": {"tags": 3}, "source": "x", "outputs": []}'
    start = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": '
    for text in ("# hello", "[" * 9**5, "[]", "3", start + "3}", f"{start}[{tagged}]}}", "\0"):
        path.write_text(text, encoding="utf-8")
        (found,) = problems(path)
        assert "chapter.ipynb" in found and "cannot be read as a notebook" in found
    problems_after(book, update("style", outputs=[DRAWN]))
    (found,) = pictures_without_alt(path)
    assert "chapter.ipynb" in found and "(id style)" in found
