"""Metrics: each number is computed by another route, or known by construction."""

import hashlib
import math
import re
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import scipy
import torch
from torch import Tensor

from helpers import metrics
from helpers.data import Mixture, digits, grid, ring
from helpers.seed import rngs


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


UNIT = Mixture(torch.tensor([[0.0, 0.0], [4.0, 0.0]]), 0.5)


def nearest_by_loops(points: Tensor, mixture: Mixture, widths: float) -> list[int]:
    numbers = []
    for point in points.tolist():
        gaps = [math.dist(point, center) for center in mixture.centers.tolist()]
        numbers.append(gaps.index(min(gaps)) if min(gaps) <= widths * mixture.std else -1)
    return numbers


@pytest.mark.parametrize("mixture", [UNIT, ring(std=0.2), grid(side=3, std=0.3)])
@pytest.mark.parametrize(("widths", "share"), [(3.0, 0.25), (1.5, 0.25), (3.0, 1.0)])
def test_modes_are_counted_as_by_hand_in_each_run(mixture: Mixture, widths: float, share: float) -> None:
    runs = mixture.sample(80, rngs([0, 1, 2])) * torch.tensor([1.0, 1.2, 0.3]).reshape(3, 1, 1)  # two of them are off
    near = [nearest_by_loops(run, mixture, widths) for run in runs]
    count = len(mixture.centers)
    covered = [sum(run.count(mode) >= share * 80 / count for mode in range(count)) for run in near]
    assert metrics.nearest_mode(runs, mixture, widths).tolist() == near
    assert metrics.modes_covered(runs, mixture, share, widths).tolist() == covered
    precision = [fmean(number >= 0 for number in run) for run in near]
    assert metrics.sample_precision(runs, mixture, widths).tolist() == pytest.approx(precision)
    assert metrics.modes_covered(runs[1], mixture, share, widths) == covered[1]
    if (widths, share) == (3.0, 0.25):
        assert metrics.modes_covered(runs, mixture).tolist() == covered
        assert metrics.nearest_mode(runs, mixture).tolist() == near
        assert metrics.sample_precision(runs, mixture).tolist() == pytest.approx(precision)


def test_the_limits_themselves_count() -> None:
    assert metrics.nearest_mode(torch.tensor([[1.5, 0.0], [1.51, 0.0]]), UNIT).tolist() == [0, -1]
    rows = UNIT.centers.repeat_interleave(torch.tensor([35, 5]), 0)  # the fair part of 40 is 20, a quarter of it 5
    assert metrics.modes_covered(rows, UNIT) == 2 and metrics.modes_covered(rows[:-1], UNIT, share=0.26) == 1


def correlated(n: int, seed: int) -> Tensor:
    return normal(n, 6, seed=seed) @ normal(6, 6, seed=seed + 100) + normal(6, seed=seed + 200)


def test_frechet_distance_is_the_formula_with_a_matrix_root() -> None:
    a, b = correlated(50, 0), correlated(80, 1)
    cov_a, cov_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = float(((a.mean(0) - b.mean(0)) ** 2).sum()) + np.trace(cov_a + cov_b - 2 * root)
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(b, a) == pytest.approx(expected, rel=1e-6)
    for few in range(2, 7):  # no more rows than axes: the product has roots of 0, which rounding may make negative
        assert metrics.frechet_distance(a[:few], a[:few] + 1) == pytest.approx(6, rel=1e-5)
    assert metrics.frechet_distance(torch.full((9, 1), 3.0), torch.ones(4, 1)) == pytest.approx(4)  # it never varies


def test_the_effective_number_follows_the_entropy() -> None:
    counts = torch.tensor([3, 5, 1, 1])
    expected = math.exp(scipy.stats.entropy(counts / 10))
    assert metrics.effective_number(torch.arange(4).repeat_interleave(counts)) == pytest.approx(expected)


def share_inside_by_loops(points: Tensor, members: Tensor, k: int) -> float:
    """Follow the paper's words, one pair at a time."""
    inside = set()
    for i, point in enumerate(points):
        for member in members:
            radius = sorted(float((member - other).norm()) for other in members)[k]  # at 0 is the member itself
            inside |= {i} if float((point - member).norm()) <= radius else set()
    return len(inside) / len(points)


def test_precision_and_recall_follow_the_paper() -> None:
    real, fake = normal(30, 3), normal(22, 3, seed=1) + 1.2
    precision, recall = metrics.precision_recall(real, fake.clone().requires_grad_())
    assert 0 < precision == pytest.approx(share_inside_by_loops(fake, real, 3)) and precision < 1
    assert 0 < recall == pytest.approx(share_inside_by_loops(real, fake, 3)) and recall < 1
    line = torch.arange(4.0).unsqueeze(1)  # balls reach 3, 2, 2 and 3 far, and the border belongs to them
    assert metrics.precision_recall(line, line + 3) == (1, 1)
    assert metrics.precision_recall(line, line + 3.5) == (0.75, 0.75)


@pytest.mark.parametrize("count", [25, 30, 60])
def test_far_from_the_origin_distances_are_as_right_as_near_it(count: int) -> None:
    near, far = normal(count, 2).float(), torch.tensor([1e4, 5e3])
    assert metrics.precision_recall(near + far, near + far + 5) == (0, 0)
    assert metrics.precision_recall(torch.cat([near, near + far]), near + far)[0] == 1  # no shift would help both parts


def test_the_divergence_is_scipys_distance_squared() -> None:
    p, q = normal(12, 9).flatten().softmax(0), (2 * normal(12, 9, seed=1)).flatten().softmax(0)
    p[:3], q[2:5] = 0, 0
    p, q = p / p.sum(), q / q.sum()
    expected = scipy.spatial.distance.jensenshannon(p.numpy(), q.numpy()) ** 2
    assert metrics.jensen_shannon(p.reshape(12, 9) / 0.25, q.reshape(12, 9) / 0.25, 0.25) == pytest.approx(expected)
    assert metrics.jensen_shannon(q, p, 1) == pytest.approx(expected)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_t_interval_is_scipys(level: float) -> None:
    values = normal(7) + 3
    expected = scipy.stats.t.interval(level, 6, loc=values.mean(), scale=scipy.stats.sem(values.numpy()))
    assert metrics.t_interval(values, level) == pytest.approx(expected)
    assert metrics.t_interval(torch.full((2,), 2.0), level) == (2, 2)
    assert (metrics.t_interval(values) == metrics.t_interval(values, level)) == (level == 0.95)


@pytest.mark.parametrize(("successes", "n", "level"), [(0, 10, 0.95), (14, 16, 0.95), (14, 16, 0.9)])
def test_wilsons_interval_is_the_written_formula(successes: int, n: int, level: float) -> None:
    z, p = scipy.stats.norm.ppf((1 + level) / 2), successes / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    found = metrics.wilson_interval(successes, n, level)
    assert found == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert (metrics.wilson_interval(successes, n) == found) == (level == 0.95)


def test_the_classifier_is_frozen() -> None:
    before, (images, labels) = torch.get_rng_state(), digits("validation")
    assert sum(len(digits(split)[0]) for split in ("validation", "test")) == metrics.FRECHET_N
    metrics._frozen_classifier.cache_clear()
    model = metrics._frozen_classifier()
    assert torch.equal(before, torch.get_rng_state())
    assert model is metrics._frozen_classifier() and not model.training
    rows = [name.encode() + tensor.numpy().tobytes() for name, tensor in sorted(model.state_dict().items())]
    # Another classifier would change every Fréchet distance of the course.
    content = hashlib.sha256(b"".join(rows)).hexdigest()
    assert content == "edc2eca184d0b614ea98dffb864047b11f82495f7b8811c549aaf2fc36b78a77"
    features = metrics.digit_features(images.double().requires_grad_())
    assert features.shape == (500, 64) and (features >= 0).all()
    assert features.requires_grad  # a generator may be trained on them
    assert not any(parameter.requires_grad for parameter in model.parameters())
    probabilities = metrics.class_probabilities(features)
    torch.testing.assert_close(probabilities, model(images).softmax(1))
    assert metrics.accuracy(probabilities.argmax(1), labels) >= 0.97


def test_accuracy_counts_what_is_right() -> None:
    assert metrics.accuracy(torch.tensor([1, 2, 3, 0]), torch.tensor([1, 2, 3, 9])) == 0.75
    assert metrics.accuracy(torch.tensor([[True, False]]), torch.tensor([[1, 1]])) == 0.5
    with pytest.raises(ValueError, match=r"predictions: got .*, not empty"):
        metrics.accuracy(torch.zeros(0), torch.zeros(0))


@pytest.mark.parametrize("seed", range(20))
def test_thresholds_and_auroc_are_those_of_brute_force_with_ties(seed: int) -> None:
    scores = (3 * normal(12, seed=seed)).round()  # whole numbers, so that many are equal
    same = torch.randint(2, (12,), generator=torch.Generator().manual_seed(seed))
    same[:2] = torch.tensor([0, 1])
    scores[seed % 2 :] /= 1 + seed % 3
    threshold = metrics.best_threshold(scores, same)
    cuts = [*scores, scores.min() - 1]
    assert ((scores > threshold) == same).sum() == max(((scores > cut) == same).sum() for cut in cuts)
    assert threshold not in scores  # between two scores, so that rounding decides nothing
    assert metrics.best_threshold(scores, same.bool()) == threshold
    pairs = torch.cartesian_prod(scores[same == 1], scores[same == 0]).tolist()
    wins = fmean((positive > negative) + (positive == negative) / 2 for positive, negative in pairs)
    assert metrics.auroc(scores, same.bool()) == pytest.approx(wins) == metrics.auroc(scores.half(), same)


def test_the_threshold_lies_in_the_middle_or_one_beyond_the_end() -> None:
    scores = torch.tensor([0.1, 0.2, 0.6, 0.9])
    assert metrics.best_threshold(scores, torch.tensor([0, 0, 1, 1])) == pytest.approx(0.4)
    assert metrics.best_threshold(scores, torch.tensor([1, 1, 1, 0])) == pytest.approx(-0.9)
    assert metrics.best_threshold(scores, torch.tensor([1, 0, 0, 0])) == pytest.approx(1.9)


@pytest.mark.parametrize("neighbours", [1, 5])
def test_neighbours_and_partners_are_found_by_cosine(neighbours: int) -> None:
    train_x, test_x = normal(40, 3), normal(40, 3, seed=1) + normal(40, 3)
    train_y, test_y = (train_x[:, 0] > 0).long(), (test_x[:, 0] + test_x[:, 1] > 0).long()
    likeness = torch.cosine_similarity(test_x.unsqueeze(1), train_x, dim=-1)
    votes = train_y[likeness.topk(neighbours).indices].mode().values
    right, scaled = fmean((votes == test_y).tolist()), 10 ** normal(40, 1, seed=2) * train_x
    assert 0.5 < right < 1
    assert metrics.knn_accuracy(scaled, train_y, test_x, test_y, neighbours) == right
    assert neighbours == 1 or metrics.knn_accuracy(train_x, train_y, test_x, test_y) == right
    partners = fmean((likeness.argmax(1) == torch.arange(40)).tolist())
    assert 0 < partners < 1 and metrics.retrieval_accuracy(test_x, scaled) == partners


def test_a_linear_probe_finds_what_a_plane_can_part() -> None:
    x, test_x = normal(300, 3), normal(200, 3, seed=1)
    plane = torch.tensor([1.0, -2.0, 0.5]).double()
    y, test_y = (x @ plane > 0).long(), (test_x @ plane > 0).long()
    assert metrics.linear_probe(x, y, test_x, test_y) > 0.95
    assert metrics.linear_probe(x, y, test_x, 1 - test_y) < 0.05  # it learns from the training part alone
    # Standardised first: the unit of an axis does not matter.
    units = torch.tensor([1e-5, 1.0, 1e4]).double()
    assert metrics.linear_probe(units * x, y, units * test_x, test_y) == metrics.linear_probe(x, y, test_x, test_y)


@pytest.mark.parametrize(
    ("interval", "claim", "remedy"),
    [
        ((0.01, 0.02), "supported", "helps"),  # a small gain is a gain, too
        ((-0.2, -0.1), "not supported", "hurts"),
        ((-0.2, 0.0), "not supported", "no gain"),
        ((-0.2, 0.04), "not supported", "no gain"),
        ((-0.2, 0.05), "undecided", "cannot tell"),
        ((0.0, 0.3), "undecided", "cannot tell"),  # it begins at zero, not above
    ],
)
def test_verdict_of_an_interval(interval: tuple[float, float], claim: str, remedy: str) -> None:
    assert metrics.verdict(*interval, worth=0.05) == claim
    assert metrics.verdict(*interval, worth=0.05, remedy=True) == remedy


def test_the_rule_in_words_is_the_rule_in_code() -> None:
    page = (Path(__file__).resolve().parents[1] / "book" / "how-to-use.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (entirely|across) .*\| \*\*(.+)\*\* \| \*\*(.+)\*\* \|$", page, re.MULTILINE)
    intervals = [(0.1, 0.2), (-0.2, -0.1), (-0.2, 0.04), (-0.2, 0.1)]
    words = [tuple(metrics.verdict(*ends, worth=0.05, remedy=kind) for kind in (False, True)) for ends in intervals]
    assert [row[1:] for row in rows] == words
    assert [metrics.verdict(-1, high) for high in (-1, 0.0, 0.1)] == ["not supported", "undecided", "undecided"]
