"""Find words of this course's own where the field has a word: tools/words.toml says which.

    python tools/check_words.py                     # everything that is read: chapters, pages, meetings, glossary
    python tools/check_words.py book/01-*.ipynb

Looks at what a reader reads: Markdown, and in code what stands in strings and comments. Names in code, formulas and
the addresses of links are left alone. Exits 1 if a page has such a word.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import nbformat
from bootstrap import ROOT, is_bootstrap

BOOK, WORDS = ROOT / "book", ROOT / "tools" / "words.toml"
# Fenced code, directives' first lines, code, formulas, addresses and the names of MyST's references: not prose.
NO_PROSE = re.compile(
    r"^```\w*\n(?:.*\n)*?```$|^(?:```|:::).*$|`[^`\n]+`|\$\$[^$]+\$\$|\$[^$]+\$|\]\([^)]+\)|https?://\S+|\{\w+:?\w*\}|^\(.+\)=$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Word:
    """A word of this course's own, as words.toml has it."""

    pattern: str
    say: str
    but: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    @cached_property
    def _wanted(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE)

    @cached_property
    def _spared(self) -> re.Pattern[str]:
        return re.compile("|".join(self.but) or r"(?!)", re.IGNORECASE)

    def found(self, text: str) -> list[re.Match[str]]:
        """Return where a text has the word, unless it is part of ordinary English."""
        spared = [match.span() for match in self._spared.finditer(text)]
        return [
            match
            for match in self._wanted.finditer(text)
            if not any(start < match.end() and match.start() < end for start, end in spared)
        ]


def all_words() -> list[Word]:
    """Return the words to be found."""
    return [Word(**word) for word in tomllib.loads(WORDS.read_text(encoding="utf-8"))["words"]]


def said_in(code: str) -> Iterator[str]:
    """Yield the strings and comments of some code: what a page shows, and what a reader of the code reads."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def prose_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield what is read on a page: where it stands, and the text."""
    if path.suffix == ".md":
        yield "", NO_PROSE.sub(" ", path.read_text(encoding="utf-8"))
        return
    for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
        where = f", cell {index} (id {cell.id})"
        if cell.cell_type == "markdown":
            yield where, NO_PROSE.sub(" ", cell.source)
        elif cell.cell_type == "code" and not is_bootstrap(cell):
            yield from ((where, text) for text in said_in(cell.source))


def problems(path: Path, words: list[Word], book: Path = BOOK) -> list[str]:
    """Return one line for each word on a page that the field has another one for."""
    page = path.relative_to(book).as_posix()
    sought = [word for word in words if not page.startswith(tuple(word.pages))]
    found = []
    for where, text in prose_of(path):
        for word in sought:
            for match in word.found(text):
                around = " ".join(text[max(0, match.start() - 30) : match.end() + 30].split())
                found.append(f"book/{page}{where}: {match[0].strip()!r} in '… {around} …'; say: {word.say}")
    return found


def all_pages() -> list[Path]:
    """Return everything in the book that is read."""
    return sorted(path for path in BOOK.rglob("*") if path.suffix in {".md", ".ipynb"} and "static" not in path.parts)


def main(arguments: list[str] | None = None) -> int:
    """Print what was found; return the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    pages, words = [Path(name).resolve() for name in given] or all_pages(), all_words()
    found = [line for path in pages for line in problems(path, words, BOOK)]
    print("\n".join(found) or f"{len(pages)} pages say what the field says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
