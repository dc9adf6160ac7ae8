"""The Korean edition: the book and its executed chapters said in Korean, and from these a site like the English one.

The edition is a copy of everything that the site is made from, below _build/ko, with its messages in the words of
book/locales/ko. So all tools work on it as on the English book. Nothing is executed: the copies of the executed
chapters are translated too, and their code is the same, letter for letter.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from babel.messages.mofile import write_mo
from bundle import BUNDLES, pack_translated
from execute import ROOT
from korean import (
    BOOK,
    FIGURES,
    LOCALES,
    SCRIPTS,
    THEME,
    catalogues,
    heading_of,
    in_full,
    in_kit,
    pages,
    read_catalogue,
    source_of,
    text_of,
)
from lists import LISTS, question_of, title_of
from messages import headings_in, said_html, said_markdown, said_notebook, said_script
from nbformat import NotebookNode
from outputs import said_outputs, sentences_of
from speech import Language
from sphinx_external_toc.parsing import parse_toc_yaml

EDITION = ROOT / "_build" / "ko"
STATIC = BOOK / "static"
OVERLAY = BOOK / "locales" / "ko" / "static"  # files that stand in for those of book/static
LEFT = ("vendor", "node_modules")  # folders that are linked as they are


@dataclass
class Speaker:
    """Gives the Korean words for the messages of one catalogue, and counts the English words of those it has."""

    words: dict[str, str]
    missing: set[str] = field(default_factory=set)
    count: int = 0
    korean: int = 0

    def say(self, message: str, kind: str) -> str:
        """Return the Korean words for a message, or the message."""
        found, words = self.words.get(message, ""), len(re.findall(r"[A-Za-z]{2,}", message))
        self.count += words
        self.korean += words if found else 0
        if not found:
            self.missing.add(message)
        return found or message


@cache
def korean_words() -> dict[str, dict[str, str]]:
    """Return what is translated, by catalogue."""
    found = {}
    for name, catalogue in catalogues():
        sound = (message for message in catalogue if message.id and message.string and not message.fuzzy)
        found[name] = {str(message.id): str(message.string) for message in sound}
    return found


def speaker_of(name: str) -> Speaker:
    """Return who speaks the words of a catalogue; what others say helps where it has none."""
    everywhere = {message: korean for words in korean_words().values() for message, korean in words.items()}
    return Speaker(everywhere | korean_words().get("common", {}) | korean_words().get(name, {}))


def write(path: Path, data: str | bytes) -> None:
    """Write a file unless it has that text: Sphinx reads again what is newer than before."""
    data = data.encode() if isinstance(data, str) else data
    if not (path.is_file() and path.read_bytes() == data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


# ------------------------------------------------------------------------------------------- the pages
def only_title(notebook: NotebookNode, path: Path, speaker: Speaker) -> None:
    """Translate the title and the question of a chapter that else stays English, as other pages show them."""
    cell = notebook.cells[0]
    title, question = title_of(path), question_of(path)
    if korean := speaker.words.get(title):
        cell.source = re.sub(r"^# .*", lambda _: f"# {korean}", cell.source)
    if korean := speaker.words.get(question):
        start = r"^> \*\*Question\.\*\* (?:.+\n?)(?:> .+\n?)*"
        cell.source = re.sub(start, lambda _: f"> **질문.** {korean}\n", cell.source, count=1, flags=re.MULTILINE)


def folds_said(notebook: NotebookNode, speaker: Speaker) -> None:
    """Translate the words on the folds of a notebook's cells."""
    for cell in notebook.cells:
        shown = cell.metadata.get("mystnb", {})
        for name in {"code_prompt_show", "code_prompt_hide"} & shown.keys():
            shown[name] = speaker.words.get(shown[name], shown[name])


def said_chapter(page: str, path: Path) -> tuple[Speaker, NotebookNode, NotebookNode | None]:
    """Return a notebook of the book in Korean, and its executed copy, if it has one."""
    speaker = speaker_of(page if in_kit(page) else "chapters")
    kept = ROOT / "_build" / "executed" / path.name
    notebook = nbformat.read(path, as_version=4)
    executed = nbformat.read(kept, as_version=4) if kept.is_file() else None
    if not in_kit(page):
        only_title(notebook, path, speaker)
        return speaker, notebook, executed
    said_notebook(notebook, speaker.say)
    if executed is not None:
        said_outputs(executed, sentences_of(nbformat.read(path, as_version=4)), speaker.say)
    return speaker, notebook, executed


def write_notebook(page: str, path: Path, root: Path) -> Speaker:
    """Write a notebook of the edition, with its executed copy and its claims."""
    speaker, notebook, executed = said_chapter(page, path)
    if executed is not None:
        kept = ROOT / "_build" / "executed" / path.name
        write(root / "_build" / "executed" / path.name, nbformat.writes(executed) + "\n")
        claims = kept.with_suffix(".claims.jsonl")
        write(root / "_build" / "executed" / claims.name, claims.read_bytes())
    folds_said(notebook, speaker_of("site"))
    write(root / "book" / f"{page}.ipynb", nbformat.writes(notebook) + "\n")
    return speaker


def retitled(text: str, title: str) -> str:
    """Return a page that stays English with its title in Korean."""
    return text.replace(f"# {title}\n", f"# {speaker_of('chapters').words.get(title, title)}\n", 1)


def write_page(page: str, root: Path) -> Speaker:
    """Write a page of the edition; return who has spoken it."""
    path = source_of(page)
    if path.suffix == ".ipynb":
        return write_notebook(page, path, root)
    speaker, text = speaker_of(page), path.read_text(encoding="utf-8")
    if not in_kit(page):  # other pages show its title
        text = retitled(text, heading_of(path))
    write(root / "book" / f"{page}.md", said_markdown(text, speaker.say) if in_kit(page) else text)
    return speaker


def write_static(root: Path) -> None:
    """Write the edition's static files: figures and scripts with their words, all else as it is."""
    for path in (path for path in STATIC.rglob("*") if path.is_file() and not set(LEFT) & set(path.parts)):
        name, data = path.relative_to(STATIC).as_posix(), path.read_bytes()
        if (OVERLAY / name).is_file():
            data = (OVERLAY / name).read_bytes()
        elif name in FIGURES:
            data = said_html(data.decode(), speaker_of("figures").say)
        elif name in SCRIPTS:
            data = said_script(data.decode(), speaker_of("scripts").say)
        write(root / "book" / "static" / name, data)
    for name in LEFT:
        link(STATIC / name, root / "book" / "static" / name)


def link(source: Path, target: Path) -> None:
    """Let a folder of the edition be one of the English site."""
    if source.is_dir() and not target.is_symlink():
        target.symlink_to(source, target_is_directory=True)


def write_toc(root: Path) -> None:
    """Write the edition's table of contents."""
    text, speaker = (ROOT / "_toc.yml").read_text(encoding="utf-8"), speaker_of("toc")
    said = re.sub(r"(?m)^(\s*- caption: )(.*)$", lambda found: found[1] + speaker.say(found[2], ""), text)
    write(root / "_toc.yml", said)


def write_theme(root: Path) -> None:
    """Write what the theme says, where Sphinx looks for it."""
    folder = root / "locales" / "ko" / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sphinx.mo").open("wb") as file:
        write_mo(file, read_catalogue(LOCALES / f"{THEME}.po"))


def clear(root: Path) -> None:
    """Take away pages and copies of chapters that have left the book."""
    wanted = {f"{page}{end}" for page in pages() for end in (".md", ".ipynb")}
    for path in (path for path in (root / "book").rglob("*") if path.suffix in {".md", ".ipynb"}):
        name = path.relative_to(root / "book").as_posix()
        if name not in wanted and not name.startswith("static/"):
            path.unlink()


def whole(path: Path) -> str:
    """Return an English page in Markdown with the lists that the build writes into it, and with what it includes."""
    text, toc = text_of(path), parse_toc_yaml(ROOT / "_toc.yml")
    for place in (place for place in LISTS if place in text):
        text = text.replace(place, LISTS[place](toc, BOOK))
    return text


def headings() -> dict[str, list[str]]:
    """Return the English headings of all pages, in order: the anchors of an edition are theirs."""
    found = {}
    for page in pages():
        path = source_of(page)
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
            texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        else:
            texts = [whole(path)]
        found[page] = [heading for text in texts for heading in headings_in(text)]
    return found


def write_edition(root: Path = EDITION) -> Language:
    """Write all that the edition is made from; return the language that its tools speak."""
    korean_words.cache_clear()
    (root / "_build" / "executed").mkdir(parents=True, exist_ok=True)
    (root / "tools").mkdir(exist_ok=True)
    for name in ("_config.yml", "tools/matrix.json", "book/references.bib"):
        if (ROOT / name).is_file():
            write(root / name, (ROOT / name).read_bytes())
    clear(root)
    if (changes := ROOT / "CHANGELOG.md").is_file():
        write(root / changes.name, retitled(changes.read_text(encoding="utf-8"), heading_of(changes)))
    speakers = {page: write_page(page, root) for page in pages()}
    write_static(root)
    write_toc(root)
    write_theme(root)
    for name in (".webp", ".woff"):
        (ROOT / "_build" / name).mkdir(exist_ok=True)
        link(ROOT / "_build" / name, root / "_build" / name)
    if (bundles := ROOT / BUNDLES).is_dir():
        for path in sorted((root / "book").glob("*.ipynb")):
            if in_full(path.stem):
                pack_translated(path, bundles, root / BUNDLES)
    words = speaker_of("site").words
    write(root / "coverage.json", json.dumps({page: [one.korean, one.count] for page, one in speakers.items()}))
    return Language("ko", words, headings(), {page: one.missing for page, one in speakers.items()}, BOOK)
