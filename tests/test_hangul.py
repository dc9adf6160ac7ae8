"""Hangul: splits that share nothing, pictures that are what the script draws, and folds that are equally hard."""

import hashlib
from pathlib import Path

import numpy as np
import pack_hangul
import pytest
import torch
from torch import Tensor

from helpers import data
from helpers.data import HANGUL_FOLDS, HANGUL_GROUPS, HANGUL_SPLITS, HANGUL_TRAIN_FONTS, Hangul, hangul

FOLDS = range(HANGUL_FOLDS)
SIZES = {"train": (440, 11), "validation": (50, 2), "test": (150, 3), "test_seen_fonts": (150, 11)}
drawn = pytest.mark.skipif(
    bool(pack_hangul.missing_fonts()),
    reason="needs the fonts of Debian's packages fonts-nanum, fonts-nanum-extra and fonts-woowa-bm",
)


def pixels_alike(part: Hangul, by_font: int, in_font: int) -> Tensor:
    """Return (N, N): cosines of all syllables in one font with all in another; paper counts as 0."""
    ink = torch.nn.functional.normalize(part.images.flatten(2) + 1, dim=-1)
    return ink[:, by_font] @ ink[:, in_font].T


def found_by_pixels(part: Hangul) -> float:
    """Return how often the nearest picture in another font shows the same syllable, over all pairs of fonts."""
    count, fonts = part.images.shape[:2]
    hits = [
        (pixels_alike(part, a, b).argmax(1) == torch.arange(count)).double().mean()
        for a in range(fonts)
        for b in range(fonts)
        if a != b
    ]
    return float(torch.stack(hits).mean())


# --- the packed file -------------------------------------------------------------------------------


def test_the_packed_syllables_are_the_ones_the_numbers_were_measured_with() -> None:
    images, syllables, fonts = data._packed_hangul()
    assert images.shape == (16, 640, 32, 32) and images.dtype == np.uint8
    names = "".join(syllables) + ", ".join(fonts)
    content = hashlib.sha256(images.tobytes() + names.encode()).hexdigest()
    assert content == "04b605ad5ca7d3ccc6f6060f1d597a807bebc583adb6acad55353e311103e112"


def test_the_packed_file_is_small_and_says_whose_the_fonts_are() -> None:
    path = Path(data.__file__).parent / "assets" / "hangul.npz"
    assert path.stat().st_size < 3_000_000
    packed = np.load(path)
    assert len(packed["fonts"]) == len(packed["licences"]) == 16
    assert all("SIL Open Font License 1.1" in licence for licence in packed["licences"])


def test_every_picture_is_centred_and_fills_the_frame_alike() -> None:
    images = data._packed_hangul()[0].reshape(-1, 32, 32)
    assert images.max(axis=(1, 2)).min() > 9  # even the thinnest strokes are ink, not grey
    inked = np.stack([images.any(axis=1), images.any(axis=2)])  # (2, N, 32): columns, rows
    first, last = inked.argmax(-1), 31 - inked[..., ::-1].argmax(-1)
    # Of strokes that end in a fine tip, up to a pixel at each end is too faint for four bits.
    assert np.abs(first + last - 31).max() <= 1
    longer = (last - first + 1).max(axis=0)
    assert longer.max() == 28 and longer.min() >= 26


def test_no_two_syllables_look_the_same_in_a_font() -> None:
    images, syllables, fonts = data._packed_hangul()
    assert len(set(syllables)) == 640
    for font, pictures in zip(fonts, images.reshape(16, 640, -1).astype(np.int16), strict=True):
        nearest = min(np.abs(pictures[n + 1 :] - pictures[n]).max(1).min() for n in range(639))
        assert nearest >= 5, font


def test_no_two_fonts_are_near_twins() -> None:
    images, _, fonts = data._packed_hangul()
    pack_hangul.check_fonts(fonts, images)
    with pytest.raises(SystemExit, match="Nanum Gothic and twin are too alike"):
        pack_hangul.check_fonts([fonts[0], "twin"], images[[0, 0]])


# --- splits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fold", FOLDS)
@pytest.mark.parametrize("split", HANGUL_SPLITS)
def test_sizes_and_ranges(split: str, fold: int) -> None:
    part = hangul(split, fold)
    assert part.images.shape == (*SIZES[split], 1, 32, 32) and part.images.dtype == torch.float32
    assert (part.images.min(), part.images.max()) == (-1, 1)
    assert part.images[..., 0, 0].eq(-1).all()  # −1 is paper
    assert (len(part.syllables), len(part.fonts)) == SIZES[split]
    assert len(set(part.syllables)) == len(part.syllables) and len(set(part.fonts)) == len(part.fonts)
    assert all("가" <= syllable <= "힣" for syllable in part.syllables)


@pytest.mark.parametrize("fold", FOLDS)
def test_train_validation_and_test_share_no_syllable_and_no_font(fold: int) -> None:
    parts = [hangul(split, fold) for split in ("train", "validation", "test")]
    assert len(set().union(*(part.syllables for part in parts))) == 440 + 50 + 150
    assert len(set().union(*(part.fonts for part in parts))) == 11 + 2 + 3


@pytest.mark.parametrize("fold", FOLDS)
def test_the_test_in_seen_fonts_has_the_tests_syllables_and_the_trainings_fonts(fold: int) -> None:
    seen = hangul("test_seen_fonts", fold)
    assert seen.syllables == hangul("test", fold).syllables
    assert seen.fonts == hangul("train", fold).fonts


def test_no_syllable_and_no_font_is_tested_twice() -> None:
    tests = [hangul("test", fold) for fold in FOLDS]
    assert len(set().union(*(part.syllables for part in tests))) == 3 * 150
    assert [part.fonts for part in tests] == list(HANGUL_GROUPS)
    always = set.intersection(*(set(hangul("train", fold).fonts) for fold in FOLDS))
    assert always == set(HANGUL_TRAIN_FONTS)


def test_the_default_is_the_first_fold() -> None:
    assert torch.equal(hangul("test").images, hangul("test", fold=0).images)
    assert not torch.equal(hangul("test").images, hangul("test", fold=1).images)


def test_a_row_is_one_syllable_and_a_column_one_font() -> None:
    images, syllables, fonts = data._packed_hangul()
    for fold in FOLDS:
        part = hangul("validation", fold)
        for row, column in ((0, 1), (49, 0)):
            packed = images[fonts.index(part.fonts[column]), list(syllables).index(part.syllables[row])]
            np.testing.assert_array_equal(((part.images[row, column, 0] + 1) * 7.5).round().numpy(), packed)


def test_the_same_syllable_looks_alike_in_two_fonts_and_another_one_does_not() -> None:
    part = hangul("train")
    for other in range(1, 7):  # the sans serifs
        alike = pixels_alike(part, 0, other)
        mine, strangers = alike.diagonal(), alike[~torch.eye(440, dtype=torch.bool)]
        assert mine.mean() > strangers.mean() + 0.2, part.fonts[other]
        # Chance is one in 440.
        assert (alike.argmax(1) == torch.arange(440)).double().mean() > 0.3, part.fonts[other]


def test_pixels_find_few_syllables_in_unseen_fonts_and_about_as_many_in_each_fold() -> None:
    found = [found_by_pixels(hangul("test", fold)) for fold in FOLDS]
    assert all(0.1 < share < 0.2 for share in found), found
    assert all(found_by_pixels(hangul("test_seen_fonts", fold)) > 0.4 for fold in FOLDS)


def test_writing_into_the_pictures_spoils_no_later_call() -> None:
    part = hangul("validation")
    expected = part.images.clone()
    part.images.zero_()
    assert torch.equal(hangul("validation").images, expected)


# --- the script that draws them --------------------------------------------------------------------


def test_the_syllables_are_chosen_by_the_rule_from_all_of_ks_x_1001() -> None:
    common = pack_hangul.common_syllables()
    assert len(common) == len(set(common)) == 2350 and (common[0], common[-1]) == ("가", "힝")
    assert pack_hangul.chosen_syllables() == data._packed_hangul()[1].tolist()


def test_packing_puts_two_pixels_into_a_byte() -> None:
    images = np.array([[1, 2, 15, 0]], dtype=np.uint8)
    np.testing.assert_array_equal(pack_hangul.pack(images), [[0x12, 0xF0]])


def test_missing_fonts_are_named(tmp_path: Path) -> None:
    assert pack_hangul.missing_fonts(tmp_path) == [face.file for face in pack_hangul.FACES]


def test_another_version_of_a_font_is_refused(tmp_path: Path) -> None:
    face = pack_hangul.FACES[0]
    (tmp_path / "nanum").mkdir()
    (tmp_path / face.file).write_bytes(b"another font")
    with pytest.raises(SystemExit, match=rf"NanumGothic.ttf: the SHA-256 begins with \w{{16}}, expected {face.sha256}"):
        pack_hangul.open_font(face, tmp_path)


@drawn
@pytest.mark.parametrize("number", range(16))
def test_the_script_draws_what_is_packed(number: int) -> None:
    images, syllables, fonts = data._packed_hangul()
    face = pack_hangul.FACES[number]
    assert face.name == fonts[number]
    some = slice(number, None, 40)
    again = pack_hangul.draw_all(face, syllables[some].tolist())
    # Another version of FreeType may round otherwise: a level here and there, no other picture.
    assert np.abs(again.astype(int) - images[number, some]).mean() < 0.1


@drawn
def test_a_glyph_that_is_not_there_is_named() -> None:
    for face in pack_hangul.FACES:
        with pytest.raises(SystemExit, match=rf"{face.name} has no glyph for \U00010380"):  # Ugaritic
            pack_hangul.draw_all(face, ["가", "\U00010380"])


@drawn
def test_two_syllables_that_look_the_same_are_named() -> None:
    with pytest.raises(SystemExit, match="Nanum Gothic: 가 and 가 look the same"):
        pack_hangul.draw_all(pack_hangul.FACES[0], ["가", "나", "가"])
