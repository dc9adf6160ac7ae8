"""Every page in a real browser, light and dark, phone and desktop; figures with a slider used by hand."""

from __future__ import annotations

import contextlib
import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError, expect
from site_server import BASE, ROOT, serve

pytestmark = pytest.mark.browser

AXE = ROOT / "tools" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
# preload: axe would fetch style sheets' imports again, from wrong addresses.
RUN_AXE = """async rules => {
  const more = { "label-content-name-mismatch": { enabled: true } };  // an experiment of axe's, a rule of WCAG (2.5.3)
  const { violations } = await axe.run(document, { runOnly: rules, rules: more, preload: false });
  const why = node => node.any.map(check => check.message).join("; ");
  return violations.flatMap(v => v.nodes.map(n => `${v.id}: ${v.help}: ${n.html.slice(0, 160)} ${why(n)}`));
}"""
TOO_WIDE = """() => { const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room && document.body.scrollWidth <= room) return [];
  return [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > room + 1)
    .slice(0, 3).map(e => e.outerHTML.slice(0, 120)).concat('page wider than ' + room); }"""
# course.js measures boxes when the browser is idle; what it never gets to, axe will name.
REACHED = """() => [...document.querySelectorAll(
    "pre, .table-scroll, .pst-scrollable-table-container, .katex-display, .output"
  )].every(box => box.scrollWidth <= box.clientWidth || box.tabIndex === 0)"""
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def watched(context, host: str, problems: list[str]):
    """Open a page that writes down requests to other hosts and what goes wrong in its scripts."""
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("console", lambda said: said.type == "error" and problems.append(f"console: {said.text}"))

    def gate(route) -> None:
        if route.request.url.startswith((host, "data:", "blob:")):
            return route.continue_()
        problems.append(f"request to another host: {route.request.url}")
        return route.abort()

    page.route("**/*", gate)
    return page


def look(page, url: str, problems: list[str], *, axe: bool = True) -> list[str]:
    """Visit a page and return what is wrong with it, each line with the page's name."""
    problems.clear()
    page.goto(url, wait_until="load")
    found = [f"does not fit: {element}" for element in page.evaluate(TOO_WIDE)]
    if axe:
        with contextlib.suppress(TimeoutError):
            page.wait_for_function(REACHED, polling=100, timeout=20_000)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found += page.evaluate(RUN_AXE, RULES)
    return [f"{url.rsplit('/', 1)[1]}: {problem}" for problem in [*problems, *found]]


def pages_of(site: Path) -> list[str]:
    """List the addresses of all English pages, relative to the start page; test_edition.py looks at the others."""
    files = [path for path in site.rglob("*.html") if not {"_static", "ko"} & set(path.relative_to(site).parts)]
    return sorted(path.relative_to(site).as_posix() for path in files)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_sound(scheme, site, address, browser):
    problems: list[str] = []
    found: list[str] = []
    with browser.new_context(color_scheme=scheme, viewport=DESKTOP) as context:
        page = watched(context, address, problems)
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            for name in pages_of(site):
                where = f"{scheme}, {size['width']} px, "
                found += [where + line for line in look(page, address + name, problems)]
    assert not found, "\n" + "\n".join(found)


# What decides whether words can be read: their colour and that of the page.
COLOURS = """() => ['.search-button__default-text', 'body'].map(name => {
  const style = getComputedStyle(document.querySelector(name));
  return name === 'body' ? style.backgroundColor : style.color; })"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_has_its_colours_before_the_themes_last_script_comes(scheme, address, browser):
    with browser.new_context(color_scheme=scheme, viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(address + "index.html", wait_until="load")
        page.wait_for_timeout(500)
        later = page.evaluate(COLOURS)
        page.route("**/pydata-sphinx-theme.js*", lambda route: route.abort())
        page.goto(address + "index.html", wait_until="load")
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        assert page.evaluate(COLOURS) == later


def test_the_choice_of_light_or_dark_is_kept(address, browser):
    with browser.new_context(color_scheme="light", viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(address + "index.html")
        seen = []
        for _ in range(3):
            page.locator(".theme-switch-button:visible").first.click()
            seen.append(page.evaluate("document.documentElement.dataset.theme"))
            page.route("**/pydata-sphinx-theme.js*", lambda route: route.abort())  # it would mend a wrong start
            page.goto(address + "data.html")
            assert page.evaluate("document.documentElement.dataset.theme") == seen[-1]
            page.unroute("**/pydata-sphinx-theme.js*")
            page.reload()
        assert "dark" in seen


def test_a_page_can_be_read_where_scripts_are_off(address, browser):
    with browser.new_context(java_script_enabled=False, viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(address + "index.html")
        assert page.locator("html").get_attribute("data-theme") == "light"
        assert page.locator("article h1").first.is_visible()


# Code is laid out when it comes near. Before that its box must be as high as it will be, or the page would jump.
ROOM = """() => {
  const boxes = [...document.querySelectorAll(".cell_input .highlight")].filter(box => box.checkVisibility());
  const heights = () => boxes.map(box => box.getBoundingClientRect().height);
  const far = boxes.filter(box => box.getBoundingClientRect().top > 5 * innerHeight);
  const waits = box => !box.firstElementChild.checkVisibility({ contentVisibilityAuto: true });
  const waiting = far.filter(waits).length, before = heights();
  boxes.forEach(box => box.style.contentVisibility = "visible");
  return [far.length, waiting, Math.max(...heights().map((height, i) => Math.abs(height - before[i])))];
}"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_code_that_is_not_laid_out_yet_has_its_room(size, site, address, browser):
    chapters = sorted(path.name for path in site.glob("[0-9][0-9]-*.html"))
    assert len(chapters) == len([*(ROOT / "book").glob("[0-9][0-9]-*.ipynb")])
    with browser.new_context(viewport=size) as context:
        page = context.new_page()
        for name in chapters:
            page.goto(address + name, wait_until="load")
            far, waiting, difference = page.evaluate(ROOM)
            assert 0 < far == waiting, f"{name}: {waiting} of {far} boxes that are far below wait"
            assert difference < 1, f"{name}: the room of a box is wrong by {difference} px"


def test_an_address_that_is_not_there_shows_the_404_page_with_its_style(address, browser):
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        answers = []
        page.on("response", lambda response: answers.append((response.status, response.url)))
        page.goto(address + "deep/down/nothing.html")
        assert "not here" in page.inner_text("main h1:visible")
        assert [url for status, url in answers if status != 200] == [address + "deep/down/nothing.html"]
        page.click("main a >> text=start page")
        assert page.url.startswith(address + "index.html")


def test_search_finds_a_word(address, browser):
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(address + "search.html?q=discriminator")
        page.wait_for_selector("ol.search li a", timeout=10_000)
        assert page.locator("ol.search li a").count() >= 2


def test_my_run_fails_names_the_level_of_a_stuck_loss_and_finds_symptoms(address, browser):
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        page.goto(address + "diagnosis.html", wait_until="load")
        fill = lambda name, text: page.fill(f"#levels-form input[name={name}]", text)  # noqa: E731
        fill("loss", "4.85")
        fill("batch", "64")
        assert "NT-Xent, N pictures in two views" in re.sub(r"\s+", " ", page.inner_text("#levels-form output"))
        marked = page.locator("tr.is-close")
        assert marked.count() == 1 and "at one point" in marked.inner_text()
        fill("loss", "4.9")
        assert marked.count() == 0 and "None of these levels" in page.inner_text("#levels-form output")
        page.fill("#symptoms input", "NaN step before")
        assert re.match(r"1 of \d\d branches", page.inner_text("#symptoms output"))
        assert page.locator("article li:visible", has_text="NaN").count() == 1
        page.fill("#symptoms input", "")
        assert page.locator("article section section li[hidden]").count() == 0


def test_the_register_finds_claims_and_shows_what_a_link_wants(address, browser):
    with browser.new_context(viewport=PHONE, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(address + "claims.html", wait_until="load")
        box, rows = page.locator(".register-filter input[type=search]"), page.locator("table.register tr[id]:visible")
        whole, last = rows.count(), rows.last.get_attribute("id")
        example = box.get_attribute("placeholder")
        for asked in (example, "Frechet", "chapter 06"):
            box.fill(asked)
            assert 0 < rows.count() < whole, asked
        assert {row.get_attribute("id")[:6] for row in rows.all()} == {"of-06-"}
        box.fill("(no such claim")
        assert rows.count() == 0 and page.inner_text(".register-filter output") == "0 found"
        page.goto(f"{address}claims.html#{last}")
        page.locator(f"#{last}").wait_for()
        assert rows.count() == whole and box.input_value() == ""


def test_a_further_claim_stands_above_its_check_in_a_fold_that_a_link_opens(site, address, browser):
    name = next(path.name for path in sorted(site.glob("[0-9][0-9]-*.html")) if "tag_more" in path.read_text("utf-8"))
    with browser.new_context(viewport=PHONE, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(address + name, wait_until="load")
        fold = page.locator(".cell.tag_more > details").first
        claim, check = fold.locator(".claim"), fold.locator(".cell_input")
        assert not claim.is_visible()
        page.goto(f"{address}{name}#{claim.get_attribute('id')}")
        claim.wait_for()
        assert claim.bounding_box()["y"] < check.bounding_box()["y"]


def first_view(page, url: str) -> dict[str, int]:
    """Open a page and return how many bytes came, compressed: pictures, and everything else."""
    answers = []

    def keep(answer) -> None:
        answers.append(answer)

    page.on("response", keep)
    page.goto(url, wait_until="networkidle")
    came = {"pictures": 0, "else": 0}
    for answer in answers:
        body = answer.body()
        kind = "pictures" if answer.request.resource_type == "image" else "else"
        came[kind] += min(len(body), len(gzip.compress(body)))
    return came


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_first_view_of_every_page_is_light(size, site, address, browser):
    heavy = []
    for name in pages_of(site):
        with browser.new_context(viewport=size) as context:  # a new reader: nothing is in the cache
            came = first_view(context.new_page(), address + name)
        if came["else"] > 200_000 or sum(came.values()) > 900_000 or came["else"] < 1_000:
            heavy.append(f"{name}: {came}")
    assert not heavy, "over 200 KB beside pictures, or 900 KB with them:\n" + "\n".join(heavy)


# ------------------------------------------------------------------------------- figures with a slider
SHOWN = """box => box.matches('.landscape') ? box.querySelector('svg').innerHTML
  : box.querySelector('img:not([data-off])').src"""


def pages_with_a_slider(site: Path) -> list[str]:
    """List the pages that have a figure with a slider."""
    marks = ('class="scrub"', 'class="landscape"')
    texts = {name: (site / name).read_text(encoding="utf-8") for name in pages_of(site)}
    return [name for name, text in texts.items() if any(mark in text for mark in marks)]


def scrub_boxes(page):
    """Return the figures with a slider on the current page, with what hides one (a solution) opened."""
    page.evaluate("document.querySelectorAll('details').forEach(folded => { folded.open = true; })")
    return page.locator(".scrub, .landscape").all()


def press(slider, key: str, value: str) -> None:
    """Press a key and wait until the slider stands where the key takes it."""
    slider.press(key)
    expect(slider).to_have_value(value)


def check_drag(page, box) -> None:
    """Drag the slider with the mouse from its right end to its left end: the picture changes."""
    slider = box.locator("input")
    press(slider, "End", slider.get_attribute("max"))
    before = box.evaluate(SHOWN)
    slider.scroll_into_view_if_needed()
    place = slider.bounding_box()
    height = place["y"] + place["height"] / 2
    page.mouse.move(place["x"] + place["width"] - 4, height)
    page.mouse.down()
    page.mouse.move(place["x"] + 2, height, steps=5)
    page.mouse.up()
    expect(slider, "dragging to the left end reaches the first picture").to_have_value("0")
    assert box.evaluate(SHOWN) != before, "dragging the slider changed no picture"


def check_keys(page, box) -> None:
    """Step with the arrow keys: picture and announced text follow."""
    slider = box.locator("input")
    press(slider, "Home", "0")
    first, text = box.evaluate(SHOWN), slider.get_attribute("aria-valuetext")
    press(slider, "ArrowRight", "1")
    assert box.evaluate(SHOWN) != first, "the right arrow key changed no picture"
    assert slider.get_attribute("aria-valuetext") != text, "the announced text did not change"


def check_play(page, box) -> None:
    """Press Play: it runs to the last picture and stops there."""
    slider, button = box.locator("input"), box.locator("button")
    press(slider, "End", slider.get_attribute("max"))
    # Read where it is clicked: on a slow machine the next picture comes before a second question is answered.
    start = "button => { button.click(); return button.closest('.scrub, .landscape').querySelector('input').value; }"
    assert button.evaluate(start) == "0", "Play at the end did not start over"
    assert button.inner_text() == "Pause", "Play did not start"
    page.clock.run_for(200_000)
    assert slider.input_value() == slider.get_attribute("max"), "Play did not reach the last picture"
    assert button.inner_text() == "Play", "Play did not stop at the end"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_figures_with_a_slider_move(size, site, address, browser):
    seen = 0
    with browser.new_context(viewport=size) as context:
        page = context.new_page()
        page.clock.install()  # Play takes seconds; this clock is wound forward by hand
        for name in pages_with_a_slider(site):
            page.goto(address + name)
            for number, box in enumerate(scrub_boxes(page), start=1):
                for check in (check_drag, check_keys, check_play):
                    try:
                        check(page, box)
                    except AssertionError as error:
                        pytest.fail(f"{name}, figure {number} with a slider: {error}", pytrace=False)
                seen += 1
    assert seen, "no page has a figure with a slider"


def test_with_reduced_motion_the_button_goes_one_picture_further(site, address, browser):
    name = pages_with_a_slider(site)[0]
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(address + name)
        box = scrub_boxes(page)[0]
        assert box.locator("button").inner_text() == "Next"
        box.locator("button").click()
        assert box.locator("input").input_value() == "1"


def test_without_scripts_and_in_print_the_last_picture_is_shown(site, address, browser):
    name = pages_with_a_slider(site)[0]
    visible = "images => images.map(i => getComputedStyle(i).visibility)"
    with browser.new_context(java_script_enabled=True) as context:
        page = context.new_page()
        page.goto(address + name)
        page.locator(".scrub input").first.focus()
        page.keyboard.press("Home")
        page.emulate_media(media="print")
        states = page.locator(".scrub").first.locator("img").evaluate_all(visible)
        assert states[-1] == "visible" and set(states[:-1]) == {"hidden"}
        assert not page.locator(".scrub-bar").first.is_visible()
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address + name)
        assert page.locator(".scrub").first.locator("img").last.is_visible()
        assert not page.locator(".scrub-bar").first.is_visible()


def test_on_paper_long_code_goes_on_over_the_end_of_a_page(address, browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address + "05-a-discriminator-that-returns-energy.html")
        # The course's own cells are short by now: make them longer than half a page.
        page.evaluate("document.querySelectorAll('.cell_input pre').forEach(p => p.innerHTML = p.innerHTML.repeat(4))")
        broken = page.pdf().count(b"/Type /Page\n")
        page.add_style_tag(content=".cell_input .highlight { break-inside: avoid !important; }")
        assert 10 < broken < page.pdf().count(b"/Type /Page\n")


def test_the_landscape_is_drawn_the_same_with_scripts_and_without(address, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        assert not page.locator(".landscape-bar").is_visible()
        still = page.locator(".landscape svg").inner_html()
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        box = page.locator(".landscape")
        box.locator("input").focus()
        assert box.locator("input").input_value() == "0" and box.locator("svg").inner_html() != still
        page.keyboard.press("End")
        assert box.locator("svg").inner_html() == still


BAD = """<!doctype html><html lang="en"><head><title>Bad</title></head><body><main><h1>Bad</h1>
<img src="https://elsewhere.example.org/x.png"><div style="width:3000px">wide</div>
<script>console.error("told you"); nothing.at.all;</script></main></body></html>"""


def test_the_checks_find_what_they_are_for(tmp_path, browser):
    (tmp_path / "bad.html").write_text(BAD)
    problems: list[str] = []
    for address in serve(tmp_path):
        with browser.new_context(viewport=PHONE) as context:
            found = "\n".join(look(watched(context, address, problems), address + "bad.html", problems))
    for expected in (
        "request to another host: https://elsewhere.example.org/x.png",
        "console: told you",
        "script error: nothing is not defined",
        'does not fit: <div style="width:3000px">',
        "image-alt",
    ):
        assert f"bad.html: {expected}" in found, found
    assert BASE.startswith("/")
