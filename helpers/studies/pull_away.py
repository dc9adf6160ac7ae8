"""Chapter 07: what the pull-away term does in the plane, at several weights, with its square and without.

The games are those of chapter 05: an energy-based GAN on the ring or on the grid of 25 blobs, the energy being an
autoencoder's error, many universes side by side. Two games that differ in the weight share all else: starting weights,
data and noise of each universe. The weights with the square up to 1, and 0.1 and 1 without it, were fixed beforehand.
Weight 10 and the wider networks were added after those had been seen.
Source: Zhao, Mathieu and LeCun, "Energy-based GANs" (2016), section 2.4, for the term and its weight of 0.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from helpers import data, losses, metrics, train
from helpers.models import mlp, mlp_autoencoder
from helpers.seed import rngs

TARGETS = {"ring": data.ring, "grid": data.grid}
TERMS = {True: losses.pull_away, False: losses.pull_away_unsquared}  # by "is there a square?"
WEIGHTS = (0.0, 0.01, 0.1, 1.0)
UNIVERSES = 32  # of a recorded run
SHOWN = 800  # samples of each universe that are judged
CODED = 200  # of them whose codes are compared
CODE, LR, MARGIN = 8, 2e-3, 1.0  # chapter 05's


def _settings(target: str, weights: Sequence[float], squared: bool = True, width: int = 32) -> list[dict[str, Any]]:
    """Return a part's settings; networks twice as wide have batches twice as large."""
    common = {"squared": squared, "steps": 2400, "width": width, "batch": 2 * width}
    return [{"target": target, "weight": weight, **common} for weight in weights]


SEEDS = [0]
PARTS = {
    **{target: _settings(target, WEIGHTS) for target in TARGETS},
    **{f"{target}, no square": _settings(target, (0.1, 1.0), squared=False) for target in TARGETS},
    **{f"{target}, heavy": _settings(target, (10.0,)) for target in TARGETS},
    "wide": _settings("ring", (0.0, 0.1), width=64),
}
COST = "ten minutes on one core"


@dataclass(frozen=True)
class Scores:
    """What was seen of S universes after each of T numbers of steps."""

    steps: list[int]
    covered: Tensor  # (T, S), blobs covered
    precision: Tensor  # (T, S), share of samples at some blob
    fake_term: Tensor  # (T, S), the pull-away term, squared, of the codes of samples
    real_term: Tensor  # (T, S), that of real points
    samples: Tensor  # (S, SHOWN, 2), at the end


def train_and_score(
    target: str,
    seeds: Sequence[int],
    weight: float,
    squared: bool = True,
    steps: int = 800,
    width: int = 32,
    batch: int = 64,
    every: int = 400,
) -> Scores:
    """Train an energy-based GAN on a toy density, one universe for each seed, on the CPU; score it `every` so many
    steps, at the beginning and at the end."""
    mixture, drawn = TARGETS[target](), rngs(seeds)
    networks = mlp((2, width, width, 2), seeds), mlp_autoencoder((2, width, CODE), seeds)
    scored = rngs([seed + 500 for seed in seeds])  # the same in all games, and not what they train on
    history = train.fit(
        train.make_ebgan(*networks, MARGIN, 2, lr=LR),
        train.ebgan(MARGIN, pull_away=weight, term=TERMS[squared]),
        partial(mixture.sample, batch, drawn),
        partial(data.noise, batch, 2, drawn),
        steps,
        watch=partial(_score, mixture, data.noise(SHOWN, 2, scored), mixture.sample(CODED, scored)),
        every=every,
        device="cpu",
    )
    *numbers, points = zip(*history.watched, strict=True)
    return Scores(history.steps, *(torch.stack(series) for series in numbers), points[-1])


@torch.no_grad()
def _score(mixture: data.Mixture, z: Tensor, real: Tensor, game: train.Game) -> tuple[Tensor, ...]:
    """Return blobs covered, precision, the term of samples and of real points, and the samples."""
    points, encode = train.sample(game.generator, z), game.discriminator.encode
    return (
        metrics.modes_covered(points, mixture).float(),
        metrics.sample_precision(points, mixture),
        losses.pull_away(encode(points[:, :CODED])),
        losses.pull_away(encode(real)),
        points,
    )


def run(seed: int, target: str, weight: float, squared: bool, **setting: int) -> dict[str, Any]:
    """Train one game for the record; universe k has the seed 1000 · seed + k. `points` are the first universe's samples
    at the end, x and y in turn."""
    scores = train_and_score(target, [1000 * seed + k for k in range(UNIVERSES)], weight, squared, **setting)
    names = ("covered", "precision", "fake_term", "real_term")
    series = {name: _rounded(getattr(scores, name), 4) for name in names}
    return {"steps": scores.steps, **series, "points": _rounded(scores.samples[0].flatten(), 3)}


def _rounded(values: Tensor, decimals: int) -> list[Any]:
    """Return numbers as lists that are short in a file."""
    return values.double().round(decimals=decimals).tolist()
