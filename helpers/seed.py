"""Seeds: the only place of the course that touches global random state and the number of threads."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import torch

from helpers._checks import check_int, describe, fail

# The number of threads changes the last digits of a training run, so build, tests and recordings share it. One is
# nearly as fast as two for networks this small, leaves the other core to a second run, and does not stall when
# something else wants a core.
THREADS = 1


def seed_everything(seed: int, threads: int = THREADS) -> torch.Generator:
    """Seed Python, NumPy and torch, fix the number of threads, and return a CPU generator with the same seed.

    Args:
        seed: a whole number in [0, 2³²).
        threads: CPU threads that torch may use from now on.

    Returns:
        A generator on the CPU; hand it to everything that draws random numbers.

    Raises:
        ValueError: if `seed` or `threads` is out of range.
    """
    check_int("threads", threads, 1)
    generator = generators([seed])[0]
    random.seed(seed)
    np.random.seed(seed)  # readers' own cells may still use NumPy's global state
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    return generator


def generators(seeds: Iterable[int]) -> list[torch.Generator]:
    """Make one CPU generator per seed: the sources of randomness of parallel universes.

    Args:
        seeds: whole numbers in [0, 2³²), at least one.

    Returns:
        As many generators, in the same order. They live on the CPU, so that a seed means the same numbers
        whatever other device is present.

    Raises:
        ValueError: if there is no seed, or one is out of range.
    """
    if not isinstance(seeds, Iterable):
        fail("seeds", describe(seeds), "one seed per universe, such as range(8)")
    seeds = list(seeds)
    if not seeds:
        fail("seeds", "none", "at least one seed")
    for seed in seeds:
        check_int("seed", seed, 0)
        if seed >= 2**32:
            fail("seed", describe(seed), "a whole number below 2**32")
    return [torch.Generator().manual_seed(seed) for seed in seeds]
