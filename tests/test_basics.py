"""Seeds fix everything and importing nothing, networks are what they are written as, chains take the steps they say."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from helpers import models
from helpers.checks import Diverged
from helpers.sampling import langevin
from helpers.seed import THREADS, rngs, seed_everything


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


def pictures(n: int = 5, channels: int = 1, size: int = 28) -> torch.Tensor:
    return 2 * torch.rand(n, channels, size, size, generator=rngs([0])[0]) - 1


def test_batched_batch_normalisation_is_torchs_for_each_run() -> None:
    x = 3 + 2 * torch.randn(4, 9, 5, generator=rngs([0])[0])
    layer = models.BatchedBatchNorm(4, 5)
    torch.testing.assert_close(layer(x), nn.functional.layer_norm(x.mT, (9,)).mT)
    with torch.no_grad():
        layer.scale.copy_(torch.rand(4, 1, 5))
        layer.shift.copy_(torch.rand(4, 1, 5))
    loop = [nn.functional.batch_norm(x[k], None, None, layer.scale[k, 0], layer.shift[k, 0], True) for k in range(4)]
    torch.testing.assert_close(layer(x), torch.stack(loop))


@pytest.mark.parametrize(
    ("size", "channels", "widths", "dim"),
    [(28, 1, (16, 32, 64), 64), (32, 3, (4, 8), 7), (33, 2, (4,), 3), (8, 1, (2, 2, 2), 1)],
)
def test_the_encoder_layer_by_layer(size: int, channels: int, widths: tuple[int, ...], dim: int) -> None:
    seed_everything(0)
    encoder = models.Encoder(size, channels, widths, dim)
    x = maps = pictures(6, channels, size)
    layers = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    for layer in layers:
        maps = nn.functional.conv2d(maps, layer.weight, stride=2, padding=1)
        mean, variance = maps.mean((0, 2, 3), keepdim=True), maps.var((0, 2, 3), correction=0, keepdim=True)
        maps = ((maps - mean) / (variance + 1e-5).sqrt()).clamp(min=0)
    last = encoder.body[-1]
    assert [layer.out_channels for layer in layers] == [*widths] and last.out_features == dim
    torch.testing.assert_close(encoder(x), maps.flatten(1) @ last.weight.T + last.bias, rtol=1e-4, atol=1e-4)


def bowl(x: Tensor) -> Tensor:
    return (x**2 / 2).sum(-1)


def test_no_noise_is_descent_and_leaves_start_and_gradients_alone() -> None:
    start = torch.tensor([[4.0, -2.0]])
    end = langevin(bowl, start, 2, 0.5, noise=0.0)
    torch.testing.assert_close(end, start / 4)
    assert start.tolist() == [[4.0, -2.0]] and not start.requires_grad and not end.requires_grad


def test_same_seed_same_walk_and_runs_walk_alone() -> None:
    def walk(seeds: list[int]) -> Tensor:
        return langevin(bowl, torch.zeros(len(seeds), 3, 2), 5, 0.1, rng=rngs(seeds))

    step = langevin(bowl, torch.ones(3, 2), 1, 0.1, rng=rngs([4])[0])
    torch.testing.assert_close(step, 1 - 0.1 + 0.2**0.5 * torch.randn(3, 2, generator=rngs([4])[0]))
    assert torch.equal(walk([1, 2])[1:], walk([2])) and not torch.equal(walk([1]), walk([2]))


def test_a_walk_that_runs_away_is_an_error() -> None:
    with pytest.raises(Diverged, match=r"within 20 steps of step_size 1000"):
        langevin(lambda x: (x**4).sum(-1), torch.ones(2, 2), 20, 1000.0, rng=rngs([0])[0])
