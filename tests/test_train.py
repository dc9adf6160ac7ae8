"""Training: each step moves what it says, a seed is a run, and one run among several trains as if it were alone."""

import copy
import math
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from helpers import losses, train
from helpers.checks import Diverged
from helpers.data import noise, ring
from helpers.models import Discriminator, Encoder, Generator, mlp, mlp_autoencoder
from helpers.seed import rngs, seed_everything

pytestmark = pytest.mark.usefixtures("one_thread")

BATCH, LATENT, WIDTH = 32, 2, 16


def start(seeds: Sequence[int], dtype: torch.dtype = torch.float32) -> train.Game:
    """Make a game on the plane, one run per seed."""
    generator = mlp((LATENT, WIDTH, WIDTH, 2), seeds).to(dtype)
    discriminator = mlp((2, WIDTH, WIDTH, 1), [seed + 1000 for seed in seeds], scalar=True).to(dtype)
    return train.make_game(generator, discriminator, lr=2e-3)


def play(
    seeds: Sequence[int],
    steps: int,
    dtype: torch.dtype = torch.float32,
    method: train.Method | None = None,
    **settings: Any,
) -> tuple[train.Game, train.History]:
    """Train one run per seed on the ring; data and noise come from the run's own generator."""
    game, sources = settings.pop("game", None) or start(seeds, dtype), rngs(seeds)
    real = lambda: ring().sample(BATCH, sources).to(dtype)  # noqa: E731
    z = lambda: noise(BATCH, LATENT, sources).to(dtype)  # noqa: E731
    return game, train.fit(game, method or train.gan(), real, z, steps, device="cpu", **settings)


def state(network: nn.Module) -> list[Tensor]:
    """Return a copy of the weights."""
    return [parameter.detach().clone() for parameter in network.parameters()]


def equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# --- several runs at once --------------------------------------------------------------------------


def test_each_run_trains_as_if_alone() -> None:
    seeds, double = [7, 0, 23], torch.float64
    game, history = play(seeds, 60, double)
    for run, seed in enumerate(seeds):
        lone_game, lone = play([seed], 60, double)
        for among, alone in ((history.d_loss, lone.d_loss), (history.g_loss, lone.g_loss)):
            torch.testing.assert_close(among[:, run], alone[:, 0], rtol=0, atol=1e-9)
        weights = [w[run] for w in state(game.generator)]
        torch.testing.assert_close(weights, [w[0] for w in state(lone_game.generator)], rtol=0, atol=1e-9)
        assert not equal(weights, [w[run] for w in state(start(seeds, double).generator)])


def ordinary_networks(game: train.Game, run: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Copy one run into networks of `torch.nn.Linear`."""
    generator = mlp((LATENT, WIDTH, WIDTH, 2)).double()
    discriminator = mlp((2, WIDTH, WIDTH, 1), scalar=True).double()
    with torch.no_grad():
        for mine, batched in ((generator, game.generator), (discriminator, game.discriminator)):
            for a, b in zip(mine.parameters(), batched.parameters(), strict=True):
                a.copy_(b[run].T.reshape(a.shape))
    return generator, discriminator


def test_fit_is_the_papers_algorithm_written_out() -> None:
    """By another route: `torch.nn.Linear`, probabilities instead of logits, autograd's own gradients."""
    seeds, run, steps = [5, 6, 8], 1, 40
    g, d = ordinary_networks(start(seeds, torch.float64), run)
    source = rngs([seeds[run]])[0]
    optimizers = [torch.optim.Adam(net.parameters(), lr=2e-3, betas=(0.5, 0.999)) for net in (d, g)]

    def batch(draw: Callable[..., Tensor], *size: int) -> Tensor:
        return draw(*size, source).double()

    def step(optimizer: torch.optim.Optimizer, network: nn.Module, loss: Tensor) -> float:
        slopes = torch.autograd.grad(loss, list(network.parameters()))
        for parameter, slope in zip(network.parameters(), slopes, strict=True):
            parameter.grad = slope
        optimizer.step()
        return loss.item()

    expected = []
    for number in range(steps):
        if number == steps - 10:
            optimizers[0].param_groups[0]["lr"] = optimizers[1].param_groups[0]["lr"] = 2e-4
        real, fake = batch(ring().sample, BATCH), g(batch(noise, BATCH, LATENT)).detach()
        d_loss = -(d(real).sigmoid().log().mean() + (1 - d(fake).sigmoid()).log().mean())
        d_loss = step(optimizers[0], d, d_loss)
        g_loss = step(optimizers[1], g, -d(g(batch(noise, BATCH, LATENT))).sigmoid().log().mean())
        expected.append([d_loss, g_loss])

    game, history = play(seeds, steps - 10, torch.float64, finish=10)  # with a tenth of the rate
    measured = torch.stack([history.d_loss, history.g_loss], -1)[:, run]
    torch.testing.assert_close(measured, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)
    for mine, theirs in zip(g.parameters(), game.generator.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs[run].T.reshape(mine.shape), rtol=0, atol=1e-9)


# --- methods and steps -----------------------------------------------------------------------------


def pictures_game() -> tuple[train.Game, Tensor, Tensor]:
    """Make the digits' game and one batch."""
    rng = seed_everything(3, threads=1)
    game = train.make_game(Generator(latent=8, hidden=16), Discriminator())
    return game, torch.rand(6, 1, 28, 28, generator=rng) * 2 - 1, torch.randn(6, 8, generator=rng)


def test_a_step_moves_only_the_network_it_says_and_gives_the_other_no_gradient() -> None:
    game, real, z = pictures_game()
    g, d = state(game.generator), state(game.discriminator)
    with torch.no_grad():
        before = losses.gan_d_loss(game.discriminator(real), game.discriminator(game.generator(z)))
    loss = train.d_step(game, train.gan(), real, z)
    torch.testing.assert_close(loss, before)
    assert not loss.requires_grad
    assert equal(state(game.generator), g) and not equal(state(game.discriminator), d)
    assert all(parameter.grad is None for parameter in game.generator.parameters())
    d = state(game.discriminator)
    game.d_optimizer.zero_grad()
    assert not train.g_step(game, train.gan(), z).requires_grad
    assert equal(state(game.discriminator), d) and not equal(state(game.generator), g)
    assert all(parameter.grad is None for parameter in game.discriminator.parameters())


def test_stale_gradients_change_nothing() -> None:
    after = []
    for stale in (0.0, 1e6):
        game, real, z = pictures_game()
        for parameter in [*game.generator.parameters(), *game.discriminator.parameters()]:
            parameter.grad = torch.full_like(parameter, stale)
        train.g_step(game, train.gan(), z)
        train.d_step(game, train.gan(), real, z)
        after.append(state(game.generator) + state(game.discriminator))
    assert equal(*after)


@pytest.mark.parametrize("r1", [0.0, 3.0])
def test_a_method_is_two_losses_on_outputs(r1: float) -> None:
    _, discriminator = ordinary_networks(start([0], torch.float64), 0)
    real, fake = torch.randn(2, 6, 2, generator=rngs([0])[0], dtype=torch.float64)
    method = train.gan(losses.hinge_d_loss, losses.critic_g_loss, r1=r1)
    expected = losses.hinge_d_loss(discriminator(real), discriminator(fake))
    slopes = torch.autograd.functional.jacobian(lambda x: discriminator(x).sum(), real)
    torch.testing.assert_close(method.d_loss(discriminator, real, fake), expected + r1 / 2 * (slopes**2).sum() / 6)
    torch.testing.assert_close(method.g_loss(discriminator, fake), -discriminator(fake).mean())
    torch.testing.assert_close(train.gan().g_loss(discriminator, fake), losses.gan_g_loss(discriminator(fake)))
    assert not real.requires_grad


def test_each_optimizer_has_its_own_network_and_rate() -> None:
    game = train.make_game(mlp((2, 3)), mlp((2, 4, 1)), lr=0.1, d_lr=0.2, betas=[0.1, 0.9])
    for optimizer, network, lr in (
        (game.g_optimizer, game.generator, 0.1),
        (game.d_optimizer, game.discriminator, 0.2),
    ):
        (group,) = optimizer.param_groups
        assert (group["lr"], group["betas"]) == (lr, (0.1, 0.9))
        assert {id(p) for p in group["params"]} == {id(p) for p in network.parameters()}
    game = train.make_ebgan(mlp((2, 3)), mlp_autoencoder((3, 2)), 99.0, 3, lr=0.3)  # no bound on what it puts out
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (game.d_optimizer, game.g_optimizer)]
    assert rates == [0.3, 0.3] and game.d_optimizer.param_groups[0]["betas"] == (0.5, 0.999)
    assert train.make_game(mlp((2, 3)), mlp((2, 1))).g_optimizer.param_groups[0]["lr"] == 1e-3


# --- the loop --------------------------------------------------------------------------------------


def test_the_same_seed_gives_exactly_the_same_history() -> None:
    (_, first), (_, again), (_, other) = play([1, 2], 12), play([1, 2], 12), play([1, 3], 12)
    assert torch.equal(first.d_loss, again.d_loss) and torch.equal(first.g_loss, again.g_loss)
    assert torch.equal(first.d_loss[:, 0], other.d_loss[:, 0])
    assert not torch.equal(first.d_loss[:, 1], other.d_loss[:, 1])
    assert first.d_loss.shape == first.g_loss.shape == (12, 2)
    assert (first.steps, first.watched) == ([], []) and not first.d_loss.requires_grad
    lone = train.make_game(mlp((2, 4, 2)), mlp((2, 4, 1), scalar=True))
    assert train.fit(lone, train.gan(), lambda: torch.ones(8, 2), lambda: torch.ones(8, 2), 5).d_loss.shape == (5,)


def test_both_networks_move_as_often_as_asked_and_on_fresh_batches() -> None:
    real, z, seen = iter(range(100)), iter(range(100, 200)), []

    def d_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        seen.append(("d", real[0, 0, 0].item(), fake[0, 0, 0].item()))
        return 0 * discriminator(real).sum() + real[0, 0, 0]

    def g_loss(_: nn.Module, fake: Tensor) -> Tensor:
        seen.append(("g", fake[0, 0, 0].item()))
        return fake.mean()

    game = train.make_game(nn.Sequential(mlp((2, 2), [0]), nn.Hardtanh(0, 1e-9)), mlp((2, 1), [0]))
    game.generator.forward = lambda z: 0 * nn.Sequential.forward(game.generator, z) + z
    drawn = [lambda s=source: torch.full((1, 1, 2), float(next(s))) for source in (real, z)]
    history = train.fit(game, train.Method(d_loss, g_loss), *drawn, 2, d_steps=3, g_steps=2, device="cpu")
    assert [name for name, *_ in seen] == [*"dddgg"] * 2
    assert [number for _, *numbers in seen for number in numbers[-1:]] == list(range(100, 110))
    assert [first for name, first, *_ in seen if name == "d"] == list(range(6))
    assert history.d_loss.tolist() == [2, 5] and history.g_loss.tolist() == [104, 109]  # the last update's


@pytest.mark.parametrize(
    ("steps", "finish", "every", "expected"),
    [(10, 0, 4, [0, 4, 8, 10]), (5, 3, 4, [0, 4, 8]), (3, 0, 100, [0, 3]), (2, 0, 1, [0, 1, 2])],
)
def test_watch_sees_the_start_every_so_often_and_the_end(
    steps: int, finish: int, every: int, expected: list[int]
) -> None:
    _, unseen = play([0], steps, finish=finish)
    game, history = play([0], steps, finish=finish, every=every, watch=lambda game: state(game.generator)[0])
    assert history.steps == expected and len(history.d_loss) == steps + finish
    assert torch.equal(history.watched[0], state(start([0]).generator)[0])  # before the first step
    assert torch.equal(history.watched[-1], state(game.generator)[0])
    assert all(not torch.equal(a, b) for a, b in zip(history.watched, history.watched[1:], strict=False))
    assert torch.equal(unseen.g_loss, history.g_loss)  # watching changes nothing


def test_the_finish_has_a_tenth_of_both_rates_and_the_same_optimisers() -> None:
    game, history = play([0], 4, finish=3, every=1, watch=lambda game: game.d_optimizer.param_groups[0]["lr"])
    assert history.watched == pytest.approx([2e-3] * 5 + [2e-4] * 3)  # the first is read before a step
    assert game.g_optimizer.param_groups[0]["lr"] == pytest.approx(2e-4)
    _, longer = play([0], 7)
    assert torch.equal(history.d_loss[:5], longer.d_loss[:5]) and not torch.equal(history.d_loss, longer.d_loss)


def test_an_average_follows_each_update_of_the_generator_and_changes_no_training() -> None:
    game = start([0])
    average = AveragedModel(game.generator, avg_fn=lambda mean, now, count: mean + (now - mean) / (count + 1))
    seen: list[list[Tensor]] = []
    _, history = play(
        [0], 5, game=game, average=average, every=1, watch=lambda game: seen.append(state(game.generator))
    )
    means = [torch.stack(weights).mean(0) for weights in zip(*seen[1:], strict=True)]
    torch.testing.assert_close(list(average.module.parameters()), means)
    assert torch.equal(history.g_loss, play([0], 5)[1].g_loss)
    average = AveragedModel(game.generator)
    play([0], 2, game=game, average=average, g_steps=3, finish=1)
    assert average.n_averaged == 9


@pytest.mark.parametrize("where", ["d_loss", "g_loss"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_the_training_at_its_step(where: str, value: float) -> None:
    calls, method = [], train.gan()

    def broken(*args: Any) -> Tensor:
        calls.append(0)
        loss = getattr(method, where)(*args)
        return loss if len(calls) < 4 else loss + torch.tensor([0.0, value])  # one run of two

    sides = {"d_loss": method.d_loss, "g_loss": method.g_loss, where: broken}
    with pytest.raises(Diverged, match=r"^step 4: a loss is NaN or infinite: \[\[.*(nan|inf)"):
        play([0, 1], 9, method=train.Method(**sides))
    assert len(calls) == 4
    with pytest.raises(Diverged, match=r"^step 1: "):
        train.fit_encoder(Learned(), lambda encoder, x, y: encoder(x).sum() * value, batches(), 3)


def test_a_label_shows_a_progress_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_BUILD", raising=False)
    play([0], 2)
    assert capsys.readouterr().err == ""
    play([0], 2, label="training the ring")
    assert "training the ring" in capsys.readouterr().err
    train.side_by_side([int, int], "two of them", workers=1)
    shown = capsys.readouterr().err
    assert "two of them" in shown and "/2" in shown  # how many there are, too
    monkeypatch.setenv("COURSE_BUILD", "1")  # on the page the bar would freeze
    play([0], 2, label="training the ring")
    assert capsys.readouterr().err == ""
    assert list(train.progress(iter([3, 1, 2]), None, total=3)) == list(train.progress([3, 1, 2], "x")) == [3, 1, 2]


# --- side by side ----------------------------------------------------------------------------------


def lone_run(seed: int, pause: float = 0.0) -> tuple[Tensor, int, int]:
    """Train one run; return its losses, the process and its number of threads."""
    time.sleep(pause)
    return play([seed], 10)[1].d_loss, os.getpid(), torch.get_num_threads()


def test_two_workers_or_one_give_the_runs_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, tasks = [lone_run(seed)[0] for seed in range(4)], [partial(lone_run, seed, 0.3) for seed in range(4)]
    monkeypatch.delenv("COURSE_WORKERS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # a new process would take all cores
    apart = train.side_by_side(tasks)
    assert len({process for _, process, _ in apart} - {os.getpid()}) == 2  # at the same time, elsewhere
    assert {threads for *_, threads in apart} == {1} and equal([loss for loss, *_ in apart], expected)
    monkeypatch.setenv("COURSE_WORKERS", "1")
    here = train.side_by_side(tasks)
    assert {process for _, process, _ in here} == {os.getpid()} and equal([loss for loss, *_ in here], expected)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_works_on_a_copy_and_its_error_comes_out(workers: int) -> None:
    game, _ = play([0], 1)
    before = state(game.generator)
    ((trained, _),) = train.side_by_side([lambda: play([0], 1, game=game)], workers=workers)
    assert equal(before, state(game.generator)) and not equal(before, state(trained.generator))
    with pytest.raises(ZeroDivisionError):
        train.side_by_side([lambda: 1, lambda: 1 // 0], workers=workers)


# --- samples and embeddings ------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch", [1, 3, 10, 500, None])
def test_embed_evaluates_a_batch_at_a_time(training: bool, batch: int | None) -> None:
    seed_everything(0, threads=1)
    encoder, x = Encoder(widths=(4, 8), dim=6).train(training), torch.randn(10, 1, 28, 28)
    statistics, sizes = [buffer.clone() for buffer in encoder.buffers()], []
    with encoder.register_forward_hook(lambda module, given, result: sizes.append(len(result))):
        rows = train.embed(encoder, x, batch)
    assert rows.shape == (10, 6) and not rows.requires_grad and rows.device.type == "cpu"
    assert max(sizes) == min(batch or 10, 10) and sum(sizes) == 10
    assert all(module.training is training for module in encoder.modules())
    assert equal(statistics, list(encoder.buffers()))
    torch.testing.assert_close(rows, encoder.eval()(x).detach())


def test_sample_draws_all_at_once_and_embed_takes_a_network_without_weights() -> None:
    generator, z = mlp((2, 3), range(600)), torch.randn(600, 4, 2)  # more runs than a batch has rows
    assert torch.equal(train.sample(generator, z), generator(z))
    assert torch.equal(train.embed(nn.Flatten(), torch.ones(3, 1, 2, 2), batch=2), torch.ones(3, 4))
    encoder = Encoder()
    with pytest.raises(ValueError, match="x"):
        train.embed(encoder, torch.zeros(2, 1, 27, 27))
    assert encoder.training  # put back also after an error


# --- encoders --------------------------------------------------------------------------------------


class Learned(nn.Module):
    """An encoder that holds a scale for its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 3)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def learned_loss(encoder: Learned, x: Tensor, y: Tensor) -> Tensor:
    return ((encoder.scale * encoder(x) - y) ** 2).mean()


def batches(seed: int = 0) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return a source of fresh batches of rows and targets."""
    rng = torch.Generator().manual_seed(seed)
    return lambda: (torch.randn(8, 4, generator=rng), torch.randn(8, 3, generator=rng))


@pytest.mark.parametrize(("steps", "finish"), [(7, 0), (4, 3), (0, 2)])
def test_fit_encoder_is_adam_written_out_with_a_fresh_one_for_the_finish(steps: int, finish: int) -> None:
    seed_everything(0, threads=1)
    encoder = Learned()
    by_hand, before = copy.deepcopy(encoder), state(encoder)
    history = train.fit_encoder(encoder, learned_loss, batches(), steps, finish=finish, lr=0.03)
    draw, expected = batches(), []
    for lr, count in ((0.03, steps), (0.003, finish)):
        optimizer = torch.optim.Adam(by_hand.parameters(), lr=lr)
        for _ in range(count):
            loss = learned_loss(by_hand, *draw())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
    assert history.loss.tolist() == pytest.approx(expected, rel=1e-5) and not history.loss.requires_grad
    torch.testing.assert_close(state(encoder), state(by_hand))
    assert not any(map(torch.equal, state(encoder), before))  # all of them move, the scale of the loss as well


@pytest.mark.parametrize(
    ("steps", "finish", "every", "expected"), [(7, 0, 3, [0, 3, 6, 7]), (2, 4, 3, [0, 3, 6]), (0, 0, 5, [0])]
)
def test_an_encoder_is_watched_before_every_so_often_and_at_the_end(
    steps: int, finish: int, every: int, expected: list[int]
) -> None:
    seed_everything(0, threads=1)
    encoder = Learned()
    copied = copy.deepcopy(encoder)
    before = state(encoder)
    history = train.fit_encoder(encoder, learned_loss, batches(), steps, finish=finish, watch=state, every=every)
    assert history.steps == expected and len(history.loss) == steps + finish
    assert equal(history.watched[0], before) and equal(history.watched[-1], state(encoder))
    unseen = train.fit_encoder(copied, learned_loss, batches(), steps, finish=finish)
    assert torch.equal(unseen.loss, history.loss) and unseen.watched == []


# --- devices ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_training_on_cuda_is_the_run_of_the_cpu() -> None:
    seeds, runs = [0, 1, 2], []
    for device in ("cpu", None):  # None takes the best device, here CUDA
        game, sources = start(seeds, torch.float64), rngs(seeds)
        real, z = partial(ring().sample, BATCH, sources), partial(noise, BATCH, LATENT, sources)
        history = train.fit(game, train.gan(), lambda: real().double(), lambda: z().double(), 100, device=device)  # noqa: B023
        drawn = train.sample(game.generator, noise(8, LATENT, rngs(seeds)).double())
        assert drawn.device.type == "cpu"
        runs.append((history.d_loss.cpu(), history.g_loss.cpu(), drawn))
    assert next(game.generator.parameters()).device.type == "cuda"
    torch.testing.assert_close(runs[0], runs[1], rtol=0, atol=1e-8)
