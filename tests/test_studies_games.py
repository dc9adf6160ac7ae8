"""Chapters 06 to 08: averages are those of the formula, budgets are equal, thresholds are what they are called."""

import itertools
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers import data, metrics, train
from helpers.checks import Diverged
from helpers.studies import ebgan_digits, flexibility, pull_away, pull_away_digits, stability
from helpers.studies.sweep import recorded, select

pytestmark = pytest.mark.usefixtures("one_thread")

SHARED = ("depth", "width", "beta", "norm", "lr")  # what all methods have to cope with
SHORT = {"depth": 1, "width": 8, "lr": 1e-3, "beta": 0.5, "norm": 1, "steps": 4}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_average_is_the_formula_with_a_quick_beginning() -> None:
    layer = nn.Linear(2, 3)
    mean, average = layer.weight.detach().clone(), ebgan_digits.averaged(layer, decay=0.5)
    for t in range(1, 21):
        layer.weight.data.add_(torch.randn(3, 2))
        decay, before = min(0.5, (1 + t) / (10 + t)), layer.weight.detach().clone()
        mean = decay * mean + (1 - decay) * before
        average.update_parameters(layer)
        assert torch.equal(before, layer.weight)
        assert torch.allclose(average.module.weight, mean, atol=1e-6)  # at each step: the end forgets the beginning


def test_an_averaged_network_has_batch_statistics_of_its_own() -> None:
    """Mean weights with the running statistics of other weights would be another network."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    network(torch.randn(50, 2) - 9)  # statistics of earlier data, which must not stay in it
    before = network[1].running_mean.clone()
    average, z = ebgan_digits.averaged(network), 5 + torch.randn(400, 2)
    settled = ebgan_digits.settled(average, z)
    assert not settled.training
    assert torch.allclose(settled(z).mean(0), torch.zeros(3), atol=1e-4)
    assert torch.allclose(settled(z).std(0), torch.ones(3), atol=1e-2)
    for untouched in (network, average.module):  # a copy: the average goes on as it was
        assert torch.equal(untouched[1].running_mean, before)


def test_a_gan_and_an_ebgan_begin_with_the_same_generator_and_have_about_a_minute() -> None:
    games = [ebgan_digits.make_game(3, method, 3e-3, 0.0, [16, 8]) for method in ("gan", "ebgan")]
    starts = [list(game.generator.parameters()) for game in games]
    assert all(map(torch.equal, *starts))
    for arm in set(ebgan_digits.PARTS) - {"GAN, short", "EBGAN, short"}:
        rows = select(recorded("ebgan_digits"), arm=arm)
        # Other programs slowed some runs down, so the quickest of an arm counts.
        assert 45 < min(row["metrics"]["training_seconds"] for row in rows) < 75, arm


def test_games_share_their_start_and_weight_and_square_change_the_end() -> None:
    ways = [(0.0, True), (0.0, True), (1.0, True), (1.0, False)]
    none, again, squared, plain = (pull_away.train_and_score("ring", [3, 4], *way, steps=6, every=3) for way in ways)
    assert none.steps == [0, 3, 6]
    assert none.covered.shape == none.fake_term.shape == (3, 2)
    assert torch.equal(none.samples, again.samples)
    assert torch.equal(none.fake_term[0], squared.fake_term[0])
    ends = [none.samples, squared.samples, plain.samples]
    assert not any(itertools.starmap(torch.equal, itertools.combinations(ends, 2)))
    assert torch.equal(none.covered[-1], metrics.modes_covered(none.samples, data.ring()).float())
    assert torch.equal(none.precision[-1], metrics.sample_precision(none.samples, data.ring()))


def test_games_on_digits_share_their_start_and_real_digits_score_as_varied_and_good() -> None:
    none, some = (pull_away_digits.train_and_score(3, weight, steps=2, every=1) for weight in (0.0, 1.0))
    assert none.steps == [0, 1, 2] and none.scores[0] == some.scores[0]
    assert not torch.equal(none.images, some.images)
    assert none.scores[-1] == pull_away_digits.score(none.images)
    real = pull_away_digits.score(data.digits("test")[0])
    assert real["classes"] > 9.9 and min(real["sure"], real["precision"], real["recall"]) > 0.8
    assert real["frechet"] < 15


@pytest.mark.parametrize("method", stability.METHODS)
def test_budgets_are_equal_and_the_levels_of_a_knob_are_dealt_out_evenly(method: str) -> None:
    trials, levels = stability.settings(method), stability.KNOBS[method]
    networks = [tuple(trial[name] for name in SHARED) for trial in trials]
    assert networks == [tuple(trial[name] for name in SHARED) for trial in stability.settings("GAN")]
    assert len(set(networks)) == len(trials) == 48 and {trial["method"] for trial in trials} == {method}
    for name, value in {(name, trial[name]) for trial in trials for name in SHARED}:
        counts = Counter(trial["knob"] for trial in trials if trial[name] == value)
        assert set(counts) == set(levels) and max(counts.values()) - min(counts.values()) <= 1
    assert set(Counter(trial["knob"] for trial in trials).values()) == {48 // len(set(levels))}


def test_thresholds_are_those_of_gaussian_pixels_and_of_half_the_digits() -> None:
    real = stability.digits().double()
    root = torch.linalg.cholesky(torch.cov(real.T) + 1e-5 * torch.eye(real.shape[1]))
    fitted = real.mean(0) + normal(metrics.FRECHET_N, real.shape[1]) @ root.T
    assert stability.score(fitted.float())["distance"] == pytest.approx(stability.USABLE, abs=5)
    assert stability.COLLAPSED == 10 / 2


def test_score_knows_real_digits_and_one_picture() -> None:
    real, rng = stability.digits(), torch.Generator().manual_seed(0)
    good = stability.score(real[torch.randperm(len(real), generator=rng)[: metrics.FRECHET_N]])
    one = stability.score(real[:1] + 0.01 * torch.randn(metrics.FRECHET_N, 196, generator=rng))
    assert good["distance"] < 10 < stability.USABLE < one["distance"]
    assert one["classes"] < 2 and good["classes"] > 9
    assert min(good["precision"], good["recall"]) > 0.7 and one["recall"] < 0.05
    assert good["spread"] == pytest.approx(1, abs=0.1) and one["spread"] < 0.05


def test_score_in_parts_is_that_of_the_metrics() -> None:
    rows = stability.digits()[::4]
    pictures, values = stability.enlarge(rows), stability.score(rows)
    distance = metrics.frechet_distance(metrics.digit_features(pictures), stability.real_features())
    assert values["distance"] == pytest.approx(distance, rel=1e-2)
    probabilities = metrics.class_probabilities(metrics.digit_features(pictures))
    assert values["confidence"] == pytest.approx(float(probabilities.amax(1).mean()), rel=1e-3)
    assert torch.allclose(stability.enlarge(torch.full((1, 196), 3.0)), torch.ones(1, 1, 28, 28))  # cut


def test_methods_differ_in_their_losses_only() -> None:
    def drawn(method: str) -> Tensor:
        return stability.train_and_score([0], method, stability.KNOBS[method][2], **SHORT, looks=1)[1]

    ends = [drawn(method) for method in (*stability.METHODS, "EBGAN")]
    for (i, a), (k, b) in itertools.combinations(enumerate(ends), 2):
        assert torch.equal(a, b) == ((i, k) == (2, 4))  # the same method twice


def test_a_diverging_run_is_recorded_and_does_not_take_its_neighbours_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where run 6 takes part, all three are lost; trained alone, the other two are what they are without it."""
    real, setting = stability.digits(), {**SHORT, "method": "EBGAN", "knob": 0.3, "looks": 1}
    alone = stability.collect(lambda seeds: stability.train_and_score(seeds, **setting), [4, 5])

    def training(seeds: list[int]) -> Any:
        monkeypatch.setattr(stability, "digits", lambda: torch.full_like(real, torch.inf) if 6 in seeds else real)
        return stability.train_and_score(seeds, **setting)

    outcome = stability.collect(training, range(4, 7))
    assert outcome["error"][:2] == [None, None] and "NaN or infinite" in outcome["error"][2]
    assert outcome["distance"][:2] == [pytest.approx(distance, rel=1e-3) for distance in alone["distance"]]
    assert outcome["distance"][2] == [] and outcome["recall"][2] is None


def test_digits_that_are_not_finite_after_the_last_loss_count_as_diverged(monkeypatch: pytest.MonkeyPatch) -> None:
    loss, drawn = torch.zeros(4, 1), torch.full((1, 1000, 196), torch.nan)
    monkeypatch.setattr(train, "fit", lambda *_, **__: train.History(loss, loss, [0, 4], [drawn, drawn]))
    with pytest.raises(Diverged):
        stability.train_and_score([0], "GAN", None, looks=1, **SHORT)


@pytest.mark.parametrize(
    "wrong", [{"knob": -1.0}, {"knob": None}, {"knob": 0.3, "looks": 3}, {"knob": 0.3, "method": "WGAN"}]
)
def test_a_wrong_argument_is_no_diverged_run(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"knob|margin|looks|method: got 'WGAN', expected one of GAN, GAN \+ R1"):
        stability.run(0, runs=1, **{"method": "EBGAN", **SHORT, **wrong})


@pytest.mark.parametrize("name", (*flexibility.ENERGIES, *flexibility.GAN_LOSSES))
def test_every_energy_and_every_loss_moves_both_networks(name: str) -> None:
    game, method = flexibility.new_game(name, 0, 1e-3, [0, 1])
    before = [[p.detach().clone() for p in network.parameters()] for network in (game.generator, game.discriminator)]
    real, z = stability.digits()[:8].expand(2, 8, 196), torch.ones(2, 8, stability.LATENT)
    assert train.d_step(game, method, real, z).shape == train.g_step(game, method, z).shape == (2,)
    for network, old in zip((game.generator, game.discriminator), before, strict=True):
        assert not all(map(torch.equal, network.parameters(), old))


def test_energies_are_what_they_are_called() -> None:
    x = torch.zeros(1, 2, 196)
    for name, energy in (("mean square", 4.0), ("length", 28.0), ("absolute", 2.0), ("features", 4.0)):
        assert torch.allclose(flexibility.ENERGIES[name][2](lambda rows: rows + 2, x), torch.tensor([[energy, energy]]))
    scalar = flexibility.ENERGIES["scalar"][2](lambda rows: rows.sum(-1), x)
    assert torch.allclose(scalar, torch.full((1, 2), 2.0).log())
