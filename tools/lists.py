"""Lists that the build writes into pages from the chapters: nobody keeps them in step by hand.

A page says where with a place holder: `{{ chapters }}` on the start page, `{{ exercises }}` on the
page of exercises, `{{ executions }}` and `{{ matrix }}` on the status page, `{{ presets }}` in the lab,
`{{ register }}` and `{{ verdicts }}` on the page of claims and `{{ badge }}` on the start page.
`{{ korean }}` on the status page comes from korean.py, which reads these lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nbformat
import register_page
from exercise_index import all_exercises
from speech import SPOKEN, tr
from sphinx_external_toc.api import SiteMap


def chapter_file(book: Path, name: str) -> Path | None:
    """Return the notebook of a page of the book if the page is a chapter: its file's name begins with its number."""
    path = book / f"{name}.ipynb"
    return path if re.match(r"\d\d-", name) and path.is_file() else None


def chapters_among(book: Path, names: Iterable[str]) -> list[Path]:
    """Return the notebooks of the chapters among some pages of the book."""
    return [path for name in names if (path := chapter_file(book, name))]


def opening_of(path: Path) -> str:
    """Return the first cell of a chapter, with its apostrophes set as in print."""
    return nbformat.read(path, as_version=4).cells[0].source.replace("'", "’")


def title_of(path: Path) -> str:
    """Return a chapter's title."""
    return opening_of(path).splitlines()[0].removeprefix("# ")


def question_of(path: Path) -> str:
    """Return the question that a chapter opens with, in one line."""
    found = re.search(r"^> \*\*(?:Question|질문)\.\*\* (.+\n(?:> .+\n)*)", opening_of(path) + "\n", re.MULTILINE)
    return " ".join(found[1].replace("\n>", "\n").split()).replace("|", "\\|") if found else ""


def all_chapters(toc: SiteMap, book: Path) -> str:
    """Return a heading and a table of the chapters and their questions for each part of the book that has any."""
    text, columns = "", f"| {tr('chapter')} | {tr('its question')} |\n| --- | --- |\n"
    for part in toc.root.subtrees:
        rows = [
            f"| [{path.name[:2]} {title_of(path)}]({path.name}) | {question_of(path)} |\n"
            for path in chapters_among(book, map(str, part.items))
        ]
        text += f"## {part.caption or 'Chapters'}\n\n{columns}{''.join(rows)}\n" if rows else ""
    return text


def executions(toc: SiteMap, book: Path) -> str:
    """Return a table of what each chapter's execution took, and of the claims that it made."""
    rows = [f"| {tr('chapter')} | {tr('claims, all of which held')} | {tr('seconds')} |", "| --- | --- | --- |"]
    for path in chapters_among(book, toc):
        kept = book.parent / "_build" / "executed" / path.name
        seconds = nbformat.read(kept, as_version=4).metadata.get("course", {}).get("seconds", "–")
        claims = kept.with_suffix(".claims.jsonl").read_text(encoding="utf-8").count("\n")
        rows.append(f"| [{path.name[:2]} {title_of(path)}]({path.name}) | {claims} | {seconds} |")
    return "\n".join(rows)


def matrix(toc: SiteMap, book: Path) -> str:
    """Return a table of what tools/matrix.py found in environments other than the pinned one."""
    kept = book.parent / "tools" / "matrix.json"
    if not kept.is_file():
        return tr("Not tried yet.")
    rows = [tr("| Python | packages | tests of the helpers | three chapters | on |"), "| --- | --- | --- | --- | --- |"]
    for row in json.loads(kept.read_text(encoding="utf-8")):
        versions = ", ".join(f"{name} {row[name]}" for name in ("torch", "numpy", "matplotlib") if name in row)
        rows.append("| {python} | {packages}: {} | {tests} | {chapters} | {date} |".format(versions, **row))
    return "\n".join(rows)


def presets_of(book: Path) -> list[dict[str, Any]]:
    """Return the lab's presets; an id begins with the number of the preset's chapter. A course may have no lab."""
    path = book / "static" / "lab" / "presets.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def presets(toc: SiteMap, book: Path) -> str:
    """Return the lab's presets as a list: a link that opens it, its chapter, and the question that it asks."""
    chapters = {path.name[:2]: path for path in chapters_among(book, toc)}
    rows = []
    for preset in presets_of(book):
        path = chapters[preset["id"][:2]]
        end = "" if SPOKEN.name == "en" else f"_{SPOKEN.name}"  # each preset has its texts in both languages
        link = f'<a href="?preset={preset["id"]}">{preset[f"title{end}"]}</a>'
        place = f"[{tr('chapter {}').format(path.name[:2])}]({path.name})"
        rows.append(f"- {link} ({place}): {preset['ask'][f'question{end}']}")
    return "\n".join(rows)


LISTS: dict[str, Callable[[SiteMap, Path], str]] = {
    "{{ chapters }}": all_chapters,
    "{{ executions }}": executions,
    "{{ matrix }}": matrix,
    "{{ presets }}": presets,
    "{{ register }}": lambda toc, book: register_page.page(
        {path.stem: f"{path.name[:2]} {title_of(path)}" for path in chapters_among(book, toc)}, book
    ),
    "{{ verdicts }}": lambda toc, book: register_page.verdicts(book),
    "{{ badge }}": lambda toc, book: register_page.badge(),
    "{{ exercises }}": lambda toc, book: all_exercises(chapters_among(book, toc)),
}
