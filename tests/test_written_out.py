"""What a chapter writes out is what `helpers` has from then on."""

import math

import numpy as np
import pytest
import torch
from on_the_page import on_the_page
from scipy import integrate, stats
from torch import Tensor, nn

from helpers import data, losses, metrics, models, sampling, train
from helpers.seed import rngs, torch_seed
from helpers.studies import ebgan_digits


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_chapter_01s_losses() -> None:
    real, fake = 4 * normal(3, 5), 4 * normal(3, 7, seed=1)
    torch.testing.assert_close(on_the_page("01", "d_loss")(real, fake), losses.gan_d_loss(real, fake))
    torch.testing.assert_close(on_the_page("01", "g_loss")(fake), losses.gan_g_loss(fake))


def test_chapter_01s_networks_for_digits() -> None:
    pairs = [("digit_generator", models.Generator, normal(4, 32))]
    pairs += [("digit_discriminator", models.Discriminator, normal(4, 1, 28, 28))]
    for name, build, x in pairs:
        outputs = []
        for network in (on_the_page("01", name), build):
            with torch_seed(0):
                outputs.append(network()(x))
        assert torch.equal(*outputs), name


def test_chapter_01s_two_turns() -> None:
    def networks() -> tuple[nn.Module, nn.Module]:
        with torch_seed(0):
            return models.mlp((2, 8, 2)), models.mlp((2, 8, 1), scalar=True)

    ring, rate, betas = data.ring(), 2e-3, (0.5, 0.999)
    (G, D), game = networks(), train.make_game(*networks(), lr=rate, betas=betas)
    page = {"G": G, "D": D, "ring": ring, "rng": rngs([1])[0]}
    page["g_optimizer"] = torch.optim.Adam(G.parameters(), lr=rate, betas=betas)
    page["d_optimizer"] = torch.optim.Adam(D.parameters(), lr=rate, betas=betas)
    turns = [on_the_page("01", f"{player}_turn") for player in ("discriminator", "generator")]
    (rng,) = rngs([1])
    for _ in range(3):
        for turn in turns:
            turn.__globals__.update(page)
            turn()
        z, real = data.noise(128, 2, rng), ring.sample(128, rng)  # in the page's order
        train.d_step(game, train.gan(), real, z)
        train.g_step(game, train.gan(), data.noise(128, 2, rng))
    for one, other in ((G, game.generator), (D, game.discriminator)):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b)


def test_chapter_03s_losses_energy_and_order() -> None:
    real, negatives = normal(3, 5), normal(3, 7, seed=1)
    loss = on_the_page("03", "hinge")(real, negatives, 0.7)
    torch.testing.assert_close(loss, losses.ebgan_d_loss(real, negatives, 0.7))
    x, autoencoder = normal(2, 5, 2), models.mlp_autoencoder((2, 8, 3), seeds=[4, 9])
    energy = on_the_page("03", "error_energy")(autoencoder, x)
    torch.testing.assert_close(energy, losses.reconstruction_energy(autoencoder, x))
    labels = torch.tensor([0.0] * 5 + [1.0] * 7)
    area = on_the_page("03", "auroc")(real, negatives)
    wanted = [metrics.auroc(torch.cat(both), labels) for both in zip(real, negatives, strict=True)]
    torch.testing.assert_close(area, torch.tensor(wanted).double())


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


def test_chapter_04s_chains_and_losses() -> None:
    x, seeds = normal(2, 5, 3), [1, 2]
    for temperature in (0.0, 0.5, 1.0):
        chains = on_the_page("04", "langevin")(lambda t: (t**4).sum(-1), x, 4, 0.01, rngs(seeds), temperature)
        noise = (2 * 0.01 * temperature) ** 0.5
        ours = sampling.langevin(lambda t: (t**4).sum(-1), x, 4, 0.01, noise, rngs(seeds))
        torch.testing.assert_close(chains, ours)
    real, fake = normal(3, 5), normal(3, 7, seed=1)
    torch.testing.assert_close(on_the_page("04", "contrastive")(real, fake), losses.contrastive_divergence(real, fake))
    torch.testing.assert_close(on_the_page("04", "nce")(real, fake), losses.gan_d_loss(-real, -fake))


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


def test_chapter_04s_chains_on_pictures_shrink_as_on_a_parabola_and_no_faster_than_the_cut_lets_them() -> None:
    walk, x = on_the_page("04", "walk"), torch.full((50, 1, 28, 28), 0.8)
    moved = walk(lambda x: 0.005 * (x**2).sum((1, 2, 3)), x, 10, rngs([1])[0])  # slope 0.01 x, step 10: times 0.9
    assert float(moved.mean()) == pytest.approx(0.8 * 0.9**10, abs=1e-3)
    assert float(moved.std()) == pytest.approx(0.01 * math.sqrt((1 - 0.81**10) / (1 - 0.81)), rel=0.03)
    steep = walk(lambda x: 100 * (x**2).sum((1, 2, 3)), x, 1, rngs([1])[0])
    assert float(steep.mean()) == pytest.approx(0.8 - 10 * 0.03, abs=1e-3)


def test_chapter_04s_update_of_a_linear_energy_is_the_one_by_hand() -> None:
    energy = nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(-2))
    real, buffer, (rng,) = normal(8, 1, 28, 28).clamp(-0.9, 0.9), normal(8, 1, 28, 28, seed=1) / 10, rngs([2])
    weights, before = energy[1].weight.detach().clone(), energy[1].bias.detach().clone()
    on_the_page("04", "update")(energy, torch.optim.SGD(energy.parameters(), lr=1.0), buffer, real, rng)
    slopes = [0.0, 0.0]
    for x, sign in ((real.flatten(1), 1), (buffer.flatten(1), -1)):  # the buffer holds the chains now
        share = (sign + 0.2 * (x @ weights.T + before)) / 8  # of each picture in the loss's slope
        slopes = [slopes[0] + (share * x).sum(0), slopes[1] + share.sum()]
    length = math.sqrt(float((slopes[0] ** 2).sum() + slopes[1] ** 2))
    torch.testing.assert_close(weights[0] - energy[1].weight.detach()[0], slopes[0] / length, rtol=0, atol=2e-3)


def test_chapter_05s_game_in_the_plane() -> None:
    seeds, x = [4, 9], normal(2, 5, 2)
    by_hand, ours = on_the_page("05", "autoencoder")(8, seeds), models.mlp_autoencoder((2, 32, 8), seeds)
    assert torch.equal(by_hand(x), ours(x)) and torch.equal(by_hand.encode(x), ours.encode(x))
    real, fake = normal(2, 7).abs(), normal(2, 7, seed=1).abs()
    torch.testing.assert_close(on_the_page("05", "d_loss")(real, fake, 0.7), losses.ebgan_d_loss(real, fake, 0.7))
    torch.testing.assert_close(on_the_page("05", "g_loss")(fake), losses.ebgan_g_loss(fake))


def test_chapter_06s_autoencoder_energy_and_losses() -> None:
    x, outputs, networks = torch.rand(3, 1, 28, 28), [], []
    for build in (on_the_page("06", "autoencoder"), ebgan_digits.conv_autoencoder, models.Discriminator):
        with torch_seed(0):
            networks.append(build())
        outputs.append(networks[-1](x))
    assert torch.equal(*outputs[:2])
    shapes = [[weight.shape for weight in network.parameters()][:4] for network in networks]
    assert shapes[0] == shapes[2], "it has not the discriminator's convolutions"
    real, fake = torch.rand(2, 3, 1, 28, 28) / 1.5  # their energies lie on both sides of the margin
    energies = [losses.reconstruction_energy(torch.zeros_like, x, "mse") for x in (real, fake)]
    torch.testing.assert_close(on_the_page("06", "energy")(torch.zeros_like, real), energies[0])
    d_loss, g_loss = on_the_page("06", "d_loss"), on_the_page("06", "g_loss")
    d_loss.__globals__["MARGIN"] = 0.2
    torch.testing.assert_close(d_loss(torch.zeros_like, real, fake), losses.ebgan_d_loss(*energies, 0.2))
    torch.testing.assert_close(g_loss(torch.zeros_like, fake), losses.ebgan_g_loss(energies[1]))


def test_chapter_07s_pull_away_terms() -> None:
    codes = normal(3, 6, 4)
    for name, term in (("with_square", losses.pull_away), ("without_square", losses.pull_away_unsquared)):
        torch.testing.assert_close(on_the_page("07", name)(codes), term(codes))


def test_chapter_11s_losses_of_pairs() -> None:
    distance, same = normal(40).abs(), torch.arange(40) % 2
    mean = on_the_page("11", "pair_margin")(distance, same, 0.7).mean()
    torch.testing.assert_close(mean, losses.pair_margin_loss(distance, same, 0.7))
    runs, others = normal(3, 6, 5), normal(3, 6, 5, seed=1)
    expected = torch.stack([losses.nt_xent(a, b, 0.3) for a, b in zip(runs, others, strict=True)])
    torch.testing.assert_close(on_the_page("11", "nt_xent")(runs, others, 0.3), expected)
