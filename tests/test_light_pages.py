"""Lighter pages show the same pictures, and the PDF is made where it can be."""

import base64
import io
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from course_site import MARK_BOX, MARKED_ELSEWHERE, dress_claims, leave_boxes, node_binary
from fontTools.ttLib import TTFont
from light_pages import Pictures, cut_math_fonts, lighten_code, plain_classes
from PIL import Image
from sphinx.errors import ExtensionError

from helpers.figures.claimed import BLOCK

ROOT = Path(__file__).parents[1]


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


def test_for_a_pdf_pictures_are_jpeg(tmp_path: Path) -> None:
    name = Pictures(tmp_path, tmp_path / "kept", paper=True).convert(png("RGBA"))
    with Image.open(tmp_path / name) as after:
        assert name.endswith(".jpg") and after.format == "JPEG" and after.size == (40, 30)
        assert min(after.getpixel((0, 15))) > 230, "what is clear is white"


def test_claims_get_a_link_each_and_no_address_twice() -> None:
    claims = [BLOCK.format(7, "a &lt; b", "0.5"), BLOCK.format(8, "c", "1"), BLOCK.format(7, "a &lt; b", "0.6")]
    page = BeautifulSoup(dress_claims("".join(claims)), "html.parser")
    blocks = page.select("div.claim")
    assert [block["id"] for block in blocks] == ["claim-00000007", "claim-00000008", "claim-00000007-2"]
    assert [block.select_one("a.headerlink")["href"] for block in blocks] == [f"#{block['id']}" for block in blocks]
    assert [block.select_one(".measured").text for block in blocks] == ["0.5", "1", "0.6"]
    assert blocks[0].get_text("|") == "✓|a < b |#|0.5" and not page.select("[style]"), "course.css gives the look"
    assert dress_claims(str(page)) == str(page)


def test_words_of_code_lose_a_tag_only_if_it_changes_nothing() -> None:
    plain = plain_classes("a11y-high-contrast-light", "a11y-high-contrast-dark")
    assert {"n", "p", "w"} <= set(plain) and not {"k", "o", "s2", "c1", "nb", "mi"} & set(plain)
    assert "nb" in plain_classes("bw") and "nb" not in plain_classes("bw", "a11y-high-contrast-light")
    code = '<span class="k">if</span> <span class="n">a</span><span class="o">&lt;</span><span class="mi">1</span>'
    page = f'<p><span class="n">n</span></p><div class="highlight"><pre>{code}\n<span class="p">:</span></pre></div>'
    light = lighten_code(page, plain)
    untagged = page.replace('<span class="n">a</span>', "a").replace('<span class="p">:</span>', ":")
    assert light == untagged.replace('"highlight"', '"highlight" style="--lines: 1"')
    assert lighten_code(light, plain) == light


def test_the_themes_script_leaves_the_boxes_alone_or_the_build_says_so(tmp_path: Path) -> None:
    script = tmp_path / "_static" / "scripts" / "pydata-sphinx-theme.js"
    script.parent.mkdir(parents=True)
    script.write_text(f"boxes.forEach((e=>{{{MARK_BOX}}}))")
    for _ in range(2):  # the second build finds what the first one wrote
        leave_boxes(tmp_path)
        assert script.read_text() == f"boxes.forEach((e=>{{{MARKED_ELSEWHERE}}}))"
    script.write_text("another version of the theme")
    with pytest.raises(ExtensionError, match="no longer marks boxes"):
        leave_boxes(tmp_path)


def test_math_fonts_keep_what_pages_need(tmp_path: Path) -> None:
    site, fonts = tmp_path / "site", ROOT / "tools" / "vendor" / "node_modules" / "katex" / "dist" / "fonts"
    site.mkdir()
    for text, there, missing in (("α + b", "αb", "z"), ("β", "β", "b"), ("α + b", "αb", "z")):
        (site / "page.html").write_text(f"<p>{text}</p>", encoding="utf-8")
        cut_math_fonts(site, fonts, tmp_path / "kept")
        has = TTFont(site / "_static" / "vendor" / "katex" / "fonts" / "KaTeX_Math-Italic.woff").getBestCmap()
        assert set(map(ord, there)) <= set(has) and ord(missing) not in has
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_page_gets_one_style_sheet_without_the_rules_that_nobody_uses(tmp_path: Path) -> None:
    linked = {
        "styles/theme.css": '@import "../basic.css";',
        "styles/pydata-sphinx-theme.css": '@charset "utf-8"; p { color: red } .nobody { color: red }',
        "styles/sphinx-book-theme.css": "p { color: blue; background: url(../icon.png) }",
        "sphinx-design.min.css": "",
        "course.css": ".nobody-either { color: gray }",  # ours is not cut
    }
    (tmp_path / "_static" / "styles").mkdir(parents=True)
    (tmp_path / "_static" / "icon.png").write_bytes(png("RGB"))
    for name, css in {**linked, "basic.css": "i { color: green }"}.items():
        (tmp_path / "_static" / name).write_text(css, encoding="utf-8")
    pages = {tmp_path / "index.html": "", tmp_path / "deep" / "page.html": "../", tmp_path / "404.html": "/base/"}
    for path, above in pages.items():
        path.parent.mkdir(exist_ok=True)
        links = "".join(f'<link href="{above}_static/{name}?v=1" rel="stylesheet" />\n' for name in linked)
        path.write_text(f"<html><head>{links}</head><p><i>x</i></p></html>", encoding="utf-8")
    for _ in range(2):  # the second time there is nothing left to do
        subprocess.run([node_binary(), str(ROOT / "tools" / "vendor" / "styles.mjs"), str(tmp_path)], check=True)
    [joined] = (tmp_path / "_static").glob("all.*.css")
    css = joined.read_text(encoding="utf-8")
    assert css.index("i{color:green}") < css.index("p{color:red}") < css.index("p{color:#00f")
    assert "icon.png" in css and "../icon" not in css and ".nobody{" not in css and ".nobody-either" in css
    for path, above in pages.items():
        page = path.read_text(encoding="utf-8")
        assert page.count("<link") == 1 and f'href="{above}_static/{joined.name}"' in page


def test_without_a_browser_the_pdf_is_left_out(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "make_pdf.py")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("No PDF: none of chromium")
