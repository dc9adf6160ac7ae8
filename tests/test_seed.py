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
    numbers = [random.getstate(), str(numpy.random.get_state()), torch.get_rng_state().tolist()]
    printing = [numpy.get_printoptions(), dict(matplotlib.rcParams), matplotlib.pyplot.get_fignums()]
    return [numbers, printing, torch.get_num_threads(), torch.get_default_dtype(), dict(os.environ)]
torch.set_num_threads(1)
before = state()
import helpers, helpers.figures
names = [one.name for package in (helpers, helpers.figures)
         for one in pkgutil.iter_modules(package.__path__, package.__name__ + ".")]
for name in names:
    importlib.import_module(name)
assert len(names) >= 13 and state() == before
"""


def test_importing_the_package_sets_no_global_state() -> None:
    # In a fresh process, with the third-party packages imported first: what those set is not ours.
    subprocess.run([sys.executable, "-c", IMPORT_ALL], check=True, env=os.environ | {"MPLBACKEND": "agg"})
