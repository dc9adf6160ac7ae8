"""Every chapter obeys the rules of tools/check_notebooks.py, and the checker notices when one does not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import bootstrap
import nbformat
import pytest
import roles
import yaml
from check_notebooks import pictures_without_alt, problems
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
EXECUTED = ROOT / "_build" / "jupyter_execute"
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=[path.stem for path in CHAPTERS])


# --- the chapters of the book ----------------------------------------------------------------------


def test_there_are_chapters() -> None:
    assert CHAPTERS, "book/ has no notebook: the tests below would pass without having looked at anything"


@each_chapter
def test_chapter_obeys_the_rules(chapter: Path) -> None:
    found = problems(chapter)
    assert not found, "\n".join(found)


def test_bootstrap_cells_are_in_step() -> None:
    assert bootstrap.main(["--check"]) == 0, "run tools/bootstrap.py"


def test_cells_are_folded_by_their_roles() -> None:
    assert roles.main(["--check"]) == 0, "run tools/roles.py"


def files_in_toc(entry: object) -> set[str]:
    """Collect the values of `root` and `file` anywhere in the table of contents."""
    if isinstance(entry, list):
        return set().union(*map(files_in_toc, entry))
    if isinstance(entry, dict):
        own = {str(entry[key]) for key in ("root", "file") if key in entry}
        return own.union(*map(files_in_toc, entry.values()))
    return set()


def test_toc_lists_every_notebook_and_nothing_missing() -> None:
    listed = files_in_toc(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    unlisted = {path.stem for path in CHAPTERS} - {Path(name).stem for name in listed}
    assert not unlisted, f"_toc.yml does not list {sorted(unlisted)}: nobody would find these chapters"
    missing = [name for name in sorted(listed) if not any((ROOT / "book").glob(f"{name}.*"))]
    assert not missing, f"_toc.yml lists {missing}, which book/ does not have"


@each_chapter
def test_executed_copy_exists_and_its_pictures_have_alt(chapter: Path) -> None:
    executed = EXECUTED / chapter.name
    # nbval runs the executed copies; a missing one would be a test that silently does not happen.
    assert executed.is_file(), f"{executed} is missing: run the build first (make site)"
    ours, theirs = nbformat.read(chapter, as_version=4), nbformat.read(executed, as_version=4)
    same = [cell.source for cell in ours.cells] == [cell.source for cell in theirs.cells]
    assert same, f"{executed} is older than the chapter: run the build first (make site)"
    found = pictures_without_alt(executed)
    assert not found, "\n".join(found)


# --- the checker itself ----------------------------------------------------------------------------

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


def code(role: str, source: str, name: str, **metadata: object) -> NotebookNode:
    """Return a code cell that is folded by its role."""
    return roles.folded(new_code_cell(source, id=name, metadata={"tags": [role]} | metadata))


def good_notebook() -> NotebookNode:
    """Return a chapter that obeys every rule."""
    cells = [
        new_markdown_cell(OPENING, id="opening"),
        new_code_cell(bootstrap.bootstrap_source(), id="bootstrap", metadata={"tags": bootstrap.TAGS}),
        code("setup", "import matplotlib.pyplot as plt\nfrom helpers import claims, widgets", "imports"),
        code("parameters", "SEED = 0\nSTEPS: int = 3", "parameters"),
        new_markdown_cell(ORDINARY, id="ordinary"),
        code("idea", "def line():\n    return [0, 1]", "function"),
        code("plot", "fig, axes = plt.subplots()\naxes.plot(line())", "figure", mystnb=IMAGE),
        code("plot", f"widgets.scrub([plt.figure()], alt={FIGURE_ALT!r})", "scrub"),
        code("check", "claims.claim('It rises', line()[1] > 0, 'to 1')", "claim"),
        code("idea", "plt.rcParams['figure.dpi'] = 90; print(1)", "style"),
    ]
    for number in (1, 2, 3):
        cells.append(new_markdown_cell(f"### Exercise {number}. Count\nHow many?", id=f"exercise-{number}"))
        cells.append(code("solution", f"print({number})", f"sol-{number}"))
    cells.append(new_markdown_cell("## What to remember\nThis.\n\n## Further reading\nThat.", id="closing"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell with the id `name`."""
    return next(cell for cell in notebook.cells if cell.id == name)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Make a small book/ with a page to link to, beside a copy of the configuration."""
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "book" / "other.md").write_text("# Other", encoding="utf-8")
    return tmp_path / "book"


def problems_after(book: Path, change: Callable[[NotebookNode], object]) -> list[str]:
    """Write the good notebook with one change and return what the checker says."""
    notebook = good_notebook()
    change(notebook)
    path = book / "chapter.ipynb"
    path.write_text(nbformat.v4.writes(notebook), encoding="utf-8")
    return problems(path)


def test_a_good_notebook_has_no_problems(book: Path) -> None:
    assert problems_after(book, lambda notebook: None) == []


def add_text(name: str, text: str) -> Callable[[NotebookNode], None]:
    """Return a change that adds a paragraph to a Markdown cell."""
    return lambda notebook: cell(notebook, name).update(source=f"{cell(notebook, name).source}\n\n{text}\n")


def set_source(name: str, source: str) -> Callable[[NotebookNode], None]:
    """Return a change that replaces the source of a cell."""
    return lambda notebook: cell(notebook, name).update(source=source)


def replace(name: str, old: str, new: str) -> Callable[[NotebookNode], None]:
    """Return a change that replaces a piece of a cell's source."""
    return lambda notebook: cell(notebook, name).update(source=cell(notebook, name).source.replace(old, new))


def set_metadata(name: str, **metadata: object) -> Callable[[NotebookNode], None]:
    """Return a change that replaces the metadata of a cell."""
    return lambda notebook: cell(notebook, name).update(metadata=nbformat.from_dict(metadata))


def add_output(notebook: NotebookNode) -> None:
    cell(notebook, "figure").outputs = [new_output("stream", name="stdout", text="1")]


def set_role(name: str, role: str) -> Callable[[NotebookNode], None]:
    """Return a change that gives a cell another role, and folds it so."""

    def change(notebook: NotebookNode) -> None:
        cell(notebook, name).metadata["tags"] = [role]
        cell(notebook, name).update(roles.folded(cell(notebook, name)))

    return change


def set_alt(alt: str) -> Callable[[NotebookNode], None]:
    """Return a change that replaces the alt text of the figure."""
    return lambda notebook: cell(notebook, "figure").metadata["mystnb"]["image"].update(alt=alt)


def drop_alt(notebook: NotebookNode) -> None:
    del cell(notebook, "figure").metadata["mystnb"]["image"]


def swap_parameters(notebook: NotebookNode) -> None:
    cells = notebook.cells
    cells.insert(8, cells.pop(3))


# name of the broken rule: (change, id of the cell that the message must name or None, words of the message)
BROKEN: dict[str, tuple[Callable[[NotebookNode], object], str | None, str]] = {
    "outputs committed": (add_output, "figure", "has outputs"),
    "execution count committed": (
        lambda notebook: cell(notebook, "figure").update(execution_count=7),
        "figure",
        "execution count 7",
    ),
    "times left by a run": (set_metadata("style", tags=["idea"], execution={}), "style", "left by a run"),
    "double id": (lambda notebook: cell(notebook, "sol-2").update(id="sol-1"), "sol-1", "unique"),
    "other kernel": (lambda notebook: notebook.metadata.kernelspec.update(name="ir"), None, "kernelspec"),
    "old format": (lambda notebook: notebook.update(nbformat_minor=4), None, "expected 4.5"),
    "MyST fence": (add_text("ordinary", "```{note}\nLook.\n```"), "ordinary", "MyST directive {note}"),
    "MyST colon fence": (add_text("ordinary", ":::{tip}\nLook.\n:::"), "ordinary", "MyST directive :::{tip}"),
    "MyST role": (add_text("ordinary", "See {ref}`part`."), "ordinary", "MyST role {ref}"),
    "MyST target": (add_text("ordinary", "(part)=\n### Part"), "ordinary", "MyST target (part)="),
    "MyST substitution": (add_text("ordinary", "By {{ author }}."), "ordinary", "MyST substitution"),
    "vanishing line": (add_text("ordinary", "Half of them, 50\n% of all."), "ordinary", "begins with %"),
    "raw HTML": (add_text("ordinary", "<div>x</div>"), "ordinary", "raw HTML <div>"),
    "raw inline HTML": (add_text("ordinary", "a <span style='x'>b</span>"), "ordinary", "raw HTML <span>"),
    "HTML picture without alt": (add_text("ordinary", "a <img src='other.md'>"), "ordinary", "alt text"),
    "picture without alt": (add_text("ordinary", "![](other.md)"), "ordinary", "alt text"),
    "long cell": (set_source("style", "x = 1\n" * 25 + "x"), "style", "26 lines; at most 25"),
    "long line": (set_source("style", f"x = '{'a' * 83}'"), "style", "a line of 89 characters, at most 88"),
    "no role": (set_metadata("style"), "style", "0 role tags"),
    "two roles": (set_metadata("style", tags=["idea", "plot"]), "style", "2 role tags"),
    "folded by hand": (set_metadata("style", tags=["idea", "hide-input"]), "style", "not folded by its role"),
    "plot left open": (set_metadata("scrub", tags=["plot"]), "scrub", "not folded by its role"),
    "no title line": (replace("claim", "# @title How this was checked\n", ""), "claim", "not folded"),
    "claim among ideas": (set_role("claim", "idea"), "claim", "a claim outside of a cell with the role"),
    "magic": (set_source("style", "%matplotlib inline"), "style", "not plain Python"),
    "trailing semicolon": (set_source("style", "x = 1\nprint(x);  # quiet"), "style", "the last line ends in ';'"),
    "raises-exception": (set_metadata("style", tags=["idea", "raises-exception"]), "style", "raises-exception"),
    "wrong bootstrap": (replace("bootstrap", "--quiet", "-q"), "bootstrap", "not the bootstrap cell"),
    "bootstrap without fold": (
        set_metadata("bootstrap", tags=["bootstrap"]),
        "bootstrap",
        "not the bootstrap cell",
    ),
    "late import": (set_source("style", "if True:\n    import os"), "style", "an import in line 2"),
    "no import cell": (set_source("imports", "# @title Set-up\nx = 1"), "imports", "it imports nothing"),
    "missing parameters": (set_role("parameters", "idea"), None, "0 cells are tagged `parameters`"),
    "two parameters": (set_role("style", "parameters"), "style", "2 cells are tagged"),
    "parameters without SEED": (set_source("parameters", "STEPS = 3"), "parameters", "does not set SEED"),
    "late parameters": (swap_parameters, "parameters", "must be the third code cell"),
    "missing alt": (drop_alt, "figure", "mystnb.image.alt"),
    "alt is a file name": (set_alt("the curve in figure_1.png"), "figure", "is a file name"),
    "alt says nothing": (set_alt("curve"), "figure", "to be seen"),
    "scrub without alt": (replace("scrub", "alt=", "text="), "scrub", "scrub() in line 2 has no alt="),
    "no title": (replace("opening", "# A small", "A small"), "opening", "no title"),
    "no question": (replace("opening", "> **Question.**", "Question."), "opening", "Question"),
    "no objectives": (replace("opening", "will be able", "want"), "opening", "You will be able to"),
    "no needs": (replace("opening", "You need", "Needed"), "opening", "You need"),
    "no reading time": (replace("opening", "2 minutes", "quick"), "opening", "minutes to read"),
    "no running time": (replace("opening", "1 second", "quick"), "opening", "seconds to run"),
    "second title": (add_text("ordinary", "# Again"), "ordinary", "a second title"),
    "no summary": (replace("closing", "What to remember", "End"), None, "What to remember"),
    "no reading list": (replace("closing", "Further reading", "More"), None, "Further reading"),
    "two exercises": (replace("exercise-3", "### Exercise", "### Task"), None, "has 2 exercises"),
    "exercise without solution": (set_role("sol-2", "idea"), "exercise-2", "'Exercise 2. Count' has no solution"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_checker_names_file_and_cell(book: Path, name: str) -> None:
    change, cell_id, words = BROKEN[name]
    found = problems_after(book, change)
    # Exactly the planted problem: neither missed nor buried under false alarms.
    assert len(found) == 1, found
    assert words in found[0]
    assert str(book / "chapter.ipynb") in found[0]
    if cell_id is not None:
        assert f"(id {cell_id})" in found[0] and ", cell " in found[0]


def test_checker_reports_a_file_that_is_no_notebook(book: Path) -> None:
    (book / "chapter.ipynb").write_text("# hello", encoding="utf-8")
    (found,) = problems(book / "chapter.ipynb")
    assert "chapter.ipynb" in found and "cannot be read" in found


def test_executed_picture_without_alt_is_named(book: Path) -> None:
    notebook = good_notebook()
    picture = {"image/png": "iVBORw0KGgo="}
    cell(notebook, "style").outputs = [new_output("display_data", data=picture)]
    nbformat.write(notebook, book / "chapter.ipynb")
    (found,) = pictures_without_alt(book / "chapter.ipynb")
    assert "chapter.ipynb" in found and "(id style)" in found


# --- the tool that folds cells ---------------------------------------------------------------------


def test_roles_tool_writes_then_agrees(book: Path) -> None:
    notebook = good_notebook()
    notebook.cells[2] = new_code_cell("import os", id="imports", metadata={"tags": ["nbval-skip", "setup"]})
    notebook.cells[3].metadata |= {"cellView": "form", "jupyter": {"source_hidden": True, "kept": 1}}
    notebook.cells[5].source = "# @title Set-up\nx = 1"
    nbformat.write(notebook, book / "chapter.ipynb")
    root = ["--root", str(book.parent)]
    assert roles.main(["--check", *root]) == 1
    assert roles.main(root) == 0
    assert roles.main(["--check", *root]) == 0
    before = (book / "chapter.ipynb").read_bytes()
    assert roles.main(root) == 0
    assert (book / "chapter.ipynb").read_bytes() == before
    _, _, setup, parameters, _, idea, figure, *_ = nbformat.read(book / "chapter.ipynb", as_version=4).cells
    words = {"code_prompt_show": "Set-up", "code_prompt_hide": "Set-up"}
    assert setup.metadata == {
        "tags": ["setup", "hide-input", "nbval-skip"],
        "jupyter": {"source_hidden": True},
        "cellView": "form",
        "mystnb": words,
    }
    assert setup.source == "# @title Set-up\nimport os"
    # An open cell loses what folded it, and nothing else.
    assert parameters.metadata == {"tags": ["parameters"], "jupyter": {"kept": 1}}
    assert idea.source == "x = 1"
    assert figure.metadata["mystnb"]["image"] == IMAGE["image"]
    assert figure.metadata["mystnb"]["code_prompt_show"] == "Code of this figure"


def test_solutions_are_hidden_with_their_outputs() -> None:
    solution = code("solution", "print(1)", "one")
    assert solution.metadata["tags"] == ["solution", "hide-cell"]
    assert solution.source.startswith("# @title Solution\n")


# --- the bootstrap tool ----------------------------------------------------------------------------


def test_bootstrap_tool_writes_then_agrees(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = good_notebook()
    notebook.cells.pop(1)
    nbformat.write(notebook, book / "chapter.ipynb")
    root = ["--root", str(book.parent)]
    assert bootstrap.main(["--check", *root]) == 1
    assert "chapter.ipynb" in capsys.readouterr().out
    assert bootstrap.main(root) == 0
    assert bootstrap.main(["--check", *root]) == 0
    assert problems(book / "chapter.ipynb") == []
    before = (book / "chapter.ipynb").read_bytes()
    assert bootstrap.main(root) == 0
    assert (book / "chapter.ipynb").read_bytes() == before, "a notebook in step must not be rewritten"


def test_bootstrap_follows_the_configuration(book: Path) -> None:
    config = book.parent / "_config.yml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["repository"] |= {"url": "https://example.org/course/", "branch": "next"}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert "git+https://example.org/course@next" in bootstrap.bootstrap_source(config)
    found = problems_after(book, lambda notebook: None)
    assert len(found) == 1 and "run tools/bootstrap.py" in found[0]


def test_bootstrap_cell_is_short_and_names_no_dependency() -> None:
    source = bootstrap.bootstrap_source()
    assert len(source.splitlines()) <= 12
    assert not any(word in source for word in ("torch", "numpy", "except", "!pip")), source
