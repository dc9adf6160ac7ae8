"""What the pages of an edition have beyond those of the English site, and what both have to find each other.

English anchors, so that a link from outside leads to the same place in any language; a switch to the same page in the
other language; a word about pages that are not translated; joiners that keep a particle beside the word it belongs to.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from korean import LOCALES, in_kit
from messages import INLINE, TAG, words_in
from myst_parser.mdit_to_docutils.base import DocutilsRenderer, default_slugify
from speech import SPOKEN
from sphinx.application import Sphinx

OTHER = {"en": ("ko", "한국어"), "ko": ("en", "English")}  # the other language of each, and its name
NOTICE = """\
<p class="edition-notice" lang="ko">이 페이지는 아직 번역되지 않아 영어로 보여 드립니다. 제목과 메뉴는 한국어입니다.</p>
"""
UNLISTED = {"404.html", "search.html", "genindex.html", "py-modindex.html"}  # the theme's own pages
QUESTION = '<blockquote lang="ko" class="callout callout-question"'
BUTTONS = '<div class="article-header-buttons">'
ARTICLE = '<article class="bd-article">'
BODY = re.compile(rf"{ARTICLE}.*?</article>", re.DOTALL)
NOT_TEXT = re.compile(r"<(pre|script|style|svg)\b.*?</\1>|<!--.*?-->|</?[a-zA-Z][^>]*>", re.DOTALL)
# Between these and a particle Chromium would break a line, even where words are kept whole.
LOOSE = re.compile(r"(?<=[%)\]”’\"'°#+*])(?=[가-힣])")
BOX = re.compile(r'<code|<span class="math')
LONGEST = 100  # letters of a box, TeX and all, that no telephone is too narrow for
NO_BLOCK = re.compile("math|m[a-z]+|semantics|annotation|svg|path|script|style|img")  # what may stand in a line, too
JOINER = "\u2060"


# ------------------------------------------------------------------------------------------- anchors
class Headings:
    """Gives each heading of an edition the anchor of the English one in its place."""

    def __init__(self) -> None:
        self.original = DocutilsRenderer.generate_heading_target
        self.met: dict[str, int] = {}

    def start(self, app: Sphinx, page: str, source: list[str]) -> None:
        """Begin with the first heading of a page."""
        self.met[page] = 0

    def target(self, renderer: DocutilsRenderer, token: Any, level: int, node: Any, title: Any) -> None:
        """Stand in for MyST's own function, which takes the anchor from the heading's words."""
        page = renderer.sphinx_env.docname
        headings, at = SPOKEN.headings.get(page, []), self.met.get(page, 0)
        if at >= len(headings):
            self.original(renderer, token, level, node, title)
            return
        self.met[page] = at + 1
        said = title.astext()
        plain = nodes.title("", words_in(headings[at], ("text", "code_inline", "math_inline")))
        config = renderer.md_config
        slug = default_slugify(words_in(headings[at]))
        object.__setattr__(config, "heading_slug_func", lambda _: slug)
        self.original(renderer, token, level, node, plain)
        object.__setattr__(config, "heading_slug_func", None)
        if "slug" in node:
            line, name, _ = renderer._heading_slugs[node["slug"]]
            renderer._heading_slugs[node["slug"]] = (line, name, said)


def keep_anchors(app: Sphinx) -> None:
    """Let MyST give translated headings their English anchors, as long as an edition is built."""
    headings = Headings()

    def target(renderer: DocutilsRenderer, *given: Any) -> None:
        headings.target(renderer, *given)

    app.connect("source-read", headings.start)
    DocutilsRenderer.generate_heading_target = target
    app.connect("build-finished", lambda *_: setattr(DocutilsRenderer, "generate_heading_target", headings.original))


# ------------------------------------------------------------------------------------------- languages
def mark_english(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Tell which paragraphs of a translated page are English all the same: screen readers then say them so."""
    missing = SPOKEN.missing.get(page, set()) if in_kit(page) else set()
    for node in doctree.findall(nodes.TextElement):
        if " ".join(node.rawsource.split()) in missing:
            node["classes"].append("language-en")


def name_terms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Let the entries of the glossary begin with their Korean name; their anchors stay."""
    for item in doctree.findall(nodes.definition_list_item) if page == "glossary" else ():
        term, names = item.next_node(nodes.term), re.search(r'<span lang="ko">(.*?)</span>', item.astext(), re.DOTALL)
        if names and term["ids"]:
            name = re.sub(r"\s*\(.*?\)", "", names[1]).split(",")[0].strip()
            term.children = [nodes.Text(f"{name} ("), *term.children, nodes.Text(")")]


def joined(page: str) -> str:
    """Return the HTML of an article in which no line breaks before a particle.

    A joiner keeps it beside a word. Code and formulas are boxes, and a line may break after a box all the same: box
    and particle stand in a span that is kept whole, but for the places where a formula itself may be broken.
    """
    said, at, closed = "", 0, ""
    opened: list[int] = []  # where the inline elements begin that are open
    for found in NOT_TEXT.finditer(page):
        text = LOOSE.sub(JOINER, page[at : found.start()])
        particle = re.match("[가-힣]+", text) if closed else None
        if particle and BOX.match(closed) and len(re.sub(TAG, "", closed)) < LONGEST:
            box = re.sub(r'(?<!aria-hidden="true">)<span class="base">', r"<wbr>\g<0>", closed)
            said = f'{said[: -len(closed)]}<span class="whole">{box}{particle[0]}</span>{text[particle.end() :]}'
        else:
            said += f"{JOINER if particle else ''}{text}"
        tag, at = found[0], found.end()
        name = re.match(r"</?(\w*)", tag)[1]
        said += tag
        closed = said[opened.pop() :] if tag.startswith("</") and name in INLINE and opened else ""
        if name in INLINE and not tag.startswith("</") and name != "br":
            opened.append(len(said) - len(tag))
        elif name not in INLINE and not NO_BLOCK.fullmatch(name):
            opened.clear()
    return said + page[at:]


def switch(name: str, here: str) -> str:
    """Return the link to the same page in the other language; `name` is the page's path in its own site."""
    other, called = OTHER[here]
    up = "../" * (name.count("/") + (here != "en"))
    to = f"{up}{'ko/' if other == 'ko' else ''}{name}"
    return f'<a class="language-switch" href="{to}" hreflang="{other}" lang="{other}">{called}</a>'


def alternates(name: str, home: str) -> str:
    """Return what tells search engines where a page stands in each language; `home` is the English site's address."""
    places = {"en": home + name, "ko": f"{home}ko/{name}", "x-default": home + name}
    return "".join(f'<link rel="alternate" hreflang="{one}" href="{place}" />\n' for one, place in places.items())


def dress_language(page: str, name: str, home: str) -> str:
    """Return a page's HTML with all that its language asks for."""
    here = SPOKEN.name
    if not LOCALES.is_dir():
        return page  # a book of one language
    if name not in UNLISTED:
        page = page.replace("</head>", f"{alternates(name, home)}</head>", 1)
    page = page.replace("\n으로 Push Down", "\nPush Down")  # the theme's "By" before the authors, word for word
    page = page.replace(BUTTONS, f"{BUTTONS}\n{switch(name, here)}", 1)
    if here == "en":
        return page
    if name not in UNLISTED and not in_kit(name.removesuffix(".html")):
        page = page.replace(ARTICLE, NOTICE + ARTICLE.replace(">", ' lang="en">'), 1)
        page = page.replace('<blockquote class="callout callout-question"', QUESTION, 1)
        return page.replace("<h1>", '<h1 lang="ko">', 1)
    page = page.replace('<div class="highlight"', '<div lang="en" class="highlight"')
    return BODY.sub(lambda article: joined(article[0]), page, count=1)
