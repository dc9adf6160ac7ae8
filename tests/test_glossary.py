"""The glossary: two languages, in order, every term linked to where it is introduced."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

GLOSSARY = (Path(__file__).resolve().parents[1] / "book" / "glossary.md").read_text(encoding="utf-8")
CHAPTER_LINK = re.compile(r"\[chapter (\d\d)\]\((\d\d)-[\w-]+\.ipynb(#[\w-]+)?\)")
KOREAN = re.compile(r'^<span lang="ko">[^<]*[가-힣][^<]*</span>\. ')


def entries(page: str) -> dict[str, str]:
    """Return the terms of a page's glossary with their texts, each on one line."""
    body = re.search(r"^```\{glossary\}\n(.*?)\n```$", page, re.DOTALL | re.MULTILINE)[1]
    found = {}
    for entry in body.strip().split("\n\n"):
        term, *text = entry.split("\n")
        found[term] = " ".join(line.strip() for line in text)
    return found


def glossary_problems(page: str) -> Iterator[str]:
    """Say what is wrong with the entries of a glossary."""
    found = entries(page)
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
    assert len(entries(GLOSSARY)) > 80
    found = list(glossary_problems(GLOSSARY))
    assert not found, "\n".join(found)


def test_every_symbol_says_where_it_comes_from() -> None:
    table = re.search(r"^\| symbol .*?\n\n", GLOSSARY, re.DOTALL | re.MULTILINE)[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.strip().split("\n")[2:]]
    assert len(rows) > 30
    for symbol, meaning, *where in rows:
        assert "$" in symbol and len(meaning) > 3, symbol
        assert all(re.fullmatch(r"\d\d(, \d\d)*", cell) for cell in where), f"{symbol}: {where}"


ENERGY = """energy
  <span lang="ko">에너지</span>. A number.
  See [chapter 03](03-energy-instead-of-probability.ipynb)."""


def page_of(*terms: str) -> str:
    return "```{glossary}\n" + "\n\n".join(terms) + "\n```"


def test_problems_of_a_glossary_are_found() -> None:
    assert not list(glossary_problems(page_of(ENERGY)))
    pages = {
        "names one chapter": page_of(ENERGY.replace("[chapter 03]", "[chapter 05]")),
        "has no link": page_of(ENERGY.replace("(03-energy-instead-of-probability.ipynb)", "(index.md)")),
        "does not begin with the Korean": page_of(ENERGY.replace("에너지", "energy")),
        "stands behind": page_of(ENERGY, ENERGY.replace("energy", "data", 1)),
    }
    for message, page in pages.items():
        found = list(glossary_problems(page))
        assert len(found) == 1 and message in found[0], (message, found)
