"""Metrics: how good are the samples or the embeddings, and how sure can one be of it?"""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from helpers import checks, losses
from helpers.checks import Binary, Count, Finite, Images, Int, Positive, Range, check_calls, require
from helpers.data import Mixture, _packed
from helpers.models import DigitClassifier

FRECHET_N = 1000  # the Fréchet distance depends on how many pictures are compared
Level = Annotated[float, Range(0, 1, open_low=True, open_high=True)]


def nearest_mode(samples: Finite("... N d"), mixture: Mixture, widths: Positive = 3.0) -> Tensor:
    """Number of the nearest mode for each sample, (..., N); −1 if more than `widths` std away."""
    d = mixture.centers.shape[1]
    require(samples.shape[-1] == d, "samples", samples, f"points with a last axis of length {d}")
    distance, mode = _distances(samples, mixture.centers.to(samples.device)).min(-1)  # (..., N)
    return torch.where(distance <= widths * mixture.std, mode, -1)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Return distances (..., N, M), not by matrix products: those are wrong far from the origin."""
    kind = torch.promote_types(torch.promote_types(a.dtype, b.dtype), torch.float32)
    return torch.cdist(a.to(kind), b.to(kind), compute_mode="donot_use_mm_for_euclid_dist")


def modes_covered(
    samples: Finite("*S N d"), mixture: Mixture, share: Positive = 0.25, widths: Positive = 3.0
) -> Tensor:
    """How many of K modes get at least `share` of their fair part, N / K; a number or (S,)."""
    mode = nearest_mode(samples, mixture, widths)  # (..., N)
    count = len(mixture.centers)
    hits = (mode.unsqueeze(-1) == torch.arange(count, device=mode.device)).sum(-2)  # (..., K)
    return (hits >= share * mode.shape[-1] / count).sum(-1)


def sample_precision(samples: Finite("*S N d"), mixture: Mixture, widths: Positive = 3.0) -> Tensor:
    """Share of the samples that lie at some mode, 0.989 in the plane if they are perfect."""
    return (nearest_mode(samples, mixture, widths) >= 0).float().mean(-1)


def jensen_shannon(p: Finite("..."), q: Finite("..."), cell: Positive) -> float:
    """Jensen-Shannon divergence, in nats, of densities on a grid of `cell` area each."""
    for name, value in (("p", p), ("q", q)):
        good = value.shape == p.shape and (value >= 0).all() and value.sum() * cell < 1.01
        require(good, name, value, f"shape {tuple(p.shape)}, at least 0, a sum below 1.01 / cell")
    entropy = torch.special.entr  # −t ln t, 0 at 0
    middle = (p + q) / 2
    return float((entropy(middle) - entropy(p) / 2 - entropy(q) / 2).sum() * cell)


@cache
def _frozen_classifier() -> DigitClassifier:
    """Read the classifier that `tools/train_classifier.py` trained once."""
    with torch.random.fork_rng(devices=[]):  # its draws must not touch the caller's seed
        model = DigitClassifier()
    weights = _packed("digit_classifier.npz").items()
    model.load_state_dict({name: torch.from_numpy(value).float() for name, value in weights})
    return model.eval().requires_grad_(False)


def digit_features(images: Images("N 1 28 28")) -> Tensor:
    """Features of a frozen digit classifier, (N, 64) on the CPU, for the Fréchet distance."""
    return _frozen_classifier().features(images.float().cpu())


def class_probabilities(features: Finite("N 64")) -> Tensor:
    """Probabilities of the ten classes, (N, 10), from `digit_features`."""
    return _frozen_classifier().head(features.float().cpu()).softmax(-1)


def frechet_distance(a: Finite("N d"), b: Finite("M d")) -> float:
    """Squared Fréchet distance of Gaussians fitted to features. Heusel et al. (2017), eq. 6. Biased
    upwards when samples are few: compare only distances that were taken with equal numbers."""
    for name, value in (("a", a), ("b", b)):
        require(len(value) > 1, name, value, "at least two rows")
    rows = [value.detach().cpu().double().numpy() for value in (a, b)]
    mean_a, mean_b = (value.mean(0) for value in rows)  # (d,)
    cov_a, cov_b = (np.atleast_2d(np.cov(value, rowvar=False)) for value in rows)  # (d, d)
    # tr (Σ_a Σ_b)^½ is the sum of the roots of the eigenvalues of Σ_a Σ_b, real and not negative.
    eigenvalues = np.linalg.eigvals(cov_a @ cov_b).real.clip(min=0)
    trace = np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(eigenvalues).sum()
    return max(float(((mean_a - mean_b) ** 2).sum() + trace), 0.0)


def effective_number(labels: Int("N")) -> float:
    """exp of the labels' entropy: how many equally frequent classes would be as varied."""
    shares = labels.unique(return_counts=True)[1].double() / len(labels)
    return float(torch.special.entr(shares).sum().exp())


def precision_recall(real: Finite("N d"), fake: Finite("M d")) -> tuple[float, float]:
    """Precision and recall: the share of fakes that lie within the estimated support of the reals,
    and of reals within that of the fakes. Kynkäänniemi et al. (2019), eq. 1 and 2. The support is
    made of balls, one around each point, each reaching to that point's third nearest neighbour."""
    for name, value in (("real", real), ("fake", fake)):
        require(len(value) > 3, name, value, "more than 3 rows")
    return _share_inside(fake, real), _share_inside(real, fake)


def _share_inside(points: Tensor, members: Tensor) -> float:
    """Return the share of `points` inside some member's ball."""
    # The fourth: the nearest member to each is itself.
    radius = _distances(members, members).kthvalue(4, dim=1).values  # (members,)
    return float((_distances(points, members) <= radius).any(1).float().mean())


def accuracy(predictions: checks.Classes("..."), labels: checks.Classes("...")) -> float:
    """Share of correct predictions."""
    shape = tuple(predictions.shape)
    require(labels.shape == shape, "labels", labels, f"shape {shape}")
    return int((predictions == labels).sum()) / labels.numel()


def best_threshold(scores: Finite("N"), same: Binary("N")) -> float:
    """Threshold with the highest accuracy if "same" means a score above it."""
    ordered, order = scores.detach().cpu().double().sort()
    truth = _both_kinds("same", same)[order].double()
    lower, upper = ordered[:1] - 1, ordered[-1:] + 1
    cuts = torch.cat([lower, (ordered[1:] + ordered[:-1]) / 2, upper])  # (N + 1,)
    below = pad((1 - truth).cumsum(0), (1, 0))  # different pairs below each cut
    above = truth.sum() - pad(truth.cumsum(0), (1, 0))  # same pairs above it
    possible = pad(ordered[1:] > ordered[:-1], (1, 1), value=True)  # between equal scores is no cut
    return float(cuts[torch.where(possible, below + above, -1).argmax()])


def auroc(scores: Finite("N"), positive: Binary("N")) -> float:
    """Area under the ROC curve: how often a positive outscores a negative (ties count half)."""
    from sklearn.metrics import roc_auc_score  # here, as importing it takes a second that few need

    truth = _both_kinds("positive", positive)
    return float(roc_auc_score(truth.numpy(), scores.detach().cpu().double().numpy()))


def _both_kinds(name: str, labels: Tensor) -> Tensor:
    """Return the labels as booleans on the CPU, both of which must occur."""
    require(len(labels.unique()) > 1, name, labels, "0 and 1, both of them")
    return labels.bool().cpu()


def _unit(embeddings: Tensor) -> Tensor:
    """Return rows of length 1 in double precision, on the CPU: not every device has it."""
    return losses._unit(embeddings.detach().cpu().double())


def retrieval_accuracy(queries: Finite("N d"), gallery: Finite("N d")) -> float:
    """How often the nearest row of the gallery, by cosine, is the query's partner (same row)."""
    nearest = (_unit(queries) @ _unit(gallery).T).argmax(1)  # (N,)
    return accuracy(nearest, torch.arange(len(nearest)))


def knn_accuracy(
    train_x: Finite("N d"), train_y: Int("N"), test_x: Finite("M d"), test_y: Int("M"), k: Count = 5
) -> float:
    """Accuracy of a k-nearest-neighbour classifier on embeddings, by cosine distance."""
    require(k <= len(train_x), "k", k, f"at most the {len(train_x)} rows of train_x")
    from sklearn.neighbors import KNeighborsClassifier  # here, as it takes a second that few need

    model = KNeighborsClassifier(k, metric="cosine", algorithm="brute")
    return _score(model, _unit(train_x), train_y, _unit(test_x), test_y)


def linear_probe(
    train_x: Finite("N d"), train_y: Int("N"), test_x: Finite("M d"), test_y: Int("M")
) -> float:
    """Accuracy of a logistic regression on frozen embeddings, which are standardised first."""
    require(len(train_y.unique()) > 1, "train_y", train_y, "at least two different labels")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return _score(model, train_x.float(), train_y, test_x.float(), test_y)


def _score(model: Any, *tensors: Tensor) -> float:
    """Fit a scikit-learn classifier on the first two tensors and score it on the others."""
    train_x, train_y, test_x, test_y = (tensor.detach().cpu().numpy() for tensor in tensors)
    return float(model.fit(train_x, train_y).score(test_x, test_y))


def t_interval(values: Finite("n"), level: Level = 0.95) -> tuple[float, float]:
    """Student's t interval for the mean of independent values, such as one result per seed."""
    require(len(values) > 1, "values", values, "at least two values")
    from scipy.special import stdtrit  # the quantile; importing scipy.stats takes half a second

    std, mean = (float(one) for one in torch.std_mean(values.detach().cpu().double()))
    half = float(stdtrit(len(values) - 1, (1 + level) / 2)) * std / math.sqrt(len(values))
    return mean - half, mean + half


def wilson_interval(successes: checks.Whole, n: Count, level: Level = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share (1927): how sure is "14 of 16 runs"?"""
    require(successes <= n, "successes", successes, f"at most n = {n}")
    from scipy import stats  # here, because it takes half a second that few need

    interval = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def verdict(
    low: checks.Number, high: checks.Number, worth: checks.NonNegative = 0.0, remedy: bool = False
) -> str:
    """The course's word for a gain between `low` and `high`: supported if it lies above 0; else not
    supported if it lies below `worth`, the least gain worth having; else undecided. Of a remedy:
    helps; hurts (below 0) or no gain; cannot tell."""
    require(low <= high, "high", high, f"at least low, {low:g}")
    if low > 0:
        return "helps" if remedy else "supported"
    if high < worth:
        return ("hurts" if high < 0 else "no gain") if remedy else "not supported"
    return "cannot tell" if remedy else "undecided"


check_calls(globals())
