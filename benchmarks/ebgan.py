"""What do the course's checked steps cost beside a bare loop, and what do more runs cost?

Prints two tables. First the time of a step of GAN and EBGAN on digits over that of a minimal loop, written out below,
in the same process. Then the time of a step of 8 and of 32 runs in the plane over that of one. See README.md
beside this file.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from _arguments import arguments
from torch.nn.functional import relu, softplus

from helpers.data import noise, ring
from helpers.losses import reconstruction_energy
from helpers.models import Discriminator, Generator, mlp, mlp_autoencoder
from helpers.seed import rngs, seed_everything
from helpers.studies.ebgan_digits import conv_autoencoder
from helpers.train import Game, d_step, ebgan, g_step, gan, make_ebgan, make_game

BATCH, LATENT, MARGIN = 16, 32, 0.2  # on digits
SIZES, WIDTH, CODE, PLANE_BATCH = (1, 8, 32), 32, 8, 64  # in the plane
MOST_OVERHEAD = 1.25  # a step of the course may take at most this many times the bare loop's
MOST_FOR_32 = 10.0  # 32 runs may take at most this many times one run's step

Step = Callable[[], None]


def bare_step(game: Game, kind: str, real: torch.Tensor) -> None:
    """One turn of each player, with nothing around it."""
    generator, discriminator = game.generator, game.discriminator

    def energy(x: torch.Tensor) -> torch.Tensor:
        return ((discriminator(x) - x) ** 2).flatten(1).mean(1)

    with torch.no_grad():
        fake = generator(torch.randn(len(real), LATENT))
    if kind == "GAN":
        loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()
    else:
        loss = energy(real).mean() + relu(MARGIN - energy(fake)).mean()
    game.d_optimizer.zero_grad()
    loss.backward()
    game.d_optimizer.step()
    fake = generator(torch.randn(len(real), LATENT))
    loss = softplus(-discriminator(fake)).mean() if kind == "GAN" else energy(fake).mean()
    game.g_optimizer.zero_grad()
    loss.backward(inputs=list(generator.parameters()))
    game.g_optimizer.step()


def course_step(game: Game, kind: str, real: torch.Tensor) -> None:
    """The same with the course's functions, which check their arguments."""
    method = gan() if kind == "GAN" else ebgan(MARGIN, partial(reconstruction_energy, kind="mse"))
    d_step(game, method, real, torch.randn(len(real), LATENT))
    g_step(game, method, torch.randn(len(real), LATENT))


def on_digits(step: Callable[[Game, str, torch.Tensor], None], kind: str) -> Step:
    """Make one step of a fresh game on pictures."""
    discriminator = Discriminator() if kind == "GAN" else conv_autoencoder()
    game = make_game(Generator(LATENT), discriminator)
    real = 2 * torch.rand(BATCH, 1, 28, 28) - 1
    return partial(step, game, kind, real)


def in_the_plane(kind: str, runs: int) -> Step:
    """Make one step of a game on the ring, with so many runs at once."""
    seeds, data = range(runs), ring()
    sources, generator = rngs(seeds), mlp((2, WIDTH, WIDTH, 2), seeds)
    if kind == "GAN":
        game = make_game(generator, mlp((2, WIDTH, WIDTH, 1), seeds, scalar=True))
        method = gan()
    else:
        game = make_ebgan(generator, mlp_autoencoder((2, WIDTH, CODE), seeds), margin=1.0, numbers=2)
        method = ebgan(margin=1.0)

    def step() -> None:
        d_step(game, method, data.sample(PLANE_BATCH, sources), noise(PLANE_BATCH, 2, sources))
        g_step(game, method, noise(PLANE_BATCH, 2, sources))

    return step


def milliseconds(racers: dict[str, Step], steps: int, rounds: int) -> dict[str, float]:
    """Return each racer's median time of a step; they take turns, so that a busy moment slows all of them."""
    times: dict[str, list[float]] = {name: [] for name in racers}
    for turn in range(rounds + 1):
        for name, step in racers.items():
            began = time.perf_counter()
            for _ in range(steps):
                step()
            if turn:  # the first round pays for memory and Adam's state
                times[name].append(1000 * (time.perf_counter() - began) / steps)
    return {name: statistics.median(seen) for name, seen in times.items()}


def main() -> int:
    """Measure, print, and judge if asked to."""
    given = arguments(__doc__ or "", steps=(20, "steps a round"), rounds=(7, "rounds, of which the median counts"))
    seed_everything(0, threads=given.threads)
    measure = partial(milliseconds, steps=given.steps, rounds=given.rounds)
    print(f"torch {torch.__version__}, {given.threads} threads\n\ndigits, batch {BATCH}")
    print(f"{'':>6}  {'bare loop':>12}  {'course':>12}  {'course / bare':>14}")
    overhead, growth = [], []
    for kind in ("GAN", "EBGAN"):
        bare, course = measure({step.__name__: on_digits(step, kind) for step in (bare_step, course_step)}).values()
        overhead.append(course / bare)
        print(f"{kind:>6}  {bare:>9.2f} ms  {course:>9.2f} ms  {course / bare:>14.2f}", flush=True)
    print(f"\nring, batch {PLANE_BATCH}")
    print(f"{'':>6}  {'one run':>12}", *(f" {f'{size} / one':>9}" for size in SIZES[1:]))
    for kind in ("GAN", "EBGAN"):
        one, *more = measure({str(size): in_the_plane(kind, size) for size in SIZES}).values()
        growth.append(more[-1] / one)
        print(f"{kind:>6}  {one:>9.2f} ms", *(f" {many / one:>9.2f}" for many in more), flush=True)
    met = max(overhead) <= MOST_OVERHEAD and max(growth) <= MOST_FOR_32
    print(f"\ntarget: at most {MOST_OVERHEAD:g} times the bare loop; measured {max(overhead):.2f}")
    print(f"target: {SIZES[-1]} runs in at most {MOST_FOR_32:g} times one; measured {max(growth):.2f}")
    print("met" if met else "MISSED")
    return int(given.check and not met)


if __name__ == "__main__":
    sys.exit(main())
