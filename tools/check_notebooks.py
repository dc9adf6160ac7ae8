"""Rules that every chapter obeys, so that one file reads well on the site, in Colab, Jupyter and on GitHub.

    python tools/check_notebooks.py                 # every notebook in book/
    python tools/check_notebooks.py book/01-*.ipynb

`problems(path)` returns one message per offence. Each names the file and the cell, by index (from 0) and id.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import nbformat
from bootstrap import ROOT, bootstrap_source, first_code_cell, in_step, is_bootstrap
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from roles import ROLES, code_of, folded, roles_of

MAX_LINES = 25
MAX_COLUMNS = 88
MAX_CLAIMS = 3  # that a section shows
EXERCISES = range(3, 6)
# Tags and their attributes; a value is quoted and holds neither < nor >. Whatever else has a < in it is refused.
PICTURE = ("alt", "height", "src", "width")
ALLOWED_HTML = {"br": (), "details": ("open",), "img": PICTURE, "sub": (), "summary": (), "sup": ()}
TAG = re.compile(r"<(/?)([A-Za-z][\w-]*)((?:\s+[A-Za-z-]+(?:\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))?)*)\s*/?>")
ATTRIBUTE = re.compile(r"([A-Za-z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'))?")
# What an editor or papermill leaves in a cell's metadata; it changes with every run and hides real changes.
LEFT_BY_A_RUN = {"execution", "papermill", "ExecuteTime"}

# What the rules meet in JSON that is deep, or no notebook: texts where lists should be, cells without a source.
ODD = (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)

Problem = tuple[int | None, str]
Rule = Callable[[NotebookNode, Path], Iterator[Problem]]


# --- helpers --------------------------------------------------------------------------------------


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return the code cells with their indices."""
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def markdown_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return the Markdown cells with their indices."""
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "markdown"]


def tree_of(cell: NotebookNode) -> ast.Module:
    """Parse a code cell; an empty module where it is not plain Python (`plain_python` reports that)."""
    try:
        return ast.parse(cell.source)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def tokens_of(source: str) -> list[Token]:
    """Parse Markdown as Colab and GitHub do: CommonMark, tables and dollar math; nothing of MyST."""
    parser = MarkdownIt("commonmark").enable("table")
    return parser.use(dollarmath_plugin, double_inline=True).parse(source)


def inline_groups(source: str) -> Iterator[list[Token]]:
    """Yield the inline tokens of each paragraph, heading and table cell."""
    for token in tokens_of(source):
        if token.type == "inline":
            yield token.children or []


def headings(source: str) -> list[tuple[int, str]]:
    """Return (level, text) of the headings in a Markdown cell."""
    tokens = tokens_of(source)
    return [
        (int(token.tag[1]), tokens[i + 1].content) for i, token in enumerate(tokens) if token.type == "heading_open"
    ]


def is_poor_alt(alt: object) -> str | None:
    """Return what is wrong with an alt text, or None."""
    if not isinstance(alt, str) or not alt.strip():
        return "it is empty"
    if re.search(r"\.(png|jpe?g|svg|gif|webp)\b", alt, re.IGNORECASE):
        return f"{alt!r} is a file name"
    if len(alt.split()) < 4:
        return f"{alt!r} does not say what is to be seen"
    return None


# --- the file -------------------------------------------------------------------------------------


def file_format(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """The notebook is valid nbformat 4.5 for the kernel that every reader has."""
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield None, f"nbformat is {notebook.nbformat}.{notebook.nbformat_minor}, expected 4.5"
        return
    kernel = notebook.metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        yield None, f"the kernelspec is {kernel!r}, expected 'python3'"
    seen: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        if cell.get("id") in seen:
            yield index, "the id is used by an earlier cell; ids are unique"
        seen.add(cell.get("id", ""))
    for error in nbformat.validator.iter_validate(notebook):
        yield None, f"not valid nbformat: {error.message}"


def no_outputs(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Outputs are made by the build; committed ones hide the real change in a diff."""
    for index, cell in code_cells(notebook):
        if cell.outputs:
            yield index, "has outputs; clear them before committing"
        if cell.execution_count is not None:
            yield index, f"has the execution count {cell.execution_count}; clear it before committing"
        for key in sorted(LEFT_BY_A_RUN & set(cell.metadata)):
            yield index, f"has {key!r} in its metadata, left by a run; remove it"


# --- Markdown -------------------------------------------------------------------------------------


def no_myst(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """MyST shows as raw text in Colab and on GitHub."""
    for index, cell in markdown_cells(notebook):
        for token in tokens_of(cell.source):
            if token.type == "fence" and token.info.strip().startswith("{"):
                yield index, f"MyST directive {token.info.split(maxsplit=1)[0]}; write plain Markdown"
        for group in inline_groups(cell.source):
            yield from ((index, message) for message in myst_inline(group))


def myst_inline(group: list[Token]) -> Iterator[str]:
    """Find MyST in the inline tokens of one paragraph."""
    at_line_start = True
    for position, token in enumerate(group):
        if token.type == "text":
            follows = group[position + 1] if position + 1 < len(group) else None
            role = re.search(r"\{[A-Za-z][\w:.+-]*\}$", token.content)
            if role and follows is not None and follows.type == "code_inline":
                yield f"MyST role {role.group()}; write plain Markdown"
            if substitution := re.search(r"\{\{.+?\}\}", token.content):
                yield f"MyST substitution {substitution.group()}; write plain Markdown"
            if at_line_start:
                yield from myst_line(token.content)
        at_line_start = token.type in {"softbreak", "hardbreak"}


def myst_line(text: str) -> Iterator[str]:
    """Find MyST block syntax at the start of a line."""
    if re.match(r":{3,}\s*[{\w]", text):
        yield f"MyST directive {text.split(maxsplit=1)[0]}; write plain Markdown"
    elif text.startswith("%"):
        yield f"the line {text[:30]!r} begins with %: the site takes it for a comment and drops it"
    elif text.startswith("+++"):
        yield "the line '+++' is a MyST block break; remove it"
    elif re.fullmatch(r"\([\w:.-]+\)=", text.strip()):
        yield f"MyST target {text.strip()}; link to headings or files instead"


def html_of(source: str) -> Iterator[str]:
    """Yield the raw HTML in Markdown: blocks and inline pieces, not code and not math."""
    for token in tokens_of(source):
        if token.type == "html_block":
            yield token.content
        for child in token.children or []:
            if child.type == "html_inline":
                yield child.content


def only_known_html(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Other HTML is stripped by one of the four places, or looks broken there."""
    for index, cell in markdown_cells(notebook):
        for html in html_of(cell.source):
            if "<!--" in html:
                yield index, "HTML comment; say it in the text or leave it out"
            else:
                yield from ((index, message) for message in html_problems(html))


def html_problems(html: str) -> Iterator[str]:
    """Find what raw HTML has beside the tags and attributes of the allow list: it may run code on the site."""
    for closing, tag, written in TAG.findall(html):
        name, given = tag.lower(), {one[0].lower(): one[1] or one[2] for one in ATTRIBUTE.findall(written)}
        if closing:
            continue
        if name not in ALLOWED_HTML:
            yield f"raw HTML <{tag}>; only {', '.join(ALLOWED_HTML)} are allowed"
            continue
        if unknown := sorted(set(given) - set(ALLOWED_HTML[name])):
            yield f"<{tag}> with {', '.join(unknown)}; allowed there: {', '.join(ALLOWED_HTML[name]) or 'nothing'}"
        if re.match(r"\s*[\w+.-]*:|\s*//", given.get("src", "")) or "&" in given.get("src", ""):
            yield f"<img> with src {given['src'][:40]!r}; only a file of the course"
        if name == "img" and (poor := is_poor_alt(given.get("alt"))):
            yield f"<img> needs an alt text: {poor}"
    if "<" in (rest := TAG.sub("", html)):
        yield f"raw HTML that is no whole tag: {rest[rest.index('<') :][:30]!r}"


def no_raw_cells(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Raw cells and attachments go to the site as they are, with whatever code is in them."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type not in {"code", "markdown"}:
            yield index, f"a {cell.cell_type} cell; only code and Markdown are allowed"
        if cell.get("attachments"):
            yield index, "has attachments; put pictures into files"


def pictures_have_alt(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Pictures in Markdown say what is to be seen."""
    for index, cell in markdown_cells(notebook):
        for group in inline_groups(cell.source):
            for token in group:
                if token.type == "image" and (poor := is_poor_alt(token.content)):
                    yield index, f"the picture {token.attrs.get('src')} needs an alt text: {poor}"


# --- code -----------------------------------------------------------------------------------------


def plain_python(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Code is plain Python and shows its outputs, so that it runs everywhere and the tests compare it."""
    for index, cell in code_cells(notebook):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield index, f"not plain Python (line {error.lineno}: {error.msg}); magics do not run everywhere"
        if re.search(r";\s*(#.*)?$", cell.source):
            yield index, "the last line ends in ';': it hides an output that the tests compare"
        if "raises-exception" in tags(cell):
            yield index, "the tag raises-exception is ignored by papermill; catch the error in the cell"


def short_code(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """A cell is read at one glance, and a line without scrolling."""
    for index, cell in code_cells(notebook):
        if is_bootstrap(cell):  # compared word for word below
            continue
        lines = code_of(cell).splitlines()
        if len(lines) > MAX_LINES:
            yield index, f"the code has {len(lines)} lines; at most {MAX_LINES}"
        for line in lines:
            if len(line) > MAX_COLUMNS:
                yield index, f"a line of {len(line)} characters, at most {MAX_COLUMNS}: {line.strip()[:40]} …"


def one_role(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """A code cell has one role, and is folded as tools/roles.py folds that role."""
    for index, cell in code_cells(notebook):
        if len(roles_of(cell)) != 1:
            yield index, f"has {len(roles_of(cell))} role tags; exactly one of {', '.join(sorted(ROLES))}"
        elif cell != folded(cell):
            yield index, "is not folded by its role; run tools/roles.py"


def claims_in_checks(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Claims stand in cells of their own, so that the idea can be read without its proof."""
    for index, cell in code_cells(notebook):
        if calls_of(tree_of(cell), "claim") and not {"check", "solution"} & set(tags(cell)):
            yield index, "a claim outside of a cell with the role `check` or `solution`"


def few_open_claims(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """A section shows three claims at most; the others wait in a fold, by the tag `more`."""
    shown = 0
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and any(level == 2 for level, _ in headings(cell.source)):
            shown = 0
        elif "check" in tags(cell) and "more" not in tags(cell):
            shown += len(calls_of(tree_of(cell), "claim"))
            if shown > MAX_CLAIMS:
                yield index, f"open claim {shown} of a section, at most {MAX_CLAIMS}: give one the tag `more`"


def bootstrap_first(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """The first code cell is the bootstrap cell, word for word."""
    config = path.parent.parent / "_config.yml"
    source = bootstrap_source(config if config.is_file() else ROOT / "_config.yml")
    index = first_code_cell(notebook)
    if index is None:
        yield None, "has no code cell; the first one must be the bootstrap cell"
        return
    if not in_step(notebook, source):
        yield index, "the first code cell is not the bootstrap cell; run tools/bootstrap.py"
    for other, cell in code_cells(notebook):
        if other != index and is_bootstrap(cell):
            yield other, "a second bootstrap cell; remove it"


def imports_in_one_cell(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """All imports stand in the second code cell, so that a reader sees at once what a chapter needs."""
    for position, (index, cell) in enumerate(code_cells(notebook)):
        found = [node for node in ast.walk(tree_of(cell)) if isinstance(node, ast.Import | ast.ImportFrom)]
        if position == 1 and not found:
            yield index, "the second code cell must be the import cell, but it imports nothing"
        if position > 1 and found:
            yield index, f"an import in line {found[0].lineno}; imports belong in the second code cell"


def one_parameters_cell(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Papermill sets what the cell tagged `parameters` names, so it stands before everything that uses it."""
    cells = code_cells(notebook)
    tagged = [(position, index) for position, (index, cell) in enumerate(cells) if "parameters" in tags(cell)]
    if len(tagged) != 1:
        where = tagged[1][1] if tagged else None
        yield where, f"{len(tagged)} cells are tagged `parameters`; exactly one must be"
        return
    position, index = tagged[0]
    if position > 2:
        yield index, "the parameters cell must be the third code cell: bootstrap, imports, parameters"
    if "SEED" not in assigned_names(tree_of(notebook.cells[index])):
        yield index, "the parameters cell does not set SEED"


def assigned_names(tree: ast.Module) -> set[str]:
    """Return the names that a cell assigns at top level."""
    targets: list[ast.expr] = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets.append(node.target)
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


# --- figures --------------------------------------------------------------------------------------


def calls_of(tree: ast.AST, *names: str) -> list[ast.Call]:
    """Return the calls in `tree` of functions or methods with one of these names."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) in names]


def figures_have_alt(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """A cell that makes a figure says what is seen in `mystnb.image.alt`.

    What a function draws that a cell calls is not seen here, but by `pictures_without_alt` after the build.
    """
    for index, cell in code_cells(notebook):
        tree = tree_of(cell)
        scrubs = calls_of(tree, "scrub")
        for call in scrubs:
            yield from ((index, message) for message in scrub_problems(call))
        run = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
        image = cell.metadata.get("mystnb", {}).get("image", {})
        draws = image or (not scrubs and any(calls_of(node, "figure", "subplots") for node in run))
        if draws and (poor := is_poor_alt(image.get("alt"))):
            yield index, f"draws a figure and needs an alt text (metadata mystnb.image.alt): {poor}"


def scrub_problems(call: ast.Call) -> Iterator[str]:
    """A scrubbed figure says in alt= what is to be seen."""
    alt = next((keyword.value for keyword in call.keywords if keyword.arg == "alt"), None)
    if alt is None:
        yield f"scrub() in line {call.lineno} has no alt="
    elif isinstance(alt, ast.Constant) and (poor := is_poor_alt(alt.value)):
        yield f"scrub() in line {call.lineno} needs a better alt=: {poor}"


# --- anatomy --------------------------------------------------------------------------------------


def opening(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """The first cell tells a reader whether to go on: question, gains, needs, time."""
    if not notebook.cells or notebook.cells[0].cell_type != "markdown":
        yield 0, "the first cell must be Markdown: title, question, objectives, needs, time"
        return
    source = notebook.cells[0].source
    if not headings(source) or headings(source)[0][0] != 1:
        yield 0, "the opening has no title (a line that starts with '# ')"
    plain = source.replace("*", "")
    wanted = {
        r"^> \*\*Question\.\*\*": (source, "'> **Question.** …'"),
        r"You will be able to": (plain, "'You will be able to …'"),
        r"You need": (plain, "'You need …'"),
        r"(?i)\breading\W{1,3}(about )?\d+ min": (plain, "the minutes to read ('Reading 20 minutes')"),
        r"(?i)\brunning\W{1,3}(about )?\d+ s": (plain, "the seconds to run ('running 40 seconds')"),
    }
    for pattern, (text, name) in wanted.items():
        if not re.search(pattern, text, re.MULTILINE):
            yield 0, f"the opening lacks {name}"


def closing(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Every chapter has one title, a summary and further reading."""
    cells = markdown_cells(notebook)
    found = [(index, *heading) for index, cell in cells for heading in headings(cell.source)]
    for wanted in ("What to remember", "Further reading"):
        if not any(text.startswith(wanted) for _, _, text in found):
            yield None, f"has no heading {wanted!r}"
    for index, _, text in [heading for heading in found if heading[1] == 1][1:]:
        yield index, f"a second title '# {text}'; a chapter has one"


@dataclass
class Exercise:
    """An exercise of a chapter."""

    index: int  # of the cell with its heading
    title: str  # of its heading
    text: str = ""  # its Markdown, up to the solution
    solution: list[NotebookNode] = field(default_factory=list)  # its code cells


def sections(source: str) -> list[tuple[int, str, str]]:
    """Cut a Markdown cell at its headings: (level, heading, text); what stands before the first one has level 0."""
    tokens, lines = tokens_of(source), source.splitlines()
    cuts = [(0, 0, "", 0)]  # (line where the piece begins, level, heading, line where its text begins)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            cuts.append((token.map[0], int(token.tag[1]), inline.content, token.map[1]))
    ends = [begin for begin, *_ in cuts[1:]] + [len(lines)]
    return [(level, title, "\n".join(lines[text:end])) for (_, level, title, text), end in zip(cuts, ends, strict=True)]


def exercises_of(notebook: NotebookNode) -> list[Exercise]:
    """Find the exercises: sections of level 3 whose heading begins with "Exercise", with what follows them."""
    found: list[Exercise] = []
    current: Exercise | None = None
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for level, title, text in sections(cell.source):
                if 1 <= level <= 3:
                    current = None
                if level == 3 and title.startswith(("Exercise", "연습 문제")):
                    found.append(current := Exercise(index, title))
                if current and not current.solution:
                    current.text += f"{text}\n\n"
        elif cell.cell_type == "code" and "solution" in tags(cell) and code_of(cell).strip() and current:
            current.solution.append(cell)
    return found


def exercises(notebook: NotebookNode, path: Path) -> Iterator[Problem]:
    """Three to five exercises, each with a solution that runs like all other code."""
    found = exercises_of(notebook)
    if len(found) not in EXERCISES:
        yield None, f"has {len(found)} exercises (headings '### Exercise …'); 3 to 5 are wanted"
    for exercise in found:
        if not exercise.solution:
            yield exercise.index, f"{exercise.title!r} has no solution: a code cell tagged `solution` in its section"


RULES: list[Rule] = [
    file_format,
    no_outputs,
    opening,
    closing,
    exercises,
    bootstrap_first,
    imports_in_one_cell,
    one_parameters_cell,
    plain_python,
    short_code,
    one_role,
    claims_in_checks,
    few_open_claims,
    no_myst,
    only_known_html,
    no_raw_cells,
    pictures_have_alt,
    figures_have_alt,
]


def problems(path: Path) -> list[str]:
    """Return what is wrong with the notebook `path`, one message per offence, or an empty list."""
    try:
        # Not nbformat.read: it would mend old formats and double ids in silence.
        notebook = nbformat.reader.reads(path.read_text(encoding="utf-8"))
        if notebook.get("nbformat") != 4:
            return [f"{path}: nbformat is {notebook.get('nbformat')}, expected 4.5"]
        found = [(index, message) for rule in RULES for index, message in rule(notebook, path)]
    except (OSError, nbformat.reader.NotJSONError, *ODD) as error:
        return [f"{path}: cannot be read as a notebook: {type(error).__name__}: {error}"]
    return [f"{path}{where(notebook, index)}: {message}" for index, message in found]


def where(notebook: NotebookNode, index: int | None) -> str:
    """Name a cell by its index and id."""
    if index is None or index >= len(notebook.cells):
        return ""
    return f", cell {index} (id {notebook.cells[index].get('id', 'missing')})"


def pictures_without_alt(executed: Path) -> list[str]:
    """Return the cells of an executed notebook with a picture but no alt text (exact, not a guess)."""
    notebook = nbformat.read(executed, as_version=4)
    return [
        f"{executed}{where(notebook, index)}: its picture needs an alt text (mystnb.image.alt): {poor}"
        for index, cell in code_cells(notebook)
        if any("image/png" in output.get("data", {}) for output in cell.outputs)
        and (poor := is_poor_alt((cell.metadata.get("mystnb", {}).get("image") or {}).get("alt")))
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the problems of the given notebooks (default: all in book/); return the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    paths = [Path(name) for name in given] or sorted((ROOT / "book").glob("*.ipynb"))
    found = [message for path in paths for message in problems(path)]
    print("\n".join(found) or f"{len(paths)} notebooks, no problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
