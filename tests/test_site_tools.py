"""Lists, pictures, styles, claims and openings of pages, and the start page's figure, which was a real training."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import landscape
import pytest
import torch
from bs4 import BeautifulSoup
from course_site import dress_claims
from fontTools.ttLib import TTFont
from light_pages import Pictures, cut_math_fonts
from lists import LISTS
from PIL import Image

from helpers.figures.claimed import BLOCK

ROOT = Path(__file__).resolve().parents[1]
OPENING = "# The group's code\n\n> **Question.** Is a | b\n> worth $x$?\n>\n> Not this.\n\n*You will be able to* see."


def test_each_list_stands_on_a_page_of_the_book() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md"))
    assert [pages.count(place) for place in LISTS] == [1] * len(LISTS)


def png(mode: str) -> bytes:
    picture, file = Image.new(mode, (40, 30)), io.BytesIO()
    for x in range(40):
        for y in range(30):
            picture.putpixel((x, y), (6 * x, 8 * y, 3 * (x + y), 255 if mode == "RGB" else 4 * x)[: len(mode)])
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_pictures_beside_and_inside_the_page_become_files_and_keep_each_pixel(mode: str, tmp_path: Path) -> None:
    pictures, before = Pictures(tmp_path, tmp_path / "kept"), Image.open(io.BytesIO(png(mode)))
    (tmp_path / "_images").mkdir()
    (tmp_path / "_images" / "a.png").write_bytes(png(mode))
    inside = base64.b64encode(png(mode)).decode()
    page = f'<img alt="one" src="../_images/a.png" /><p>x</p><img src="data:image/png;base64,{inside}" alt="two">'
    light = pictures.lighten(page, depth=1)
    assert "base64" not in light and "a.png" not in light and light.count('loading="lazy"') == 2
    assert light.count('width="40" height="30"') == 2 and 'alt="one"' in light and 'alt="two"' in light
    for path in (tag.split('"')[0] for tag in light.split('src="../')[1:]):
        after = Image.open(tmp_path / path)
        assert after.mode == mode
        pixels = zip(before.get_flattened_data(), after.get_flattened_data(), strict=True)
        seen = [(old, new) for old, new in pixels if old[3:] != (0,)]  # where nothing can be seen no colour matters
        assert len(seen) > 1000 and all(old == new for old, new in seen)
    assert pictures.lighten(light, depth=1) == light
    assert pictures.lighten('<img src="_static/logo.png">', depth=0) == '<img src="_static/logo.png">'


def test_claims_get_a_link_each_and_no_address_twice() -> None:
    claims = [BLOCK.format(7, "a &lt; b", "0.5"), BLOCK.format(8, "c", "1"), BLOCK.format(7, "a &lt; b", "0.6")]
    page = BeautifulSoup(dress_claims("".join(claims), {}), "html.parser")
    blocks = page.select("div.claim")
    assert [block["id"] for block in blocks] == ["claim-00000007", "claim-00000008", "claim-00000007-2"]
    assert [block.select_one("a.headerlink")["href"] for block in blocks] == [f"#{block['id']}" for block in blocks]
    assert [block.select_one(".measured").text for block in blocks] == ["0.5", "1", "0.6"]
    assert blocks[0].get_text("|") == "✓|a < b |#|0.5" and not page.select("[style]"), "course.css gives the look"
    assert dress_claims(str(page), {}) == str(page)


def test_math_fonts_keep_what_pages_need(tmp_path: Path) -> None:
    site, fonts = tmp_path / "site", ROOT / "tools" / "vendor" / "node_modules" / "katex" / "dist" / "fonts"
    site.mkdir()
    for text, there, missing in (("α + b", "αb", "z"), ("β", "β", "b"), ("α + b", "αb", "z")):
        (site / "page.html").write_text(f"<p>{text}</p>", encoding="utf-8")
        cut_math_fonts(site, fonts, tmp_path / "kept")
        has = TTFont(site / "_static" / "vendor" / "katex" / "fonts" / "KaTeX_Math-Italic.woff").getBestCmap()
        assert set(map(ord, there)) <= set(has) and ord(missing) not in has
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_without_a_browser_the_pdf_is_left_out(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "make_pdf.py")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("No PDF: none of chromium")


def test_the_recording_is_what_the_training_gives_and_the_page_shows_it() -> None:
    text = landscape.TARGET.read_text(encoding="utf-8")
    recorded = json.loads(re.search(r'<script type="application/json">(.*)</script>', text)[1])
    again = landscape.recording(landscape.film())
    assert again.keys() == recorded.keys() and again["steps"] == recorded["steps"]
    for name in ("heights", "real", "fake", "overlap"):
        ours, theirs = torch.tensor(recorded[name]), torch.tensor(again[name])
        assert (ours - theirs).abs().max() <= 1, name  # another processor may round differently
    assert landscape.page(recorded) == text
    assert min(map(min, recorded["heights"])) >= 0 and max(map(max, recorded["heights"])) <= landscape.HEIGHT
