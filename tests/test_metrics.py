"""Metrics: each number is computed by another route, or known by construction."""

import hashlib
import math
import re
from pathlib import Path

import numpy as np
import pytest
import scipy
import torch
from torch import Tensor

from helpers import metrics
from helpers.data import Mixture, digits, grid, ring


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- modes -----------------------------------------------------------------------------------------

CROSS = Mixture(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]), 0.1)


def points(*counts: int, nowhere: int = 0) -> Tensor:
    """Put so many points on each centre of the cross, and some at the origin, between the modes."""
    rows = torch.repeat_interleave(CROSS.centers, torch.tensor(counts), dim=0)
    return torch.cat([rows, torch.zeros(nowhere, 2)])


def test_a_sample_belongs_to_the_nearest_mode_within_three_widths() -> None:
    given = torch.tensor([[1.29, 0.0], [1.31, 0.0], [0.0, 0.75], [0.0, 0.0], [0.1, -1.1]])
    assert metrics.nearest_mode(given, CROSS).tolist() == [0, -1, 1, -1, 3]
    assert metrics.nearest_mode(given, CROSS, widths=20).tolist()[:3] == [0, 0, 1]


def test_a_mode_is_covered_by_a_quarter_of_its_fair_share() -> None:
    # 80 samples, 4 modes: the fair part is 20, so 5 samples cover a mode and 4 do not.
    each = [points(66, 5, 5, 4), points(20, 20, 20, 20), points(5, 5, 0, 0, nowhere=70), points(80, 0, 0, 0)]
    runs = torch.stack(each)
    assert (
        metrics.modes_covered(runs, CROSS).tolist()
        == [metrics.modes_covered(run, CROSS) for run in each]
        == [3, 4, 2, 1]
    )
    assert metrics.modes_covered(runs, CROSS, share=0.2).tolist() == [4, 4, 2, 1]
    assert metrics.modes_covered(runs, CROSS, share=1.0).tolist() == [1, 4, 0, 1]
    assert metrics.sample_precision(runs, CROSS).tolist() == [1, 1, 0.125, 1]
    assert metrics.sample_precision(points(9, 0, 0, 1), CROSS, widths=0.1) == 1
    assert torch.equal(
        metrics.nearest_mode(runs, CROSS), torch.stack([metrics.nearest_mode(run, CROSS) for run in each])
    )
    assert metrics.modes_covered(runs - 0.15, CROSS, widths=2).tolist() == [0, 0, 0, 0]
    assert metrics.sample_precision(runs[0] - 0.15, CROSS, widths=2) == 0
    near, far = runs - 0.2, runs - 0.25  # 2.8 and 3.5 widths away; the course counts up to 3
    assert metrics.modes_covered(near, CROSS).tolist() == [3, 4, 2, 1]
    assert metrics.modes_covered(far, CROSS).tolist() == [0] * 4 and not metrics.sample_precision(far, CROSS).any()


@pytest.mark.parametrize("mixture", [ring(), grid()])
def test_the_data_themselves_cover_all_modes(mixture: Mixture) -> None:
    x = mixture.sample(5000, torch.Generator().manual_seed(0))
    assert metrics.modes_covered(x, mixture) == len(mixture.centers)
    # Within three widths in two dimensions lies 1 − exp(−9/2).
    assert float(metrics.sample_precision(x, mixture)) == pytest.approx(
        1 - math.exp(-4.5), abs=0.008
    )  # 5 standard errors


# --- Fréchet distance ------------------------------------------------------------------------------


def correlated(n: int, seed: int) -> Tensor:
    """Return rows with a mean and correlations of their own."""
    return normal(n, 6, seed=seed) @ normal(6, 6, seed=seed + 100) + normal(6, seed=seed + 200)


def test_frechet_distance_is_the_formula_with_a_matrix_root() -> None:
    a, b = correlated(50, 0), correlated(80, 1)
    cov_a, cov_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = float(((a.mean(0) - b.mean(0)) ** 2).sum()) + np.trace(cov_a + cov_b - 2 * root)
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(b, a) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_gaussians_in_closed_form() -> None:
    x = correlated(200, 0)
    shift = torch.arange(6, dtype=torch.float64)
    assert metrics.frechet_distance(x, x) == pytest.approx(0, abs=1e-5)
    assert metrics.frechet_distance(x, x + shift) == pytest.approx(55, rel=1e-6)  # 0² + … + 5²: only the means differ
    # Twice as wide about the same mean: Σ (2σ − σ)² = tr Σ.
    wide, still = 2 * (x - x.mean(0)) + x.mean(0), torch.full((9, 1), 3.0)
    assert metrics.frechet_distance(x, wide) == pytest.approx(float(x.T.cov().trace()), rel=1e-6)
    assert metrics.frechet_distance(still, torch.ones(4, 1)) == pytest.approx(4)  # features that never vary
    assert metrics.frechet_distance(still[:2], -still[:2]) == pytest.approx(36)


def test_real_digits_against_real_ones_at_the_courses_n() -> None:
    held_out = torch.cat([digits("validation")[0], digits("test")[0]])
    real = metrics.digit_features(digits("train")[0])
    assert len(held_out) == metrics.FRECHET_N == 1000
    features = metrics.digit_features(held_out)
    # Recorded: against all 4,000 training digits, and against 1,000 of them at a time.
    assert metrics.frechet_distance(features, real) == pytest.approx(7.574, abs=0.05)
    floors = [metrics.frechet_distance(features, real[start::4]) for start in range(4)]
    assert all(8.5 < floor < 9.7 for floor in floors), floors
    noise = metrics.digit_features(torch.rand(1000, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    assert metrics.frechet_distance(noise, real[::4]) > 50 * max(floors)


def test_the_effective_number_counts_equal_classes_and_follows_the_entropy() -> None:
    assert metrics.effective_number(torch.tensor([4, 4, 4])) == pytest.approx(1)
    assert metrics.effective_number(torch.arange(40) % 8) == pytest.approx(8)
    half = torch.cat([torch.zeros(9, dtype=torch.long), torch.arange(1, 10)])
    assert metrics.effective_number(half) == pytest.approx(6)  # √2 · √18
    counts = half.bincount()
    assert metrics.effective_number(half) == pytest.approx(math.exp(scipy.stats.entropy(counts / counts.sum())))


# --- precision and recall --------------------------------------------------------------------------


def share_inside_by_loops(points: Tensor, members: Tensor, k: int) -> float:
    """Follow the paper's words, one pair at a time."""
    inside = 0
    for point in points:
        for i, member in enumerate(members):
            others = sorted(float((member - other).norm()) for j, other in enumerate(members) if j != i)
            if float((point - member).norm()) <= others[k - 1]:
                inside += 1
                break
    return inside / len(points)


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_follow_the_paper(k: int) -> None:
    real, fake = normal(30, 3), normal(22, 3, seed=1) + 1.2
    precision, recall = metrics.precision_recall(real, fake, neighbours=k)
    assert precision == pytest.approx(share_inside_by_loops(fake, real, k))
    assert recall == pytest.approx(share_inside_by_loops(real, fake, k))
    assert 0 < recall < 1 and 0 < precision < 1
    assert (metrics.precision_recall(real, fake) == (precision, recall)) == (k == 3)


def test_precision_and_recall_tell_quality_from_variety() -> None:
    real = torch.cat([normal(30, 2), normal(30, 2, seed=1) + 20])
    assert metrics.precision_recall(real, real) == (1, 1)
    assert metrics.precision_recall(real, real[:30]) == (1, 0.5)  # good, but half is missing
    assert metrics.precision_recall(real[:30], real) == (0.5, 1)  # everything, and as much again
    assert metrics.precision_recall(real, real + 1000) == (0, 0)
    assert metrics.precision_recall(real[:4], real[:4].clone().requires_grad_()) == (1, 1)


@pytest.mark.parametrize("count", [25, 30, 60])
def test_far_from_the_origin_distances_are_as_right_as_near_it(count: int) -> None:
    near, far = normal(count, 2).float(), torch.tensor([1e4, 5e3])
    assert metrics.precision_recall(near + far, near + far + 5) == (0, 0)
    assert metrics.precision_recall(torch.cat([near, near + far]), near + far)[0] == 1  # no shift would help both parts
    there = Mixture(CROSS.centers + far, 0.1)
    assert metrics.sample_precision(there.sample(1000, source()), there) == pytest.approx(1 - math.exp(-4.5), abs=0.02)


# --- Jensen-Shannon divergence ---------------------------------------------------------------------


def test_the_divergence_of_equal_and_of_separate_densities() -> None:
    p, q = torch.zeros(10), torch.zeros(10)
    p[:5], q[5:] = 0.4, 0.4  # each integrates to 1 with cells of length 0.5
    assert metrics.jensen_shannon(p, p, 0.5) == pytest.approx(0, abs=1e-7)
    assert metrics.jensen_shannon(p, q, 0.5) == pytest.approx(math.log(2))


def test_the_divergence_is_scipys_distance_squared() -> None:
    p, q = normal(12, 9).flatten().softmax(0), (2 * normal(12, 9, seed=1)).flatten().softmax(0)
    expected = scipy.spatial.distance.jensenshannon(p.numpy(), q.numpy()) ** 2
    assert metrics.jensen_shannon(p.reshape(12, 9) / 0.25, q.reshape(12, 9) / 0.25, 0.25) == pytest.approx(expected)
    assert metrics.jensen_shannon(q, p, 1) == pytest.approx(expected)


# --- intervals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_t_interval_is_scipys(level: float) -> None:
    values = normal(7) + 3
    expected = scipy.stats.t.interval(level, 6, loc=values.mean(), scale=scipy.stats.sem(values.numpy()))
    assert metrics.t_interval(values, level) == pytest.approx(expected)
    assert metrics.t_interval(torch.full((2,), 2.0), level) == (2, 2)
    assert (metrics.t_interval(values) == metrics.t_interval(values, level)) == (level == 0.95)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (14, 16), (1, 1), (500, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilsons_interval_is_the_written_formula(successes: int, n: int, level: float) -> None:
    z, p = scipy.stats.norm.ppf((1 + level) / 2), successes / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = metrics.wilson_interval(successes, n, level)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert 0 <= low <= p <= high <= 1
    assert (metrics.wilson_interval(successes, n) == (low, high)) == (level == 0.95)


# --- the frozen classifier -------------------------------------------------------------------------


def test_the_classifier_is_frozen() -> None:
    model = metrics._frozen_classifier()
    assert model is metrics._frozen_classifier() and not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    rows = [name.encode() + tensor.numpy().tobytes() for name, tensor in sorted(model.state_dict().items())]
    content = hashlib.sha256(b"".join(rows)).hexdigest()
    # Another classifier would change every Fréchet distance of the course.
    assert content == "edc2eca184d0b614ea98dffb864047b11f82495f7b8811c549aaf2fc36b78a77"
    before, images = torch.get_rng_state(), digits("validation")[0].requires_grad_()
    metrics._frozen_classifier.cache_clear()
    features = metrics.digit_features(images)
    assert torch.equal(before, torch.get_rng_state())
    assert features.shape == (500, 64) and (features >= 0).all()
    torch.testing.assert_close(metrics.digit_probabilities(images), model(images).softmax(1))
    assert torch.equal(metrics.class_probabilities(features), metrics.digit_probabilities(images))
    assert metrics.accuracy(metrics.class_probabilities(features).argmax(1), digits("validation")[1]) >= 0.97
    features.sum().backward()
    assert images.grad.abs().sum() > 0 and all(parameter.grad is None for parameter in model.parameters())


# --- embeddings ------------------------------------------------------------------------------------


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_accuracy_counts_batches_by_their_size() -> None:
    guesses, truths = [torch.tensor([1, 2, 3]), torch.tensor([0])], [torch.tensor([1, 2, 3]), torch.tensor([9])]
    assert metrics.accuracy(guesses, truths) == 0.75  # the mean of the batches' accuracies would be 0.5
    assert metrics.accuracy(torch.cat(guesses), torch.cat(truths)) == 0.75
    assert metrics.accuracy(tuple(guesses), truths) == 0.75
    assert metrics.accuracy(torch.tensor([True, False]), torch.tensor([1, 1])) == 0.5
    for nothing in (torch.zeros(0), [torch.zeros(0)] * 2):
        with pytest.raises(ValueError, match=r"labels: got .*, expected at least one value"):
            metrics.accuracy(nothing, nothing)


def best_by_brute_force(scores: list[float], same: list[int]) -> int:
    """Return how many pairs the best of all cuts calls right: every score, and a place below and above all."""
    cuts = [min(scores) - 1, *scores]
    return max(sum((score > cut) == bool(label) for score, label in zip(scores, same, strict=True)) for cut in cuts)


@pytest.mark.parametrize("seed", range(30))
def test_the_best_threshold_is_that_of_brute_force(seed: int) -> None:
    scores = (3 * torch.randn(12, generator=source(seed))).round()  # whole numbers, so that many are equal
    same = torch.randint(2, (12,), generator=source(seed + 100))
    same[:2] = torch.tensor([0, 1])
    scores[seed % 2 :] /= 1 + seed % 3
    threshold = metrics.best_threshold(scores, same)
    right = int(((scores > threshold) == same.bool()).sum())
    assert right == best_by_brute_force(scores.tolist(), same.tolist())
    assert threshold not in scores.tolist()  # between two scores, so that rounding decides nothing
    assert metrics.best_threshold(scores, same.bool()) == threshold
    assert metrics.best_threshold(torch.tensor([0.1, 0.2, 0.6, 0.9]), torch.tensor([0, 0, 1, 1])) == pytest.approx(0.4)


def test_auroc_counts_pairs_and_ties_by_half() -> None:
    for seed in range(10):
        scores = (2 * torch.randn(20, generator=source(seed))).round()
        positive = torch.arange(20) % 3 == 0
        wins = [
            float(p > n) + 0.5 * float(p == n) for p in scores[positive].tolist() for n in scores[~positive].tolist()
        ]
        assert wins.count(0.5) > 3
        assert metrics.auroc(scores, positive) == pytest.approx(sum(wins) / len(wins))
        assert metrics.auroc(scores.bfloat16(), positive.long()) == metrics.auroc(scores, positive)
    assert metrics.auroc(torch.ones(6), torch.arange(6) % 2) == 0.5
    assert metrics.auroc(torch.arange(6.0), torch.arange(6) > 2) == 1


def test_retrieval_finds_the_partner_by_cosine() -> None:
    gallery = torch.eye(5, dtype=torch.float64) * torch.tensor([1.0, 100, 1, 1, 1]).unsqueeze(1)
    queries = torch.eye(5, dtype=torch.float64) + 0.1  # the dot product would send all of them to the long row
    assert metrics.retrieval_accuracy(queries, gallery) == 1
    assert metrics.retrieval_accuracy(queries, gallery[[0, 1, 2, 4, 3]]) == 0.6
    assert metrics.retrieval_accuracy(torch.ones(5, 3), torch.ones(5, 3)) == 0.2  # collapsed embeddings are at chance
    a, b = normal(40, 3), normal(40, 3, seed=1) + normal(40, 3)
    hits = 0
    for i, query in enumerate(a):
        hits += max(range(40), key=lambda j: float(torch.cosine_similarity(query, b[j], dim=0))) == i
    assert 1 < hits < 40 and metrics.retrieval_accuracy(a, b) == hits / 40


@pytest.mark.parametrize("neighbours", [1, 5])
def test_neighbours_vote_by_cosine(neighbours: int) -> None:
    train_x, test_x = normal(40, 3), normal(25, 3, seed=1)
    lengths = 10 ** normal(40, 1, seed=2)
    train_y, test_y = (train_x[:, 0] > 0).long(), (test_x[:, 0] + test_x[:, 1] > 0).long()
    hits = 0
    for x, y in zip(test_x, test_y, strict=True):
        near = torch.cosine_similarity(x.unsqueeze(0), train_x).topk(neighbours).indices
        hits += int(train_y[near].mode().values == y)
    assert 0.5 < hits / 25 < 1
    assert metrics.knn_accuracy(lengths * train_x, train_y, test_x, test_y, neighbours) == hits / 25
    assert neighbours == 1 or metrics.knn_accuracy(train_x, train_y, test_x, test_y) == hits / 25
    assert metrics.knn_accuracy(train_x, train_y, test_x, 1 - test_y, neighbours) == pytest.approx(1 - hits / 25)


def test_a_linear_probe_finds_what_a_plane_can_part() -> None:
    x, test_x = normal(300, 3), normal(200, 3, seed=1)
    plane = torch.tensor([1.0, -2.0, 0.5]).double()
    y, test_y = (x @ plane > 0).long(), (test_x @ plane > 0).long()
    assert metrics.linear_probe(x, y, test_x, test_y) > 0.95
    assert metrics.linear_probe(x, y, test_x, 1 - test_y) < 0.05  # it learns from the training part alone
    crossed = [(rows[:, 0] * rows[:, 1] > 0).long() for rows in (x, test_x)]
    assert metrics.linear_probe(x, crossed[0], test_x, crossed[1]) < 0.65  # no plane parts these four quarters
    assert metrics.knn_accuracy(x, crossed[0], test_x, crossed[1]) > 0.8
    # Standardised first: the unit of an axis does not matter.
    units = torch.tensor([1e-5, 1.0, 1e4]).double()
    assert metrics.linear_probe(units * x, y, units * test_x, test_y) == metrics.linear_probe(x, y, test_x, test_y)


# --- verdicts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "claim", "remedy"),
    [
        ((0.01, 0.02), "supported", "helps"),  # a small gain is a gain, too
        ((-0.2, -0.1), "not supported", "hurts"),
        ((-0.2, 0.04), "not supported", "no gain"),
        ((-0.2, 0.05), "undecided", "cannot tell"),
        ((0.0, 0.3), "undecided", "cannot tell"),  # it begins at zero, not above
    ],
)
def test_verdict_of_an_interval(interval: tuple[float, float], claim: str, remedy: str) -> None:
    assert metrics.verdict(*interval, worth=0.05) == claim
    assert metrics.verdict(*interval, worth=0.05, remedy=True) == remedy


def test_without_a_least_gain_only_an_interval_below_zero_is_not_supported() -> None:
    assert [metrics.verdict(-1, high) for high in (-0.1, 0.0, 0.1)] == ["not supported", "undecided", "undecided"]
    with pytest.raises(ValueError, match="high: got -1, expected at least low"):
        metrics.verdict(1, -1)


def test_the_rule_in_words_is_the_rule_in_code() -> None:
    page = (Path(__file__).resolve().parents[1] / "book" / "how-to-use.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (entirely|across) .*\| \*\*(.+)\*\* \| \*\*(.+)\*\* \|$", page, re.MULTILINE)
    intervals = [(0.1, 0.2), (-0.2, -0.1), (-0.2, 0.04), (-0.2, 0.1)]
    words = [tuple(metrics.verdict(*ends, worth=0.05, remedy=kind) for kind in (False, True)) for ends in intervals]
    assert [row[1:] for row in rows] == words


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_metrics_of_embeddings_on_cuda_are_those_of_the_cpu() -> None:
    x, y, labels = normal(20, 4), normal(20, 4, seed=1), torch.arange(20) % 2
    for metric in (
        lambda a, b, k: metrics.accuracy(k, k.flip(0)),
        lambda a, b, k: metrics.best_threshold(a[:, 0], k),
        lambda a, b, k: metrics.auroc(a[:, 0], k),
        lambda a, b, k: metrics.retrieval_accuracy(a, b),
        lambda a, b, k: metrics.knn_accuracy(a, k, b, k) + metrics.linear_probe(a, k, b, k),
    ):
        assert metric(x.cuda(), y.cuda(), labels.cuda()) == pytest.approx(metric(x, y, labels))
