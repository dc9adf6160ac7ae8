"""Energies: reconstruction error, EBGAN's steps and equilibrium, contrastive divergence, Langevin sampling."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor, nn

from helpers import data, losses, models, sampling, train
from helpers.checks import Diverged
from helpers.seed import rngs


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- reconstruction energy ---------------------------------------------------------------------------


def test_energy_is_the_length_of_the_error() -> None:
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]])
    assert losses.reconstruction_energy(torch.zeros_like, x).tolist() == [5.0, 0.0, 1.0]
    assert losses.reconstruction_energy(torch.zeros_like, x, "mse").tolist() == [12.5, 0.0, 0.5]


def test_energy_of_pictures_and_of_runs() -> None:
    pictures = torch.ones(3, 1, 4, 4)
    assert losses.reconstruction_energy(torch.zeros_like, pictures).tolist() == [4.0, 4.0, 4.0]
    runs = torch.stack([torch.ones(5, 4), 2 * torch.ones(5, 4)])
    assert losses.reconstruction_energy(torch.zeros_like, runs).tolist() == [[2.0] * 5, [4.0] * 5]
    both, second = models.mlp_autoencoder((2, 8, 3), seeds=[4, 9]), models.mlp_autoencoder((2, 8, 3), seeds=[9])
    x = torch.randn(2, 5, 2, generator=source())
    assert torch.allclose(both(x)[1:], second(x[1:])) and both.encode(x).shape == (2, 5, 3)


def projection(x: Tensor) -> Tensor:
    """Give back the first coordinate and lose the second."""
    return x * torch.tensor([1.0, 0.0])


def test_the_gradient_flows_through_both_places_of_x() -> None:
    """With a projection, a detached target would leave no gradient at all."""
    x = torch.tensor([[0.5, 2.0]], requires_grad=True)
    losses.reconstruction_energy(projection, x).sum().backward()
    assert torch.allclose(x.grad, torch.tensor([[0.0, 1.0]]))
    y = torch.tensor([[0.5, 2.0]], requires_grad=True)
    torch.linalg.vector_norm(projection(y) - y.detach(), dim=-1).sum().backward()
    assert torch.equal(y.grad, torch.zeros(1, 2))


@pytest.mark.parametrize("kind", ["norm", "mse"])
def test_the_gradient_is_finite_where_the_error_is_zero(kind: str) -> None:
    x = torch.zeros(2, 3, requires_grad=True)
    losses.reconstruction_energy(lambda t: 2 * t, x, kind).sum().backward()
    assert torch.isfinite(x.grad).all()


# --- autoencoders ------------------------------------------------------------------------------------


def test_autoencoders_of_pictures_keep_shape_and_range() -> None:
    autoencoder = models.mlp_autoencoder((784, 16, 4), pictures=(1, 28, 28))
    x = torch.rand(3, 1, 28, 28, generator=source()) * 2 - 1
    assert autoencoder(x).shape == x.shape
    assert autoencoder(100 * x).abs().max() <= autoencoder.bound == 1
    assert autoencoder.encode(x).shape == (3, 4)
    autoencoder = models.mlp_autoencoder((4, 6, 5, 2))  # the code is linear, the mirror has its own weights
    kinds = [[type(layer) for layer in half] for half in (autoencoder.encode, autoencoder.decode)]
    assert kinds == [[nn.Linear, nn.LeakyReLU, nn.Linear, nn.LeakyReLU, nn.Linear]] * 2
    assert [layer.out_features for layer in autoencoder.decode[::2]] == [5, 6, 4]
    assert models.mlp_autoencoder((784, 4)).bound is None


# --- steps -------------------------------------------------------------------------------------------


def small_game(seeds: tuple[int, ...] = (0, 1)) -> train.Game:
    return train.make_ebgan(models.mlp((2, 8, 2), seeds), models.mlp_autoencoder((2, 8, 3), seeds), 1.0, 2)


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def same(before: list[Tensor], network: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_each_step_moves_only_its_own_network() -> None:
    game, x = small_game(), torch.randn(2, 6, 2, generator=source())
    g, d = weights(game.generator), weights(game.discriminator)
    method = train.ebgan(1.0, pull_away=0.1)
    train.d_step(game, method, x, x)
    assert same(g, game.generator)
    assert all(weight.grad is None for weight in game.generator.parameters())  # no gradient reaches it either
    assert not same(d, game.discriminator)
    d = weights(game.discriminator)
    train.g_step(game, method, x)
    assert not same(g, game.generator)
    assert same(d, game.discriminator)


def test_steps_return_the_losses_of_the_paper() -> None:
    game, x = small_game(), torch.randn(2, 6, 2, generator=source())
    z = torch.randn(2, 6, 2, generator=source(1))
    with torch.no_grad():
        fake = game.generator(z)
        real_energy = losses.reconstruction_energy(game.discriminator, x)
        fake_energy = losses.reconstruction_energy(game.discriminator, fake)
        codes = game.discriminator.encode(fake)
    margin = float(fake_energy[0].median())  # in the first run half of the hinges are open, half closed
    expected_d = real_energy.mean(-1) + (margin - fake_energy).clamp(min=0).mean(-1)
    expected_g = fake_energy.mean(-1) + 0.3 * losses.pull_away(codes)
    method = train.ebgan(margin, pull_away=0.3)
    assert torch.allclose(train.g_step(game, method, z), expected_g)
    assert torch.allclose(train.d_step(small_game(), method, x, z), expected_d)
    plain = train.ebgan(margin, term=lambda codes: codes * math.nan)  # without a weight the term is not asked
    assert torch.allclose(train.g_step(small_game(), plain, z), fake_energy.mean(-1))
    another = train.ebgan(margin, pull_away=0.3, term=lambda codes: codes.mean((-2, -1)))
    assert torch.allclose(train.g_step(small_game(), another, z), fake_energy.mean(-1) + 0.3 * codes.mean((-2, -1)))
    doubled = train.ebgan(2 * margin, energy=lambda network, x: 2 * losses.reconstruction_energy(network, x))
    assert torch.allclose(train.g_step(small_game(), doubled, z), 2 * fake_energy.mean(-1))
    assert torch.allclose(train.d_step(small_game(), doubled, x, z), 2 * expected_d)


def test_a_run_trains_as_if_alone() -> None:
    def play(seeds: tuple[int, ...]) -> Tensor:
        game, sources, ring = small_game(seeds), rngs(seeds), data.ring()
        game.generator.double(), game.discriminator.double()
        method = train.ebgan(1.0, pull_away=0.1)
        real, z = (lambda: ring.sample(16, sources).double()), (lambda: data.noise(16, 2, sources).double())
        return train.fit(game, method, real, z, 20, device="cpu").g_loss

    assert torch.allclose(play((3, 5))[:, 1:], play((5,)), atol=1e-10)


# --- the equilibrium on a finite set -----------------------------------------------------------------


def best_discriminator_loss(p: Tensor, q: Tensor, margin: float) -> float:
    """Minimise the discriminator's loss over all energies on a finite set, by a linear programme."""
    n = len(p)
    # Variables: energies D ≥ 0, and hinges h ≥ margin − D, h ≥ 0.
    cost = torch.cat([p, q]).numpy()
    hinge = np.hstack([-np.eye(n), -np.eye(n)])
    return linprog(cost, A_ub=hinge, b_ub=-margin * np.ones(n), bounds=(0, None)).fun


@pytest.mark.parametrize("seed", range(5))
def test_the_best_discriminators_loss_is_the_total_variation(seed: int) -> None:
    p, q = (torch.rand(12, generator=source(seed + k), dtype=torch.double) for k in (0, 100))
    p, q = p / p.sum(), q / q.sum()
    variation = 0.5 * (p - q).abs().sum()
    assert best_discriminator_loss(p, q, 1.7) == pytest.approx(float(1.7 * (1 - variation)), abs=1e-9)
    counts = [(1000 * share).round().long() for share in (p, q)]  # the core's loss, on as many samples of each kind
    p, q = (count.double() / count.sum() for count in counts)
    best = 1.7 * (p < q).double()  # expensive where the generator draws more often
    real, fake = (best.repeat_interleave(count) for count in counts)
    variation = 0.5 * float((p - q).abs().sum())
    assert float(losses.ebgan_d_loss(real, fake, 1.7)) == pytest.approx(1.7 * (1 - variation), abs=1e-9)


# --- contrastive divergence and Langevin -------------------------------------------------------------


def test_contrastive_divergence_is_a_difference_of_means_and_squares() -> None:
    a, b = torch.tensor([1.0, 3.0]), torch.tensor([2.0, 4.0, 6.0])
    assert losses.contrastive_divergence(a, b) == pytest.approx(-2.0)
    assert losses.contrastive_divergence(a, b, 0.5) == pytest.approx(-2.0 + 0.5 * (5 + 56 / 3))


def test_its_gradient_is_that_of_the_likelihood() -> None:
    """E = a x²/2 has p = N(0, 1/a), so d(−log likelihood)/da = mean x²/2 − 1/(2a)."""
    a = torch.tensor(2.0, dtype=torch.double, requires_grad=True)
    x = torch.randn(50, generator=source(), dtype=torch.double)
    model = torch.randn(400_000, generator=source(1), dtype=torch.double) / math.sqrt(2)
    losses.contrastive_divergence(a * x**2 / 2, a * model**2 / 2).backward()
    assert float(a.grad) == pytest.approx(float((x**2).mean() / 2 - 0.25), abs=2e-3)


@pytest.mark.parametrize(("step_size", "noise"), [(0.05, None), (0.5, None), (0.2, 0.3)])
def test_the_variance_on_a_quadratic_energy_is_what_theory_says(step_size: float, noise: float | None) -> None:
    """x ← (1 − h) x + σ ε settles at the variance σ² / (1 − (1 − h)²)."""
    x = sampling.langevin(lambda t: (t**2 / 2).sum(-1), torch.zeros(20_000, 1), 200, step_size, noise, rng=source())
    sigma = math.sqrt(2 * step_size) if noise is None else noise
    theory = sigma**2 / (1 - (1 - step_size) ** 2)
    assert float(x.var()) == pytest.approx(theory, rel=0.05)  # the sample's own error is 1 %
    if noise is None:
        assert theory == pytest.approx(1 / (1 - step_size / 2))


def test_no_noise_is_descent_and_leaves_start_and_gradients_alone() -> None:
    start = torch.tensor([[4.0, -2.0]])
    end = sampling.langevin(lambda t: (t**2 / 2).sum(-1), start, 2, 0.5, noise=0.0)
    assert torch.allclose(end, start / 4)
    assert start.tolist() == [[4.0, -2.0]] and not start.requires_grad and not end.requires_grad


def test_same_seed_same_walk_and_runs_walk_alone() -> None:
    def walk(seeds: list[int]) -> Tensor:
        start = torch.zeros(len(seeds), 3, 2)
        return sampling.langevin(lambda t: (t**2).sum(-1), start, 5, 0.1, rng=rngs(seeds))

    step = sampling.langevin(lambda t: (t**2).sum(-1), torch.ones(3, 2), 1, 0.1, rng=source(4))
    torch.testing.assert_close(step, 1 - 0.1 * 2 + 0.2**0.5 * torch.randn(3, 2, generator=source(4)))
    assert torch.equal(walk([1, 2])[1:], walk([2]))
    assert not torch.equal(walk([1]), walk([2]))


def test_a_walk_that_runs_away_is_an_error() -> None:
    with pytest.raises(Diverged, match=r"within 20 steps of step_size 1000"):
        sampling.langevin(lambda t: (t**4).sum(-1), torch.ones(2, 2), 20, 1000.0, rng=source())
