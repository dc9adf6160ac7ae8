"""The glossary: two languages, in order, every term linked to where it is introduced and used in a chapter."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import nbformat
from exercise_index import markdown_of
from test_notebooks import CHAPTERS

BOOK = Path(__file__).resolve().parents[1] / "book"
CHAPTER_LINK = re.compile(r"\[chapter (\d\d)\]\((\d\d)-[\w-]+\.ipynb(#[\w-]+)?\)")
KOREAN = re.compile(r'^<span lang="ko">[^<]*[가-힣][^<]*</span>\. ')
# Terms that readers meet in papers under this name, and in chapters as the words on the right.
OTHER_WORDS = {
    "R1 penalty": "r1",
    "ablation": "leave out one remedy at a time",
    "adversarial training": "generative adversarial",
    "best response": "best answer",
    "averaged weights": "moving average",
    "binomial distribution": "binomial law",
    "chance level": "at chance",
    "confidence interval": "95 % interval",
    "k-nearest-neighbour classifier (kNN)": "knn",
    "latent variable": "random numbers",
    "memorisation": "memorises",
    "minimax game": "one player moves",
    "mode coverage": "coverage",
    "negative pair": "different pair",
    "paired difference": "compared in pairs",
    "straight-through gradient": "straight-through",
    "usable run": "usable",
}


def entries(page: str) -> dict[str, str]:
    """Return the terms of a page's glossary with their texts, each on one line."""
    body = re.search(r"^```\{glossary\}\n(.*?)\n```$", page, re.DOTALL | re.MULTILINE)[1]
    found = {}
    for entry in body.strip().split("\n\n"):
        term, *text = entry.split("\n")
        found[term] = " ".join(line.strip() for line in text)
    return found


def words_of(text: str) -> str:
    """Return text in small letters, without what Markdown adds, on one line."""
    return re.sub(r"[\s*_`]+", " ", text).lower()


def is_used(term: str, chapters: str) -> bool:
    """Tell whether a chapter has the term: as it stands, without what is in brackets, or in the words listed above."""
    plain = re.sub(r" ?\(.*\)", "", term)
    forms = [plain, OTHER_WORDS.get(term, plain)]
    return any(re.search(rf"(?<!\w){re.escape(words_of(form))}", chapters) for form in forms)


def glossary_problems(page: str, chapters: str) -> Iterator[str]:
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
        if not is_used(term, chapters):
            yield f"{term}: no chapter uses it"


def all_chapters() -> str:
    """Return the words of all chapters."""
    cells = (cell.source for path in CHAPTERS for cell in nbformat.read(path, as_version=4).cells)
    return words_of("\n".join(cells))  # claims are read too, and they stand in code


def test_every_term_has_two_languages_a_link_and_a_use() -> None:
    page = markdown_of(BOOK / "glossary.md")
    assert len(entries(page)) > 80
    found = list(glossary_problems(page, all_chapters()))
    assert not found, "\n".join(found)


def test_every_symbol_says_where_it_comes_from() -> None:
    table = re.search(r"^\| symbol .*?\n\n", markdown_of(BOOK / "glossary.md"), re.DOTALL | re.MULTILINE)[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.strip().split("\n")[2:]]
    assert len(rows) > 30
    for symbol, meaning, *where in rows:
        assert "$" in symbol and len(meaning) > 3, symbol
        assert all(re.fullmatch(r"\d\d(, \d\d)*", cell) for cell in where), f"{symbol}: {where}"


ENERGY = """energy
  <span lang="ko">에너지</span>. A number.
  See [chapter 03](03-energy-instead-of-probability.ipynb)."""


def page_of(*terms: str) -> str:
    """Return a page whose glossary has these entries."""
    return "```{glossary}\n" + "\n\n".join(terms) + "\n```"


def test_problems_of_a_glossary_are_found() -> None:
    assert not list(glossary_problems(page_of(ENERGY), "an energy is a number"))
    changes = {
        "no chapter uses it": (page_of(ENERGY), "synergy"),
        "names one chapter": (page_of(ENERGY.replace("[chapter 03]", "[chapter 04]")), "energy"),
        "has no link": (page_of(ENERGY.replace("(03-energy-instead-of-probability.ipynb)", "(index.md)")), "energy"),
        "does not begin with the Korean": (page_of(ENERGY.replace("에너지", "energy")), "energy"),
        "stands behind": (page_of(ENERGY, ENERGY.replace("energy", "data", 1)), "energy data"),
    }
    for message, (page, chapters) in changes.items():
        found = list(glossary_problems(page, chapters))
        assert len(found) == 1 and message in found[0], (message, found)
