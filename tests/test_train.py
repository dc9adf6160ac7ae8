"""Training: each step moves what it says, a seed is a run, and a universe trains as if it were alone."""

import copy
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.data import digits, noise, ring, two_views
from helpers.losses import gan_g_loss, nt_xent
from helpers.models import Discriminator, Encoder, Generator, mlp
from helpers.seed import generators, seed_everything
from helpers.train import (
    Average,
    Game,
    History,
    best_device,
    embed,
    fit,
    fit_encoder,
    gan_d_step,
    gan_g_step,
    make_game,
    progress,
    sample,
    side_by_side,
)

pytestmark = pytest.mark.usefixtures("one_thread")

BATCH, LATENT, WIDTH = 32, 2, 16


def universes(seeds: Sequence[int], dtype: torch.dtype = torch.float32) -> Game:
    """Make a game on the plane, one universe per seed."""
    generator = mlp((LATENT, WIDTH, WIDTH, 2), seeds).to(dtype)
    discriminator = mlp((2, WIDTH, WIDTH, 1), [seed + 1000 for seed in seeds], scalar=True).to(dtype)
    return make_game(generator, discriminator, lr=2e-3)


def play(
    seeds: Sequence[int], steps: int, dtype: torch.dtype = torch.float32, **settings: Any
) -> tuple[Game, History]:
    """Train one universe per seed on the ring; data and noise come from the universe's own generator."""
    game, sources = universes(seeds, dtype), generators(seeds)
    history = fit(
        game,
        lambda: ring().sample(BATCH, sources).to(dtype),
        lambda: noise(BATCH, LATENT, sources).to(dtype),
        steps,
        device="cpu",
        **settings,
    )
    return game, history


def state(network: nn.Module) -> list[Tensor]:
    """Return a copy of the weights."""
    return [parameter.detach().clone() for parameter in network.parameters()]


def equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# --- parallel universes ----------------------------------------------------------------------------


def largest_gap(together: tuple[Game, History], alone: tuple[Game, History], universe: int) -> float:
    """Return the largest difference between a universe and a lone run, in any weight or loss."""
    gaps = [
        (a.detach()[universe] - b.detach()[0]).abs().max()
        for network in ("generator", "discriminator")
        for a, b in zip(
            getattr(together[0], network).parameters(), getattr(alone[0], network).parameters(), strict=True
        )
    ]
    for loss in ("d_loss", "g_loss"):
        gaps.append((getattr(together[1], loss)[:, universe] - getattr(alone[1], loss)[:, 0]).abs().max())
    return float(max(gaps))


@pytest.mark.parametrize(
    ("dtype", "steps", "tolerance"),
    [
        (torch.float64, 250, 1e-9),
        # In single precision rounding sets the two apart, slowly at first: so few steps, and more room.
        (torch.float32, 50, 1e-4),
    ],
)
def test_each_universe_trains_as_if_alone(dtype: torch.dtype, steps: int, tolerance: float) -> None:
    seed_everything(0, threads=1)
    seeds = [7, 0, 23, 4, 99]
    together = play(seeds, steps, dtype)
    start = universes(seeds, dtype)
    moved = largest_gap(together, (start, together[1]), 0)
    assert moved > 0.02, "hardly anything was trained: this would compare two starts"
    for universe in (0, 2, 4):
        assert largest_gap(together, play([seeds[universe]], steps, dtype), universe) < tolerance
    assert largest_gap(together, play([seeds[1]], steps, dtype), 0) > 1e-3  # another seed is another run


def ordinary_networks(game: Game, universe: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Copy one universe into networks of `torch.nn.Linear`."""
    generator = mlp((LATENT, WIDTH, WIDTH, 2)).double()
    discriminator = mlp((2, WIDTH, WIDTH, 1), scalar=True).double()
    with torch.no_grad():
        for mine, batched in ((generator, game.generator), (discriminator, game.discriminator)):
            for a, b in zip(mine.parameters(), batched.parameters(), strict=True):
                a.copy_(b[universe].T.reshape(a.shape))
    return generator, discriminator


def test_fit_is_the_papers_algorithm_written_out() -> None:
    """An oracle by another route: `torch.nn.Linear`, probabilities instead of logits, autograd's own gradients."""
    seed_everything(0, threads=1)
    seeds, universe, steps = [5, 6, 8], 1, 60
    g, d = ordinary_networks(universes(seeds, torch.float64), universe)
    source = generators([seeds[universe]])[0]
    optimizers = [torch.optim.Adam(net.parameters(), lr=2e-3, betas=(0.5, 0.999)) for net in (d, g)]

    def batch(draw: Callable[..., Tensor], *size: int) -> Tensor:
        return draw(*size, source).double()

    def step(optimizer: torch.optim.Optimizer, network: nn.Module, loss: Tensor) -> float:
        for parameter, slope in zip(
            network.parameters(), torch.autograd.grad(loss, network.parameters()), strict=True
        ):
            parameter.grad = slope
        optimizer.step()
        return loss.item()

    losses = []
    for _ in range(steps):
        real, fake = batch(ring().sample, BATCH), g(batch(noise, BATCH, LATENT)).detach()
        d_loss = -(d(real).sigmoid().log().mean() + (1 - d(fake).sigmoid()).log().mean())
        d_loss = step(optimizers[0], d, d_loss)
        g_loss = step(optimizers[1], g, -d(g(batch(noise, BATCH, LATENT))).sigmoid().log().mean())
        losses.append([d_loss, g_loss])

    _, history = play(seeds, steps, torch.float64)
    measured = torch.stack([history.d_loss, history.g_loss], -1)[:, universe]
    torch.testing.assert_close(measured, torch.tensor(losses, dtype=torch.float64), rtol=0, atol=1e-9)


# --- steps -----------------------------------------------------------------------------------------


def pictures_game() -> tuple[Game, Tensor, Tensor]:
    """Make the digits' game and one batch."""
    source = seed_everything(3, threads=1)
    game = make_game(Generator(latent=8, hidden=16), Discriminator())
    return game, torch.rand(6, 1, 28, 28, generator=source) * 2 - 1, torch.randn(6, 8, generator=source)


def test_a_step_moves_only_the_network_it_says() -> None:
    game, real, z = pictures_game()
    g, d = state(game.generator), state(game.discriminator)
    gan_d_step(game, real, z)
    assert equal(state(game.generator), g) and not equal(state(game.discriminator), d)
    d = state(game.discriminator)
    gan_g_step(game, z)
    assert equal(state(game.discriminator), d) and not equal(state(game.generator), g)


def test_a_d_step_gives_the_generator_no_gradient_and_a_g_step_the_discriminator_none() -> None:
    game, real, z = pictures_game()
    gan_d_step(game, real, z)
    assert all(parameter.grad is None for parameter in game.generator.parameters())
    game.d_optimizer.zero_grad()
    gan_g_step(game, z)
    assert all(parameter.grad is None for parameter in game.discriminator.parameters())


def test_stale_gradients_change_nothing() -> None:
    after = []
    for stale in (0.0, 1e6):
        game, real, z = pictures_game()
        for network in (game.generator, game.discriminator):
            for parameter in network.parameters():
                parameter.grad = torch.full_like(parameter, stale)
        gan_g_step(game, z)
        gan_d_step(game, real, z)
        after.append(state(game.generator) + state(game.discriminator))
    assert equal(*after)


def test_steps_make_their_own_loss_smaller_and_return_the_one_before() -> None:
    game, real, z = pictures_game()
    first = [float(gan_d_step(game, real, z)) for _ in range(20)]
    assert first[-1] < first[0]
    second = [float(gan_g_step(game, z)) for _ in range(20)]
    assert second[-1] < second[0]
    game, real, z = pictures_game()
    loss = gan_d_step(game, real, z)
    assert float(loss) == first[0] and not loss.requires_grad


def test_the_saturating_step_uses_the_saturating_loss() -> None:
    game, _, z = pictures_game()
    assert float(gan_g_step(game, z, loss=partial(gan_g_loss, saturating=True))) < 0
    assert float(gan_g_step(game, z)) > 0


def test_each_optimizer_has_its_own_network_and_rate() -> None:
    game = make_game(mlp((2, 3)), mlp((2, 4, 1)), lr=0.1, d_lr=0.2, betas=(0.1, 0.9))
    for optimizer, network, lr in (
        (game.g_optimizer, game.generator, 0.1),
        (game.d_optimizer, game.discriminator, 0.2),
    ):
        (group,) = optimizer.param_groups
        assert (group["lr"], group["betas"]) == (lr, (0.1, 0.9))
        assert {id(p) for p in group["params"]} == {id(p) for p in network.parameters()}
    assert make_game(mlp((2, 3)), mlp((2, 1)), lr=0.3).d_optimizer.param_groups[0]["lr"] == 0.3


# --- the loop --------------------------------------------------------------------------------------


def test_the_same_seed_gives_exactly_the_same_history() -> None:
    seed_everything(0, threads=1)
    _, first = play([1, 2], 12)
    _, again = play([1, 2], 12)
    _, other = play([1, 3], 12)
    assert torch.equal(first.d_loss, again.d_loss) and torch.equal(first.g_loss, again.g_loss)
    assert torch.equal(first.d_loss[:, 0], other.d_loss[:, 0])
    assert not torch.equal(first.d_loss[:, 1], other.d_loss[:, 1])


def test_the_history_has_one_row_per_step_and_one_column_per_universe() -> None:
    _, history = play([1, 2, 3], 5)
    assert history.d_loss.shape == history.g_loss.shape == (5, 3)
    assert not history.d_loss.requires_grad and not history.g_loss.requires_grad
    game = make_game(mlp((2, 4, 2)), mlp((2, 4, 1), scalar=True))
    lone = fit(game, lambda: torch.randn(8, 2), lambda: torch.randn(8, 2), 5, device="cpu")
    assert lone.d_loss.shape == lone.g_loss.shape == (5,)
    assert (lone.steps, lone.watched) == ([], [])


def test_both_networks_move_as_often_as_asked_and_on_fresh_batches() -> None:
    calls: list[tuple[str, float]] = []
    ticket = iter(range(1000))

    def d_step(_: Game, real: Tensor, z: Tensor) -> Tensor:
        calls.append(("d", real.item()))
        calls.append(("z", z.item()))
        return real

    def g_step(_: Game, z: Tensor) -> Tensor:
        calls.append(("g", z.item()))
        return z

    game = universes([0])
    history = fit(
        game,
        lambda: torch.tensor(float(next(ticket))),
        lambda: torch.tensor(float(next(ticket))),
        2,
        d_step=d_step,
        g_step=g_step,
        d_steps=3,
        g_steps=2,
        device="cpu",
    )
    assert "".join(name for name, _ in calls) == "dzdzdzgg" * 2
    assert [number for _, number in calls] == list(range(16))
    assert history.d_loss.tolist() == [4, 12] and history.g_loss.tolist() == [7, 15]  # the last update's


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [(10, 4, [0, 4, 8, 10]), (8, 4, [0, 4, 8]), (3, 100, [0, 3]), (2, 1, [0, 1, 2])],
)
def test_watch_sees_the_start_every_so_often_and_the_end(steps: int, every: int, expected: list[int]) -> None:
    _, history = play([0], steps, every=every, watch=lambda game: state(game.generator)[0])
    assert history.steps == expected
    assert torch.equal(history.watched[0], state(universes([0]).generator)[0])  # before the first step
    assert all(not torch.equal(a, b) for a, b in zip(history.watched, history.watched[1:], strict=False))


def test_watching_does_not_change_the_run() -> None:
    _, unseen = play([0], 6)
    _, seen = play([0], 6, every=1, watch=lambda game: sample(game.generator, torch.zeros(1, 4, LATENT)))
    assert torch.equal(unseen.g_loss, seen.g_loss)


def test_a_label_shows_a_progress_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_BUILD", raising=False)
    play([0], 2)
    assert capsys.readouterr().err == ""
    play([0], 2, label="training the ring")
    assert "training the ring" in capsys.readouterr().err
    monkeypatch.setenv("COURSE_BUILD", "1")  # on the page the bar would freeze
    play([0], 2, label="training the ring")
    assert capsys.readouterr().err == ""
    assert list(progress(iter([3, 1, 2]), None, total=3)) == list(progress([3, 1, 2], "x")) == [3, 1, 2]


# --- side by side ----------------------------------------------------------------------------------


def test_runs_side_by_side_are_the_runs_one_after_the_other() -> None:
    seed_everything(0, threads=1)
    one_by_one = [play([seed], 30)[1] for seed in range(4)]
    together = side_by_side([lambda s=seed: play([s], 30)[1] for seed in range(4)], workers=2)
    for a, b in zip(one_by_one, together, strict=True):
        assert torch.equal(a.d_loss, b.d_loss) and torch.equal(a.g_loss, b.g_loss)


def test_side_by_side_keeps_the_order_and_the_number_of_threads() -> None:
    def task(number: int) -> tuple[int, int, int]:
        time.sleep(0.5)  # long enough for both workers to get a task
        return number, torch.get_num_threads(), os.getpid()

    for threads in (1, 3):  # a new process cannot have both by itself
        torch.set_num_threads(threads)
        done = side_by_side([partial(task, number) for number in range(6)], workers=2)
        assert [d[:2] for d in done] == [(number, threads) for number in range(6)]
        processes = {process for *_, process in done}
        assert len(processes) == 2 and os.getpid() not in processes  # they do run at the same time, elsewhere


def test_side_by_side_shows_its_progress(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSE_BUILD", raising=False)
    side_by_side([lambda: 1, lambda: 2], "two of them")
    shown = capsys.readouterr().err
    assert "two of them" in shown and "/2" in shown  # how many there are, too
    side_by_side([lambda: 1])
    assert capsys.readouterr().err == ""


def test_side_by_side_works_on_copies() -> None:
    game, _ = play([0], 1)
    before = [p.clone() for p in game.generator.parameters()]
    (trained,) = side_by_side([lambda: fit_one_more(game)])
    assert equal(before, list(game.generator.parameters()))  # the caller's game has not moved
    assert not equal(before, list(trained.generator.parameters()))  # the returned one has


def fit_one_more(game: Game) -> Game:
    """One more step of a game."""
    fit(game, lambda: torch.ones(1, 8, 2), lambda: torch.zeros(1, 8, 2), 1)
    return game


def test_an_error_in_one_task_comes_out() -> None:
    def fails() -> None:
        raise ZeroDivisionError("in a task")

    with pytest.raises(ZeroDivisionError, match="in a task"):
        side_by_side([lambda: 1, fails])


# --- samples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_sample_uses_evaluation_mode_and_puts_the_mode_back(training: bool) -> None:
    seed_everything(0, threads=1)
    generator = Generator(latent=4, hidden=8).train(training)
    z = torch.randn(5, 4)
    statistics = [buffer.clone() for buffer in generator.buffers()]
    first = sample(generator, z)
    assert generator.training is training and all(m.training is training for m in generator.modules())
    assert equal(statistics, list(generator.buffers()))  # training mode would have moved them
    torch.testing.assert_close(first[:1], sample(generator, z[:1]))  # and would have mixed the batch
    assert not first.requires_grad and first.device.type == "cpu"


def test_sample_puts_the_mode_back_after_an_error() -> None:
    generator = Generator(latent=4, hidden=8)
    with pytest.raises(ValueError, match="z"):
        sample(generator, torch.zeros(2, 3))
    assert generator.training


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
    generator = torch.Generator().manual_seed(seed)
    return lambda: (torch.randn(8, 4, generator=generator), torch.randn(8, 3, generator=generator))


def test_fit_encoder_is_adam_written_out() -> None:
    seed_everything(0, threads=1)
    encoder = Learned()
    by_hand = copy.deepcopy(encoder)
    start = state(encoder)
    history = fit_encoder(encoder, learned_loss, batches(), steps=7, lr=0.03)
    optimizer, draw, expected = torch.optim.Adam(by_hand.parameters(), lr=0.03), batches(), []
    for _ in range(7):
        loss = learned_loss(by_hand, *draw())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    assert history.loss.tolist() == pytest.approx(expected, rel=1e-5)
    assert not history.loss.requires_grad
    for mine, theirs, before in zip(encoder.parameters(), by_hand.parameters(), start, strict=True):
        torch.testing.assert_close(mine, theirs)
        assert not torch.equal(mine, before)  # all of them move, the scale of the loss as well


def test_the_losses_of_an_encoder_are_those_before_each_update() -> None:
    seed_everything(0, threads=1)
    encoder, batch = Learned(), batches()()
    first = learned_loss(encoder, *batch).item()
    history = fit_encoder(encoder, learned_loss, lambda: batch, steps=200, lr=0.05)
    assert history.loss[0].item() == pytest.approx(first)
    assert history.loss[-1] < 0.7 * history.loss[0]


@pytest.mark.parametrize(("steps", "every", "expected"), [(7, 3, [0, 3, 6, 7]), (6, 3, [0, 3, 6]), (1, 5, [0, 1])])
def test_an_encoder_is_watched_before_every_so_often_and_at_the_end(
    steps: int, every: int, expected: list[int]
) -> None:
    weights, drawn = [], []

    def sample_batch() -> tuple[Tensor, Tensor]:
        drawn.append(len(weights))
        return batches(len(drawn))()

    seed_everything(0, threads=1)
    encoder = Learned()
    before = state(encoder)
    history = fit_encoder(
        encoder, learned_loss, sample_batch, steps, watch=lambda e: weights.append(state(e)) or len(drawn), every=every
    )
    assert history.steps == history.watched == expected  # as many batches were drawn as the step's number says
    assert len(drawn) == steps == len(history.loss)
    assert equal(weights[0], before) and equal(weights[-1], state(encoder))
    assert not equal(weights[0], weights[-1])


def test_without_a_watch_an_encoder_trains_the_same() -> None:
    runs = []
    for watch in (None, lambda encoder: embed(encoder, torch.zeros(2, 4))):
        seed_everything(0, threads=1)
        history = fit_encoder(Learned(), learned_loss, batches(), 5, watch=watch, every=2)
        runs.append(history.loss)
    assert torch.equal(*runs) and history.steps == [0, 2, 4, 5]
    assert fit_encoder(Learned(), learned_loss, batches(), 2).watched == []


def test_an_encoder_learns_to_tell_digits_apart() -> None:
    seed_everything(0, threads=1)
    images, generator = digits("validation")[0][::5], torch.Generator().manual_seed(0)
    encoder = Encoder(widths=(8, 16), dim=16)
    history = fit_encoder(
        encoder,
        lambda network, a, b: nt_xent(network(a), network(b), 0.5),
        lambda: two_views(images, generator),
        steps=60,
        lr=3e-3,
    )
    assert history.loss[-5:].mean() < history.loss[:5].mean() - 0.3


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch", [1, 3, 10, 500])
def test_embed_evaluates_a_batch_at_a_time(training: bool, batch: int) -> None:
    seed_everything(0, threads=1)
    encoder, x = Encoder(widths=(4, 8), dim=6).train(training), torch.randn(10, 1, 28, 28)
    statistics = [buffer.clone() for buffer in encoder.buffers()]
    sizes = []
    with encoder.register_forward_hook(lambda module, given, result: sizes.append(len(result))):
        rows = embed(encoder, x, batch)
    assert rows.shape == (10, 6) and not rows.requires_grad and rows.device.type == "cpu"
    assert max(sizes) == min(batch, 10) and sum(sizes) == 10
    assert all(module.training is training for module in encoder.modules())
    assert equal(statistics, list(encoder.buffers()))
    torch.testing.assert_close(rows, encoder.eval()(x).detach())


def test_embed_puts_the_mode_back_after_an_error_and_takes_a_network_without_weights() -> None:
    encoder = Encoder()
    with pytest.raises(ValueError, match="x"):
        embed(encoder, torch.zeros(2, 1, 27, 27))
    assert encoder.training
    assert torch.equal(embed(nn.Flatten(), torch.ones(3, 1, 2, 2), batch=2), torch.ones(3, 4))


# --- devices ---------------------------------------------------------------------------------------


def test_the_best_device_is_one_that_is_there() -> None:
    assert torch.zeros(1, device=best_device()).device.type == best_device().type
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert best_device() == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_training_on_cuda_is_the_run_of_the_cpu() -> None:
    seeds, runs = [0, 1, 2], []
    for device in ("cpu", None):  # None takes the best device, here CUDA
        game, sources = universes(seeds, torch.float64), generators(seeds)
        history = fit(
            game,
            lambda s=sources: ring().sample(BATCH, s).double(),
            lambda s=sources: noise(BATCH, LATENT, s).double(),
            100,
            device=device,
        )
        drawn = sample(game.generator, noise(8, LATENT, generators(seeds)).double())
        assert drawn.device.type == "cpu"
        runs.append((history.d_loss.cpu(), history.g_loss.cpu(), drawn))
    assert next(game.generator.parameters()).device.type == "cuda"
    torch.testing.assert_close(runs[0], runs[1], rtol=0, atol=1e-8)


# --- averaged weights --------------------------------------------------------------------------------


def test_the_average_is_the_formula_with_a_quick_beginning() -> None:
    layer = nn.Linear(2, 3)
    mean, average = layer.weight.detach().clone(), Average(layer, decay=0.5)
    for t in range(1, 21):
        with torch.no_grad():
            layer.weight.add_(torch.randn(3, 2))
        decay = min(0.5, (1 + t) / (10 + t))
        mean = decay * mean + (1 - decay) * layer.weight.detach()
        before = state(layer)
        average.update(layer)
        assert equal(before, state(layer))
    averaged = average.network(torch.zeros(1, 2))
    assert torch.allclose(averaged.weight, mean, atol=1e-6)
    assert average.steps == 20


def test_an_averaged_network_has_batch_statistics_of_its_own() -> None:
    """Mean weights with the running statistics of other weights would be another network."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    network(torch.randn(50, 2) - 9)  # statistics of earlier data, which must not stay in it
    before = network[1].running_mean.clone()
    average, z = Average(network), 5 + torch.randn(400, 2)
    averaged = average.network(z)
    out = averaged(z)
    assert not averaged.training and not out.requires_grad
    assert torch.allclose(out.mean(0), torch.zeros(3), atol=1e-4)
    assert torch.allclose(out.std(0), torch.ones(3), atol=1e-2)
    assert torch.equal(network[1].running_mean, before)
    averaged[0].weight.add_(1.0)  # a copy: the average goes on as it was
    assert torch.allclose(average.network(z)[0].weight, network[0].weight)


def test_averaging_does_not_change_the_training() -> None:
    after = []
    for averaging in (False, True):
        game, real, z = pictures_game()
        average = Average(game.generator)
        for _ in range(3):
            gan_d_step(game, real, z)
            gan_g_step(game, z)
            if averaging:
                average.update(game.generator)
        after.append(state(game.generator))
    assert equal(*after)
