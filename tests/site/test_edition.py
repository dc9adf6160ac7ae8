"""The Korean edition in a browser: the same places, a search that knows Hangul, lines that no particle begins."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from korean import in_full, in_kit, pages
from site_server import ROOT
from test_browser import DESKTOP, PHONE, look, watched
from test_search import ask

LOOKED_AT = ["index", "how-to-use", "meet", "diagnosis", "glossary", "lab", "sessions/08-the-run-and-its-autopsy"]
LOOKED_AT += ["sessions/minutes", "quizzes/part-3-contrast", "13-autopsy-of-12-5-percent"]
# What is typed, and what the address of the first section may be.
QUERIES = {
    "에너지": r"#term-energy$|03-",
    "모드 붕괴": r"#term-mode-collapse",
    "함수": r"#term-partition-function|#term-.*loss|#term-score|#term-softplus|#term-sigmoid",
    "대조 학습": r"#term-contrastive-learning|^15-|^11-",
    "손실": r"#term-loss",
    "임베딩": r"#term-embedding",
    "판별자": r"#term-discriminator",
    "마진": r"#term-margin",
    "온도": r"#term-temperature",
    "검증": r"#term-(validation|verification)",
    "회의록": r"sessions/minutes",
    "예측": r"how-to-use|my-course|sessions/",
    "코사인 유사도": r"#term-cosine-similarity",
    "12.5%": r"13-|12-|index\.html#the-run",
    "학습률": r"#term-learning-rate",
}
# Characters of Hangul that begin a line although no space stands before them, with what stands around them.
TORN = """() => {
  const torn = [], blocks = "p, li, td, th, h1, h2, h3, dt, figcaption, summary";
  for (const block of document.querySelectorAll(`article :is(${blocks})`)) {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT), range = document.createRange();
    let before = " ", bottom = 0, last = null;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest("pre, script, style, .katex-mathml, .headerlink, [hidden]")) continue;
      let box = node.parentElement;
      while (getComputedStyle(box).display.startsWith("inline")) box = box.parentElement;
      if (box !== last) before = " ";
      last = box;
      for (let i = 0; i < node.length; i++) {
        const letter = node.data[i];
        if (letter === "\\u2060") continue;
        if (/[가-힣]/.test(letter) && !/[-–/\\s가-힣]/.test(before)) {
          range.setStart(node, i); range.setEnd(node, i + 1);
          const now = range.getBoundingClientRect();
          const fell = now.height && bottom && now.top > bottom - 3;
          if (fell) torn.push(`${block.textContent.trim().slice(0, 60)}: ${before}${letter}`);
        }
        if (!/\\s/.test(letter)) {
          range.setStart(node, i); range.setEnd(node, i + 1);
          bottom = range.getBoundingClientRect().bottom;
        }
        before = letter;
      }
    }
  }
  return torn;
}"""


def parsed(path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize("page", pages())
def test_a_page_leads_to_the_same_place_in_the_other_language(page, site):
    english, korean = (parsed(site / edition / f"{page}.html") for edition in ("", "ko"))
    places = [
        {part["id"] for part in one.select("article section[id], dt[id], .claim[id]")} for one in (english, korean)
    ]
    assert places[0] == places[1], places[0] ^ places[1]
    for here, other, one in (("en", "ko", english), ("ko", "en", korean)):
        assert one.html["lang"] == here
        link = one.select_one(f"a.language-switch[hreflang={other}]")
        target = (site / ("ko" if here == "ko" else "") / f"{page}.html").parent / link["href"]
        assert target.resolve() == (site / ("ko" if other == "ko" else "") / f"{page}.html").resolve()
        home = one.select_one("link[hreflang=x-default]")["href"].removesuffix(f"{page}.html")
        told = {tag["hreflang"]: tag["href"] for tag in one.select("link[hreflang]")}
        assert told == {"x-default": f"{home}{page}.html", "en": f"{home}{page}.html", "ko": f"{home}ko/{page}.html"}
        assert one.select_one("link[rel=canonical]")["href"] == told[here]
    assert bool(korean.select(".edition-notice")) != in_kit(page)
    assert (korean.article.get("lang") == "en") != in_kit(page)


def test_the_edition_has_its_own_map_and_its_own_notebooks(site):
    assert (site / "ko" / "sitemap.xml").read_text(encoding="utf-8").count("/ko/") >= len(pages())
    for page in filter(in_full, pages()):
        assert re.search("[가-힣]{3}", (site / "ko" / "_sources" / f"{page}.ipynb").read_text(encoding="utf-8"))
        assert list((site / "ko").glob(f"*chapter-{page[:2]}.zip"))
    kept = ROOT / "_build" / "ko" / "_build" / "jupyter_execute"
    assert not kept.is_dir() or not list(kept.rglob("*.traceback")), "the edition has executed something"


@pytest.mark.browser
def test_fifteen_queries_find_their_place_first(address, browser):
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(address + "ko/search.html")
        found = {text: ask(page, text) for text in QUERIES}
    assert {text: place for text, place in found.items() if not re.search(QUERIES[text], place)} == {}


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_faults_that_axe_knows_and_no_torn_words(scheme, address, browser):
    found, problems = [], []
    with browser.new_context(color_scheme=scheme, viewport=DESKTOP) as context:
        page = watched(context, address, problems)
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            for name in LOOKED_AT:
                lines = look(page, f"{address}ko/{name}.html", problems)
                lines += [f"{name}: a line begins inside of a word: {torn}" for torn in page.evaluate(TORN)]
                found += [f"{scheme}, {size['width']} px, {line}" for line in lines]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.browser
def test_the_switch_keeps_the_section_and_the_room_speaks_korean(address, browser):
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(address + "13-autopsy-of-12-5-percent.html#the-bumpy-loss")
        page.wait_for_timeout(1500)  # pictures above it come, and it stays in view
        page.locator("#the-bumpy-loss").scroll_into_view_if_needed()
        page.locator(".language-switch:visible").first.click()
        page.wait_for_url("**/ko/13-autopsy-of-12-5-percent.html#the-bumpy-loss")
        page.goto(address + "ko/meet.html")
        page.get_by_text("회의 시작").first.wait_for()
