"""What the site's search looks through: sections with their words, without code, and other names of things.

`keep_sections` takes a page apart while Sphinx writes it; `write_index` puts all of them into one script, which
book/static/search.js ranks. An entry of the glossary and a function of the helpers count as sections.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from html import unescape
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

NAMES = Path(__file__).with_name("search_names.toml")
SKIPPED = (nodes.literal_block, nodes.comment, nodes.image, nodes.target, nodes.system_message, addnodes.toctree)
CLAIM = re.compile(r'<div class="claim".*?</div></div></div>', re.DOTALL)
# How much a section counts, by its page and by its heading: an explanation comes before a question about it.
PAGES = {
    "api": 0.35,
    "references": 0.5,
    "quizzes/": 0.5,
    "sessions/": 0.5,
    "exercises": 0.4,
    "status": 0.3,
    "changes": 0.3,
}
HEADINGS = {"exercise": 0.6, "further reading": 0.4, "what to remember": 0.7, "question": 0.6}
HEADINGS |= {"연습 문제": 0.6, "더 읽을거리": 0.4, "기억할 것": 0.7, "문제": 0.6}
HEADINGS |= {f"{part}부. ": 0.4 for part in (1, 2, 3)}  # the start page's lists of chapters


@dataclass
class Section:
    """A part of a page that has an address."""

    address: str
    heading: str
    page: str  # its title
    text: str
    weight: float


def weight_of(docname: str, heading: str) -> float:
    """Return how much a section counts."""
    of_page = next((weight for start, weight in PAGES.items() if docname.startswith(start)), 1.0)
    of_heading = next((weight for start, weight in HEADINGS.items() if heading.lower().startswith(start)), 1.0)
    return round(of_page * of_heading, 2)


def words_of(node: nodes.Node) -> Iterator[str]:
    """Yield what is read of a part of a page: no code, of formulas only short ones, nothing of the sections in it."""
    if isinstance(node, nodes.Text):
        yield node.astext()
    elif isinstance(node, nodes.math):
        yield node.astext() if re.fullmatch(r"[^\\]{1,12}", node.astext()) else "…"
    elif isinstance(node, nodes.math_block):
        yield " … "
    elif isinstance(node, nodes.raw):  # what claims show; everything else that is raw is not for reading
        yield from (f" {unescape(re.sub(r'<[^>]+>', ' ', claim))} " for claim in CLAIM.findall(node.astext()))
    elif not isinstance(node, SKIPPED):
        yield from words_of_all(node.children)
        yield "" if isinstance(node, nodes.Inline) else " "


def words_of_all(children: list[nodes.Node]) -> Iterator[str]:
    """Yield what is read of several parts, without what counts as a section itself."""
    for child in children:
        if not isinstance(child, nodes.section | nodes.title | addnodes.desc | addnodes.glossary):
            yield from words_of(child)


def one_line(words: Iterator[str]) -> str:
    """Join words with one space between them."""
    return " ".join("".join(words).split())


def parts_of(doctree: nodes.document) -> Iterator[tuple[str, str, list[nodes.Node]]]:
    """Yield the anchor, the heading and the contents of everything in a page that counts as a section."""
    for section in doctree.findall(nodes.section):
        title = section.next_node(nodes.title)
        yield section["ids"][0], one_line(words_of(nodes.inline("", "", *title.deepcopy().children))), section.children
    for item in doctree.findall(nodes.definition_list_item):
        term = item.next_node(nodes.term)
        if isinstance(item.parent.parent, addnodes.glossary) and term["ids"]:
            yield term["ids"][0], term.astext(), item.children[1:]
    for entry in doctree.findall(addnodes.desc):
        signature = entry.next_node(addnodes.desc_signature)
        if signature["ids"]:
            yield signature["ids"][0], signature["ids"][0].removeprefix("helpers."), entry.children[1:]


def keep_sections(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Take the sections of a page that is about to be written."""
    found = kept_by(app)
    title = app.env.titles[docname].astext()
    address = app.builder.get_target_uri(docname)
    found[docname] = []
    for anchor, heading, contents in parts_of(doctree):
        whole = heading == title  # the page itself: its address needs no anchor
        text = one_line(words_of_all(contents))
        where = address if whole else f"{address}#{anchor}"
        found[docname].append(Section(where, heading, title, text, weight_of(docname, heading)))


def kept_by(app: Sphinx) -> dict[str, list[Section]]:
    """Return the sections that were taken so far, by page."""
    if not hasattr(app, "course_sections"):
        app.course_sections = {}
    return app.course_sections


def english_of(section: Section) -> str:
    """Return the English name of a glossary's entry: in the Korean edition it stands in brackets."""
    heading = re.sub(r"^[^(]*[가-힣][^(]*\((.*)\)$", r"\1", section.heading)
    return re.sub(r"\s*\(.*\)", "", heading)


def other_names(sections: list[Section]) -> list[list[str]]:
    """Return groups of names of one thing: those in search_names.toml, and the glossary's English with its Korean."""
    groups: list[list[str]] = tomllib.loads(NAMES.read_text(encoding="utf-8"))["names"]
    korean = [section for section in sections if section.address.startswith("glossary.html#term")]
    for section in korean:
        names = section.text.split(". ")[0]
        if re.search("[가-힣]", names):
            plain = re.sub(r"\(.*?\)", "", names)
            groups.append([english_of(section), *(name.strip() for name in plain.split(","))])
    return groups


def write_index(app: Sphinx, site: Path) -> None:
    """Write the sections and names into a script of the site."""
    sections = [section for page in sorted(kept_by(app)) for section in kept_by(app)[page]]
    rows = [list(asdict(section).values()) for section in sections]
    index = {"sections": rows, "names": other_names(sections)}
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    (site / "_static" / "search-index.js").write_text(f"const INDEX = {text};\n", encoding="utf-8")
