"""Pulling samples apart: the games of chapter 06, with the pull-away term at several weights, squared or not.

In the plane they are those of chapter 04: an energy-based GAN on the ring or on the grid of 25 blobs, the energy being
an autoencoder's error, many universes side by side. On digits the same with pictures. Everything that two weights do
not share is the weight: starting weights, data and noise of a universe are the same.

Sources: Zhao, Mathieu and LeCun, "Energy-based GANs" (2016), section 2.4, for the term and its weight of 0.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from helpers import data, metrics
from helpers._checks import check_choice, check_codes, check_int, check_number
from helpers.losses import pull_away, reconstruction_energy
from helpers.models import Generator, mlp, mlp_autoencoder
from helpers.seed import generators
from helpers.train import Game, ebgan_d_step, ebgan_g_step, fit, make_ebgan, sample

TARGETS = {"ring": data.ring, "grid": data.grid}
WEIGHTS = (0.0, 0.01, 0.1, 1.0)
UNIVERSES = 32  # of a recorded run in the plane
SHOWN = 800  # samples of each universe that are judged, in the plane
CODED = 200  # of them whose codes are compared
CODE, LR, MARGIN = 8, 2e-3, 1.0  # of the games in the plane: chapter 04's
LATENT, DIGIT_CODE, DIGIT_LR, DIGIT_MARGIN = 32, 32, 1e-3, 0.2  # of the games on digits


def _plane(target: str, weights: Sequence[float], squared: bool = True, size: tuple[int, int] = (32, 64)) -> list[Any]:
    """Return settings of recorded games in the plane; size is the networks' width and the batch."""
    common = {"squared": squared, "steps": 2400, "width": size[0], "batch": size[1]}
    return [{"target": target, "weight": weight, **common} for weight in weights]


def _digits(weight: float, squared: bool, steps: int) -> list[Any]:
    """Return the settings of a recorded game on digits."""
    return [{"target": "digits", "weight": weight, "squared": squared, "steps": steps, "batch": 32}]


# What was recorded: the settings of each part, as `helpers.sweep` takes them for `run`.
PLANE = {
    **{target: _plane(target, WEIGHTS) for target in TARGETS},
    **{f"{target}, no square": _plane(target, (0.1, 1.0), squared=False) for target in TARGETS},
    **{f"{target}, heavy": _plane(target, (10.0,)) for target in TARGETS},
    "wide": _plane("ring", (0.0, 0.1), size=(64, 128)),
}
DIGITS = {
    "none": _digits(0.0, True, 2000),
    "square": _digits(0.1, True, 1000),
    "no square": _digits(0.1, False, 1000),
    "heavy": _digits(1.0, True, 1000),
}


def mean_cosine(codes: Tensor) -> Tensor:
    """Return the pull-away term as much public code has it, without the square: the mean cosine of different codes.

    Args:
        codes: `(N, d)`, or `(S, N, d)` for S universes; N at least 2. Lengths do not matter, but none may be 0.

    Returns:
        A scalar in [−1/(N − 1), 1], or `(S,)`: lowest whenever the unit vectors add up to 0.

    Raises:
        ValueError: on another shape, fewer than two codes or values that are not finite.
    """
    count = check_codes(codes).shape[-2]
    unit = codes / torch.linalg.vector_norm(codes, dim=-1, keepdim=True)
    return ((unit.sum(-2) ** 2).sum(-1) - count) / (count * (count - 1))  # |Σ u|² is the sum of all cosines


@dataclass(frozen=True)
class Film:
    """What was seen of a game in the plane.

    Attributes:
        steps: the T steps after which it was looked at.
        covered: `(T, S)`, blobs covered by each universe's samples.
        precision: `(T, S)`, the share of samples at some blob.
        fake_term: `(T, S)`, the pull-away term (squared) of the codes of samples.
        real_term: `(T, S)`, that of the codes of real points.
        samples: `(S, SHOWN, 2)`, at the end.
    """

    steps: list[int]
    covered: Tensor
    precision: Tensor
    fake_term: Tensor
    real_term: Tensor
    samples: Tensor


def play(
    target: str,
    seeds: Sequence[int],
    weight: float,
    squared: bool = True,
    steps: int = 800,
    width: int = 32,
    batch: int = 64,
    every: int = 400,
) -> Film:
    """Train an energy-based GAN on a toy density, one universe for each seed, on the CPU.

    Args:
        target: `"ring"` or `"grid"`.
        seeds: one for each universe; all its randomness comes from there.
        weight: of the pull-away term in the generator's loss, at least 0.
        squared: the term as in the paper; otherwise `mean_cosine`.
        steps: of training.
        width: of the hidden layers.
        batch: points in a step, at least 2.
        every: look every so many steps, at the beginning, and at the end.

    Returns:
        What was seen.

    Raises:
        ValueError: if an argument is out of range.
    """
    mixture = TARGETS[check_choice("target", target, TARGETS)]()
    check_number("weight", weight, 0)
    check_int("width", width, 1)
    check_int("batch", batch, 2)
    sources = generators(seeds)
    game = make_ebgan(
        mlp((2, width, width, 2), seeds=seeds), mlp_autoencoder((2, width, CODE), seeds=seeds), MARGIN, 2, lr=LR
    )
    judged = generators([seed + 500 for seed in seeds])  # the same in all games, and not what they train on
    look = partial(_look, mixture, data.noise(SHOWN, 2, judged), mixture.sample(CODED, judged))
    history = fit(
        game,
        partial(mixture.sample, batch, sources),
        partial(data.noise, batch, 2, sources),
        steps,
        **_turns(weight, squared, MARGIN, "norm"),
        watch=look,
        every=every,
        device="cpu",
    )
    *numbers, points = zip(*history.watched, strict=True)
    return Film(history.steps, *(torch.stack(series) for series in numbers), points[-1])


@torch.no_grad()
def _look(mixture: data.Mixture, z: Tensor, real: Tensor, game: Game) -> tuple[Tensor, ...]:
    """Return blobs covered, precision, the term of samples and of real points, and the samples."""
    points, encode = sample(game.generator, z), game.discriminator.encode
    return (
        metrics.modes_covered(points, mixture).float(),
        metrics.sample_precision(points, mixture),
        pull_away(encode(points[:, :CODED])),
        pull_away(encode(real)),
        points,
    )


@dataclass(frozen=True)
class Album:
    """What was seen of a game on digits.

    Attributes:
        steps: the T steps after which it was looked at.
        judgements: T of them, each what `judge_digits` says about `metrics.FRECHET_N` drawings.
        images: `(metrics.FRECHET_N, 1, 28, 28)`, the drawings at the end.
    """

    steps: list[int]
    judgements: list[dict[str, float]]
    images: Tensor


def play_digits(
    seed: int, weight: float, squared: bool = True, steps: int = 500, batch: int = 32, every: int = 250
) -> Album:
    """Train an energy-based GAN on digits, on the CPU. Torch's global random state is put back afterwards.

    Args:
        seed: a whole number in [0, 2³²); with the same seed all weights start alike and see the same digits.
        weight: of the pull-away term in the generator's loss, at least 0.
        squared: the term as in the paper; otherwise `mean_cosine`.
        steps: of training.
        batch: pictures in a step, at least 2.
        every: look every so many steps, at the beginning, and at the end.

    Returns:
        What was seen.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_number("weight", weight, 0)
    check_int("batch", batch, 2)
    check_int("seed", seed, 0)
    source, judged = generators([seed, seed + 500])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = Generator(LATENT), mlp_autoencoder((784, 256, DIGIT_CODE), pictures=(1, 28, 28))
        metrics.digit_classifier()  # when it is first built, its starting weights are drawn too
    game = make_ebgan(*networks, DIGIT_MARGIN, 784, "mse", lr=DIGIT_LR)
    images, z = data.digits("train")[0], data.noise(metrics.FRECHET_N, LATENT, judged)
    history = fit(
        game,
        lambda: images[torch.randint(len(images), (batch,), generator=source)],
        partial(data.noise, batch, LATENT, source),
        steps,
        **_turns(weight, squared, DIGIT_MARGIN, "mse"),
        watch=lambda game: judge_digits(sample(game.generator, z)),
        every=every,
        device="cpu",
    )
    return Album(history.steps, history.watched, sample(game.generator, z))


def judge_digits(images: Tensor) -> dict[str, float]:
    """Ask how varied drawings of digits are, and how good.

    Args:
        images: `(N, 1, 28, 28)` with values in [−1, 1], at least four.

    Returns:
        `classes`, the effective number of classes among the frozen classifier's labels; `sure`, its mean probability
        of the label it gives; `precision` and `recall` against a quarter of the training digits; `frechet`, the
        distance to all of them.

    Raises:
        ValueError: on another shape or values that are not finite.
    """
    features, real = metrics.digit_features(images), _real_features()
    best = metrics.digit_classifier().head(features).softmax(-1).max(-1)
    precision, recall = metrics.precision_recall(real[::4], features)
    return {
        "classes": metrics.effective_number(best.indices),
        "sure": float(best.values.mean()),
        **{"precision": precision, "recall": recall},
        "frechet": metrics.frechet_distance(features, real),
    }


@cache
def _real_features() -> Tensor:
    """Return the classifier's features of the training digits."""
    return metrics.digit_features(data.digits("train")[0])


def _turns(weight: float, squared: bool, margin: float, kind: str) -> dict[str, Callable[..., Tensor]]:
    """Return the two players' turns, as `fit` takes them."""
    energy = partial(reconstruction_energy, kind=kind)
    term = pull_away if squared else mean_cosine
    return {
        "d_step": partial(ebgan_d_step, margin=margin, energy=energy),
        "g_step": partial(ebgan_g_step, pull_away_weight=weight, energy=energy, term=term),
    }


def run(seed: int, target: str, weight: float, squared: bool, **setting: int) -> dict[str, Any]:
    """Play one game for the recorded study.

    Args:
        seed: a whole number; in the plane universe k has the seed 1000 · seed + k.
        target: `"ring"`, `"grid"` or `"digits"`.
        weight: see `play`.
        squared: see `play`.
        **setting: further arguments of `play` or of `draw_digits`.

    Returns:
        The steps looked at, and for each of them: on digits what `judge_digits` says; in the plane `covered`,
        `precision`, `fake_term` and `real_term` of `Film`, a number for each universe, and once `points`, the first
        universe's samples at the end, x and y in turn.

    Raises:
        ValueError: if an argument is out of range.
    """
    if check_choice("target", target, (*TARGETS, "digits")) == "digits":
        album = play_digits(seed, weight, squared, **setting)
        series = {name: [judged[name] for judged in album.judgements] for name in album.judgements[-1]}
        return {"steps": album.steps, **series}
    film = play(target, [1000 * seed + k for k in range(UNIVERSES)], weight, squared, **setting)
    names = ("covered", "precision", "fake_term", "real_term")
    series = {name: _rounded(getattr(film, name)) for name in names}
    return {"steps": film.steps, **series, "points": _rounded(film.samples[0].flatten(), 3)}


def _rounded(values: Tensor, decimals: int = 4) -> list[Any]:
    """Return numbers as lists that are short in a file."""
    return values.double().round(decimals=decimals).tolist()
