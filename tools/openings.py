"""Chapter openings for the website: what you will be able to do as a list, the minutes, buttons to run it, a switch.

In a notebook the opening is one plain paragraph, so that it reads well everywhere; here it is taken apart by its
labels in italics and put together again.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path, PurePosixPath

from address import repository
from bundle import bundle_of
from docutils import nodes
from register_page import newest
from speech import IN_FULL, SPOKEN, tr, untranslated
from sphinx.application import Sphinx

BY_UPLOAD = (
    "The button gives a bundle, as this copy of the course has no public address: unpack it, open the notebook with "
    '<a href="https://colab.research.google.com/">Colab\'s</a> <b>Upload</b>, and drag the <code>.whl</code> file into '
    "its <b>Files</b> pane before you run the first cell."
)
LABELS = ("You will be able to", "You need", "Reading", "running")
KOREAN_LABELS = ("할 수 있게 되는 것:", "필요한 것:", "읽기", "실행")

# Opens the folds while the page comes in, if that was chosen before: later they would push away what is being read.
# course.js does what the switch says. Without scripts there is none.
SWITCH = """\
<label class="show-code"><input type="checkbox" role="switch"> SHOW_ALL</label>
<script>
(root => {
  try { root.dataset.code = localStorage.getItem("code") || "folded"; } catch { root.dataset.code = "folded"; }
  if (root.dataset.code !== "open") return;
  const open = () => document.querySelectorAll(".cell:not(.tag_solution) > details").forEach(fold => fold.open = true);
  const coming = new MutationObserver(open);
  coming.observe(root, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", () => { open(); coming.disconnect(); });
})(document.documentElement);
</script>
"""


def parts_of(paragraph: nodes.paragraph) -> dict[str, list[nodes.Node]]:
    """Return what stands after each label of a paragraph, by label."""
    parts: dict[str, list[nodes.Node]] = {}
    label = ""
    for child in paragraph.children:
        if isinstance(child, nodes.emphasis) and child.astext() in LABELS + KOREAN_LABELS:
            label = child.astext()
            label = dict(zip(KOREAN_LABELS, LABELS, strict=True)).get(label, label)
            parts[label] = []
        elif label or child.astext().strip():
            parts.setdefault(label, []).append(child)
    return parts


def items_of(content: Sequence[nodes.Node]) -> list[list[nodes.Node]]:
    """Split a sentence at its semicolons, without the last "and" and the full stop; formulas stay whole."""
    items: list[list[nodes.Node]] = [[]]
    for node in content:
        pieces = node.astext().split(";") if isinstance(node, nodes.Text) else [None]
        for number, piece in enumerate(pieces):
            if number > 0:
                items.append([])
            if piece is None:
                items[-1].append(node)
            else:
                words = piece if items[-1] else piece.lstrip().removeprefix("and ")
                items[-1] += [nodes.Text(words)] if words else []
    last = items[-1][-1]
    if isinstance(last, nodes.Text):
        items[-1][-1] = nodes.Text(last.astext().rstrip().removesuffix("."))
    return items


def duration(content: Sequence[nodes.Node]) -> str:
    """Return a number and its unit, without what stands around them: "25 minutes"."""
    return " ".join("".join(node.astext() for node in content).split()).rstrip(",.")


def translated(document: str) -> bool:
    """Tell whether a chapter is shown in a translation, whose notebook is made by the build."""
    return SPOKEN.name != "en" and document.startswith(IN_FULL)


def buttons(document: str, colab: str | None) -> str:
    """Return the links that open a chapter's notebook in Colab and that download it; where the course has no public
    address, Colab cannot fetch the notebook, but it takes one that is uploaded."""
    here = f'href="_sources/{escape(document)}.ipynb" download="{escape(PurePosixPath(document).name)}.ipynb"'
    bundle = ("" if translated(document) or SPOKEN.name == "en" else "../") + bundle_of(PurePosixPath(document).name)
    there = f'href="{escape(colab)}"' if colab else f'href="{bundle}" download="{bundle}"'
    how = "" if colab else f'<p class="opening-how">{tr(BY_UPLOAD)}</p>'
    return (
        f'<p class="opening-run"><a class="run-it" {there}>{tr("Run it in Colab")}</a> '
        f'<a class="run-it run-here" {here}>{tr("Download the notebook")}</a></p>{how}'
    )


def claims_of(app: Sphinx, document: str) -> str:
    """Return how many claims a chapter made when it was executed, all of which held, in words."""
    made = Path(app.srcdir).parent / "_build" / "executed" / f"{document}.claims.jsonl"
    count = made.read_text(encoding="utf-8").count("\n") if made.is_file() else 0
    record = newest().get(document)
    tried = record and not record.stale
    said = tr("{} claims checked on {} seeds") if tried else tr("{} checked claims")
    return said.format(count, len(record.seeds) if tried else "") if count > 1 else ""


def opening(parts: dict[str, list[nodes.Node]], name: str, claims: str, links: str) -> nodes.container:
    """Put an opening together: the chapter's name, how long it takes, a list of aims, what you need, and the links."""
    able, needs, reading, running = (parts[label] for label in LABELS)
    items = [nodes.list_item("", nodes.paragraph("", "", *item)) for item in items_of(able)]
    read, run = tr("{} to read").format(duration(reading)), tr("{} to run").format(duration(running))
    times = " · ".join(filter(None, (name, read, run, claims)))
    return nodes.container(
        "",
        nodes.paragraph("", times, classes=["opening-times"]),
        nodes.paragraph("", "", nodes.strong("", tr("You will be able to"))),
        nodes.bullet_list("", *items),
        nodes.paragraph("", "", nodes.strong("", tr("You need")), *needs),
        nodes.raw("", links, format="html"),
        classes=["opening"],
    )


def colab_address(app: Sphinx, document: str) -> str | None:
    """Return where Colab opens a chapter's notebook, or None while nobody knows where the course will live."""
    look, home = app.config.html_theme_options, repository(Path(app.srcdir).parent)
    if not home.known or translated(document):  # the repository has the English notebook
        return None
    place = f"{home}/blob/{look['repository_branch']}/{look['path_to_docs']}"
    return f"{look['launch_buttons']['colab_url']}/github/{place}/{document}.ipynb"


def dressed(app: Sphinx, document: str, parts: dict[str, list[nodes.Node]]) -> nodes.container:
    """Return a chapter's opening for the site, or for the PDF."""
    name, links = "", ""
    if app.builder.name != "singlehtml":
        name = tr("Chapter {}").format(PurePosixPath(document).name[:2])
        links = buttons(document, colab_address(app, document)) + SWITCH.replace("SHOW_ALL", tr("Show all code"))
    return opening(parts, name, claims_of(app, document), links)


def dress_openings(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the plain openings of chapters in a page; the PDF, which is one page, has no names and no buttons."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        parts = parts_of(paragraph)
        if tuple(parts) == LABELS:
            with untranslated(not translated(docname)):
                paragraph.replace_self(dressed(app, docname, parts))
