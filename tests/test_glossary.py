"""The glossary: two languages, in order, every term linked to where it is introduced."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

GLOSSARY = (Path(__file__).resolve().parents[1] / "book" / "glossary.md").read_text(encoding="utf-8")
CHAPTER_LINK = re.compile(r"\[chapter (\d\d)\]\((\d\d)-[\w-]+\.ipynb(#[\w-]+)?\)")
KOREAN = re.compile(r'^<span lang="ko">[^<]*[가-힣][^<]*</span>\. ')


def glossary_problems(found: dict[str, str]) -> Iterator[str]:
    order = [re.sub(r"[^a-z0-9 ]", "", term.lower().replace("é", "e")) for term in found]
    for first, second in pairwise(order):
        if first > second:
            yield f"{second!r} stands behind {first!r}"
    for term, text in found.items():
        if not KOREAN.match(text):
            yield f"{term}: does not begin with the Korean term in its span"
        links = CHAPTER_LINK.findall(text)
        if not links and "](about-claims)" not in text:
            yield f"{term}: has no link to the chapter that introduces it"
        if any(said != file for said, file, _ in links):
            yield f"{term}: names one chapter and links to another"


def test_every_term_has_two_languages_and_a_link() -> None:
    body = re.search(r"^```\{glossary\}\n(.*?)\n```$", GLOSSARY, re.DOTALL | re.MULTILINE)[1]
    entries = [re.split(r"\n\s*", entry, maxsplit=1) for entry in body.strip().split("\n\n")]
    assert len(entries) > 80
    found = list(glossary_problems({term: re.sub(r"\n\s*", " ", text) for term, text in entries}))
    assert not found, "\n".join(found)


def test_every_symbol_says_where_it_comes_from() -> None:
    table = re.search(r"^\| symbol .*?\n\n", GLOSSARY, re.DOTALL | re.MULTILINE)[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.strip().split("\n")[2:]]
    assert len(rows) > 30
    for symbol, meaning, *where in rows:
        assert "$" in symbol and len(meaning) > 3, symbol
        assert all(re.fullmatch(r"\d\d(, \d\d)*", cell) for cell in where), f"{symbol}: {where}"
