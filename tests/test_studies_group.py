"""The group's run and the ladder: the script in its order, one exam for all, and a threshold that never sees it."""

import math
from dataclasses import replace
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
import torch
from torch import nn

from helpers import data, losses
from helpers.checks import Diverged
from helpers.metrics import wilson_interval
from helpers.models import ScaledEncoder
from helpers.seed import rngs, torch_seed
from helpers.studies import group, ladder
from helpers.studies.group import Outcome, StudyGroupEncoder, run
from helpers.studies.ladder import RUNGS, Rung, pairs_interval

pytestmark = pytest.mark.usefixtures("one_thread")


def digit_batch(**setting):
    return ladder._draw(Rung(data="digits", **setting), rngs([0])[0], *ladder.digits32("train"))


def test_the_log_hangs_together():
    assert len(group.LOSSES) == group.STEPS == 10
    right = [(p > 0.5) == bool(label) for p, label in zip(group.PROBABILITIES, group.LABELS, strict=True)]
    assert len(right) == group.TEST_PAIRS == 8
    assert sum(right) / len(right) == group.ACCURACY == 0.125


def written_out(seed, steps):
    """The same experiment as a script from top to bottom; return the losses and the test pairs' cosines."""
    torch.manual_seed(seed)
    encoder = StudyGroupEncoder()
    a, b, same = torch.randn(16, 3, 32, 32), torch.randn(16, 3, 32, 32), torch.randint(0, 2, (16,))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=0.001)
    printed = []
    for _ in range(steps):
        loss = losses.cosine_bce(encoder(a), encoder(b), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        printed.append(loss.item())
    a, b = torch.randn(8, 3, 32, 32), torch.randn(8, 3, 32, 32)
    with torch.no_grad():
        return torch.tensor(printed), (encoder(a) * encoder(b)).sum(-1)  # unit vectors: the cosine


@pytest.fixture
def double():
    """Let networks and noise be in double precision: updates make rounding errors of single precision grow."""
    torch.set_default_dtype(torch.double)
    yield
    torch.set_default_dtype(torch.float)


@pytest.mark.usefixtures("double")
def test_it_is_the_script_from_top_to_bottom_and_the_first_rung(monkeypatch):
    monkeypatch.setattr(ladder, "judge", lambda *_, **__: None)  # digits are in single precision
    outcome, (printed, cosines) = run(3, steps=2), written_out(3, 2)
    _, climbed, _ = ladder.train_and_judge(replace(RUNGS["the group's run"], updates=2), 3)
    for found, expected in ((outcome.losses, printed), (outcome.test_cosines, cosines), (climbed, printed)):
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)


def test_losses_follow_from_cosines_and_labels_and_training_moves_both_sets():
    outcome = run(5, steps=3)
    probability = outcome.train_cosines[:-1].sigmoid()  # (3, 16)
    price = -torch.where(outcome.train_same == 1, probability, 1 - probability).log()
    torch.testing.assert_close(outcome.losses, price.mean(1), atol=1e-6, rtol=0)
    assert (outcome.train_cosines[1:] != outcome.train_cosines[0]).all()
    assert (outcome.test_cosines != outcome.test_cosines_before).all()


def test_a_run_that_breaks_says_so():
    with pytest.raises(Diverged, match="step 2"):
        run(0, steps=3, n_train=2, n_test=2, lr=1e14)


@pytest.mark.parametrize(
    ("cosines", "same", "accuracy", "constant"),
    [
        ([0.9, -0.1, 0.0, 0.2], [1, 1, 0, 0], 0.5, False),  # a cosine of 0 is not above the threshold
        ([0.9] * 8, group.LABELS, 0.125, True),
        ([-0.9] * 8, group.LABELS, 0.875, True),
    ],
)
def test_answers_of_a_made_up_run(cosines, same, accuracy, constant):
    nothing = torch.zeros(1)
    outcome = Outcome(nothing, nothing, nothing, torch.tensor(same), nothing, torch.tensor(cosines))
    assert outcome.predictions.tolist() == [float(cosine > 0) for cosine in cosines]
    assert (outcome.accuracy, outcome.constant) == (accuracy, constant)
    assert outcome.probabilities.tolist() == pytest.approx([1 / (1 + math.exp(-cosine)) for cosine in cosines])


@pytest.mark.parametrize(("dim", "kernel", "extra"), [(128, 3, 0), (5, 5, 1), (5, 1, 3)])
def test_the_groups_encoder_layer_by_layer(dim, kernel, extra):
    with torch_seed(0):
        encoder, maps = StudyGroupEncoder(dim, kernel, extra), torch.randn(3, 3, 32, 32)
    given, f = maps, nn.functional
    *convolutions, last = (layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
    assert [layer.out_channels for layer in convolutions] == [64, 128, *[128] * extra]
    for layer in convolutions:
        maps = f.max_pool2d(f.conv2d(maps, layer.weight, layer.bias, padding=kernel // 2).clamp(min=0), 2)
    rows = f.linear(maps.reshape(3, -1), last.weight, last.bias)
    assert rows.shape == (3, dim)
    torch.testing.assert_close(encoder(given), rows / rows.norm(dim=1, keepdim=True))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_held_out_pairs_are_balanced_and_from_their_own_split(split):
    (images, pairs, same), (pictures, labels) = ladder.held_out(split), data.digits(split)
    assert torch.equal(images, data.rgb32(pictures)) and images.shape == (500, 3, 32, 32)
    assert len(pairs) == len(same) == ladder.PAIRS >= 2000 and same.sum() == ladder.PAIRS // 2
    assert torch.equal((labels[pairs[:, 0]] == labels[pairs[:, 1]]).long(), same)


def test_the_threshold_does_not_see_the_test_labels(monkeypatch):
    network = ladder._start(Rung(), 0)[0]
    before = ladder.judge(network)
    exams = {split: ladder.held_out(split) for split in ("validation", "test")}
    exams["test"] = (*exams["test"][:2], 1 - exams["test"][2])
    monkeypatch.setattr(ladder, "held_out", lambda split, _: exams[split])
    after = ladder.judge(network)
    assert (after.threshold, after.accuracy) == (before.threshold, pytest.approx(1 - before.accuracy))


def test_pair_cosines_are_those_of_the_pairs():
    network = ladder._start(Rung(encoder="batch norm"), 0)[0].eval()  # its embeddings are no unit vectors
    images, pairs, _ = ladder.held_out("test")
    with torch.no_grad():
        some = torch.cosine_similarity(network(images[pairs[:5, 0]]), network(images[pairs[:5, 1]]))
    assert torch.allclose(ladder.pair_cosines(network, images, pairs[:5]), some, atol=1e-5)


def test_other_pictures_are_learned_and_judged():
    with torch_seed(0):
        white = {split: (torch.rand(40, 3, 32, 32), torch.arange(40) % 2) for split in ("train", "validation", "test")}
    for images, labels in white.values():
        images[labels == 0] *= -1  # so bright or dark: easy
    network, _, judged = ladder.train_and_judge(Rung(data="digits"), 0, pictures=lambda split: white[split])
    assert judged[10].accuracy > 0.95 > ladder.judge(network).accuracy


def test_same_seed_same_start_and_same_pictures():
    names = ("+ margin", "+ deeper", "+ scale and bias")
    (plain, rng), (deeper, deeper_rng), (scaled, _) = (ladder._start(RUNGS[name], 5) for name in names)
    assert torch.equal(plain.body[0].weight, scaled.encoder.body[0].weight)
    assert torch.equal(rng.get_state(), deeper_rng.get_state())
    assert len(list(deeper.parameters())) > len(list(plain.parameters()))


def test_labels_of_a_batch_belong_to_its_pictures_and_augmentation_keeps_them():
    images, labels = ladder.digits32("train")
    class_of = {picture.numpy().tobytes(): int(label) for picture, label in zip(images, labels, strict=True)}
    for setting in ({"loss": "supcon"}, {"all_pairs": True}, {}):
        pictures, target = digit_batch(**setting)
        classes = torch.tensor([class_of[picture.numpy().tobytes()] for picture in pictures])
        assert len(pictures) == 32
        assert torch.equal(target, classes if setting else (classes[:16] == classes[16:]).long())
        moved, again = digit_batch(**setting, augment=0.5)
        assert torch.equal(again, target) and (moved - pictures).abs().mean() > 0.01
    assert ladder._draw(Rung(), rngs([0])[0], images, labels)[1].shape == (16,)


def test_judges_at_the_steps_asked_for_and_at_the_end(monkeypatch):
    monkeypatch.setattr(ladder, "judge", lambda *_, **__: "judged")  # when, not how
    _, loss, judged = ladder.train_and_judge(Rung(updates=4, finish=3, batch=2), 0, every=2)
    assert loss.shape == (7,)
    assert judged == dict.fromkeys([0, 2, 4, 7], "judged")  # not at 6, in the finish: so it was recorded
    for updates, every, steps in ((2, 2, [0, 2]), (2, None, [2]), (0, 2, [0])):
        assert list(ladder.train_and_judge(Rung(updates=updates, batch=2), 0, every=every)[2]) == steps


@pytest.mark.parametrize(
    "setting", [{"loss": "supcom"}, {"data": "mnist"}, {"encoder": "batch norm", "kernel": 5}, {"augment": 2}]
)
def test_a_rung_refuses_what_would_be_ignored(setting):
    with pytest.raises(ValueError, match=r"got .*, expected"):
        Rung(**setting)


@pytest.mark.parametrize("loss", ["bare cosine", "scale and bias", "margin"])
def test_pair_losses_agree_with_loops(loss):
    embeddings = torch.randn(8, 5, generator=rngs([0])[0])
    unit = embeddings / embeddings.norm(dim=1, keepdim=True)
    network = ScaledEncoder(nn.Identity()) if loss == "scale and bias" else nn.Identity()

    def one(a, b, same):
        cosine = float(unit[a] @ unit[b])
        if loss == "margin":
            distance = float((unit[a] - unit[b]).norm())
            return distance**2 if same else max(0.0, ladder.MARGIN - distance) ** 2
        logit = cosine if loss == "bare cosine" else 10 * cosine - 5
        return math.log1p(math.exp(-logit if same else logit))

    same, classes = torch.tensor([1, 0, 0, 1]), torch.tensor([0, 1, 2, 0, 1, 1, 0, 2])
    by_hand = sum(one(k, 4 + k, bool(same[k])) for k in range(4)) / 4
    assert ladder._loss(Rung(loss=loss), network, embeddings, same).item() == pytest.approx(by_hand, abs=1e-5)
    pairs = [(a, b, bool(classes[a] == classes[b])) for a, b in combinations(range(8), 2)]
    by_hand = sum(fmean(one(*pair) for pair in pairs if pair[2] == kind) for kind in (True, False)) / 2
    found = ladder._loss(Rung(loss=loss, all_pairs=True), network, embeddings, classes)
    assert found.item() == pytest.approx(by_hand, abs=1e-5)


def test_the_penalty_is_the_sum_of_squared_weights():
    embeddings, layer, target = torch.randn(8, 5), nn.Linear(5, 5), torch.tensor([0, 1, 0, 1])
    plain, more = (ladder._loss(Rung(penalty=w), layer, embeddings, target).item() for w in (0.0, 0.5))
    squares = sum(float(weight.detach().square().sum()) for weight in layer.parameters())
    assert more - plain == pytest.approx(0.5 * squares, rel=1e-4)


def judged_pairs(pictures, count, spread, rng):
    """Judge random pairs of pictures, some of which are hard to judge by themselves."""
    ease = spread * torch.randn(pictures, generator=rng)
    first = torch.randint(pictures, (count,), generator=rng)
    pairs = torch.stack([first, (first + torch.randint(1, pictures, (count,), generator=rng)) % pictures], dim=1)
    return torch.rand(count, generator=rng) < (1 + ease[pairs].sum(1)).sigmoid(), pairs


def test_the_interval_of_pairs_holds_the_truth_where_a_naive_one_does_not():
    (rng,), spread, level = rngs([0]), 3.0, 0.9
    # The truth: the chance to be right with a random pair, by numerical integration over the sum of two eases.
    ease = torch.linspace(-8, 8, 4001, dtype=torch.double) * spread * math.sqrt(2)
    density = (-(ease**2) / (4 * spread**2)).exp()
    truth = float((density * (1 + ease).sigmoid()).sum() / density.sum())
    hits, naive_hits = [], []
    for _ in range(200):
        correct, pairs = judged_pairs(60, 800, spread, rng)
        low, high = pairs_interval(correct, pairs, rng, 300, level)
        naive_low, naive_high = wilson_interval(int(correct.sum()), 800, level)
        hits.append(low <= truth <= high)
        naive_hits.append(naive_low <= truth <= naive_high)
        assert high - low > 2 * (naive_high - naive_low)
    assert 0.8 <= fmean(hits) <= 0.97, fmean(hits)  # 4 standard errors below, and not everything
    assert fmean(naive_hits) < 0.6, fmean(naive_hits)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_interval_of_pairs_by_hand(level):
    correct, pairs = judged_pairs(8, 15, 2.0, rngs([0])[0])
    pairs = 1000 * pairs + 7  # numbers with gaps, as of a subset of the pictures
    names, shares = sorted(set(pairs.flatten().tolist())), []
    for drawn in torch.randint(len(names), (60, len(names)), generator=rngs([5])[0]).tolist():
        taken = [names[number] for number in drawn]
        weights = torch.tensor([taken.count(int(a)) * taken.count(int(b)) for a, b in pairs])
        if weights.sum():
            shares.append(float((weights * correct).sum() / weights.sum()))
    expected = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    assert pairs_interval(correct, pairs, rngs([5])[0], 60, level) == pytest.approx(tuple(expected), abs=1e-6)


def test_draws_that_hold_no_pair_do_not_count_as_wrong():
    pairs, (rng,) = torch.tensor([[0, 1], [2, 3]]), rngs([0])  # many draws hold both pictures of neither pair
    assert pairs_interval(torch.ones(2), pairs, rng, 200) == (1, 1)
    assert pairs_interval(torch.zeros(2), pairs, rng, 200) == (0, 0)
    with pytest.raises(ValueError, match=r"pairs: got .*, expected more pairs or draws"):
        for seed in range(100):
            pairs_interval(torch.ones(1), pairs[:1], rngs([seed])[0], 2)
