"""Chapter 07: what the pull-away term does on digits, at weights 0, 0.1 and 1, and without its square.

The energy is the mean square error per pixel of an autoencoder with 32 code numbers. With the same seed all games start
alike and see the same digits. The runs without the term were made twice as long as the others after two of them had not
left their first stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from helpers import data, losses, metrics, train
from helpers.models import Generator, mlp_autoencoder
from helpers.seed import rngs, torch_seed
from helpers.studies.ebgan_digits import training_features
from helpers.studies.pull_away import TERMS

LATENT, CODE, LR, MARGIN = 32, 32, 1e-3, 0.2


def _settings(weight: float, squared: bool, steps: int) -> list[dict[str, Any]]:
    """Return a part's one setting."""
    return [{"target": "digits", "weight": weight, "squared": squared, "steps": steps, "batch": 32}]


SEEDS = range(5)
PARTS = {
    "none": _settings(0.0, True, 2000),
    "square": _settings(0.1, True, 1000),
    "no square": _settings(0.1, False, 1000),
    "heavy": _settings(1.0, True, 1000),
}
COST = "ten minutes on one core"


@dataclass(frozen=True)
class Scores:
    """What was seen of a game after each of T numbers of steps."""

    steps: list[int]
    scores: list[dict[str, float]]  # T of them, what `score` says about `metrics.FRECHET_N` drawings
    images: Tensor  # (metrics.FRECHET_N, 1, 28, 28), the drawings at the end


def train_and_score(
    seed: int, weight: float, squared: bool = True, steps: int = 500, batch: int = 32, every: int = 250
) -> Scores:
    """Train an energy-based GAN on digits, on the CPU; score its drawings `every` so many steps, at the beginning and
    at the end."""
    drawn, scored = rngs([seed, seed + 500])
    with torch_seed(seed):
        networks = Generator(LATENT), mlp_autoencoder((784, 256, CODE), pictures=(1, 28, 28))
    game = train.make_ebgan(*networks, MARGIN, 784, "mse", lr=LR)
    images, z = data.digits("train")[0], data.noise(metrics.FRECHET_N, LATENT, scored)
    history = train.fit(
        game,
        train.ebgan(MARGIN, partial(losses.reconstruction_energy, kind="mse"), weight, TERMS[squared]),
        lambda: images[torch.randint(len(images), (batch,), generator=drawn)],
        partial(data.noise, batch, LATENT, drawn),
        steps,
        watch=lambda game: score(train.sample(game.generator, z)),
        every=every,
        device="cpu",
    )
    return Scores(history.steps, history.watched, train.sample(game.generator, z))


def score(images: Tensor) -> dict[str, float]:
    """Score drawings of digits, how varied and how good: the effective number of classes among the frozen classifier's
    labels, its mean probability of the label it gives, precision and recall against a quarter of the training digits,
    and the Fréchet distance to all of them."""
    features, real = metrics.digit_features(images), training_features()
    best = metrics.class_probabilities(features).max(-1)
    precision, recall = metrics.precision_recall(real[::4], features)
    return {
        "classes": metrics.effective_number(best.indices),
        "sure": float(best.values.mean()),
        **{"precision": precision, "recall": recall},
        "frechet": metrics.frechet_distance(features, real),
    }


def run(seed: int, target: str, **setting: Any) -> dict[str, Any]:
    """Train one game for the record; `target` is always `"digits"`."""
    seen = train_and_score(seed, **setting)
    return {"steps": seen.steps, **{name: [scores[name] for scores in seen.scores] for name in seen.scores[0]}}
