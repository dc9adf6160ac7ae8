"""Chapter 15: splits that share nothing, pictures that the script draws, pairs and retrieval that count right."""

import hashlib
import json
from itertools import permutations
from math import dist, exp, log
from pathlib import Path

import numpy as np
import pack_hangul
import pytest
import torch
from torch import Tensor, nn

from helpers import data
from helpers.studies import syllables
from helpers.studies.syllables import HANGUL_FOLDS, HANGUL_SPLITS, Arm, alignment, hangul, uniformity

FOLDS = range(HANGUL_FOLDS)
FONTS = json.loads((data.ASSETS / "hangul_fonts.json").read_text(encoding="utf-8"))
SIZES = {"train": (440, 11), "validation": (50, 2), "test": (150, 3), "test_seen_fonts": (150, 11)}
drawn = pytest.mark.skipif(
    bool(pack_hangul.missing_fonts()),
    reason="needs the fonts of Debian's packages fonts-nanum, fonts-nanum-extra and fonts-woowa-bm",
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_packed_syllables_are_the_ones_the_numbers_were_measured_with() -> None:
    images, names, fonts = syllables.packed_hangul()
    assert images.shape == (16, 640, 32, 32) and images.dtype == np.uint8
    content = hashlib.sha256(images.tobytes() + ("".join(names) + ", ".join(fonts)).encode()).hexdigest()
    assert content == "04b605ad5ca7d3ccc6f6060f1d597a807bebc583adb6acad55353e311103e112"
    path = Path(data.__file__).parent / "assets" / "hangul.npz"
    licences = np.load(path)["licences"]
    assert path.stat().st_size < 3_000_000 and len(licences) == 16
    assert all("SIL Open Font License 1.1" in licence for licence in licences)


def test_the_syllables_are_chosen_by_the_rule_from_all_of_ks_x_1001() -> None:
    common, names = pack_hangul.common_syllables(), syllables.packed_hangul()[1]
    assert len(common) == len(set(common)) == 2350 and (common[0], common[-1]) == ("가", "힝")
    assert pack_hangul.chosen_syllables() == names and len(set(names)) == 640


@drawn
@pytest.mark.parametrize("number", range(16))
def test_the_script_draws_what_is_packed(number: int) -> None:
    images, names, fonts = syllables.packed_hangul()
    face, some = pack_hangul.FACES[number], slice(number, None, 40)
    assert face.name == fonts[number]
    again = pack_hangul.draw_all(face, names[some])
    # Another version of FreeType may round otherwise: a level here and there, no other picture.
    assert np.abs(again.astype(int) - images[number, some]).mean() < 0.1
    with pytest.raises(SystemExit, match=rf"{face.name} has no glyph for \U00010380"):  # Ugaritic
        pack_hangul.draw_all(face, ["가", "\U00010380"])


@pytest.mark.parametrize("fold", FOLDS)
def test_each_split_has_its_size_and_nothing_is_in_two_of_them(fold: int) -> None:
    parts = {split: hangul(split, fold) for split in HANGUL_SPLITS}
    for split, part in parts.items():
        assert (len(part.syllables), len(part.fonts)) == part.images.shape[:2] == SIZES[split]
        assert (part.images.min(), part.images.max()) == (-1, 1) and part.images[..., 0, 0].eq(-1).all()  # −1 is paper
    seen = parts.pop("test_seen_fonts")
    assert (seen.syllables, seen.fonts) == (parts["test"].syllables, parts["train"].fonts)
    assert len(set().union(*(part.syllables for part in parts.values()))) == 440 + 50 + 150
    assert len(set().union(*(part.fonts for part in parts.values()))) == 11 + 2 + 3


def test_no_syllable_and_no_font_is_tested_twice() -> None:
    tests = [hangul("test", fold) for fold in FOLDS]
    assert len(set().union(*(part.syllables for part in tests))) == 3 * 150
    assert [list(part.fonts) for part in tests] == FONTS["groups"]
    with pytest.raises(ValueError, match="fold: got 3"):
        hangul("test", 3)  # would be the first fold's fonts with other syllables


@pytest.mark.parametrize("fold", FOLDS)
def test_a_row_is_one_syllable_and_a_column_one_font(fold: int) -> None:
    images, names, fonts = syllables.packed_hangul()
    part = hangul("validation", fold)
    for row, column in ((0, 1), (49, 0)):
        packed = images[fonts.index(part.fonts[column]), names.index(part.syllables[row])]
        np.testing.assert_array_equal(((part.images[row, column, 0] + 1) * 7.5).round().numpy(), packed)


def test_first_letters_are_those_of_unicodes_order() -> None:
    shown = hangul("train").syllables  # sorted by their first letter: 588 syllables for each of 19
    assert syllables.first_letters(shown).tolist() == [(ord(syllable) - 0xAC00) // 588 for syllable in shown]
    with pytest.raises(ValueError, match="characters from 가 to 힣"):
        syllables.first_letters(["가", "a"])


@pytest.mark.parametrize("pairs", ["fonts", "views"])
def test_a_pair_is_one_syllable_in_two_fonts_or_two_views_of_one_picture(pairs: str) -> None:
    images = hangul("train").images
    place = {images[n, f].numpy().tobytes(): (n, f) for n in range(440) for f in range(11)}
    drawn = syllables.draw_pairs(Arm(pairs=pairs, augment=0.0), images, torch.Generator().manual_seed(3))
    spots = [(place[a.numpy().tobytes()], place[b.numpy().tobytes()]) for a, b in zip(*drawn, strict=True)]
    assert all(one == other and (font == second) == (pairs == "views") for (one, font), (other, second) in spots)
    assert len({syllable for (syllable, _), _ in spots}) == len(spots) == Arm().batch
    moved = syllables.draw_pairs(Arm(pairs=pairs, augment=0.5), images, torch.Generator().manual_seed(3))
    assert (moved[0] - moved[1]).abs().mean() > 0.01


def test_training_looks_at_the_training_part_only_and_all_arms_start_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(syllables, "hangul", lambda *place: asked.append(place) or hangul(*place))
    first, same = (syllables.train_encoder(Arm(pairs, updates=0, finish=0), 5, 1)[0] for pairs in ("fonts", "views"))
    assert all(map(torch.equal, first.parameters(), same.parameters())) and set(asked) == {("train", 1)}
    assert syllables.train_encoder(Arm(updates=2, finish=1, batch=4), 0, 1)[1].loss.shape == (3,)


def test_retrieval_by_a_loop() -> None:
    codes = normal(6, 3, 4)
    table = syllables.retrieval_table(codes)
    assert table.diagonal().isnan().all()
    for query, gallery in permutations(range(3), 2):
        cosines = [[float(torch.cosine_similarity(a, b, dim=0)) for b in codes[:, gallery]] for a in codes[:, query]]
        right = sum(row.index(max(row)) == n for n, row in enumerate(cosines))
        assert float(table[query, gallery]) == pytest.approx(right / 6)


def test_alignment_and_uniformity_are_the_papers_two_lines() -> None:
    x, y = (rows / rows.norm(dim=1, keepdim=True) for rows in (normal(30, 4), normal(30, 4, seed=1)))
    scale = torch.logspace(-3, 3, 30).unsqueeze(1)  # lengths do not count
    assert alignment(scale * x, y) == pytest.approx(float((x - y).norm(p=2, dim=1).pow(2).mean()))
    for t in (0.5, 2.0):
        terms = [exp(-t * dist(x[i], x[j]) ** 2) for i in range(30) for j in range(30) if i != j]
        assert uniformity(scale * x, t) == pytest.approx(log(sum(terms) / len(terms)))
    assert alignment(x, -x) == pytest.approx(4) and uniformity(x[:1].repeat(6, 1)) == pytest.approx(0, abs=1e-12)


def test_an_encoder_that_knows_the_syllable_has_everything_right(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [hangul(split) for split in HANGUL_SPLITS]
    spots = dict(zip(syllables.packed_hangul()[1], normal(640, 32), strict=True))

    def embed_fonts(_: nn.Module, images: Tensor) -> Tensor:
        part = next(part for part in parts if torch.equal(part.images, images))
        return torch.stack([spots[syllable].expand(len(part.fonts), -1) for syllable in part.syllables])

    monkeypatch.setattr(syllables, "embed_fonts", embed_fonts)
    judged = syllables.evaluate(nn.Identity(), 0)
    assert judged["unseen"] == judged["seen"] == judged["validation"] == 1 and judged["pairs"] == [1] * 6
    assert judged["alignment"] == pytest.approx(0)
