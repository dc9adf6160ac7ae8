"""Chapter 11's bound on the mutual information, by other routes: closed forms, quadrature and enumeration."""

import itertools
import math

import numpy as np
import pytest
import torch
from on_the_page import on_the_page
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal


@pytest.mark.parametrize("nats", [0.5, 2.0, 6.0])
def test_four_coordinates_share_as_many_nats_as_asked_for(nats: float) -> None:
    rho = on_the_page("11", "rho_for")(nats)
    pair = multivariate_normal([0, 0], [[1, rho], [rho, 1]])

    def integrand(y: float, x: float) -> float:
        apart = -(x * x + y * y) / 2 - math.log(2 * math.pi)
        return float(pair.pdf([x, y]) * (pair.logpdf([x, y]) - apart))

    of_one_coordinate, _ = dblquad(integrand, -7, 7, -7, 7, epsabs=1e-5)
    assert 4 * of_one_coordinate == pytest.approx(nats, abs=1e-3)


def test_the_best_energy_is_the_logarithm_of_a_ratio_of_densities() -> None:
    rho, rng = 0.8, torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 3, 5, 4, generator=rng, dtype=torch.float64)
    energy = on_the_page("11", "best_energy")(x, y, rho)
    assert energy.shape == (3, 5, 5)
    blocks = torch.eye(8, dtype=torch.float64)
    blocks[:4, 4:] = blocks[4:, :4] = rho * torch.eye(4, dtype=torch.float64)
    joint = MultivariateNormal(torch.zeros(8, dtype=torch.float64), blocks)
    for s, i, j in itertools.product(range(3), range(5), range(5)):
        apart = Normal(0.0, 1.0).log_prob(torch.cat([x[s, i], y[s, j]])).sum()
        ratio = joint.log_prob(torch.cat([x[s, i], y[s, j]])) - apart
        assert energy[s, i, j].item() == pytest.approx(-ratio.item(), abs=1e-9)


def test_the_pairs_are_correlated_as_they_should_be() -> None:
    x, y = on_the_page("11", "correlated")(50_000, 0.6, [torch.Generator().manual_seed(1)])
    both = torch.cat([x[0], y[0]], 1).double()
    expected = torch.eye(8, dtype=torch.float64)
    expected[range(4), range(4, 8)] = expected[range(4, 8), range(4)] = 0.6
    torch.testing.assert_close(torch.cov(both.T), expected, atol=0.03, rtol=0)


def mean_loss(x_and_y: np.ndarray, energy: Tensor, candidates: int) -> float:
    """InfoNCE's expectation for a joint distribution over a few values, by counting all cases."""
    (m, n), p_y, total = x_and_y.shape, x_and_y.sum(0), 0.0
    for x, *ys in itertools.product(range(m), *[range(n)] * candidates):
        chance = x_and_y[x, ys[0]] * np.prod(p_y[ys[1:]])  # the positive comes first
        shares = torch.softmax(-energy[x, ys], 0)
        total -= chance * math.log(shares[0])
    return total


@pytest.mark.parametrize("candidates", [2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_no_energy_proves_more_than_there_is_nor_more_than_ln_k(candidates: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    x_and_y = draws.dirichlet(np.full(12, 0.3)).reshape(3, 4) + 1e-6
    x_and_y /= x_and_y.sum()
    ratio = x_and_y / x_and_y.sum(1, keepdims=True) / x_and_y.sum(0)
    truth = float((x_and_y * np.log(ratio)).sum())
    best = math.log(candidates) - mean_loss(x_and_y, torch.tensor(-np.log(ratio)), candidates)
    assert 0 < best < min(truth, math.log(candidates))
    for _ in range(5):
        other = torch.tensor(draws.normal(size=(3, 4), scale=2))
        assert math.log(candidates) - mean_loss(x_and_y, other, candidates) < best


def test_info_nce_is_a_cross_entropy_with_the_positives_on_the_diagonal() -> None:
    energy = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(2))
    losses = on_the_page("11", "info_nce")(energy)
    assert losses.shape == (2, 3)
    for s, b in itertools.product(range(2), range(3)):
        expected = torch.nn.functional.cross_entropy(-energy[s, b], torch.arange(6))
        torch.testing.assert_close(losses[s, b], expected)
