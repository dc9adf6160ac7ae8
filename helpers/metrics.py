"""Metrics: how good are the samples, and how sure can one be of it?

Sources: Fréchet distance: Heusel et al. (2017), eq. 6, here with the features of a small digit classifier in place
of Inception; inception score: Salimans et al. (2016), section 4; precision and recall of samples: Kynkäänniemi
et al. (2019), section 2; alignment and uniformity: Wang and Isola (2020), section 4; intervals: Wilson (1927),
Student's t and Efron's bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from helpers._checks import check_generator, check_int, check_number, check_tensor, describe, fail
from helpers.data import Mixture
from helpers.models import DigitClassifier

# The Fréchet distance depends on how many pictures are compared, so the course always takes this many.
FRECHET_N = 1000


def nearest_mode(samples: Tensor, mixture: Mixture, widths: float = 3.0) -> Tensor:
    """Say for each sample which mode it belongs to: the nearest centre, if that is close enough.

    Args:
        samples: `(..., N, d)`.
        mixture: the density whose modes are meant.
        widths: how many standard deviations away still counts.

    Returns:
        `(..., N)`, the mode's number, or −1 for a sample between the modes.

    Raises:
        ValueError: if the samples are not finite points of the mixture's dimension.
    """
    check_tensor("samples", samples, "(..., N, d)")
    check_number("widths", widths, 0, open_low=True)
    if samples.dim() < 2 or samples.shape[-1] != mixture.centers.shape[1]:
        fail("samples", describe(samples), f"points with a last axis of length {mixture.centers.shape[1]}")
    distance, mode = torch.cdist(samples, mixture.centers.to(samples)).min(-1)  # (..., N)
    return torch.where(distance <= widths * mixture.std, mode, -1)


def modes_covered(samples: Tensor, mixture: Mixture, share: float = 0.25, widths: float = 3.0) -> Tensor:
    """Count the modes that get at least `share` of their fair part of the samples.

    Args:
        samples: `(N, d)`, or `(S, N, d)` for S universes.
        mixture: the density whose K modes are meant.
        share: a mode is covered if at least `share · N / K` samples belong to it; in (0, 1].
        widths: see `nearest_mode`.

    Returns:
        A whole number from 0 to K, or `(S,)` of them.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_number("share", share, 0, 1, open_low=True)
    mode = nearest_mode(samples, mixture, widths)  # (..., N)
    count = len(mixture.centers)
    hits = (mode.unsqueeze(-1) == torch.arange(count, device=mode.device)).sum(-2)  # (..., K)
    return (hits >= share * mode.shape[-1] / count).sum(-1)


def sample_precision(samples: Tensor, mixture: Mixture, widths: float = 3.0) -> Tensor:
    """Return the share of samples that lie at some mode: it asks for quality, and does not care for variety.

    Args:
        samples: `(N, d)`, or `(S, N, d)` for S universes.
        mixture: the density whose modes are meant.
        widths: see `nearest_mode`.

    Returns:
        A number in [0, 1], or `(S,)` of them.

    Raises:
        ValueError: if an argument is out of range.
    """
    return (nearest_mode(samples, mixture, widths) >= 0).float().mean(-1)


@cache
def digit_classifier() -> DigitClassifier:
    """Return the frozen classifier that comes with the package (trained once by `tools/train_classifier.py`).

    Returns:
        The classifier in evaluation mode; its weights ask for no gradient.
    """
    model = DigitClassifier()
    with (files("helpers") / "assets" / "digit_classifier.npz").open("rb") as file:
        packed = np.load(file)
        state = {name: torch.from_numpy(packed[name].astype(np.float32)) for name in packed.files}
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def digit_features(images: Tensor) -> Tensor:
    """Return the frozen classifier's features: the space in which digits are compared.

    Args:
        images: `(N, 1, 28, 28)` with values in [−1, 1].

    Returns:
        `(N, 64)`, not negative, on the CPU.

    Raises:
        ValueError: on another shape or values that are not finite.
    """
    return digit_classifier().features(_check_digits(images))


def digit_probabilities(images: Tensor) -> Tensor:
    """Return the frozen classifier's probabilities of the ten classes.

    Args:
        images: `(N, 1, 28, 28)` with values in [−1, 1].

    Returns:
        `(N, 10)`, rows that sum to 1, on the CPU.

    Raises:
        ValueError: on another shape or values that are not finite.
    """
    return digit_classifier()(_check_digits(images)).softmax(-1)


def _check_digits(images: Tensor) -> Tensor:
    """Return pictures of digits on the CPU, where the classifier lives."""
    if check_tensor("images", images, "(N, 1, 28, 28)", 4).shape[1:] != (1, 28, 28):
        fail("images", describe(images), "a tensor of shape (N, 1, 28, 28)")
    return images.cpu()


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Return the squared Fréchet distance between Gaussians fitted to two sets of features.

    ‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½). It sees means and covariances, nothing else.
    It is biased upwards when samples are few: compare only distances that were taken with the same numbers.

    Args:
        a: `(N, d)` features, N at least 2.
        b: `(M, d)` features, M at least 2.

    Returns:
        A number of at least 0 (up to rounding), in the features' squared units.

    Raises:
        ValueError: on other shapes, fewer than two rows, or values that are not finite.
    """
    for name, value in (("a", a), ("b", b)):
        check_tensor(name, value, "(N, d)", 2)
        if len(value) < 2 or value.shape[1] != a.shape[1]:
            fail(name, describe(value), f"at least two rows of {a.shape[1]} features")
    (mean_a, cov_a), (mean_b, cov_b) = _moments(a), _moments(b)
    # tr (Σ_a Σ_b)^½ is the sum of the roots of the eigenvalues of Σ_a Σ_b, which are real and not negative.
    eigenvalues = np.linalg.eigvals(cov_a @ cov_b).real.clip(min=0)
    trace = np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(eigenvalues).sum()
    return float(((mean_a - mean_b) ** 2).sum() + trace)


def _moments(features: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return mean `(d,)` and covariance `(d, d)` in double precision."""
    rows = features.detach().cpu().double().numpy()
    return rows.mean(0), np.atleast_2d(np.cov(rows, rowvar=False))


def inception_score(probabilities: Tensor) -> float:
    """Return exp of the mean Kullback-Leibler divergence of p(y|x) from p(y): sure of each, balanced over all.

    Args:
        probabilities: `(N, K)`, rows that sum to 1.

    Returns:
        A number from 1 (all alike) to K (sure of each, all classes equally frequent).

    Raises:
        ValueError: if rows are not probabilities.
    """
    check_tensor("probabilities", probabilities, "(N, K)", 2)
    rows = probabilities.double()
    if (rows < 0).any() or not torch.allclose(rows.sum(1), torch.ones(len(rows), dtype=rows.dtype), atol=1e-4):
        fail("probabilities", describe(probabilities), "rows of numbers of at least 0 that sum to 1")
    marginal = rows.mean(0)  # (K,)
    divergence = torch.special.entr(marginal).sum() - torch.special.entr(rows).sum(1).mean()
    return float(divergence.exp())


def effective_number(labels: Tensor) -> float:
    """Return exp of the entropy of the labels' shares: how many equally frequent classes would be as varied.

    Args:
        labels: `(N,)`, whole numbers.

    Returns:
        A number from 1 (all alike) to the number of different labels (all equally frequent).

    Raises:
        ValueError: on another shape, no labels or numbers that are not whole.
    """
    if not isinstance(labels, Tensor) or labels.dim() != 1 or labels.is_floating_point() or not len(labels):
        fail("labels", describe(labels), "whole numbers of shape (N,)")
    shares = labels.unique(return_counts=True)[1].double() / len(labels)
    return float(torch.special.entr(shares).sum().exp())


def precision_recall(real: Tensor, fake: Tensor, neighbours: int = 3) -> tuple[float, float]:
    """Return the share of fakes that lie among the reals, and the share of reals that lie among the fakes.

    A point lies among a set if it is inside the ball around at least one of its points that reaches to that
    point's k-th nearest neighbour in the set. Source: Kynkäänniemi et al. (2019), eq. 1 and 2.

    Args:
        real: `(N, d)` features, more rows than `neighbours`.
        fake: `(M, d)` features, more rows than `neighbours`.
        neighbours: k.

    Returns:
        Precision and recall, each in [0, 1].

    Raises:
        ValueError: on other shapes or too few rows.
    """
    check_int("neighbours", neighbours, 1)
    for name, value in (("real", real), ("fake", fake)):
        check_tensor(name, value, "(N, d)", 2)
        if len(value) <= neighbours or value.shape[1] != real.shape[1]:
            fail(name, describe(value), f"more than {neighbours} rows of {real.shape[1]} features")
    return _share_inside(fake, real, neighbours), _share_inside(real, fake, neighbours)


def _share_inside(points: Tensor, members: Tensor, neighbours: int) -> float:
    """Return the share of `points` inside some member's ball."""
    members = members.detach()
    # + 1: the nearest member to each is itself.
    radius = torch.cdist(members, members).kthvalue(neighbours + 1, dim=1).values  # (members,)
    return float((torch.cdist(points, members) <= radius).any(1).float().mean())


def jensen_shannon(p: Tensor, q: Tensor, cell: float) -> float:
    """Return the Jensen-Shannon divergence of two densities given on a regular grid, in nats.

    Args:
        p: densities at the grid's points, any shape, at least 0.
        q: the other densities, same shape.
        cell: length, area or volume that a grid point stands for.

    Returns:
        A number from 0 (equal) to ln 2 (nowhere both positive), up to the grid's error.

    Raises:
        ValueError: if shapes differ or a density is negative.
    """
    check_tensor("p", p, "of the grid")
    check_tensor("q", q, "of the grid")
    check_number("cell", cell, 0, open_low=True)
    for name, value in (("p", p), ("q", q)):
        if value.shape != p.shape or (value < 0).any():
            fail(name, describe(value), f"densities of at least 0, both of shape {tuple(p.shape)}")
    entropy = torch.special.entr  # −t ln t, 0 at 0
    middle = (p + q) / 2
    return float((entropy(middle) - entropy(p) / 2 - entropy(q) / 2).sum() * cell)


def accuracy(predictions: Tensor | Sequence[Tensor], labels: Tensor | Sequence[Tensor]) -> float:
    """Return the share of correct predictions: all that are right over all that there are.

    Batches count by their size; a mean of the batches' accuracies would give a short last batch too much weight.

    Args:
        predictions: `(N,)`, or a sequence of such batches.
        labels: likewise, of the same shapes.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: if shapes differ or there is nothing to count.
    """
    guesses, truths = _batches("predictions", predictions), _batches("labels", labels)
    shapes = [tuple(guess.shape) for guess in guesses]
    if [tuple(truth.shape) for truth in truths] != shapes:
        fail("labels", describe(labels), f"the shapes of predictions, {shapes}")
    count = sum(truth.numel() for truth in truths)
    return sum(int((guess == truth).sum()) for guess, truth in zip(guesses, truths, strict=True)) / count


def _batches(name: str, value: Tensor | Sequence[Tensor]) -> list[Tensor]:
    """Return batches as a list, also if there is just one."""
    batches = [value] if isinstance(value, Tensor) else value
    if not isinstance(batches, Sequence) or not all(isinstance(batch, Tensor) for batch in batches):
        fail(name, describe(value), "a tensor of shape (N,), or a sequence of them")
    if not any(batch.numel() for batch in batches):
        fail(name, describe(value), "at least one value")
    return list(batches)


def best_threshold(scores: Tensor, same: Tensor) -> float:
    """Return the threshold that calls the most pairs right if "same" means a score above it.

    Choose it on validation pairs; on the test pairs it would flatter itself.

    Args:
        scores: `(N,)`, such as cosines: the higher, the more alike.
        same: `(N,)` of 0 and 1, or booleans; both must occur.

    Returns:
        A number between two neighbouring scores, or just outside all of them.

    Raises:
        ValueError: on other shapes or values.
    """
    right = _check_scores(scores, same)
    ordered, order = scores.detach().cpu().double().sort()
    cuts = torch.cat([ordered[:1] - 1, (ordered[1:] + ordered[:-1]) / 2, ordered[-1:] + 1])  # (N + 1,)
    truth = right[order].double()
    below = torch.cat([truth.new_zeros(1), (1 - truth).cumsum(0)])  # different pairs below each cut: right
    above = truth.sum() - torch.cat([truth.new_zeros(1), truth.cumsum(0)])  # same pairs above it: right
    # Between two equal scores nothing can be cut.
    possible = torch.cat([torch.tensor([True]), ordered[1:] > ordered[:-1], torch.tensor([True])])
    return float(cuts[torch.where(possible, below + above, -1).argmax()])


def auroc(scores: Tensor, positive: Tensor) -> float:
    """Return the area under the ROC curve: how often a positive scores higher than a negative (ties count half).

    Args:
        scores: `(N,)`.
        positive: `(N,)` of 0 and 1, or booleans; both must occur.

    Returns:
        A number in [0, 1]; ½ for scores that say nothing.

    Raises:
        ValueError: on other shapes or values.
    """
    right = _check_scores(scores, positive, "positive")
    from sklearn.metrics import roc_auc_score  # here, because importing it takes a second that few need

    return float(roc_auc_score(right.numpy(), scores.detach().cpu().double().numpy()))


def _check_scores(scores: Tensor, same: Tensor, name: str = "same") -> Tensor:
    """Return the labels as booleans on the CPU, both of which must occur."""
    check_tensor("scores", scores, "(N,)", 1)
    shaped = isinstance(same, Tensor) and same.shape == scores.shape and bool(((same == 0) | (same == 1)).all())
    if not shaped or len(same.unique()) < 2:
        fail(name, describe(same), f"0 and 1, both of them, of shape ({len(scores)},)")
    return same.bool().cpu()


def alignment(a: Tensor, b: Tensor) -> float:
    """Return the mean squared distance between the embeddings of positive pairs, on the unit sphere.

    Source: Wang and Isola (2020), section 4.1, with exponent 2. The inputs are normalised here.

    Args:
        a: `(N, d)`.
        b: `(N, d)`; row i belongs together with row i of `a`.

    Returns:
        A number from 0 (each pair at one point) to 4.

    Raises:
        ValueError: if shapes differ or values are not finite.
    """
    unit_a, unit_b = _unit("a", a), _unit("b", b)
    if a.shape != b.shape:
        fail("b", describe(b), f"the shape {tuple(a.shape)} of a")
    return float(((unit_a - unit_b) ** 2).sum(-1).mean())


def uniformity(embeddings: Tensor, t: float = 2.0) -> float:
    """Return log of the mean of exp(−t‖x − y‖²) over different samples: how evenly they fill the unit sphere.

    Source: Wang and Isola (2020), section 4.1. The inputs are normalised here.

    Args:
        embeddings: `(N, d)`, N at least 2.
        t: how far a pair's influence reaches, above 0.

    Returns:
        A number from −4t to 0; the lower, the more even. 0 if all embeddings point the same way.

    Raises:
        ValueError: on another shape, fewer than two rows or values that are not finite.
    """
    check_number("t", t, 0, open_low=True)
    unit = _unit("embeddings", embeddings)
    if len(unit) < 2:
        fail("embeddings", describe(embeddings), "at least two rows")
    return float((-t * torch.pdist(unit) ** 2).exp().mean().log())


def _unit(name: str, embeddings: Tensor) -> Tensor:
    """Return embeddings of length 1, in double precision, on the CPU (not every device has that precision)."""
    return normalize(check_tensor(name, embeddings, "(N, d)", 2).detach().cpu().double(), dim=-1)


def retrieval_accuracy(queries: Tensor, gallery: Tensor) -> float:
    """Return how often the nearest row of the gallery, by cosine, is the query's own partner (top-1).

    Args:
        queries: `(N, d)`.
        gallery: `(N, d)`; row i is the partner of query i.

    Returns:
        A number in [0, 1]; chance is 1/N.

    Raises:
        ValueError: if shapes differ or values are not finite.
    """
    unit_q, unit_g = _unit("queries", queries), _unit("gallery", gallery)
    if queries.shape != gallery.shape:
        fail("gallery", describe(gallery), f"the shape {tuple(queries.shape)} of queries")
    nearest = (unit_q @ unit_g.T).argmax(1)  # (N,)
    return accuracy(nearest, torch.arange(len(nearest)))


def knn_accuracy(train_x: Tensor, train_y: Tensor, test_x: Tensor, test_y: Tensor, neighbours: int = 5) -> float:
    """Return the accuracy of a k-nearest-neighbour classifier on embeddings, by cosine distance (scikit-learn).

    Args:
        train_x: `(N, d)` embeddings that vote, N at least `neighbours`.
        train_y: `(N,)`, their labels.
        test_x: `(M, d)` embeddings to classify.
        test_y: `(M,)`, the truth.
        neighbours: k.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: on shapes that do not fit together.
    """
    _check_classified(train_x, train_y, test_x, test_y)
    if check_int("neighbours", neighbours, 1) > len(train_x):
        fail("neighbours", neighbours, f"at most the {len(train_x)} rows of train_x")
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(neighbours, metric="cosine", algorithm="brute")
    return float(model.fit(_rows(train_x), _rows(train_y)).score(_rows(test_x), _rows(test_y)))


def linear_probe(train_x: Tensor, train_y: Tensor, test_x: Tensor, test_y: Tensor) -> float:
    """Return the accuracy of a logistic regression on frozen embeddings, standardised first (scikit-learn).

    Args:
        train_x: `(N, d)` embeddings to fit on.
        train_y: `(N,)`, their labels, at least two different ones.
        test_x: `(M, d)` embeddings to classify.
        test_y: `(M,)`, the truth.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: on shapes that do not fit together, or if all of `train_y` is one label.
    """
    _check_classified(train_x, train_y, test_x, test_y)
    if len(train_y.unique()) < 2:
        fail("train_y", f"{describe(train_y)}, all equal", "at least two different labels")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(model.fit(_rows(train_x), _rows(train_y)).score(_rows(test_x), _rows(test_y)))


def _check_classified(train_x: Tensor, train_y: Tensor, test_x: Tensor, test_y: Tensor) -> None:
    """Raise unless embeddings and labels fit together."""
    for name, x, y in (("train", train_x, train_y), ("test", test_x, test_y)):
        check_tensor(f"{name}_x", x, "(N, d)", 2)
        if not isinstance(y, Tensor) or y.is_floating_point() or y.shape != x.shape[:1]:
            fail(f"{name}_y", describe(y), f"whole numbers of shape ({len(x)},)")
    if test_x.shape[1] != train_x.shape[1]:
        fail("test_x", describe(test_x), f"rows of length {train_x.shape[1]}, as in train_x")


def _rows(values: Tensor) -> np.ndarray:
    """Hand a tensor to scikit-learn."""
    return values.detach().cpu().numpy()


def pairs_interval(
    correct: Tensor, pairs: Tensor, generator: torch.Generator, draws: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Return a bootstrap interval for the accuracy on pairs that share pictures: the pictures are drawn again.

    Pairs with a common picture are right or wrong together, so an interval that takes them for independent is too
    narrow. Here each draw takes the pictures with replacement; a pair counts as often as the product of its two. This
    errs on the safe side: the fewer pairs share a picture, the wider it is, at most √3 times what independent pairs
    would need. Source: Owen, "The pigeonhole bootstrap" (2007).

    Args:
        correct: `(P,)` of 0 and 1, or booleans: whether each pair was judged right.
        pairs: `(P, 2)`, the numbers of the two pictures of each pair, from 0.
        generator: source of randomness, on the CPU.
        draws: how often to draw.
        level: confidence, in (0, 1).

    Returns:
        The lower and upper end, both in [0, 1].

    Raises:
        ValueError: on other shapes or values.
    """
    check_int("draws", draws, 2)
    check_generator(generator)
    shaped = isinstance(pairs, Tensor) and pairs.dim() == 2 and pairs.shape[1] == 2 and not pairs.is_floating_point()
    if not shaped or len(pairs) == 0 or pairs.min() < 0:
        fail("pairs", describe(pairs), "whole numbers of at least 0 of shape (P, 2)")
    fits = isinstance(correct, Tensor) and correct.shape == pairs.shape[:1]
    if not fits or not ((correct == 0) | (correct == 1)).all():
        fail("correct", describe(correct), f"0 and 1 of shape ({len(pairs)},)")
    used, members = pairs.cpu().unique(return_inverse=True)  # only pictures that occur are drawn
    drawn = torch.randint(len(used), (draws, len(used)), generator=generator)  # (draws, pictures)
    counts = torch.zeros(draws, len(used)).scatter_add_(1, drawn, torch.ones(drawn.shape))
    weight = counts[:, members[:, 0]] * counts[:, members[:, 1]]  # (draws, P)
    total = weight.sum(1)
    if not total.any():
        fail("pairs", describe(pairs), "more pairs, or more draws: no draw holds both pictures of any pair")
    shares = ((weight * correct.cpu()).sum(1) / total)[total > 0]
    tail = (1 - _level(level)) / 2
    low, high = shares.double().quantile(torch.tensor([tail, 1 - tail], dtype=torch.double)).tolist()
    return low, high


def t_interval(values: Tensor, level: float = 0.95) -> tuple[float, float]:
    """Return Student's t interval for the mean of independent values, such as one result per seed.

    Args:
        values: `(n,)`, n at least 2.
        level: confidence, in (0, 1).

    Returns:
        The lower and upper end.

    Raises:
        ValueError: if there are fewer than two values or `level` is out of range.
    """
    check_tensor("values", values, "(n,), n of at least 2", 1)
    if len(values) < 2:
        fail("values", describe(values), "at least two values")
    from scipy.special import stdtrit  # the quantile itself: importing scipy.stats takes half a second

    half = float(stdtrit(len(values) - 1, (1 + _level(level)) / 2)) * float(values.std()) / math.sqrt(len(values))
    return float(values.mean()) - half, float(values.mean()) + half


def wilson_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval for a share: how sure is "14 of 16 runs"?

    Args:
        successes: how many, from 0 to `n`.
        n: of how many, at least 1.
        level: confidence, in (0, 1).

    Returns:
        The lower and upper end, both in [0, 1].

    Raises:
        ValueError: if an argument is out of range.
    """
    check_int("n", n, 1)
    if check_int("successes", successes, 0) > n:
        fail("successes", successes, f"at most n = {n}")
    from scipy import stats  # here, because it takes half a second that few need

    interval = stats.binomtest(successes, n).proportion_ci(_level(level), method="wilson")
    return float(interval.low), float(interval.high)


def _level(level: float) -> float:
    """Check a confidence level."""
    if not 0 < check_number("level", level, 0, 1) < 1:
        fail("level", level, "a confidence between 0 and 1, such as 0.95")
    return level
