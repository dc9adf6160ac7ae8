"""The messages of a page: everything in its Markdown and HTML that a reader reads, one after another.

Each function walks over a text and asks `say` for every message; what `say` returns takes the message's place. So the
same walk collects messages (`say` notes them and gives them back) and translates them. Code, displayed formulas and
machine-readable parts are never asked for. A message stands in one line, so that a new line break in the source
changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from nbformat import NotebookNode

Say = Callable[[str, str], str]  # a message and its kind give the words that take its place

EXTENSIONS = {"colon_fence", "deflist", "dollarmath", "substitution", "tasklist"}
NESTED = {"admonition", "card-footer", "grid", "grid-item-card", "note", "only", "tip"}  # directives that hold Markdown
TITLED = {"admonition", "grid-item-card"}
INLINE = {"a", "abbr", "b", "br", "code", "em", "i", "kbd", "mark", "span", "strong", "sub", "sup"}
SPOKEN = re.compile(r'\b(alt|aria-label|aria-valuetext|placeholder|title)="([^"]*)"')
TAG = re.compile(r"(<!--.*?-->|<(script|style)\b.*?</\2>|</?[a-zA-Z][^>]*>)", re.DOTALL)
# What holds no words: code, formulas, tags, targets of links and roles, place holders, citations.
WORDLESS = re.compile(
    r"`+[^`]*`+|\$[^$]+\$|<[^>]+>|\]\([^)]*\)|\{\{.*?\}\}|\{cite:\w\}|\{(\d+|[a-z]\w*)\}|&\w+;|https?://\S+"
)
ROLE = re.compile(r"\{(?:term|doc|ref|download)\}`([^`]*)`")
DIRECTIVE = re.compile(r"\{([\w:-]+)\}\s*(.*)")
IN_SCRIPT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
IS_SAID = re.compile(r"[A-Za-z]{2,} [A-Za-z]|^[A-Z][a-z]+$|\$ +(% )?[a-z]{3,}")
NO_WORDS = re.compile(r"use strict|table\.|[.#<]|main form|article section")  # what else has spaces: selectors, markup
ENTRY = re.compile(r'(\s+(?:<span lang="ko">.*?</span>\.\s+)?)(.*)', re.DOTALL)


def has_words(text: str) -> bool:
    """Tell whether a text has anything to translate."""
    words = WORDLESS.sub(" ", ROLE.sub(r"\1", text))
    hangul, latin = len(re.findall("[가-힣]", words)), len(re.findall("[A-Za-z]", words))
    return latin > hangul and bool(re.search(r"[A-Za-z]{2}", words))  # the study group's own sentences are Korean


def spoken(text: str, kind: str, say: Say) -> str:
    """Ask for one message; spaces around it stay."""
    message = " ".join(text.split())
    if not has_words(message):
        return text
    before, after = re.match(r"\s*", text)[0], re.search(r"\s*$", text)[0]
    return f"{before}{say(message, kind)}{after}"


# ------------------------------------------------------------------------------------------------ HTML
def said_tag(tag: str, say: Say) -> str:
    """Return a tag with its attributes that are read out translated."""
    return SPOKEN.sub(lambda found: f'{found[1]}="{spoken(found[2], "attribute", say)}"', tag)


def said_run(run: str, kind: str, say: Say) -> str:
    """Return text with inline tags in it translated as one message; tags around all of it are no part of it."""
    outer = re.fullmatch(r"(\s*<(\w+)\b[^>]*>)((?:(?!<\2\b).)*)(</\2>\s*)", run, re.DOTALL)
    if outer:
        return said_tag(outer[1], say) + said_run(outer[3], kind, say) + outer[4]
    return spoken(run, kind, say)


def pieces_of(html: str) -> Iterator[tuple[str, str]]:
    """Yield tags and the texts between them, each tag with its name."""
    at = 0
    for found in TAG.finditer(html):
        yield html[at : found.start()], ""
        name = re.match(r"</?([a-zA-Z]\w*)", found[0])
        yield found[0], name[1].lower() if name else "!"
        at = found.end()
    yield html[at:], ""


def said_html(html: str, say: Say) -> str:
    """Return HTML with its words translated: a message reaches from one block's tag to the next."""
    said, run, block = "", "", ""
    for piece, name in pieces_of(html):
        if not name or name in INLINE:
            run += piece
        else:
            whole = name in {"!", "script", "style"}
            said += said_run(run, block, say) + (piece if whole else said_tag(piece, say))
            run, block = "", name
    return said + said_run(run, block, say)


# ---------------------------------------------------------------------------------------------- scripts
def said_script(text: str, say: Say) -> str:
    """Return a script with its strings that people read translated."""

    def said(found: re.Match[str]) -> str:
        body = found[0][1:-1]
        plain = re.sub(r"\$\{.*?\}", " $ ", body)
        if found[0][0] not in "\"'`" or NO_WORDS.match(body) or not IS_SAID.search(plain):
            return found[0]
        return found[0][0] + say(body, "script") + found[0][-1]

    return IN_SCRIPT.sub(said, text)


# -------------------------------------------------------------------------------------------- Markdown
@cache
def parser() -> MarkdownIt:
    """Return the parser of the site's pages."""
    return create_md_parser(MdParserConfig(enable_extensions=EXTENSIONS, dmath_double_inline=True), _Renderer)


class _Renderer:
    """Stands in for a renderer: only tokens are wanted."""

    __output__ = "none"

    def __init__(self, parser: object) -> None:
        self.rules: dict[str, object] = {}


class Page:
    """The lines of a text, some of which get other words; it is put together again at the end."""

    def __init__(self, text: str, say: Say) -> None:
        self.lines: list[str | None] = list(text.split("\n"))
        self.say = say

    def put(self, start: int, end: int, text: str) -> None:
        """Let a text stand where some lines stood."""
        self.lines[start:end] = [text, *[None] * (end - start - 1)]

    def text(self) -> str:
        """Return all lines, without those that went into others."""
        return "\n".join(line for line in self.lines if line is not None)

    def inline(self, token: Token, kind: str) -> None:
        """Translate a paragraph or a heading; it then stands in one line, as more would need their indents again."""
        start, end = token.map
        first = token.content.split("\n")[0]
        at = self.lines[start].find(first)
        if at < 0:
            raise ValueError(f"line {start + 1} is {self.lines[start]!r}, and {first!r} is looked for in it")
        if not has_words(token.content):
            return
        task = re.match(r"\[[ xX]\] ", token.content)
        skip = task.end() if task else 0
        before = self.lines[start][: at + skip]
        self.put(start, end, before + spoken(token.content[skip:], kind, self.say))

    def table(self, start: int, end: int) -> None:
        """Translate the cells of a table."""
        for i in range(start, end):
            cells = re.split(r"(?<!\\)\|", self.lines[i])
            if set("".join(cells)) - set(" -:>"):
                self.lines[i] = "|".join(spoken(cell, "cell", self.say) for cell in cells)

    def front_matter(self, start: int, end: int) -> None:
        """Translate a page's description."""
        for i in range(start, end):
            if found := re.match(r"(\s*description: )(.*)", self.lines[i]):
                self.lines[i] = found[1] + spoken(found[2], "description", self.say)

    def directive(self, name: str, title: str, start: int, end: int) -> None:
        """Translate what a directive holds."""
        inside = "\n".join(self.lines[start + 1 : end - 1])
        if name in TITLED and title:
            self.lines[start] = self.lines[start].removesuffix(title) + spoken(title, "title", self.say)
        if name == "image":
            inside = re.sub(r"(?m)^(:alt: )(.*)$", lambda f: f[1] + spoken(f[2], "alt text", self.say), inside)
        elif name == "raw":
            inside = inside if inside.startswith(":file:") else said_html(inside, self.say)
        elif name == "glossary":
            inside = said_glossary(inside, self.say)
        elif name in NESTED:
            options = re.match(r"(?::[\w-]+:.*\n|\s*\n)*", inside)[0]
            inside = options + said_markdown(inside[len(options) :], self.say)
        if end - start > 2:
            self.put(start + 1, end - 1, inside)

    def block(self, token: Token, kind: str) -> None:
        """Translate one block."""
        found = DIRECTIVE.fullmatch(token.info.strip())
        if token.type == "inline":
            self.inline(token, kind)
        elif token.type == "table_open":
            self.table(*token.map)
        elif token.type == "front_matter":
            self.front_matter(*token.map)
        elif token.type == "html_block":
            start, end = token.map
            self.put(start, end, said_html("\n".join(self.lines[start:end]), self.say))
        elif token.type in {"fence", "colon_fence"} and found:
            self.directive(found[1], found[2], *token.map)


def said_markdown(text: str, say: Say) -> str:
    """Return Markdown with its words translated."""
    page, in_table = Page(text, say), False
    tokens = parser().parse(text)
    for before, token in zip([None, *tokens], tokens, strict=False):
        in_table = token.type == "table_open" or (in_table and token.type != "table_close")
        kind = "heading" if before is not None and before.type == "heading_open" else ""
        if not in_table or token.type == "table_open":
            page.block(token, kind)
    return page.text()


def headings_in(text: str) -> list[str]:
    """Return the headings of a page as they are written."""
    tokens = parser().parse(text)
    return [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]


def words_in(heading: str, kinds: tuple[str, ...] = ("text", "code_inline")) -> str:
    """Return the words of a heading without its marks."""
    return "".join(token.content for token in parser().parseInline(heading)[0].children if token.type in kinds)


def said_glossary(text: str, say: Say) -> str:
    """Return a glossary with its definitions translated; terms, and their Korean names, stay."""
    entries = re.split(r"\n\n(?=\S)", text)
    said = []
    for entry in entries:
        lines = entry.split("\n")
        count = next((i for i, line in enumerate(lines) if line.startswith(" ")), len(lines))
        found = ENTRY.match("\n".join(lines[count:]))
        rest = found[1] + spoken(found[2], f"glossary: {lines[0]}", say) if found else ""
        said.append("\n".join([*lines[:count], rest]))
    return "\n\n".join(said)


# ------------------------------------------------------------------------------------------- notebooks
def said_notebook(notebook: NotebookNode, say: Say) -> None:
    """Translate the Markdown and the alt texts of a notebook in place; its code stays."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = said_markdown(cell.source, say)
        elif alt := cell.metadata.get("mystnb", {}).get("image", {}).get("alt"):
            cell.metadata["mystnb"]["image"]["alt"] = spoken(alt, "alt text", say)
