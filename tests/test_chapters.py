"""What chapters write out and compute: the same as the helpers, and the same by another route."""

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from on_the_page import on_the_page
from scipy import integrate, stats
from scipy.optimize import linprog
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.nn.functional import cosine_similarity, cross_entropy

from helpers import data, losses, metrics, models, sampling, train
from helpers.seed import rngs, torch_seed
from helpers.studies import energy_digits, judging, syllables, two_kinds
from helpers.studies import without_negatives as siamese
from helpers.studies.ebgan_digits import conv_autoencoder


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def each(function: Callable[..., Any], *runs: Tensor) -> Tensor:
    """Return what a function of one run gives for each of several."""
    return torch.stack([torch.as_tensor(function(*run)) for run in zip(*runs, strict=True)])


REAL, FAKE, CODES, LATER = 4 * normal(3, 5), 4 * normal(3, 7, seed=1), *normal(2, 3, 6, 5)
TWO_RUNS, PLANE = models.mlp_autoencoder((2, 8, 3), [4, 9]), normal(2, 5, 2)
IS_REAL, APART, SAME = torch.tensor([1] * 5 + [0] * 7), REAL[0].abs().unsqueeze(1), torch.arange(5).unsqueeze(1) % 2
SQUARE, SHARES, SYLLABLES = normal(9, 9).double(), normal(8).double().softmax(0), torch.tensor([0, 587, 11_171])
# A chapter, a function as it writes it out, what that is given; what the helpers give.
WRITTEN_OUT = [
    ("01", "d_loss", [REAL, FAKE], losses.gan_d_loss(REAL, FAKE)),
    ("01", "g_loss", [FAKE], losses.gan_g_loss(FAKE)),
    ("02", "pack_tv", [SHARES, 3], (torch.einsum("i,j,k", *3 * [SHARES]) - 1 / 512).abs().sum() / 2),
    ("03", "hinge", [REAL, FAKE, 0.7], losses.ebgan_d_loss(REAL, FAKE, 0.7)),
    ("03", "error_energy", [TWO_RUNS, PLANE], losses.reconstruction_energy(TWO_RUNS, PLANE)),
    ("03", "auroc", [FAKE, REAL], each(lambda *both: metrics.auroc(torch.cat(both), IS_REAL), REAL, FAKE)),
    ("04", "contrastive", [REAL, FAKE], losses.contrastive_divergence(REAL, FAKE)),
    ("04", "nce", [REAL, FAKE], losses.gan_d_loss(-REAL, -FAKE)),
    ("05", "d_loss", [REAL.abs(), FAKE.abs(), 0.7], losses.ebgan_d_loss(REAL.abs(), FAKE.abs(), 0.7)),
    ("05", "g_loss", [FAKE], losses.ebgan_g_loss(FAKE)),
    ("07", "with_square", [CODES], losses.pull_away(CODES)),
    ("07", "without_square", [CODES], losses.pull_away_unsquared(CODES)),
    ("11", "pair_margin", [APART[:, 0], SAME[:, 0], 5], each(partial(losses.pair_margin_loss, margin=5), APART, SAME)),
    ("11", "nt_xent", [CODES, LATER, 0.3], each(partial(losses.nt_xent, temperature=0.3), CODES, LATER)),
    ("11", "info_nce", [CODES[..., :5, :]], each(lambda x: cross_entropy(-x, torch.arange(5)), CODES[..., :5, :])),
    ("14", "scaled_bce", [*CODES[:2, 1:], SAME[:, 0], 3, -1], losses.cosine_bce(*CODES[:2, 1:], SAME[:, 0], 3, -1)),
    ("16", "barlow_twins", [SQUARE, SQUARE.T], siamese.barlow_twins(SQUARE, SQUARE.T)),
    ("16", "vicreg", [SQUARE, SQUARE.T], siamese.vicreg(SQUARE, SQUARE.T)),
    ("16", "softmax_loss", [SQUARE], two_kinds.softmax_loss(SQUARE)),
    ("16", "sigmoid_loss", [SQUARE], two_kinds.sigmoid_loss(SQUARE)),
    ("16", "letters", [SYLLABLES], two_kinds.letters(SYLLABLES)),
    ("16", "directions", [SQUARE], judging.directions(SQUARE)),
    ("16", "spread", [CODES], each(judging.spread, CODES)),
    ("16", "without_negatives", [nn.Identity(), CODES, LATER], -cosine_similarity(CODES, LATER, dim=-1).mean(-1)),
]


@pytest.mark.parametrize(("chapter", "name", "given", "wanted"), WRITTEN_OUT)
def test_what_a_chapter_writes_out_gives_what_the_helpers_give(
    chapter: str, name: str, given: list[Any], wanted: Any
) -> None:
    found = on_the_page(chapter, name)(*given)
    torch.testing.assert_close(torch.as_tensor(found).double(), torch.as_tensor(wanted).double(), atol=1e-6, rtol=1e-5)


# A chapter, a network as it writes it out, what that is built with; the helpers' network; what both are given.
NETWORKS = [
    ("01", "digit_generator", [], models.Generator, normal(4, 32)),
    ("01", "digit_discriminator", [], models.Discriminator, normal(4, 1, 28, 28)),
    ("05", "autoencoder", [8, [4, 9]], lambda _, seeds: models.mlp_autoencoder((2, 32, 8), seeds), PLANE),
    ("06", "autoencoder", [], conv_autoencoder, normal(3, 1, 28, 28)),
]


@pytest.mark.parametrize(("chapter", "name", "settings", "build", "x"), NETWORKS)
def test_a_network_that_a_chapter_writes_out_is_the_helpers(
    chapter: str, name: str, settings: list[Any], build: Callable[..., nn.Module], x: Tensor
) -> None:
    outputs = []
    for network in (on_the_page(chapter, name), build):
        with torch_seed(0):
            outputs.append(network(*settings)(x))
    assert torch.equal(*outputs)


def test_chapter_01s_two_turns() -> None:
    def networks() -> tuple[nn.Module, nn.Module]:
        with torch_seed(0):
            return models.mlp((2, 8, 2)), models.mlp((2, 8, 1), scalar=True)

    ring, mine, game = data.ring(), train.make_game(*networks()), train.make_game(*networks())
    page = {"G": mine.generator, "D": mine.discriminator, "ring": ring, "rng": rngs([1])[0]}
    page |= {"g_optimizer": mine.g_optimizer, "d_optimizer": mine.d_optimizer}
    turns = [on_the_page("01", f"{player}_turn") for player in ("discriminator", "generator")]
    (rng,) = rngs([1])
    for _ in range(3):
        for turn in turns:
            turn.__globals__.update(page)
            turn()
        z, real = data.noise(128, 2, rng), ring.sample(128, rng)  # in the page's order
        train.d_step(game, train.gan(), real, z)
        train.g_step(game, train.gan(), data.noise(128, 2, rng))
    for one, other in ((mine.generator, game.generator), (mine.discriminator, game.discriminator)):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b)


def test_chapter_03s_density_of_a_quadratic_energy() -> None:
    x = torch.linspace(-9, 9, 1801, dtype=torch.double)
    density, log_z = on_the_page("03", "gibbs")(torch.stack([x**2 / 2, x**2 / 2 + 3]), 0.01)
    torch.testing.assert_close(density, (torch.exp(-(x**2) / 2) / (2 * torch.pi) ** 0.5).expand(2, -1))
    torch.testing.assert_close(log_z.exp()[0], torch.tensor(2 * torch.pi).double() ** 0.5)


def test_chapter_03s_free_energy_is_the_density_of_its_answers_up_to_a_constant() -> None:
    free = on_the_page("03", "free_energy")
    width = free.__globals__["WIDTH"] = 0.3
    outputs, answers = normal(4, 3).double(), normal(4, seed=1).double()
    bells = stats.norm(outputs.numpy(), width)  # three for each of four questions
    constant = math.log(3 * width * math.sqrt(2 * math.pi))
    wanted = -np.log(bells.pdf(answers[:, None].numpy()).mean(1)) - constant
    np.testing.assert_allclose(free(outputs, answers).numpy(), wanted)
    z, _ = integrate.quad(lambda y: float((-free(outputs[0], torch.tensor(y))).exp()), -9, 9, limit=200)
    assert math.log(z) == pytest.approx(constant)


def test_chapter_04s_chains() -> None:
    x, seeds = normal(2, 5, 3), [1, 2]
    for temperature in (0.0, 0.5, 1.0):
        chains = on_the_page("04", "langevin")(lambda t: (t**4).sum(-1), x, 4, 0.01, rngs(seeds), temperature)
        noise = (2 * 0.01 * temperature) ** 0.5
        ours = sampling.langevin(lambda t: (t**4).sum(-1), x, 4, 0.01, noise, rngs(seeds))
        torch.testing.assert_close(chains, ours)


def test_chapter_04s_slopes_and_best_guesses_are_those_of_the_mixtures_parts() -> None:
    slopes = on_the_page("04", "true_score")
    ring = slopes.__globals__["ring"] = data.ring(std=0.15)
    y, width = normal(50, 2), 0.4
    parts = stats.norm(ring.centers[None].numpy(), math.hypot(0.15, width)).pdf(y[:, None].numpy()).prod(-1)
    shares = torch.tensor(parts / parts.sum(1, keepdims=True), dtype=torch.float32)  # of each part in each point
    back = 0.15**2 / (0.15**2 + width**2)  # how far a noisy point of a part keeps away from its centre
    guesses = (shares[..., None] * (ring.centers + back * (y[:, None] - ring.centers))).sum(1)
    torch.testing.assert_close(y + width**2 * slopes(y, width), guesses, rtol=1e-3, atol=1e-4)


def test_chapter_04s_diffusion_ends_at_the_variance_of_a_gaussian() -> None:
    diffuse = on_the_page("04", "diffuse")
    widths = diffuse.__globals__["WIDTHS"] = np.geomspace(20, 0.01, 400).tolist()
    path = diffuse(lambda y, width: -y / (0.5**2 + width**2), 4000, rngs([1, 2]))
    assert path.shape == (401, 2, 4000, 2)
    for step in (0, 100, 200, 300, 400):  # in between, of the Gaussian with the noise that is left
        width = [*widths, 0.0][step]
        assert float(path[step].std()) == pytest.approx(math.hypot(0.5, width), rel=0.03)


def test_chapter_04s_energy_model_is_the_one_that_was_recorded() -> None:
    trained = []
    for update, more in ((on_the_page("04", "update"), []), (energy_digits.update, [0.1, 0.03])):
        with torch_seed(0):
            energy = energy_digits.energy_network()
        optimizer, buffer = torch.optim.Adam(energy.parameters()), normal(50, 1, 28, 28).clamp(-1, 1)
        update(energy, optimizer, buffer, normal(32, 1, 28, 28, seed=1).clamp(-1, 1), rngs([2])[0], *more)
        trained.append(torch.cat([nn.utils.parameters_to_vector(energy.parameters()), buffer.flatten()]))
    assert torch.equal(*trained)


def test_chapter_06s_autoencoder_and_losses() -> None:
    shapes = [[each.shape for each in build().parameters()][:4] for build in (conv_autoencoder, models.Discriminator)]
    assert shapes[0] == shapes[1], "it has not the discriminator's convolutions"
    real, fake = torch.rand(2, 3, 1, 28, 28) / 1.5  # their energies lie on both sides of the margin
    energies = [losses.reconstruction_energy(torch.zeros_like, x, "mse") for x in (real, fake)]
    torch.testing.assert_close(on_the_page("06", "energy")(torch.zeros_like, real), energies[0])
    d_loss, g_loss = on_the_page("06", "d_loss"), on_the_page("06", "g_loss")
    d_loss.__globals__["MARGIN"] = 0.2
    torch.testing.assert_close(d_loss(torch.zeros_like, real, fake), losses.ebgan_d_loss(*energies, 0.2))
    torch.testing.assert_close(g_loss(torch.zeros_like, fake), losses.ebgan_g_loss(energies[1]))


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
    real, fake = (torch.full((1, 101, 1), at) for at in (3.0, -1.0))
    loss = on_the_page("02", "critic_d_loss")(lambda x: 3 * x[..., 0].clamp(0, 1), real, fake)  # steep on a quarter
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


def test_transport_is_the_cheapest_plan() -> None:
    a, b = normal(2, 5, 2), normal(2, 5, 2, seed=1)
    found = on_the_page("02", "transport")(a, b)
    for k in range(2):
        costs = torch.cdist(a[k], b[k]).flatten().numpy()
        rows = torch.eye(5).repeat_interleave(5, 1)  # each point of a gives a fifth away ...
        columns = torch.eye(5).repeat(1, 5)  # ... and each of b receives one
        plan = linprog(costs, A_eq=torch.cat([rows, columns]).numpy(), b_eq=[0.2] * 10)
        assert float(found[k]) == pytest.approx(plan.fun, abs=1e-6)


@pytest.mark.parametrize("nats", [0.5, 2.0, 6.0])
def test_four_coordinates_share_as_many_nats_as_asked_for(nats: float) -> None:
    rho = on_the_page("11", "rho_for")(nats)
    pair, apart = torch.tensor([[1, rho], [rho, 1]]), torch.eye(2)
    assert 4 * kl_divergence(*(MultivariateNormal(torch.zeros(2), one) for one in (pair, apart))) == pytest.approx(nats)


def test_chapter_15s_pairs_are_drawn_as_for_the_record() -> None:
    pictures, (rng, other) = normal(6, 3, 1, 32, 32).clamp(-1, 1), rngs([3, 3])
    wanted = syllables.draw_pairs(syllables.Arm(batch=4), pictures, other)
    assert torch.equal(torch.stack(on_the_page("15", "font_pairs")(pictures, rng, 4)), torch.stack(wanted))


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
