"""Chapter 08's studies: budgets are equal, thresholds are what they are called, runs do not touch each other."""

import itertools
from collections import Counter

import pytest
import torch

from helpers import metrics, train
from helpers.checks import Diverged
from helpers.studies import flexibility, stability
from helpers.studies.sweep import recorded

SHARED = ("depth", "width", "beta", "norm", "lr")  # what all methods have to cope with
SHORT = {"depth": 1, "width": 8, "lr": 1e-3, "beta": 0.5, "norm": 1, "steps": 4}
NAMES = (*flexibility.ENERGIES, *flexibility.GAN_LOSSES)


def test_all_methods_get_the_same_networks_and_optimisers():
    first = [{name: trial[name] for name in SHARED} for trial in stability.settings("GAN")]
    assert len({tuple(trial.values()) for trial in first}) == len(first) == 48
    for method in stability.METHODS:
        trials = stability.settings(method)
        assert [{name: trial[name] for name in SHARED} for trial in trials] == first
        assert {trial["method"] for trial in trials} == {method}


@pytest.mark.parametrize("method", stability.METHODS[1:])
def test_levels_of_a_knob_are_dealt_out_evenly(method):
    trials, levels = stability.settings(method), stability.KNOBS[method]
    assert Counter(trial["knob"] for trial in trials) == dict.fromkeys(levels, 16)
    for name in SHARED:
        for value in {trial[name] for trial in trials}:
            counts = Counter(trial["knob"] for trial in trials if trial[name] == value)
            assert set(counts) == set(levels)
            assert max(counts.values()) - min(counts.values()) <= 1


def test_thresholds_are_those_of_gaussian_pixels_and_of_half_the_digits():
    real = stability.digits().double()
    rng = torch.Generator().manual_seed(0)
    root = torch.linalg.cholesky(torch.cov(real.T) + 1e-5 * torch.eye(real.shape[1]))
    fitted = real.mean(0) + torch.randn(metrics.FRECHET_N, real.shape[1], generator=rng, dtype=real.dtype) @ root.T
    assert stability.score(fitted.float())["distance"] == pytest.approx(stability.USABLE, abs=5)
    assert stability.COLLAPSED == 10 / 2


def test_score_knows_real_digits_and_one_picture():
    real, rng = stability.digits(), torch.Generator().manual_seed(0)
    good = stability.score(real[torch.randperm(len(real), generator=rng)[: metrics.FRECHET_N]])
    one = stability.score(real[:1] + 0.01 * torch.randn(metrics.FRECHET_N, 196, generator=rng))
    assert good["distance"] < 10 < stability.USABLE < one["distance"]
    assert one["classes"] < 2
    assert good["classes"] > 9
    assert min(good["precision"], good["recall"]) > 0.7
    assert one["recall"] < 0.05
    assert good["spread"] == pytest.approx(1, abs=0.1)
    assert one["spread"] < 0.05


def test_score_in_parts_is_that_of_the_metrics():
    rows = stability.digits()[::4]
    pictures, values = stability.enlarge(rows), stability.score(rows)
    distance = metrics.frechet_distance(metrics.digit_features(pictures), stability.real_features())
    assert values["distance"] == pytest.approx(distance, rel=1e-2)
    assert values["confidence"] == pytest.approx(float(metrics.digit_probabilities(pictures).amax(1).mean()), rel=1e-3)
    assert torch.allclose(stability.enlarge(torch.full((1, 196), 3.0)), torch.ones(1, 1, 28, 28))  # cut


@pytest.mark.parametrize("method", stability.METHODS)
def test_a_run_alone_is_what_it_is_among_others(method):
    setting = {**SHORT, "method": method, "knob": stability.KNOBS[method][1], "looks": 2}
    (together, rows), (alone, row) = (stability.train_and_score(seeds, **setting) for seeds in ([3, 7, 5], [7]))
    assert torch.allclose(rows[1], row[0], atol=1e-5)
    assert not torch.allclose(rows[1], rows[2], atol=1e-2)
    for look in range(2):
        assert together[1][look]["distance"] == pytest.approx(alone[0][look]["distance"], rel=1e-3)


def test_methods_differ_in_their_losses_only():
    drawn = {}
    for method in stability.METHODS:
        setting = {**SHORT, "method": method, "knob": stability.KNOBS[method][2], "looks": 1}
        drawn[method] = stability.train_and_score([0], **setting)[1]
    for (one, a), (other, b) in itertools.product(drawn.items(), repeat=2):
        assert torch.equal(a, b) == (one == other)


def test_a_diverging_run_is_recorded_and_does_not_take_its_neighbours_along(monkeypatch):
    """Where run 6 takes part, all three are lost; trained alone, the other two are what they are without it."""
    setting = {**SHORT, "method": "EBGAN", "knob": 0.3, "looks": 1}
    alone = stability.collect(lambda seeds: stability.train_and_score(seeds, **setting), [4, 5])

    def training(seeds):
        infinite = 6 in seeds
        with monkeypatch.context() as patch:
            patch.setattr(stability, "digits", lambda: torch.full((4000, 196), torch.inf) if infinite else real)
            return stability.train_and_score(seeds, **setting)

    real = stability.digits()
    outcome = stability.collect(training, range(4, 7))
    assert outcome["error"][:2] == [None, None]
    assert "NaN or infinite" in outcome["error"][2]
    assert outcome["distance"][:2] == [pytest.approx(distance, rel=1e-3) for distance in alone["distance"]]
    assert outcome["distance"][2] == []
    assert outcome["recall"][2] is None


def test_digits_that_are_not_finite_after_the_last_loss_count_as_diverged(monkeypatch):
    loss, drawn = torch.zeros(4, 1), torch.full((1, 1000, 196), torch.nan)
    monkeypatch.setattr(train, "fit", lambda *_, **__: train.History(loss, loss, [0, 4], [drawn, drawn]))
    with pytest.raises(Diverged):
        stability.train_and_score([0], method="GAN", knob=None, looks=1, **SHORT)


def test_a_wrong_argument_is_no_diverged_run():
    for wrong in ({"knob": -1.0}, {"knob": None}, {"knob": 0.3, "looks": 3}):
        with pytest.raises(ValueError, match=r"knob|margin|looks"):
            stability.run(0, runs=1, method="EBGAN", **SHORT, **wrong)


@pytest.mark.parametrize("name", NAMES)
def test_every_energy_and_every_loss_moves_both_networks(name):
    game = train.make_game(stability.make_generator(1, 8, 0, [0, 1]), flexibility.make_discriminator(name, [0, 1]))
    networks = (game.generator, game.discriminator)
    before = [[p.detach().clone() for p in network.parameters()] for network in networks]
    real, z = stability.digits()[:8].expand(2, 8, 196), torch.ones(2, 8, stability.LATENT)
    method = flexibility.make_method(name)
    assert train.d_step(game, method, real, z).shape == train.g_step(game, method, z).shape == (2,)
    for network, old in zip(networks, before, strict=True):
        assert any(not torch.equal(p, q) for p, q in zip(network.parameters(), old, strict=True))


def test_energies_are_what_they_are_called():
    x = torch.zeros(1, 2, 196)
    for name, energy in (("mean square", 4.0), ("length", 28.0), ("absolute", 2.0), ("features", 4.0)):
        assert torch.allclose(flexibility.ENERGIES[name][2](lambda rows: rows + 2, x), torch.tensor([[energy, energy]]))
    scalar = flexibility.ENERGIES["scalar"][2](lambda rows: rows.sum(-1), x)
    assert torch.allclose(scalar, torch.full((1, 2), 2.0).log())


@pytest.mark.parametrize("study", ["stability", "flexibility"])
def test_recorded_rows_hold_four_runs_with_three_looks(study):
    for row in recorded(study):
        scores = row["metrics"]
        assert all(len(values) == stability.RUNS for values in scores.values())
        for run, error in enumerate(scores["error"]):
            assert len(scores["distance"][run]) == len(scores["classes"][run]) == (0 if error else stability.LOOKS)
            assert (scores["recall"][run] is None) == bool(error)
