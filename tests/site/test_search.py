"""The search in a browser: thirty things that learners type, and the section that should come first."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect
from test_browser import AXE, DESKTOP, PHONE, RULES, RUN_AXE, TOO_WIDE, watched

pytestmark = pytest.mark.browser

# What is typed, and what the address of the first section may be: several where each would help.
QUERIES = {
    "12.5": r"13-|index\.html#the-run",
    "12.5 %": r"13-|index\.html#the-run",
    "pull away": r"07-|#term-pull",
    "pull-away term": r"07-|#term-pull",
    "pulling-away": r"07-|#term-pull",
    "Fréchet": r"#term-(FID|Fr)",
    "frechet distance": r"#term-(FID|Fr)",
    "FID": r"#term-(FID|Fr)",
    "Langevin": r"04-|#term-Langevin",
    "BCEWithLogitsLoss": r"14-.*cross-entropy|#term-pairwise",
    "install": r"how-to-use\.html#(run|on-your-own)|troubleshooting",
    "run on my own machine": r"how-to-use\.html#on-your-own|troubleshooting",
    "colab": r"how-to-use\.html#in-colab|troubleshooting\.html#colab",
    "모드 붕괴": r"#term-mode-collapse",
    "대조 학습": r"#term-contrastive-learning",
    "에너지 기반 모델": r"#term-energy-based",
    "정규화": r"#term-(regularis|.*normalis)",
    "온도": r"#term-temperature",
    "mode collapse": r"02-|#term-mode-collapse",
    "hard negatives": r"11-|15-|#term-negative",
    "margin": r"05-|#term-margin",
    "NT-Xent": r"#term-NT-Xent",
    "loss stuck at ln 2": r"diagnosis",
    "loss is nan": r"diagnosis",
    "batch norm": r"#term-batch-norm",
    "learning rate": r"#term-learning-rate",
    "score matching": r"04-|#term-score",
    "license": r"how-to-use\.html#cite|data\.html",
    "mnist": r"data\.html|#term-MNIST",
    "quiz": r"quizzes/",
}


def ask(page, text: str) -> str:
    """Type a query into the search page and return the address that it shows first."""
    page.evaluate("document.getElementById('search-results').replaceChildren()")
    page.locator("main form.bd-search input").fill(text)
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for(state="attached")
    links = page.locator("#search-results ol a")
    return links.first.get_attribute("href") if links.count() else "nothing"


def test_the_right_section_comes_first(address, browser):
    with browser.new_context(viewport=DESKTOP) as context:
        problems: list[str] = []
        page = watched(context, address, problems)
        page.goto(address + "search.html")
        wrong = []
        for text, expected in QUERIES.items():
            first = ask(page, text)
            if not re.search(expected, first):
                wrong.append(f"{text}: {first}")
        assert len(QUERIES) == 30 and len(wrong) <= 2, "\n".join(wrong)
        assert not problems, problems


def test_results_are_sections_that_exist_shown_without_code(site, address, browser):
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        page.goto(address + "search.html?q=contrastive")
        links = page.locator("#search-results ol a")
        expect(page.get_by_role("status")).to_contain_text("sections, the best first")
        shown = [link.get_attribute("href") for link in links.all()]
        assert len(set(shown)) == len(shown) > 5
        for name, _, anchor in (href.partition("#") for href in shown):
            assert not anchor or f'id="{anchor}"' in (site / name).read_text(encoding="utf-8"), f"{name}#{anchor}"
        texts = page.locator("#search-results li p").all_inner_texts()
        assert not [text for text in texts if re.search(r"import |\\frac|On this page", text)]
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(RUN_AXE, RULES) == [] and page.evaluate(TOO_WIDE) == []
        links.first.click()
        assert page.url.endswith(shown[0])


def test_the_search_says_so_if_it_finds_nothing_and_keeps_what_was_typed(address, browser):
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(address + "index.html")
        page.locator(".search-button__button:visible").first.click()
        page.locator("dialog form.bd-search input").fill("<qwertz>")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Nothing was found")
        assert page.locator("main form.bd-search input").input_value() == "<qwertz>"
        page.locator("main form.bd-search input").fill("energy")
        expect(page.locator("#search-results ol a").first).to_be_visible()
        assert page.url.endswith("?q=energy")


def test_every_section_is_in_the_index_and_no_code(site):
    text = (site / "_static" / "search-index.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("const INDEX = ").rstrip(";\n"))
    addresses = [row[0] for row in index["sections"]]
    assert len(addresses) > 500 and len(set(addresses)) == len(addresses)
    pages = {address.partition("#")[0] for address in addresses}
    assert {path.name for path in site.glob("[0-9][0-9]-*.html")} < pages
    assert not [row[0] for row in index["sections"] if "import torch" in row[3]]
    claims = [row for row in index["sections"] if row[0].startswith("01-") and "logits fan out" in row[3]]
    assert claims, "what claims say is found"
