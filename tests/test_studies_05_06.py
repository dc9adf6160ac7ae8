"""EBGANs in the plane and on digits, averaged weights, games that differ in the pull-away term: chapters 05 to 07."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from on_the_page import on_the_page
from torch import Tensor, nn

from helpers import data, losses, metrics, models
from helpers.seed import torch_seed
from helpers.studies import ebgan_digits, pull_away, pull_away_digits
from helpers.studies.sweep import recorded, select

pytestmark = pytest.mark.usefixtures("one_thread")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(network: nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# --- what the pages write out ------------------------------------------------------------------------


def test_the_pages_autoencoder_in_the_plane_is_the_helpers() -> None:
    seeds, x = [4, 9], normal(2, 5, 2).float()
    by_hand, ours = on_the_page("05", "autoencoder")(8, seeds), models.mlp_autoencoder((2, 32, 8), seeds)
    assert torch.equal(by_hand(x), ours(x))
    assert torch.equal(by_hand.encode(x), ours.encode(x))


def test_the_pages_losses_are_the_helpers() -> None:
    real, fake = normal(2, 7).abs(), normal(2, 7, seed=1).abs()
    expected = losses.ebgan_d_loss(real, fake, margin=0.7)
    assert torch.allclose(on_the_page("05", "d_loss")(real, fake, 0.7), expected)
    assert torch.allclose(on_the_page("05", "g_loss")(fake), losses.ebgan_g_loss(fake))
    d_loss, g_loss = on_the_page("06", "d_loss"), on_the_page("06", "g_loss")
    d_loss.__globals__["MARGIN"] = 0.2
    real, fake = torch.rand(2, 3, 1, 28, 28) / 1.5  # their energies lie on both sides of the margin
    energies = [ebgan_digits.mean_square(torch.zeros_like, x) for x in (real, fake)]
    assert torch.allclose(d_loss(torch.zeros_like, real, fake), losses.ebgan_d_loss(*energies, 0.2))
    assert torch.allclose(g_loss(torch.zeros_like, fake), losses.ebgan_g_loss(energies[1]))


def test_the_pages_autoencoder_of_pictures_is_the_studys_and_has_the_gans_convolutions() -> None:
    autoencoder, x = on_the_page("06", "autoencoder"), torch.rand(3, 1, 28, 28)
    outputs = []
    for build in (autoencoder, ebgan_digits.conv_autoencoder):
        with torch_seed(0):
            outputs.append(build()(x))
    assert torch.equal(*outputs)
    shapes = [[w.shape for w in weights(network)][:4] for network in (models.Discriminator(), autoencoder())]
    assert shapes[0] == shapes[1]


def test_the_pages_energy_is_the_helpers_mean_square() -> None:
    x = torch.rand(3, 1, 28, 28)
    by_hand = on_the_page("06", "energy")(torch.zeros_like, x)
    assert torch.allclose(by_hand, ebgan_digits.mean_square(torch.zeros_like, x))
    assert torch.allclose(by_hand, losses.reconstruction_energy(torch.zeros_like, x) ** 2 / 784)


@pytest.mark.parametrize("codes", [normal(7, 3), normal(4, 7, 3)], ids=["one batch", "four runs"])
def test_the_pages_terms_are_the_helpers(codes: Tensor) -> None:
    assert torch.allclose(on_the_page("07", "with_square")(codes), losses.pull_away(codes))
    assert torch.allclose(on_the_page("07", "without_square")(codes), losses.pull_away_unsquared(codes))


# --- averaged weights --------------------------------------------------------------------------------


def test_the_average_is_the_formula_with_a_quick_beginning() -> None:
    layer = nn.Linear(2, 3)
    mean, average = layer.weight.detach().clone(), ebgan_digits.averaged(layer, decay=0.5)
    for t in range(1, 21):
        with torch.no_grad():
            layer.weight.add_(torch.randn(3, 2))
        decay = min(0.5, (1 + t) / (10 + t))
        mean = decay * mean + (1 - decay) * layer.weight.detach()
        before = weights(layer)
        average.update_parameters(layer)
        assert equal(before, weights(layer))
        assert torch.allclose(average.module.weight, mean, atol=1e-6)  # at each step: the end forgets the beginning


def test_an_averaged_network_has_batch_statistics_of_its_own() -> None:
    """Mean weights with the running statistics of other weights would be another network."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    network(torch.randn(50, 2) - 9)  # statistics of earlier data, which must not stay in it
    before = network[1].running_mean.clone()
    average, z = ebgan_digits.averaged(network), 5 + torch.randn(400, 2)
    settled = ebgan_digits.settled(average, z)
    out = settled(z)
    assert not settled.training
    assert torch.allclose(out.mean(0), torch.zeros(3), atol=1e-4)
    assert torch.allclose(out.std(0), torch.ones(3), atol=1e-2)
    assert torch.equal(network[1].running_mean, before)
    assert torch.equal(average.module[1].running_mean, before)  # a copy: the average goes on as it was


# --- GAN and EBGAN on digits -------------------------------------------------------------------------


def test_with_one_seed_a_gan_and_an_ebgan_begin_with_the_same_generator() -> None:
    chapter_01 = {"lr": 3e-3, "beta1": 0.0, "channels": [16, 8]}
    before = torch.get_rng_state()
    starts = [ebgan_digits.make_game(s, m, **chapter_01).generator for s, m in ((3, "gan"), (3, "ebgan"), (4, "gan"))]
    assert torch.equal(before, torch.get_rng_state())
    assert equal(weights(starts[0]), weights(starts[1]))
    assert not equal(weights(starts[0]), weights(starts[2]))


def test_the_minute_is_about_a_minute() -> None:
    """Other programs slowed some runs down, so the quickest of an arm counts."""
    for arm in set(ebgan_digits.PARTS) - {"GAN, short", "EBGAN, short"}:
        rows = select(recorded("ebgan_digits"), arm=arm)
        quickest = min(row["metrics"]["training_seconds"] for row in rows)
        assert 45 < quickest < 75, f"{arm} took {quickest} s"


# --- the pull-away term ------------------------------------------------------------------------------


def test_opposite_halves_are_the_best_without_the_square_and_the_worst_with_it() -> None:
    halves = normal(1, 5) * torch.tensor([1.0, -1.0]).repeat(8)[:, None]
    assert float(losses.pull_away_unsquared(halves)) == pytest.approx(-1 / 15)
    assert float(losses.pull_away(halves)) == pytest.approx(1)


def test_after_a_relu_both_terms_have_the_same_floor() -> None:
    n, d = 24, 6
    floor, on_axes = (n - d) / (d * (n - 1)), torch.eye(d, dtype=torch.float64).repeat(n // d, 1)
    for term in (losses.pull_away, losses.pull_away_unsquared):
        assert float(term(on_axes)) == pytest.approx(floor)
    assert min(float(losses.pull_away_unsquared(normal(n, d, seed=seed).abs())) for seed in range(20)) > floor


def test_games_share_their_start_and_weight_and_square_change_the_end() -> None:
    ways = [(0.0, True), (0.0, True), (1.0, True), (1.0, False)]
    none, again, squared, plain = (pull_away.train_and_score("ring", [3, 4], *way, steps=6, every=3) for way in ways)
    assert none.steps == [0, 3, 6]
    assert none.covered.shape == none.fake_term.shape == (3, 2)
    assert torch.equal(none.samples, again.samples)
    assert torch.equal(none.fake_term[0], squared.fake_term[0])
    ends = [none.samples, squared.samples, plain.samples]
    assert not any(torch.equal(a, b) for (i, a), (k, b) in product(enumerate(ends), repeat=2) if i < k)


def test_a_universe_does_not_depend_on_its_neighbours() -> None:
    together, alone = (pull_away.train_and_score("grid", seeds, 0.1, steps=6) for seeds in ([5, 6], [6]))
    torch.testing.assert_close(together.samples[1], alone.samples[0], atol=1e-4, rtol=1e-4)


def test_the_scores_are_those_of_the_samples() -> None:
    seen = pull_away.train_and_score("grid", [3], 0.0, steps=2)
    assert torch.equal(seen.covered[-1], metrics.modes_covered(seen.samples, data.grid()).float())
    assert torch.equal(seen.precision[-1], metrics.sample_precision(seen.samples, data.grid()))


@pytest.mark.slow
def test_a_recorded_game_comes_out_again_on_average() -> None:
    """After hundreds of steps rounding has its own way in each universe, but not in their mean."""
    (row,) = select(recorded("pull_away"), **pull_away.PARTS["ring"][2])
    again = pull_away.train_and_score("ring", range(pull_away.UNIVERSES), 0.1, steps=400)
    at = row["metrics"]["steps"].index(400)
    covered, precision = (torch.tensor(row["metrics"][name][at]).mean() for name in ("covered", "precision"))
    assert math.isclose(again.covered[-1].mean(), covered, abs_tol=1.5)
    assert math.isclose(again.precision[-1].mean(), precision, abs_tol=0.06)


def test_games_on_digits_share_their_start_and_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    games = [pull_away_digits.train_and_score(3, weight, steps=2, every=1) for weight in (0.0, 1.0)]
    assert torch.equal(before, torch.get_rng_state())
    assert games[0].steps == [0, 1, 2]
    assert games[0].scores[0] == games[1].scores[0]
    assert not torch.equal(games[0].images, games[1].images)
    assert games[0].scores[-1] == pull_away_digits.score(games[0].images)


def test_real_digits_score_as_varied_and_good() -> None:
    scores = pull_away_digits.score(data.digits("test")[0])
    assert scores["classes"] > 9.9
    assert min(scores["sure"], scores["precision"], scores["recall"]) > 0.8
    assert scores["frechet"] < 15
