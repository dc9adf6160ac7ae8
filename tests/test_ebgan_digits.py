"""GAN and EBGAN on digits: equal starts, turns that do what they say, and a record that can be reproduced."""

import dataclasses

import pytest
import torch

from helpers import data, ebgan_digits, losses, metrics, train
from helpers.ebgan_digits import ARMS, GIVEN_UP, Arm
from helpers.sweep import recorded

pytestmark = pytest.mark.usefixtures("one_thread")

SEEDS = range(5)
TINY = Arm(steps=4, batch=4)
TINY_EBGAN = dataclasses.replace(TINY, method="ebgan", pull_away=0.1)


@pytest.fixture(scope="module")
def record():
    return {(row["settings"]["arm"], row["seed"]): row for row in recorded("ebgan_digits")}


def weights(network):
    return [weight.detach().clone() for weight in network.parameters()]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# --- the games -------------------------------------------------------------------------------------


def test_same_seed_same_generator_and_same_random_numbers():
    gan, source = ebgan_digits.start(TINY, 3)
    ebgan, other = ebgan_digits.start(TINY_EBGAN, 3)
    assert same(weights(gan.generator), weights(ebgan.generator))
    assert torch.equal(torch.rand(5, generator=source), torch.rand(5, generator=other))
    assert not same(weights(gan.generator), weights(ebgan_digits.start(TINY, 4)[0].generator))


def test_playing_leaves_the_global_random_state_alone_and_repeats():
    before = torch.get_rng_state()
    one, other = (weights(ebgan_digits.play(TINY_EBGAN, 1).game.generator) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert same(one, other)


@pytest.mark.parametrize("arm", [TINY, TINY_EBGAN], ids=["gan", "ebgan"])
def test_a_game_is_the_steps_of_train_in_turn(arm):
    game, source = ebgan_digits.start(arm, 2)
    images, _ = data.digits("train")
    for _ in range(arm.steps):
        real = images[torch.randint(len(images), (4,), generator=source)]
        z, z_again = data.noise(4, 32, source), data.noise(4, 32, source)
        if arm.method == "gan":
            train.gan_d_step(game, real, z)
            train.gan_g_step(game, z_again)
        else:
            train.ebgan_d_step(game, real, z, 0.2, ebgan_digits.mean_square)
            train.ebgan_g_step(game, z_again, 0.1, ebgan_digits.mean_square)
    assert same(weights(ebgan_digits.play(arm, 2).game.generator), weights(game.generator))


def test_the_energy_of_the_generator_can_be_another_one():
    def nothing(autoencoder, x):
        return 0 * x.flatten(1).sum(1)

    arm = dataclasses.replace(TINY_EBGAN, pull_away=0.0)
    untrained = ebgan_digits.start(arm, 2)[0]
    played = ebgan_digits.play(arm, 2, energy=nothing).game
    assert same(weights(played.generator), weights(untrained.generator))
    assert not same(weights(played.discriminator), weights(untrained.discriminator))


def test_the_last_steps_are_ten_times_smaller():
    game = ebgan_digits.play(dataclasses.replace(TINY, finish=1), 0).game
    assert [o.param_groups[0]["lr"] for o in (game.g_optimizer, game.d_optimizer)] == pytest.approx([3e-4, 3e-4])
    rates = []
    watch = lambda game, _: rates.append(game.g_optimizer.param_groups[0]["lr"])  # noqa: E731
    ebgan_digits.play(dataclasses.replace(TINY, steps=3, finish=2), 0, watch, looks=5)
    assert rates == pytest.approx([3e-3, 3e-3, 3e-3, 3e-3, 3e-4, 3e-4])


def test_watches_at_the_start_and_then_evenly():
    seen = ebgan_digits.play(dataclasses.replace(TINY, steps=7), 0, lambda *_: "seen", looks=3)
    assert seen.steps == [0, 3, 5, 7]
    assert seen.watched == ["seen"] * 4
    assert ebgan_digits.play(TINY, 0).steps == []


def test_the_average_follows_the_generator():
    played = ebgan_digits.play(TINY, 0)
    assert played.average.steps == TINY.steps
    film = ebgan_digits.play(TINY, 0, lambda game, _: weights(game.generator), looks=4).watched
    expected = film[0]
    for t, now in enumerate(film[1:], 1):
        decay = (1 + t) / (10 + t)
        expected = [decay * a + (1 - decay) * b for a, b in zip(expected, now, strict=True)]
    mean = weights(played.average.network(torch.randn(8, 32)))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(mean, expected, strict=True))


def test_distance_is_the_courses_with_fixed_noise():
    network = ebgan_digits.start(TINY, 0)[0].generator
    noise = ebgan_digits.sheet_noise()
    assert noise.shape == (metrics.FRECHET_N, 32)
    assert torch.equal(noise, ebgan_digits.sheet_noise())
    features = [metrics.digit_features(x) for x in (train.sample(network, noise), data.digits("train")[0])]
    assert ebgan_digits.distance(network) == pytest.approx(metrics.frechet_distance(*features), rel=1e-5)


def test_mean_square_is_the_mean_square():
    x = torch.rand(3, 1, 28, 28)
    assert torch.allclose(ebgan_digits.mean_square(torch.zeros_like, x), (x**2).mean((1, 2, 3)))
    norm = losses.reconstruction_energy(torch.zeros_like, x)
    assert torch.allclose(ebgan_digits.mean_square(torch.zeros_like, x), norm**2 / 784)


# --- the record ------------------------------------------------------------------------------------


def test_record_is_whole_and_of_these_settings(record):
    assert {key for key in record if key[0] not in GIVEN_UP} == {(name, seed) for name in ARMS for seed in SEEDS}
    assert {name for name, _ in record} == {*ARMS, *GIVEN_UP}
    for (name, _), row in record.items():
        assert row["error"] is None
        assert row["settings"] == ebgan_digits.settings(name), f"{name}: other settings, record it again"
        assert set(row["versions"]) == {"python", "torch", "numpy"}
        arm = (ARMS | GIVEN_UP)[name]
        total = arm.steps + arm.finish
        assert row["metrics"]["steps"] == [total * k // ebgan_digits.LOOKS for k in range(ebgan_digits.LOOKS + 1)]


def test_the_minute_is_about_a_minute(record):
    """Other programs slowed some runs down, so the quickest of an arm counts."""
    for name in ARMS:
        seconds = min(record[name, seed]["metrics"]["training_seconds"] for seed in SEEDS)
        assert "short" in name or 45 < seconds < 75, f"{name} took {seconds} s"


@pytest.mark.parametrize(("name", "seed"), [("GAN, short", 1), ("EBGAN, short", 2)])
def test_short_rows_come_out_again(record, name, seed):
    old, new = record[name, seed]["metrics"], ebgan_digits.run(seed, **ebgan_digits.settings(name))
    assert new["steps"] == old["steps"]
    for kind in ("distances", "averaged"):
        assert new[kind] == pytest.approx(old[kind], rel=0.01)


def test_settings_make_the_arm_again():
    for name, arm in (ARMS | GIVEN_UP).items():
        setting = ebgan_digits.settings(name)
        assert setting.pop("arm") == name
        setting["channels"] = tuple(setting["channels"])
        assert Arm(**setting) == arm
