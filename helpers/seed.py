"""Seeds: the only place that sets global random state and the number of threads."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from helpers.checks import Count, Seed, check_calls, require

# The number of threads changes the last digits of a training, so build, tests and recordings share
# it. One is nearly as fast as two for networks this small, and leaves a core to a second run.
THREADS = 1


def seed_everything(seed: Seed, threads: Count = THREADS) -> torch.Generator:
    """Seed Python, NumPy and torch, fix the number of threads, and return a random generator."""
    require(threads <= 1024, "threads", threads, "at most 1024")
    random.seed(int(seed))  # it refuses NumPy's integers
    np.random.seed(seed)  # readers' own cells may still use NumPy's global state
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    return rngs([seed])[0]


def rngs(seeds: Sequence[Seed]) -> list[torch.Generator]:
    """Return a random generator for each seed, on the CPU: there it means the same everywhere."""
    return [torch.Generator().manual_seed(int(seed)) for seed in seeds]


@contextmanager
def torch_seed(seed: Seed) -> Iterator[None]:
    """Build networks from a seed of their own; afterwards torch's global state is as before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        yield


check_calls(globals())
