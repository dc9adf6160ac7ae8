"""Lighter pages: lossless WebP pictures that are fetched when the reader comes near them, cut fonts, fewer tags.

Chapters show PNG files, and the figures with a slider carry their pictures inside the page, because that works in
Jupyter and Colab too. On the site, both are files of about half the size, and a page's first view needs few of them.
Half the tags of a chapter would colour its code in the colour that it has anyway: a telephone is spared them.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont
from PIL import Image
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, Token

logging.getLogger("fontTools").setLevel(logging.ERROR)  # it wonders at the dates in KaTeX's fonts
TAG = re.compile(r"<img\b[^>]*>")
INSIDE = re.compile(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"')
BESIDE = re.compile(r'src="((?:\.\./)*)(_images/[^"/]+\.png)"')
LINKED = re.compile(r'<a class="reference internal image-reference" href="[^"]*">\s*(<img\b[^>]*>)\s*</a>')
CODE = re.compile(r'<div class="highlight"><pre>.*?</pre>', re.DOTALL)


class Pictures:
    """Writes pictures as WebP into a site, and remembers them for the next build.

    Args:
        site: folder of the built site.
        kept: folder in which converted pictures are kept from one build to the next.
        paper: whether the site becomes a PDF, which holds JPEG as it is and all else at several times its size.
    """

    def __init__(self, site: Path, kept: Path, paper: bool = False) -> None:
        self.site, self.kept = site, kept
        webp, jpeg = {"lossless": True, "method": 4}, {"quality": 92, "subsampling": 0}
        self.ending, self.kind, self.how = ("jpg", "JPEG", jpeg) if paper else ("webp", "WEBP", webp)
        self.kept.mkdir(parents=True, exist_ok=True)

    def convert(self, png: bytes) -> str:
        """Write one picture into the site unless it is there; return its path from the site's root."""
        name = f"{hashlib.sha256(png).hexdigest()[:24]}.{self.ending}"
        kept, shown = self.kept / name, self.site / "_images" / name
        if not kept.is_file():
            picture, file = Image.open(io.BytesIO(png)), io.BytesIO()
            clear = "A" in picture.getbands() and picture.getchannel("A").getextrema()[0] < 255
            if clear and self.kind == "JPEG":  # which knows nothing clear: on paper that is white
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
            picture.convert("RGBA" if clear and self.kind == "WEBP" else "RGB").save(file, self.kind, **self.how)
            kept.write_bytes(file.getvalue())
        shown.parent.mkdir(exist_ok=True)
        if not shown.is_file():
            shown.write_bytes(kept.read_bytes())
        return f"_images/{name}"

    def lighten(self, page: str, depth: int) -> str:
        """Return a page's HTML with lighter pictures; `depth` is the number of folders above the page."""

        def lighter(match: re.Match[str]) -> str:
            tag = match[0]
            if within := INSIDE.search(tag):
                png = base64.b64decode(within[1])
                return self._tag(tag.replace(within[0], f'src="{"../" * depth}{self.convert(png)}"'), png)
            if file := BESIDE.search(tag):
                png = (self.site / file[2]).read_bytes()
                return self._tag(tag.replace(file[0], f'src="{file[1]}{self.convert(png)}"'), png)
            return tag

        # Sphinx links a picture of a given width to its file: nobody needs that, and it is one more stop on the way.
        return TAG.sub(lighter, LINKED.sub(r"\1", page))

    def _tag(self, tag: str, png: bytes) -> str:
        """Add a picture's size, so that the page does not jump when it comes, and let it wait until it is near."""
        with Image.open(io.BytesIO(png)) as picture:
            dense = 2 if picture.info.get("dpi", (100,))[0] > 180 else 1  # matplotlib's figures for fine screens
            width, height = (length // dense for length in picture.size)
        more = "" if " width=" in tag else f' width="{width}" height="{height}"'
        return tag.replace("<img", "<img" + more + ' loading="lazy"', 1)


def plain_classes(*styles: str) -> list[str]:
    """Return Pygments' classes of the words that all these styles show like plain text."""
    looks = [get_style_by_name(style) for style in styles]
    plain = [look.style_for_token(Token.Text) for look in looks]
    same = {word: [look.style_for_token(token) for look in looks] == plain for token, word in STANDARD_TYPES.items()}
    return sorted(word for word in same if word and same[word])


def lighten_code(page: str, classes: Iterable[str]) -> str:
    """Return a page's HTML without the tags around words of its code that have one of these classes.

    Each block also tells its number of lines, so that a style sheet knows its height before it is laid out.
    """
    word = re.compile(rf'<span class="(?:{"|".join(classes)})">([^<]*)</span>')

    def lighter(code: re.Match[str]) -> str:
        block = code[0].replace('"highlight"', f'"highlight" style="--lines: {code[0].count(chr(10))}"', 1)
        return word.sub(r"\1", block)

    return CODE.sub(lighter, page)


def cut_font(font: TTFont, characters: Iterable[int], target: Path) -> None:
    """Write a font with no more than the given characters, as woff."""
    cutter = Subsetter()
    cutter.populate(unicodes=characters)
    cutter.subset(font)
    font.flavor = "woff"
    font.save(target)


def cut_math_fonts(site: Path, fonts: Path, kept: Path) -> None:
    """Write KaTeX's fonts into a site, cut to the characters of its pages, and keep them for the next build."""
    pages = (path for path in site.rglob("*.html") if "_static" not in path.parts)
    characters = sorted({ord(letter) for page in pages for letter in page.read_text(encoding="utf-8")})
    cut = kept / hashlib.sha256(repr(characters).encode()).hexdigest()[:24]
    if not cut.is_dir():
        half = kept / "unfinished"
        half.mkdir(parents=True, exist_ok=True)
        for path in fonts.glob("*.ttf"):
            cut_font(TTFont(path), characters, half / f"{path.stem}.woff")
        half.rename(cut)
    shutil.copytree(cut, site / "_static" / "vendor" / "katex" / "fonts", dirs_exist_ok=True)
