"""Draw the picture of README.md: a GAN learning the ring of chapter 01.

Usage: python tools/readme_picture.py
"""

from __future__ import annotations

from pathlib import Path

import torch

from helpers import data, models, train
from helpers.figures import plots
from helpers.seed import rngs, seed_everything

TARGET = Path(__file__).parent.parent / "book" / "static" / "ring.png"
MOMENTS = (0, 200, 600, 2000)


def film(seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return 600 generated points and the discriminator's opinion of the plane at each moment."""
    seed_everything(seed)
    ring, sources = data.ring(), rngs([seed])
    game = train.make_game(
        models.mlp((2, 32, 32, 2), seeds=[seed]), models.mlp((2, 32, 32, 1), seeds=[seed], scalar=True), lr=2e-3
    )
    fixed = data.noise(600, 2, rngs([seed + 1]))

    def look(game: train.Game) -> tuple[torch.Tensor, torch.Tensor]:
        opinion = train.sample(game.discriminator, plots.lattice().reshape(1, -1, 2)).sigmoid()
        return train.sample(game.generator, fixed)[0], opinion.reshape(81, 81)

    history = train.fit(
        game,
        train.gan(),
        lambda: ring.sample(128, sources),
        lambda: data.noise(128, 2, sources),
        MOMENTS[-1],
        watch=look,
        every=200,
    )
    return [history.watched[history.steps.index(step)] for step in MOMENTS]


if __name__ == "__main__":
    plots.set_style()
    figure, axes = plots.figure(columns=len(MOMENTS), height=2)
    for ax, step, (points, opinion) in zip(axes, MOMENTS, film(), strict=True):
        plots.surface(ax, opinion, low=0, high=1)
        plots.samples(ax, data.ring().centers.repeat_interleave(3, 0), points)
        ax.set_title(f"step {step:,}")
    figure.savefig(TARGET, dpi=150)
    print(f"{TARGET}: {TARGET.stat().st_size / 1e3:.0f} kB")
