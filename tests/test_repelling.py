"""Pulling samples apart: the term without its square, games that differ in the weight alone, and their records."""

from itertools import permutations

import pytest
import torch

from helpers import data, metrics, repelling
from helpers.losses import pull_away
from helpers.sweep import recorded

pytestmark = pytest.mark.usefixtures("one_thread")

DIGIT_SEEDS = range(5)
SERIES = ("covered", "precision", "fake_term", "real_term")


@pytest.fixture(scope="module")
def record():
    return [*recorded("pull_away"), *recorded("pull_away_digits")]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- the term without its square -------------------------------------------------------------------


def test_mean_cosine_is_the_double_sum():
    codes = normal(7, 3)
    total = sum(float(torch.cosine_similarity(codes[i], codes[j], dim=0)) for i, j in permutations(range(7), 2))
    assert float(repelling.mean_cosine(codes)) == pytest.approx(total / 42)


def test_mean_cosine_of_universes_is_that_of_each():
    codes = normal(4, 7, 3)
    each = torch.stack([repelling.mean_cosine(universe) for universe in codes])
    torch.testing.assert_close(repelling.mean_cosine(codes), each)


def test_opposite_halves_are_the_best_without_the_square_and_the_worst_with_it():
    halves = normal(1, 5) * torch.tensor([1.0, -1.0]).repeat(8)[:, None]
    assert float(repelling.mean_cosine(halves)) == pytest.approx(-1 / 15)
    assert float(pull_away(halves)) == pytest.approx(1)


def test_after_a_relu_both_terms_have_the_same_floor():
    n, d = 24, 6
    floor = (n - d) / (d * (n - 1))
    on_axes = torch.eye(d, dtype=torch.float64).repeat(n // d, 1)
    assert float(repelling.mean_cosine(on_axes)) == pytest.approx(floor)
    assert float(pull_away(on_axes)) == pytest.approx(floor)
    for seed in range(20):
        assert float(repelling.mean_cosine(normal(n, d, seed=seed).abs())) > floor


# --- the games -------------------------------------------------------------------------------------


def test_weights_share_their_start_and_one_differs_at_the_end():
    films = [repelling.play("ring", [3, 4], weight, steps=6, every=3) for weight in (0.0, 0.0, 1.0)]
    assert films[0].steps == [0, 3, 6]
    assert films[0].covered.shape == films[0].fake_term.shape == (3, 2)
    assert films[0].samples.shape == (2, repelling.SHOWN, 2)
    assert torch.equal(films[0].samples, films[1].samples)
    assert torch.equal(films[0].fake_term[0], films[2].fake_term[0])
    assert not torch.equal(films[0].fake_term[-1], films[2].fake_term[-1])


def test_the_square_makes_a_difference():
    films = [repelling.play("grid", [3], 1.0, squared=squared, steps=6) for squared in (True, False)]
    assert not torch.equal(films[0].samples, films[1].samples)


def test_a_universe_does_not_depend_on_its_neighbours():
    together, alone = (repelling.play("grid", seeds, 0.1, steps=6) for seeds in ([5, 6], [6]))
    torch.testing.assert_close(together.samples[1], alone.samples[0], atol=1e-4, rtol=1e-4)


def test_the_film_scores_its_samples():
    film = repelling.play("grid", [3], 0.0, steps=2)
    assert torch.equal(film.covered[-1], metrics.modes_covered(film.samples, data.grid()).float())
    assert torch.equal(film.precision[-1], metrics.sample_precision(film.samples, data.grid()))


def test_digits_leave_the_global_random_state_alone_and_start_alike():
    before = torch.get_rng_state()
    albums = [repelling.play_digits(3, weight, steps=2, every=1) for weight in (0.0, 1.0)]
    assert torch.equal(before, torch.get_rng_state())
    assert albums[0].steps == [0, 1, 2]
    assert albums[0].judgements[0] == albums[1].judgements[0]
    assert not torch.equal(albums[0].images, albums[1].images)
    assert albums[0].judgements[-1] == repelling.judge_digits(albums[0].images)


def test_real_digits_are_judged_varied_and_good():
    judged = repelling.judge_digits(data.digits("test")[0])
    assert judged["classes"] > 9.9
    assert judged["sure"] > 0.9
    assert min(judged["precision"], judged["recall"]) > 0.8
    assert judged["frechet"] < 15


# --- the records -----------------------------------------------------------------------------------


def test_records_are_whole_and_of_these_settings(record):
    plane = [(setting, 0) for part in repelling.PLANE.values() for setting in part]
    digits = [(setting, seed) for part in repelling.DIGITS.values() for setting in part for seed in DIGIT_SEEDS]
    found = [(row["settings"], row["seed"]) for row in record]
    assert len(found) == len(plane) + len(digits)
    assert all(expected in found for expected in plane + digits)
    assert all(row["error"] is None and row["run"] == "helpers.repelling.run" for row in record)


def test_recorded_rows_hold_32_universes(record):
    rows = [row for row in record if row["settings"]["target"] != "digits"]
    for row in rows:
        shapes = {torch.tensor(row["metrics"][name]).shape for name in SERIES}
        assert shapes == {(len(row["metrics"]["steps"]), repelling.UNIVERSES)}


@pytest.mark.parametrize("target", ["ring", "grid"])
def test_the_recorded_games_start_where_ours_do(record, target):
    """Before training hardly anything can drift."""
    row = next(r for r in record if r["settings"]["target"] == target and r["settings"]["weight"] == 1.0)
    ours = repelling.run(0, **{**row["settings"], "steps": 1})
    for name in SERIES:
        first, theirs = (torch.tensor(measured[name][0]) for measured in (ours, row["metrics"]))
        torch.testing.assert_close(first, theirs, atol=2e-3, rtol=0)


def test_a_recorded_game_comes_out_again_on_average(record):
    """After hundreds of steps rounding has its own way in each universe, but not in their mean."""
    row = next(r for r in record if r["settings"] == repelling.PLANE["ring"][2])
    film = repelling.play("ring", range(repelling.UNIVERSES), 0.1, steps=400)
    old = torch.tensor(row["metrics"]["covered"][row["metrics"]["steps"].index(400)])
    assert abs(float(film.covered[-1].mean() - old.mean())) < 1.5
    assert abs(float(film.precision[-1].mean()) - sum(row["metrics"]["precision"][1]) / repelling.UNIVERSES) < 0.06


@pytest.mark.parametrize("seed", [0, 4])
def test_recorded_digits_start_where_ours_do(record, seed):
    row = next(r for r in record if r["settings"]["target"] == "digits" and r["seed"] == seed)
    ours = repelling.run(seed, **{**row["settings"], "steps": 1})
    for name in ("classes", "sure", "precision", "recall", "frechet"):
        assert ours[name][0] == pytest.approx(row["metrics"][name][0], rel=5e-4, abs=5e-4), name
