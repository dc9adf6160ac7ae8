"""Langevin sampling: the step that the docstring says, and the spread that theory says."""

import math

import pytest
import torch
from torch import Tensor

from helpers.checks import Diverged
from helpers.sampling import langevin
from helpers.seed import rngs


def bowl(x: Tensor) -> Tensor:
    return (x**2 / 2).sum(-1)


@pytest.mark.parametrize(("step_size", "noise"), [(0.05, None), (0.5, None), (0.2, 0.3)])
def test_the_variance_on_a_quadratic_energy_is_what_theory_says(step_size: float, noise: float | None) -> None:
    """x ← (1 − h) x + σ ε settles at the variance σ² / (1 − (1 − h)²)."""
    x = langevin(bowl, torch.zeros(20_000, 1), 200, step_size, noise, rng=rngs([0])[0])
    sigma = math.sqrt(2 * step_size) if noise is None else noise
    theory = sigma**2 / (1 - (1 - step_size) ** 2)
    assert float(x.var()) == pytest.approx(theory, rel=0.05)  # the sample's own error is 1 %


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
