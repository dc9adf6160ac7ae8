"""What chapters 01 and 02 compute, by another route: scipy, torch's own functions, sums over everything."""

import itertools
import math

import numpy as np
import pytest
import torch
from on_the_page import on_the_page
from scipy.optimize import linprog, minimize, minimize_scalar
from scipy.special import softmax
from scipy.stats import wasserstein_distance
from torch import Tensor, nn

from helpers import metrics, models


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_minimax_theorem_on_three_points() -> None:
    p, q = (normal(3, seed=seed).double().softmax(0) for seed in (0, 1))
    share = p.numpy()

    def best_value(q: np.ndarray) -> float:
        """The largest V, found without the formula of the best discriminator: point by point, over the logits."""
        losses = [
            lambda f, a=a, b=b: a * np.log1p(np.exp(-f)) + b * np.log1p(np.exp(f))
            for a, b in zip(share, q, strict=True)
        ]
        return -sum(minimize_scalar(loss, bounds=(-20, 20), method="bounded").fun for loss in losses)

    expected = -math.log(4) + 2 * metrics.jensen_shannon(p, q, 1.0)
    assert best_value(q.numpy()) == pytest.approx(expected, abs=1e-6)
    least = minimize(lambda u: best_value(softmax([*u, 0])), np.zeros(2), method="Nelder-Mead")
    assert least.fun == pytest.approx(-math.log(4), abs=1e-6)
    np.testing.assert_allclose(softmax([*least.x, 0]), share, atol=1e-2)


@pytest.mark.parametrize(("name", "costs"), [("critic_d_loss", (0.0, 10.0)), ("two_sided", (2.5, 10.0))])
def test_the_penalty_of_a_critic_that_is_a_plane(name: str, costs: tuple[float, float]) -> None:
    real, fake, page = normal(3, 8, 2), normal(3, 8, 2, seed=1), on_the_page("02", name)
    for steepness, cost in zip((0.5, 2.0), costs, strict=True):
        slope = nn.Parameter(steepness * torch.tensor([0.6, -0.8]))  # of this length everywhere
        value = ((fake - real) @ slope).mean(-1)
        loss = page(lambda x, slope=slope: x @ slope, real, fake)
        torch.testing.assert_close(loss, value + cost)
        (pull,) = torch.autograd.grad(loss.sum(), slope)  # the penalty must move the weights
        outward = (pull - (fake - real).mean(1).sum(0)) @ slope / steepness
        side = 0.0 if cost == 0 else 20 * (steepness - 1)
        torch.testing.assert_close(outward, torch.tensor(3 * side))


def test_the_penalty_looks_evenly_between_the_points() -> None:
    def kinked(x: Tensor) -> Tensor:  # steep on a quarter of the way, flat on the rest
        return 3 * x[..., 0].clamp(0, 1)

    loss = on_the_page("02", "critic_d_loss")(kinked, torch.full((1, 101, 1), 3.0), torch.full((1, 101, 1), -1.0))
    assert float(loss) == pytest.approx(-3 + 10 * (3 - 1) ** 2 / 4, abs=1)


def test_spectral_normalisation_divides_by_the_largest_singular_value() -> None:
    network = models.mlp((3, 8, 8, 1), seeds=[4, 9], scalar=True)
    plain = [layer.weight.detach().clone() for layer in network if hasattr(layer, "weight")]
    on_the_page("02", "spectral")(network)
    for _ in range(300):  # each call is one step of the power iteration
        network(normal(2, 5, 3))
    for layer, weight in zip([layer for layer in network if hasattr(layer, "weight")], plain, strict=True):
        largest = torch.linalg.svdvals(weight)[:, :1, None]
        torch.testing.assert_close(layer.weight, weight / largest, atol=1e-4, rtol=1e-3)
        torchs = nn.utils.parametrizations.spectral_norm(
            nn.Linear(*weight.shape[1:], bias=False), n_power_iterations=99
        )
        torchs.parametrizations.weight.original.data = weight[0].mT.clone()
        for _ in range(5):
            normalised = torchs.weight  # it too improves with each look
        torch.testing.assert_close(layer.weight[0], normalised.mT, atol=1e-4, rtol=1e-3)


def test_transport_is_the_cheapest_plan() -> None:
    a, b = normal(2, 5, 2), normal(2, 5, 2, seed=1)
    found = on_the_page("02", "transport")(a, b)
    for k in range(2):
        costs = torch.cdist(a[k], b[k]).flatten().numpy()
        rows = torch.eye(5).repeat_interleave(5, 1)  # each point of a gives a fifth away ...
        columns = torch.eye(5).repeat(1, 5)  # ... and each of b receives one
        plan = linprog(costs, A_eq=torch.cat([rows, columns]).numpy(), b_eq=[0.2] * 10)
        assert float(found[k]) == pytest.approx(plan.fun, abs=1e-6)
    line = on_the_page("02", "transport")(a[..., :1], b[..., :1])
    sorting = [wasserstein_distance(a[k, :, 0].numpy(), b[k, :, 0].numpy()) for k in range(2)]
    torch.testing.assert_close(line.double(), torch.tensor(sorting), atol=1e-6, rtol=0)


def test_packs_are_told_apart_as_a_sum_over_all_of_them_says() -> None:
    q = normal(8).double().softmax(0)
    for m in (1, 2, 3):
        packs = itertools.product(range(8), repeat=m)
        by_hand = sum(abs(math.prod(float(q[k]) for k in pack) - 8.0**-m) for pack in packs) / 2
        assert on_the_page("02", "pack_tv")(q, m) == pytest.approx(by_hand)
