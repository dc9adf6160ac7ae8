"""Chapter 07: what the pull-away term does on digits, at weights 0, 0.1 and 1, and without its square.

The energy is the mean square error per pixel of an autoencoder with 32 code numbers. With the same seed all games start
alike and see the same digits. The runs without the term were made twice as long as the others after two of them had not
left their first stage.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from helpers import data, metrics, train
from helpers.models import Generator, mlp_autoencoder
from helpers.seed import rngs, torch_seed
from helpers.studies import draw, grid, mean_square
from helpers.studies.ebgan_digits import training_features
from helpers.studies.pull_away import TERMS

LATENT, CODE, LR, MARGIN = 32, 32, 1e-3, 0.2
_FIXED = {"target": ["digits"], "batch": [32]}
SEEDS = range(5)
PARTS = {
    "none": grid(weight=[0.0], squared=[True], steps=[2000], **_FIXED),
    "square": grid(weight=[0.1], squared=[True], steps=[1000], **_FIXED),
    "no square": grid(weight=[0.1], squared=[False], steps=[1000], **_FIXED),
    "heavy": grid(weight=[1.0], squared=[True], steps=[1000], **_FIXED),
}
COST = "ten minutes on one core"


def train_and_score(
    seed: int, weight: float, squared: bool = True, steps: int = 500, batch: int = 32, every: int = 250
) -> SimpleNamespace:
    """Train an energy-based GAN on digits, on the CPU, and draw `every` so many steps, also at the beginning and at the
    end. Returns `steps`, the `scores` of the drawings then, and `images` (1000, 1, 28, 28), the last drawings."""
    drawn, scored = rngs([seed, seed + 500])
    with torch_seed(seed):
        networks = Generator(LATENT), mlp_autoencoder((784, 256, CODE), pictures=(1, 28, 28))
    game = train.make_ebgan(*networks, MARGIN, 784, "mse", lr=LR)
    method = train.ebgan(MARGIN, mean_square, weight, TERMS[squared])
    z = data.noise(metrics.FRECHET_N, LATENT, scored)
    watching = {"watch": lambda game: score(train.sample(game.generator, z)), "every": every}
    sources = partial(draw, data.digits("train")[0], batch, drawn), partial(data.noise, batch, LATENT, drawn)
    history = train.fit(game, method, *sources, steps, device="cpu", **watching)
    return SimpleNamespace(steps=history.steps, scores=history.watched, images=train.sample(game.generator, z))


def score(images: Tensor) -> dict[str, float]:
    """Score drawings of digits: the effective number of classes among the frozen classifier's labels, its mean
    probability of them, precision and recall against a quarter of the training digits, the distance to all of them."""
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
