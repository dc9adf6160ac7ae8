"""What a reader meets on a chapter's page: code that fits, folds and their switch, figures, sliders."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect
from site_server import serve
from test_browser import DESKTOP, PHONE, pages_of, pages_with_a_slider, watched

pytestmark = pytest.mark.browser

FOLDS = ".cell:not(.tag_solution) > details"
OPEN = "folds => folds.filter(fold => fold.open).length"
# How far a page's parts have moved, in all, without anybody having done anything.
SHIFTS = """window.shifted = 0;
new PerformanceObserver(list => list.getEntries().forEach(shift => window.shifted += shift.value))
  .observe({ type: "layout-shift", buffered: true });"""


def chapters_of(site: Path) -> list[str]:
    """List the chapters' pages."""
    return sorted(path.name for path in site.glob("[0-9][0-9]-*.html"))


def heaviest(site: Path) -> str:
    """Return the chapter whose page has most bytes."""
    return max(chapters_of(site), key=lambda name: (site / name).stat().st_size)


# ------------------------------------------------------------------------------------------------ the switch
def test_one_switch_opens_all_code_and_is_remembered(site, address, browser):
    first, second = chapters_of(site)[:2]
    with browser.new_context(viewport=DESKTOP) as context:
        context.add_init_script(SHIFTS)
        problems: list[str] = []
        page = watched(context, address, problems)
        page.goto(address + first)
        switch, folds = page.get_by_role("switch", name="Show all code", exact=True), page.locator(FOLDS)
        assert folds.count() > 5 and folds.evaluate_all(OPEN) == 0
        switch.focus()
        page.keyboard.press("Space")
        expect(switch).to_be_checked()
        assert folds.evaluate_all(OPEN) == folds.count()
        assert page.locator(".tag_solution > details").evaluate_all(OPEN) == 0, "a solution was given away"
        for name in (second, first):
            page.goto(address + name, wait_until="load")
            page.wait_for_timeout(500)
            assert page.evaluate("shifted") < 0.02, f"{name} moved while its code was opened"
            expect(switch).to_be_checked()
            assert folds.evaluate_all(OPEN) == folds.count() > 5
        folds.first.locator("summary").click()
        assert folds.evaluate_all(OPEN) == folds.count() - 1, "a single fold can still be closed"
        switch.click()
        assert folds.evaluate_all(OPEN) == 0
        page.reload()
        expect(switch).not_to_be_checked()
        assert folds.evaluate_all(OPEN) == 0 and not problems, problems


def test_without_scripts_there_is_no_switch_and_folds_open_by_hand(site, address, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address + chapters_of(site)[0])
        assert not page.locator(".show-code").is_visible()
        fold = page.locator(FOLDS).first
        fold.locator("summary").click()
        assert fold.locator("pre").first.is_visible()


# ------------------------------------------------------------------------------------------------------ code
# Code is laid out when it comes near: make all of it come near. Lines of more than 88 characters may scroll.
ROOM = """max => {
  document.querySelectorAll("details").forEach(fold => fold.open = true);
  return [...document.querySelectorAll(".cell_input pre")].flatMap(pre => {
    pre.closest(".highlight").style.contentVisibility = "visible";
    const long = pre.textContent.split("\\n").some(line => line.length > max);
    return !long && pre.scrollWidth > pre.clientWidth ? [pre.textContent.slice(0, 60)] : [];
  });
}"""
WIDTHS = """() => ["p", ".cell_input"].map(name =>
  Math.max(...[...document.querySelectorAll(`.bd-article section > ${name}, .bd-article .cell > ${name}`)]
    .map(box => box.getBoundingClientRect().width)))"""


def found_on(page, address: str, names: list[str], script: str, argument: object = None) -> str:
    """Return what a script finds on each of these pages, a line each."""
    lines = []
    for name in names:
        page.goto(address + name)
        lines += [f"{name}: {what}" for what in page.evaluate(script, argument)]
    return "\n".join(lines)


def test_88_characters_of_code_fit_and_its_box_is_hardly_wider_than_words(site, address, browser):
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        assert found_on(page, address, chapters_of(site), ROOM, 88) == ""
        for width in (1280, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            words, code = page.evaluate(WIDTHS)
            assert 600 < words < code < words + 48, f"at {width} px"


# ------------------------------------------------------------------------------------------- a page that stands
@pytest.mark.parametrize("width", [1280, 1440])
def test_a_page_does_not_move_while_it_comes(width, site, address, browser):
    for name in ("index.html", heaviest(site)):
        with browser.new_context(viewport={"width": width, "height": 900}) as context:
            context.add_init_script(SHIFTS)
            page = context.new_page()
            slow = context.new_cdp_session(page)
            slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            line = {"offline": False, "latency": 40, "downloadThroughput": 750_000, "uploadThroughput": 750_000}
            slow.send("Network.emulateNetworkConditions", line)
            page.goto(address + name, wait_until="load")
            page.wait_for_timeout(1000)
            assert page.evaluate("shifted") < 0.02, name


def test_the_list_beside_a_page_shows_where_the_page_is(site, address, browser):
    with browser.new_context(viewport={"width": 1280, "height": 600}) as context:
        page = context.new_page()
        for name in (chapters_of(site)[0], chapters_of(site)[-1]):
            page.goto(address + name)
            expect(page.locator(".bd-sidebar-primary .current > a.current")).to_be_in_viewport(ratio=1)
            assert page.evaluate("scrollY") == 0


def test_the_search_icon_covers_no_letter(address, browser):
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(address + "index.html")
        page.locator(".search-button__button:visible").first.click()
        form = page.locator("dialog form.bd-search")
        icon, field = (form.locator(part).first.bounding_box() for part in ("i, svg", "input"))
        inside = form.locator("input").evaluate("field => parseFloat(getComputedStyle(field).paddingLeft)")
        assert field["x"] + inside >= icon["x"] + icon["width"] + 2


# ----------------------------------------------------------------------------------------- figures and sliders
BOXES = "all => all.map(one => one.getBoundingClientRect()).map(box => [box.width, box.right])"


def test_sliders_have_room_and_start_at_the_first_picture(site, address, browser):
    with browser.new_context() as context:
        page = context.new_page()
        for name in pages_with_a_slider(site):
            page.goto(address + name)
            sliders = page.locator(".scrub input[type=range], .landscape input")
            assert set(sliders.evaluate_all("all => all.map(one => one.value)")) == {"0"}, name
            for width in (390, 820, 1280, 1440):
                page.set_viewport_size({"width": width, "height": 900})
                boxes = sliders.evaluate_all(BOXES)
                shown = [(wide, right) for wide, right in boxes if wide]  # a folded solution has no width
                assert all(wide >= 200 and right <= width for wide, right in shown), (name, width, boxes)


SHOW_ALL = """() => {
  document.querySelectorAll("details").forEach(fold => { fold.open = true; });
  document.querySelectorAll("img[loading]").forEach(image => { image.loading = "eager"; });
}"""
# A figure is 6.6 inches wide and the numbers on its axes are 11 points high: of 72 to the inch.
FIGURES = """() => [...document.querySelectorAll(".cell_output > img, .scrub img:not([data-off])")]
  .filter(image => image.checkVisibility() && +image.getAttribute("width") > 600)
  .map(image => [image.getBoundingClientRect().width, +image.getAttribute("width"), image.naturalWidth])"""
# How much taller each picture's drawing is than it would be in proportion.
STRETCHED = """() => [...document.querySelectorAll(".bd-article img")]
  .filter(image => image.checkVisibility() && image.naturalWidth)
  .map(image => [getComputedStyle(image), image])
  .map(([style, image]) => (image.clientHeight - parseFloat(style.paddingTop) * 2) * image.naturalWidth
    / ((image.clientWidth - parseFloat(style.paddingLeft) * 2) * image.naturalHeight))"""


def figures_of(page: Path) -> int:
    """Count the figures that a page's file holds, one for each slider: none may be left out above."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    wide = [image for image in soup.select(".cell_output > img[width]") if int(image["width"]) > 600]
    return len(wide) + len(soup.select(".scrub"))


def test_figures_are_sharp_and_their_numbers_are_legible_on_a_phone(site, address, browser):
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        for name in chapters_of(site):
            page.goto(address + name)
            page.evaluate(SHOW_ALL)
            page.wait_for_load_state("networkidle")
            figures = page.evaluate(FIGURES)
            assert all(0.97 < ratio < 1.03 for ratio in page.evaluate(STRETCHED)), name
            assert all(shown / (6.6 * 72) * 11 > 9 for shown, _, _ in figures), (name, figures)
            assert all(pixels >= 1.9 * wide for _, wide, pixels in figures), (name, figures)
            assert len(figures) == figures_of(site / name) > 1, name


# ------------------------------------------------------------------------------------- what is wider than a page
CUT = """() => [...document.querySelectorAll(".bd-article *")].filter(box => box.scrollWidth > box.clientWidth + 1
    && ["auto", "scroll"].includes(getComputedStyle(box).overflowX) && box.checkVisibility())
  .filter(box => !getComputedStyle(box).backgroundImage.includes("gradient")).map(box => box.outerHTML.slice(0, 120))"""


def test_on_a_phone_an_edge_beyond_which_something_goes_on_is_shaded(site, address, browser):
    with browser.new_context(viewport=PHONE) as context:
        assert found_on(context.new_page(), address, pages_of(site), CUT) == ""


def test_on_a_phone_the_list_of_exercises_has_the_width_of_the_page(address, browser):
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        page.goto(address + "exercises.html")
        widths = page.locator("article li").evaluate_all("items => items.map(item => item.clientWidth)")
        assert len(widths) > 20 and min(widths) > 300


BAD = """<main class="bd-article"><div style="overflow-x:auto;width:90px">WORD</div><div class="cell">
<div class="cell_input"><div class="highlight"><pre style="width:200px;overflow:auto">CODE</pre></div></div></div>"""


def test_the_checks_find_what_they_are_for(tmp_path, browser):
    (tmp_path / "bad.html").write_text(BAD.replace("WORD", "w" * 80).replace("CODE", "c" * 80))
    for address in serve(tmp_path):
        page = browser.new_page()
        page.goto(address + "bad.html")
        assert len(page.evaluate(CUT)) == 2 and len(page.evaluate(ROOM, 88)) == 1 and page.evaluate(ROOM, 70) == []
        page.close()
