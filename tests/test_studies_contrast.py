"""The studies of chapters 15 and 16: each loss by another route, and what a pair, a queue and a slow copy are."""

import math
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity

from helpers import losses
from helpers.seed import rngs, torch_seed
from helpers.studies import judging, negatives, two_kinds
from helpers.studies.syllables import hangul

pytestmark = pytest.mark.usefixtures("one_thread")
ROWS = torch.tensor([3, 3, 5, 5, 5, 9])


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


@pytest.mark.parametrize("hard", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("masked", [False, True])
def test_contrast_by_a_loop(masked: bool, hard: float) -> None:
    a, b = normal(2, 6, 4)
    views, rows, values = torch.cat([a, b]), ROWS.repeat(2).tolist(), []
    for i in range(12):
        score = [math.exp(float(cosine_similarity(views[i], view, dim=0)) / negatives.TEMPERATURE) for view in views]
        other = (i + 6) % 12
        apart = [j for j in range(12) if j not in (i, other) and not (masked and rows[j] == rows[i])]
        weights = [score[j] ** hard for j in apart]
        total = sum(w * score[j] for w, j in zip(weights, apart, strict=True)) / (sum(weights) / len(weights))
        values.append(-math.log(score[other] / (score[other] + total)))
    found = negatives.contrast(a, b, ROWS, masked, hard)
    assert float(found) == pytest.approx(sum(values) / 12)
    if not masked and not hard:
        torch.testing.assert_close(found, losses.nt_xent(a, b, negatives.TEMPERATURE))


def test_pairs_are_of_different_syllables_unless_an_arm_says_otherwise() -> None:
    images, (rng,) = hangul("train").images, rngs([4])
    counts = {name: draw_rows(arm, images, rng).unique(return_counts=True)[1] for name, arm in negatives.ARMS.items()}
    assert all((counts[name] == 1).all() for name in ("batch 128", "batch 32", "batch 8", "hard"))
    assert (counts["four of each"] == 4).all() and len(counts["four of each, masked"]) == 32
    assert counts["at random"].max() > 1
    with pytest.raises(ValueError, match="a multiple of 3"):
        negatives.draw(negatives.Arm(each=3), images, rng)


def draw_rows(arm: negatives.Arm, images: Tensor, rng: torch.Generator) -> Tensor:
    a, b, rows = negatives.draw(arm, images, rng)
    assert a.shape == b.shape == (arm.batch, 1, 32, 32) and (a - b).abs().mean() > 0.01
    return rows


def test_a_queue_holds_the_last_keys_of_a_slow_copy_and_no_false_negatives() -> None:
    with torch_seed(0):
        network = nn.Linear(4, 128)
    queue = negatives.Queue(network, 6)
    x = normal(3, 4, 4).float()
    assert float(queue.loss(network, x[0], x[0], torch.arange(4)).detach()) == 0, "nothing to compare with yet"
    with torch.no_grad():
        network.weight.add_(1)
    before = [key.clone() for key in queue.keys]
    slow = 0.99 * (network.weight - 1) + 0.01 * network.weight
    found = queue.loss(network, x[1], x[1], torch.tensor([0, 5, 6, 7]))
    torch.testing.assert_close(queue.slow.weight, slow)
    assert len(queue.keys) == 6 and torch.equal(queue.keys[:2], torch.stack(before[2:]))
    values = []
    for i, query in enumerate(network(x[1]).detach()):
        keys = [queue.keys[2 + i], *(before[1:] if i == 0 else before)]  # row 0 has been seen: it is no negative
        scores = [float(cosine_similarity(query, key, dim=0)) / negatives.TEMPERATURE for key in keys]
        values.append(-scores[0] + math.log(sum(map(math.exp, scores))))
    assert float(found.detach()) == pytest.approx(sum(values) / 4, rel=1e-4)


def test_losses_of_two_kinds_of_data_by_another_route() -> None:
    logits = 3 * normal(5, 5)
    shares = np.exp(logits.numpy())
    wanted = -np.mean([np.log(shares[i, i] ** 2 / shares[i].sum() / shares[:, i].sum()) for i in range(5)]) / 2
    assert float(two_kinds.softmax_loss(logits)) == pytest.approx(wanted)
    each = binary_cross_entropy_with_logits(logits, torch.eye(5).double(), reduction="sum") / 5
    torch.testing.assert_close(two_kinds.sigmoid_loss(logits), each)


def test_letters_are_those_into_which_unicode_takes_a_syllable_apart() -> None:
    syllables = [*hangul("train").syllables, *hangul("test").syllables, "가", "힣"]
    codes = two_kinds.code_points(replace(hangul("test"), syllables=syllables))
    assert codes[-2:].tolist() == [0, two_kinds.COUNT - 1]
    for syllable, found in zip(syllables, two_kinds.letters(codes).tolist(), strict=True):
        parts = unicodedata.normalize("NFD", syllable) + "\u11a7"  # no last letter is number 0
        places = [ord(part) - start for part, start in zip(parts[:3], (0x1100, 0x1161, 0x11A7), strict=True)]
        assert found == places, syllable
    read = two_kinds.written(codes, "letters")
    assert read.shape[1] == 68 and (read.sum(1) == 3).all() and len(read.unique(dim=0)) == len(codes.unique())
    bits = two_kinds.written(codes, "bits").long()
    assert torch.equal((bits << torch.arange(14)).sum(1), codes)


def test_a_pair_of_encoders_that_knows_the_syllable_reads_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    part = hangul("validation")
    spots = torch.randn(two_kinds.COUNT, 128, generator=torch.Generator().manual_seed(1))
    codes = two_kinds.code_points(part)

    def embed(network: str, inputs: Tensor, batch: int | None = 500) -> Tensor:
        return spots if network == "codes" else spots[codes].repeat_interleave(2, 0)

    class Towers:
        pictures, codes, form = "pictures", "codes", "letters"

    monkeypatch.setattr(two_kinds, "embed", embed)
    found = two_kinds.read.__wrapped__(Towers(), "validation", 0)
    assert found == {"to_code": 1, "to_picture": 1, "of_all": 1, "letters": [1, 1, 1]}


def test_spread_and_fine_tuning() -> None:
    assert judging.spread(normal(2000, 32)) == pytest.approx(1, abs=0.02)
    assert judging.spread(normal(1, 32) * torch.rand(50, 1)) == pytest.approx(0, abs=1e-6)
    opposite = torch.tensor([1.0, -1.0]).repeat(20).unsqueeze(1) * normal(1, 32)
    assert judging.directions(opposite) == pytest.approx(1) and judging.directions(torch.eye(8)) == pytest.approx(8)
    encoder = judging.Ink()
    first, again, other = (judging.fine_tuned(encoder, 0, seed, updates=3) for seed in (1, 1, 2))
    assert first == again != other
