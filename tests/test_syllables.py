"""The same syllable in another font: pairs are what they say, the exam counts right, the record can be reproduced."""

import dataclasses
import unicodedata
from itertools import permutations

import pytest
import torch
from torch import nn

from helpers import data, syllables
from helpers.losses import nt_xent
from helpers.sweep import recorded
from helpers.syllables import ARMS, Arm

pytestmark = pytest.mark.usefixtures("one_thread")

SEEDS = range(3)
# Cheap rows, seconds each. The first has no training at all, so hardly anything can drift.
AGAIN = [("untrained", 0, 2, 0.01), ("untrained", 1, 0, 0.01), ("short", 2, 0, 0.06)]


@pytest.fixture(scope="module")
def record():
    return {(row["settings"]["arm"], row["settings"]["fold"], row["seed"]): row for row in recorded("syllables")}


# --- the pairs -------------------------------------------------------------------------------------


def draw(**changes):
    """One batch, and for each picture its syllable and font."""
    images = data.hangul("train").images
    place = {images[n, f].numpy().tobytes(): (n, f) for n in range(images.shape[0]) for f in range(images.shape[1])}
    first, second = syllables._batch(Arm(**changes), images, torch.Generator().manual_seed(3))
    return first, second, place


def test_pairs_of_fonts_show_one_syllable_in_two_fonts():
    first, second, place = draw(augment=0.0)
    drawn = [(place[a.numpy().tobytes()], place[b.numpy().tobytes()]) for a, b in zip(first, second, strict=True)]
    assert all(one == other for (one, _), (other, _) in drawn)
    assert all(font != other for (_, font), (_, other) in drawn)
    assert len({syllable for (syllable, _), _ in drawn}) == len(drawn) == Arm().batch


def test_pairs_of_views_show_one_picture():
    first, second, place = draw(pairs="views", augment=0.0)
    assert torch.equal(first, second)
    assert first[0].numpy().tobytes() in place
    moved, other, _ = draw(pairs="views", augment=0.5)
    assert (moved - other).abs().mean() > 0.01


def test_loss_is_nt_xent_of_the_embeddings():
    source = torch.Generator().manual_seed(0)
    a, b = torch.randn(5, 8, generator=source), torch.randn(5, 8, generator=source)
    assert torch.equal(syllables._loss(0.3, nn.Identity(), a, b), nt_xent(a, b, 0.3))


def test_training_looks_at_the_training_part_only(monkeypatch):
    asked, hangul = [], data.hangul

    def spy(split, fold):
        asked.append((split, fold))
        return hangul(split, fold)

    monkeypatch.setattr(data, "hangul", spy)
    _, history = syllables.train_encoder(Arm(updates=2, finish=1, batch=4), 0, 1)
    assert asked == [("train", 1)]
    assert history.loss.shape == (3,)


def test_training_leaves_the_global_random_state_alone_and_starts_alike():
    before = torch.get_rng_state()
    arms = [dataclasses.replace(ARMS["untrained"], pairs=pairs) for pairs in ("fonts", "views")]
    starts = [syllables.train_encoder(arm, 5, 0)[0] for arm in arms]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(starts[0].body[0].weight, starts[1].body[0].weight)
    other = syllables.train_encoder(ARMS["untrained"], 6, 0)[0]
    assert not torch.equal(starts[0].body[0].weight, other.body[0].weight)


# --- the exam --------------------------------------------------------------------------------------


def test_font_pairs_agree_with_a_loop():
    codes = torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(0))
    table = syllables.font_pairs(codes)
    assert table.diagonal().isnan().all()
    for query, gallery in permutations(range(3), 2):
        right = 0
        for n in range(6):
            cosines = [float(torch.cosine_similarity(codes[n, query], codes[m, gallery], dim=0)) for m in range(6)]
            right += cosines.index(max(cosines)) == n
        assert float(table[query, gallery]) == pytest.approx(right / 6)


def test_font_pairs_of_a_perfect_and_of_a_shifted_encoder():
    eye = torch.eye(5)
    assert syllables.font_pairs(torch.stack([eye, 3 * eye], 1)).nanmean() == 1
    assert syllables.font_pairs(torch.stack([eye, eye.roll(1, 0)], 1)).nanmean() == 0


def test_embed_fonts_keeps_rows_and_columns():
    images = data.hangul("validation").images
    codes = syllables.embed_fonts(nn.Flatten(), images)
    assert torch.equal(codes, images.flatten(2))


def test_first_letters_are_those_of_the_decomposition():
    shown = data.hangul("train").syllables
    leads = [ord(unicodedata.normalize("NFD", syllable)[0]) - 0x1100 for syllable in shown]
    assert syllables.first_letters(shown).tolist() == leads


def test_judgement_of_perfect_embeddings(monkeypatch):
    """An encoder that knows the syllable: everything right, whatever the font."""
    parts = [data.hangul(split, 0) for split in data.HANGUL_SPLITS]
    source = torch.Generator().manual_seed(0)
    spots = {syllable: torch.randn(32, generator=source) for part in parts for syllable in part.syllables}

    def embed_fonts(_, images):
        shown = next(part for part in parts if torch.equal(part.images, images))
        return torch.stack([spots[s].expand(len(shown.fonts), -1) for s in shown.syllables])

    monkeypatch.setattr(syllables, "embed_fonts", embed_fonts)
    judged = syllables.judge(nn.Identity(), 0)
    assert judged["unseen"] == judged["seen"] == judged["validation"] == 1
    assert judged["pairs"] == [1] * 6
    assert judged["alignment"] == pytest.approx(0)


# --- the record ------------------------------------------------------------------------------------


def test_record_is_whole_and_of_these_settings(record):
    assert set(record) == {(arm, fold, seed) for arm in ARMS for fold in range(data.HANGUL_FOLDS) for seed in SEEDS}
    for (arm, fold, _), row in record.items():
        assert row["error"] is None
        assert row["settings"] == syllables.settings(arm, fold), f"{arm} was recorded with other settings"


@pytest.mark.slow
@pytest.mark.parametrize(("arm", "fold", "seed", "drift"), AGAIN)
def test_cheap_rows_come_out_again(record, arm, fold, seed, drift):
    old, new = record[arm, fold, seed]["metrics"], syllables.run(seed, **syllables.settings(arm, fold))
    for metric in ("unseen", "seen", "alignment", "knn"):
        assert new[metric] == pytest.approx(old[metric], abs=drift)


def test_settings_make_the_arm_again():
    for name, arm in ARMS.items():
        setting = syllables.settings(name, 1)
        assert (setting.pop("arm"), setting.pop("fold")) == (name, 1)
        assert Arm(**setting) == arm
