"""Chapter 07: what the pull-away term does in the plane, at several weights, with its square and without.

The games are those of chapter 05: an energy-based GAN on the ring or on the grid of 25 blobs, the energy being an
autoencoder's error, many runs side by side. Two games that differ in the weight share all else: starting weights, data
and noise of each run. The weights with the square up to 1, and 0.1 and 1 without it, were fixed beforehand. Weight 10
and the wider networks were added after those had been seen. The term: Zhao, Mathieu and LeCun (2016), section 2.4.
"""

from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from helpers import data, losses, metrics, train
from helpers.models import mlp, mlp_autoencoder
from helpers.seed import rngs
from helpers.studies import grid

TARGETS = {"ring": data.ring, "grid": data.grid}
TERMS = {True: losses.pull_away, False: losses.pull_away_unsquared}  # by "is there a square?"
RUNS = 32  # side by side, in a recorded run
SHOWN, CODED = 800, 200  # samples of each run that are judged, and of them whose codes are compared
CODE, LR, MARGIN = 8, 2e-3, 1.0  # chapter 05's
_FIXED = {"steps": [2400], "width": [32], "batch": [64]}
SEEDS = [0]
PARTS = {
    **{name: grid(target=[name], weight=(0.0, 0.01, 0.1, 1.0), squared=[True], **_FIXED) for name in TARGETS},
    **{f"{name}, no square": grid(target=[name], weight=(0.1, 1.0), squared=[False], **_FIXED) for name in TARGETS},
    **{f"{name}, heavy": grid(target=[name], weight=[10.0], squared=[True], **_FIXED) for name in TARGETS},
    "wide": grid(target=["ring"], weight=(0.0, 0.1), squared=[True], steps=[2400], width=[64], batch=[128]),
}
COST = "ten minutes on one core"


def train_and_score(
    target: str,
    seeds: Sequence[int],
    weight: float,
    squared: bool = True,
    steps: int = 800,
    width: int = 32,
    batch: int = 64,
    every: int = 400,
) -> SimpleNamespace:
    """Train an energy-based GAN on a toy density, S runs side by side, on the CPU; look at it `every` so many steps, at
    the beginning and at the end: T times. Returns `steps`, and (T, S) each: blobs `covered`, `precision`, and the
    squared term of the codes of samples and of real points, `fake_term` and `real_term`; `samples` (S, SHOWN, 2)."""
    mixture, drawn = TARGETS[target](), rngs(seeds)
    networks = mlp((2, width, width, 2), seeds), mlp_autoencoder((2, width, CODE), seeds)
    game = train.make_ebgan(*networks, MARGIN, 2, lr=LR)
    method = train.ebgan(MARGIN, pull_away=weight, term=TERMS[squared])
    scored = rngs([seed + 500 for seed in seeds])  # the same in all games, and not what they train on
    z, real = data.noise(SHOWN, 2, scored), mixture.sample(CODED, scored)

    @torch.no_grad()
    def look(game: train.Game) -> dict[str, Tensor]:
        points, encode = train.sample(game.generator, z), game.discriminator.encode
        return {
            "covered": metrics.modes_covered(points, mixture).float(),
            "precision": metrics.sample_precision(points, mixture),
            "fake_term": losses.pull_away(encode(points[:, :CODED])),
            "real_term": losses.pull_away(encode(real)),
        }

    sources = partial(mixture.sample, batch, drawn), partial(data.noise, batch, 2, drawn)
    history = train.fit(game, method, *sources, steps, watch=look, every=every, device="cpu")
    series = {name: torch.stack([seen[name] for seen in history.watched]) for name in history.watched[0]}
    return SimpleNamespace(steps=history.steps, **series, samples=train.sample(game.generator, z))


def run(seed: int, target: str, weight: float, squared: bool, **setting: int) -> dict[str, Any]:
    """Train one game, run k with the seed 1000 · seed + k. `points`: the first run's last samples, x and y in turn."""
    seen = vars(train_and_score(target, [1000 * seed + k for k in range(RUNS)], weight, squared, **setting))
    points = seen.pop("samples")[0].flatten().double().round(decimals=3).tolist()
    steps = seen.pop("steps")
    series = {name: values.double().round(decimals=4).tolist() for name, values in seen.items()}
    return {"steps": steps, **series, "points": points}
