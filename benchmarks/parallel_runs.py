"""How much cheaper is it to train S runs at once than one after the other?

Prints, for each S, the time of a step of S lone runs, the time of one batched step, and two ratios. Seconds belong to
one machine; ratios travel better, so the target is a ratio. See README.md beside this file.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch
from _arguments import arguments

from helpers.data import noise, ring
from helpers.models import mlp
from helpers.seed import rngs, seed_everything
from helpers.train import fit, gan, make_game

SIZES = (1, 8, 16, 32)
WIDTH, BATCH, LATENT = 64, 128, 2
TARGET = 10.0  # 32 runs may take at most this many times one run's time


class Run:
    """A GAN on the ring with one run per seed, ready to be continued by some steps."""

    def __init__(self, seeds: range) -> None:
        self.sources = rngs(seeds)
        self.game = make_game(
            mlp((LATENT, WIDTH, WIDTH, 2), seeds), mlp((2, WIDTH, WIDTH, 1), seeds, scalar=True), lr=1e-3
        )

    def milliseconds(self, steps: int) -> float:
        """Train on, and return the time of one step."""
        start = time.perf_counter()
        fit(
            self.game,
            gan(),
            lambda: ring().sample(BATCH, self.sources),
            lambda: noise(BATCH, LATENT, self.sources),
            steps,
            device="cpu",
        )
        return 1000 * (time.perf_counter() - start) / steps


def measure(steps: int, rounds: int) -> dict[int, float]:
    """Return the median time of a batched step for each number of runs.

    The numbers take turns within each round, so that a machine that is busy for a while slows all of them.
    """
    runs = {count: Run(range(count)) for count in SIZES}
    for run in runs.values():
        run.milliseconds(max(1, steps // 5))  # the first steps pay for memory and Adam's state
    table = {count: [] for count in SIZES}
    for _ in range(rounds):
        for count, run in runs.items():
            table[count].append(run.milliseconds(steps))
    return {count: statistics.median(times) for count, times in table.items()}


def report(times: dict[int, float]) -> float:
    """Print the table and the target; return the ratio that the target is about."""
    one = times[1]
    print(f"{'S':>3}  {'S lone steps':>13}  {'batched step':>13}  {'lone / batched':>14}  {'batched / one run':>17}")
    for count, batched in times.items():
        lone = count * one
        print(f"{count:>3}  {lone:>10.2f} ms  {batched:>10.2f} ms  {lone / batched:>14.2f}  {batched / one:>17.2f}")
    ratio = times[max(SIZES)] / one
    verdict = "met" if ratio <= TARGET else "MISSED"
    print(f"target: {max(SIZES)} runs in at most {TARGET:g} times one run's time; measured {ratio:.2f}: {verdict}")
    return ratio


def main() -> int:
    """Measure, print, and judge if asked to."""
    given = arguments(__doc__ or "", steps=(60, "steps a round"), rounds=(5, "rounds, of which the median counts"))
    seed_everything(0, threads=given.threads)
    print(f"torch {torch.__version__}, {given.threads} threads; GAN on the ring, width {WIDTH}, batch {BATCH}")
    ratio = report(measure(given.steps, given.rounds))
    return int(given.check and ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
