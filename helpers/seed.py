"""Seeds: the only place of the course that touches global random state and the number of threads."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from helpers.checks import Count, Seed, check_calls

# The number of threads changes the last digits of a training run, so build, tests and recordings share
# it. One is nearly as fast as two for networks this small, leaves the other core to a second run, and
# does not stall when something else wants a core.
THREADS = 1


def seed_everything(seed: Seed, threads: Count = THREADS) -> torch.Generator:
    """Seed Python, NumPy and torch, fix the number of threads, and return a CPU generator of that
    seed."""
    random.seed(seed)
    np.random.seed(seed)  # readers' own cells may still use NumPy's global state
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    return rngs([seed])[0]


def rngs(seeds: Sequence[Seed]) -> list[torch.Generator]:
    """Return a random number generator for each seed, on the CPU: there a seed means the same
    everywhere."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@contextmanager
def torch_seed(seed: Seed) -> Iterator[None]:
    """Build networks from a seed of their own; torch's global random state is put back
    afterwards."""
    rngs([seed])  # refuses what is no seed
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


check_calls(globals())
