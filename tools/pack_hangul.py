"""Draw 640 Hangul syllables in 16 fonts and pack them into helpers/assets/hangul.npz.

Usage: apt-get install fonts-nanum fonts-nanum-extra fonts-woowa-bm && python tools/pack_hangul.py
The course does not need the fonts; this script says where its syllables come from and draws them again. All fonts are
under the SIL Open Font License 1.1; versions 20200506-1 (Nanum) and 20211009-2 (BM) of Debian's packages.

Left out are fonts that another one resembles too much (`check_fonts`), as most weights of one design do, and fonts
drawn with holes (the "Eco" ones, "BM Euljiro 10 years later", "BM Euljiro oraeorae").
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TARGET = Path(__file__).parent.parent / "helpers" / "assets" / "hangul.npz"
FOLDER = Path("/usr/share/fonts/truetype")  # where Debian's packages put the fonts
COUNT = 640
SIZE, INK = 32, 28  # the longer side of a syllable's ink takes 28 of the picture's 32 pixels
LEVELS = 15  # paper is 0, ink is 15: four bits
DRAWN = 128  # font size at which FreeType draws, before the picture is made small
ALIKE = 0.9  # two fonts whose pictures of a syllable have a larger mean cosine count as one
NAVER = "Copyright NAVER (NHN) Corporation, SIL Open Font License 1.1"
WOOWA = "Copyright Woowa Brothers Corporation, SIL Open Font License 1.1"


class Face(NamedTuple):
    """A font: its name, its file, the first 16 digits of the file's SHA-256, whose it is."""

    name: str
    file: str
    sha256: str
    licence: str


FACES = (
    Face("Nanum Gothic", "nanum/NanumGothic.ttf", "48a28e97b34fc8e5", NAVER),
    Face("Nanum Gothic ExtraBold", "nanum/NanumGothicExtraBold.ttf", "e0288775c8f021f3", NAVER),
    Face("Nanum Barun Gothic UltraLight", "nanum/NanumBarunGothicUltraLight.ttf", "4de8633eb3b4af98", NAVER),
    Face("Nanum Square", "nanum/NanumSquareR.ttf", "5a51deae5237435d", NAVER),
    Face("Nanum Square Round Light", "nanum/NanumSquareRoundL.ttf", "b0bd9e7e067840d5", NAVER),
    Face("Nanum Myeongjo", "nanum/NanumMyeongjo.ttf", "a21faae83d2d16d1", NAVER),
    Face("Nanum Barunpen", "nanum/NanumBarunpenR.ttf", "f5bd6993e8376e7f", NAVER),
    Face("Nanum Brush Script", "nanum/NanumBrush.ttf", "5fe0e02f74c58aa2", NAVER),
    Face("Nanum Pen Script", "nanum/NanumPen.ttf", "0e1e2cc07fd5c5d1", NAVER),
    Face("BM DoHyeon", "woowa-bm/BMDOHYEON_ttf.ttf", "43a71996b1205786", WOOWA),
    Face("BM Euljiro", "woowa-bm/BMEULJIROTTF.ttf", "9267f884385258c4", WOOWA),
    Face("BM Hanna Air", "woowa-bm/BMHANNAAir_ttf.ttf", "6f60f7d9615c2292", WOOWA),
    Face("BM Hanna Pro", "woowa-bm/BMHANNAPro.ttf", "46dd67f836604840", WOOWA),
    Face("BM Jua", "woowa-bm/BMJUA_ttf.ttf", "e8e6aa8b1b662c7b", WOOWA),
    Face("BM Kirang Haerang", "woowa-bm/BMKIRANGHAERANG-TTF.ttf", "d0973f3a497b42d9", WOOWA),
    Face("BM Yeonsung", "woowa-bm/BMYEONSUNG_ttf.ttf", "154d22ee908e6d5a", WOOWA),
)


def missing_fonts(folder: Path = FOLDER) -> list[str]:
    """Name the font files that are not there."""
    return [face.file for face in FACES if not (folder / face.file).is_file()]


def open_font(face: Face, folder: Path = FOLDER) -> ImageFont.FreeTypeFont:
    """Open a font after checking that its file is the one the packed pictures were drawn with."""
    path = folder / face.file
    found = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    if found != face.sha256:
        raise SystemExit(f"{path}: the SHA-256 begins with {found}, expected {face.sha256}")
    # BASIC, as the other layout engine is not in every build of Pillow; for single syllables both draw the same.
    return ImageFont.truetype(path, DRAWN, layout_engine=ImageFont.Layout.BASIC)


def common_syllables() -> list[str]:
    """Return the 2,350 syllables of KS X 1001: rows 16 to 40 of its table, in order."""
    return [bytes([row, cell]).decode("euc_kr") for row in range(0xB0, 0xC9) for cell in range(0xA1, 0xFF)]


def chosen_syllables(count: int = COUNT) -> list[str]:
    """Choose syllables as if at random: those with the smallest SHA-256 of "0 " and the syllable, in this order."""
    return sorted(common_syllables(), key=lambda syllable: hashlib.sha256(f"0 {syllable}".encode()).digest())[:count]


def draw(font: ImageFont.FreeTypeFont, text: str) -> np.ndarray:
    """Return (32, 32) uint8 from 0 to 15: the ink centred, its longer side 28 pixels in every font."""
    canvas = Image.new("L", (2 * DRAWN, 2 * DRAWN))
    ImageDraw.Draw(canvas).text((DRAWN, DRAWN), text, fill=255, font=font, anchor="mm")
    left, top, right, bottom = canvas.getbbox() or (DRAWN, DRAWN, DRAWN + 1, DRAWN + 1)  # no ink: any piece of paper
    half = max(right - left, bottom - top) * SIZE / INK / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    frame = (x - half, y - half, x + half, y + half)
    small = canvas.resize((SIZE, SIZE), Image.Resampling.BOX, box=frame)
    return ((np.asarray(small, dtype=np.uint16) * LEVELS + 127) // 255).astype(np.uint8)


def draw_all(face: Face, syllables: list[str]) -> np.ndarray:
    """Return (number of syllables, 32, 32) after checking that the font has them all, each with a look of its own."""
    font = open_font(face)
    images = np.stack([draw(font, syllable) for syllable in syllables])
    nothing = draw(font, "\U0010ffff")  # no character, so this is what stands for a glyph that is not there
    for number, (syllable, image) in enumerate(zip(syllables, images, strict=True)):
        if not image.any() or (image == nothing).all():
            raise SystemExit(f"{face.name} has no glyph for {syllable}")
        # Some pixel must differ by a third of full ink, or two syllables could not be told apart.
        gap = np.abs(images[number + 1 :].astype(int) - image).max(axis=(1, 2), initial=0)
        if (gap < LEVELS // 3).any():
            other = syllables[number + 1 + int((gap < LEVELS // 3).argmax())]
            raise SystemExit(f"{face.name}: {syllable} and {other} look the same")
    return images


def cosines(images: np.ndarray) -> np.ndarray:
    """Return (F, F): for two fonts, the mean over syllables of the cosine between their pictures (F, N, 32, 32)."""
    flat = images.reshape(*images.shape[:2], -1).astype(np.float64)
    flat /= np.linalg.norm(flat, axis=-1, keepdims=True)
    return np.einsum("fnd,gnd->fg", flat, flat) / flat.shape[1]


def check_fonts(names: list[str], images: np.ndarray) -> None:
    """Stop if two fonts are near twins."""
    above = np.triu(cosines(images), 1)
    first, second = np.unravel_index(above.argmax(), above.shape)
    if above[first, second] > ALIKE:
        raise SystemExit(f"{names[first]} and {names[second]} are too alike: cosine {above[first, second]:.2f}")


def pack(images: np.ndarray) -> np.ndarray:
    """Put two neighbouring pixels into each byte, the left one in the upper four bits."""
    return images[..., ::2] << 4 | images[..., 1::2]


if __name__ == "__main__":
    if missing_fonts():
        raise SystemExit(f"{FOLDER} lacks {', '.join(missing_fonts())}\n\n{__doc__}")
    syllables, names = chosen_syllables(), [face.name for face in FACES]
    images = np.stack([draw_all(face, syllables) for face in FACES])  # (fonts, syllables, 32, 32)
    check_fonts(names, images)
    licences = [face.licence for face in FACES]
    np.savez_compressed(TARGET, images=pack(images), syllables=syllables, fonts=names, licences=licences)
    print(f"{TARGET}: {len(syllables)} syllables in {len(names)} fonts, {TARGET.stat().st_size / 1e6:.2f} MB")
