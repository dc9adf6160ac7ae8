"""Seeds: one call fixes everything, importing the package fixes nothing."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from helpers.seed import THREADS, rngs, seed_everything, torch_seed


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]


def test_the_same_seed_gives_the_same_numbers_everywhere() -> None:
    first = torch.rand(3, generator=seed_everything(7)).tolist() + draws()
    again = torch.rand(3, generator=seed_everything(7)).tolist() + draws()
    other = torch.rand(3, generator=seed_everything(8)).tolist() + draws()
    assert first == again and not set(first) & set(other)
    torch.rand(100, generator=seed_everything(7, threads=THREADS + 1))  # a generator of its own, not the global one
    assert torch.get_num_threads() == THREADS + 1
    with pytest.raises(ValueError, match="seed"):  # a refused seed changes nothing
        seed_everything(2**32)
    assert draws() == first[3:] and torch.get_num_threads() == THREADS + 1
    seed_everything(7)
    assert torch.get_num_threads() == THREADS


def test_generators_are_one_per_seed_and_know_nothing_of_each_other() -> None:
    together = [torch.rand(2, generator=g).tolist() for g in rngs([3, 0, 3])]
    assert together[0] == together[2] != together[1]
    assert together[1] == torch.rand(2, generator=torch.Generator().manual_seed(0)).tolist()
    assert all(g.device.type == "cpu" for g in rngs(range(3)))


def test_making_generators_and_networks_leaves_the_global_state_alone() -> None:
    seed_everything(5)
    built = torch.nn.Linear(3, 2).weight
    before = torch.get_rng_state()
    rngs([1, 2])
    for seed, equal in ((5, True), (6, False)):
        with torch_seed(seed):
            assert torch.equal(built, torch.nn.Linear(3, 2).weight) == equal
    with pytest.raises(ZeroDivisionError), torch_seed(0):
        torch.rand(1 // 0)
    assert torch.equal(before, torch.get_rng_state())


IMPORT_ALL = """
import os, pkgutil, importlib, random
import cloudpickle, ipywidgets, joblib, matplotlib.pyplot, numpy, torch, torch.optim.swa_utils, tqdm.auto, warnings
warnings.simplefilter("error")  # from here on: old packages have warnings that are not ours
def state():
    return {
        "random": random.getstate(), "numpy": str(numpy.random.get_state()),
        "torch": torch.get_rng_state().tolist(), "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(), "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matplotlib": dict(matplotlib.rcParams), "printing": numpy.get_printoptions(), "env": dict(os.environ),
        "figures": matplotlib.pyplot.get_fignums(),
    }
torch.set_num_threads(1)
before = state()
import helpers
import helpers.figures
names = [f"helpers.{info.name}" for info in pkgutil.iter_modules(helpers.__path__)]
names += [f"helpers.figures.{info.name}" for info in pkgutil.iter_modules(helpers.figures.__path__)]
for name in names:
    importlib.import_module(name)
after = state()
print(len(names), [key for key in before if before[key] != after[key]])
"""


def test_importing_the_package_sets_no_global_state() -> None:
    # In a fresh process, with the third-party packages imported first: what those set is not ours.
    command = [sys.executable, "-c", IMPORT_ALL]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    count, changed = done.stdout.strip().split(" ", 1)
    assert int(count) >= 13, "found hardly any module: is this looking at the helpers?"
    assert changed == "[]"
