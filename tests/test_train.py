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
from helpers.data import Rngs, noise, ring
from helpers.models import Encoder, mlp, mlp_autoencoder
from helpers.seed import rngs, seed_everything

pytestmark = pytest.mark.usefixtures("one_thread")

BATCH, LATENT, WIDTH = 32, 2, 16
METHODS = {"gan": train.gan(r1=0.1), "ebgan": train.ebgan(0.5, pull_away=0.1)}
each_method = pytest.mark.parametrize("name", METHODS)


def start(seeds: Sequence[int], dtype: torch.dtype = torch.float32, name: str = "gan") -> train.Game:
    others = [seed + 1000 for seed in seeds]
    judge = mlp((2, WIDTH, WIDTH, 1), others, scalar=True) if name == "gan" else mlp_autoencoder((2, WIDTH, 3), others)
    return train.make_game(mlp((LATENT, WIDTH, WIDTH, 2), seeds).to(dtype), judge.to(dtype), lr=2e-3)


def draws(rng: Rngs, dtype: torch.dtype) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    return lambda: ring().sample(BATCH, rng).to(dtype), lambda: noise(BATCH, LATENT, rng).to(dtype)


def play(
    seeds: Sequence[int],
    steps: int,
    dtype: torch.dtype = torch.float32,
    method: train.Method | None = None,
    **settings: Any,
) -> tuple[train.Game, train.History]:
    game = settings.pop("game", None) or start(seeds, dtype)
    settings = {"device": "cpu", **settings}
    return game, train.fit(game, method or train.gan(), *draws(rngs(seeds), dtype), steps, **settings)


def state(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@each_method
def test_each_run_trains_as_if_alone(name: str) -> None:
    def weights_and_losses(seeds: list[int]) -> list[Tensor]:
        game, history = play(seeds, 40, torch.float64, METHODS[name], game=start(seeds, torch.float64, name))
        return [*state(game.generator), *state(game.discriminator), history.d_loss.T, history.g_loss.T]

    alone = [torch.cat(runs) for runs in zip(*(weights_and_losses([seed]) for seed in (7, 0, 23)), strict=True)]
    torch.testing.assert_close(weights_and_losses([7, 0, 23]), alone, rtol=0, atol=1e-9)


@each_method
@pytest.mark.parametrize("stale", [None, 1e6])
def test_a_step_moves_only_the_network_it_says_whatever_gradients_were_left(name: str, stale: float | None) -> None:
    method, game, untouched = METHODS[name], start([4, 5], name=name), start([4, 5], name=name)
    d, g, real, z = game.discriminator, game.generator, ring().sample(6, rngs([0, 1])), noise(6, LATENT, rngs([2, 3]))
    sides = [(d, g, lambda: method.d_loss(d, real, g(z)), lambda game: train.d_step(game, method, real, z))]
    sides += [(g, d, lambda: method.g_loss(d, g(z)), lambda game: train.g_step(game, method, z))]
    for moved, other, loss, step in sides:
        for parameter in [*d.parameters(), *g.parameters()]:
            parameter.grad = None if stale is None else torch.full_like(parameter, stale)
        before, expected = [state(moved), state(other)], loss().detach()
        torch.testing.assert_close(step(game), expected)  # the loss before the step
        step(untouched)
        assert not equal(state(moved), before[0]) and equal(state(other), before[1])
        left = [parameter.grad for parameter in other.parameters()]
        assert {None if grad is None else grad.mean().item() for grad in left} == {stale}  # it got no gradient
    assert equal(state(g) + state(d), state(untouched.generator) + state(untouched.discriminator))
    kept = next(g.parameters()).requires_grad_(False).clone()
    assert train.g_step(game, method, z).shape == (2,) and torch.equal(next(g.parameters()), kept)  # a frozen part


@pytest.mark.parametrize("r1", [0.0, 3.0])
def test_a_gan_is_two_losses_on_outputs(r1: float) -> None:
    discriminator = mlp((2, WIDTH, WIDTH, 1), scalar=True).double()
    real, fake = torch.randn(2, 6, 2, generator=rngs([0])[0], dtype=torch.float64)
    method = train.gan(losses.hinge_d_loss, losses.critic_g_loss, r1=r1)
    expected = losses.hinge_d_loss(discriminator(real), discriminator(fake))
    slopes = torch.autograd.functional.jacobian(lambda x: discriminator(x).sum(), real)
    torch.testing.assert_close(method.d_loss(discriminator, real, fake), expected + r1 / 2 * (slopes**2).sum() / 6)
    torch.testing.assert_close(method.g_loss(discriminator, fake), -discriminator(fake).mean())
    assert not real.requires_grad


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_an_ebgan_is_two_losses_on_energies_and_a_term_on_codes(weight: float) -> None:
    network, (real, fake) = start([0, 1], name="ebgan").discriminator, torch.randn(2, 2, 6, 2, generator=rngs([0])[0])
    usual = {"energy": losses.reconstruction_energy, "term": losses.pull_away}
    own = {"energy": lambda network, x: network(x)[..., 0], "term": lambda codes: codes.mean((-2, -1))}
    for settings, (energy, term) in (({}, usual.values()), (own, own.values())):
        margin = energy(network, fake).abs().median().item()  # some hinges are open, some closed
        method = train.ebgan(margin, **settings, **({"pull_away": weight} if weight else {}))
        expected = losses.ebgan_d_loss(energy(network, real), energy(network, fake), margin)
        torch.testing.assert_close(method.d_loss(network, real, fake), expected)
        expected = energy(network, fake).mean(-1) + weight * term(network.encode(fake))
        torch.testing.assert_close(method.g_loss(network, fake), expected)


def test_each_optimizer_has_its_own_network_and_rate() -> None:
    game = train.make_game(mlp((2, 3)), mlp((2, 4, 1)), lr=0.1, d_lr=0.2, betas=[0.1, 0.9])
    sides = (game.g_optimizer, game.generator, 0.1), (game.d_optimizer, game.discriminator, 0.2)
    for optimizer, network, lr in sides:
        (group,) = optimizer.param_groups
        assert (group["lr"], group["betas"], group["fused"]) == (lr, (0.1, 0.9), True)
        assert {id(p) for p in group["params"]} == {id(p) for p in network.parameters()}
    game = train.make_ebgan(mlp((2, 3)), mlp_autoencoder((3, 2)), 99.0, 3, lr=0.3)  # no bound on what it puts out
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (game.d_optimizer, game.g_optimizer)]
    assert rates == [0.3, 0.3] and game.d_optimizer.param_groups[0]["betas"] == (0.5, 0.999)
    assert train.make_game(mlp((2, 3)), mlp((2, 1))).g_optimizer.param_groups[0]["lr"] == 1e-3


def test_both_networks_move_as_often_as_asked_and_on_fresh_batches() -> None:
    real, z, seen = iter(range(100)), iter(range(100, 200)), []

    def d_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        seen.append(("d", real.item(), fake.item()))
        return 0 * discriminator(real).sum() + real.sum()

    def g_loss(_: nn.Module, fake: Tensor) -> Tensor:
        seen.append(("g", None, fake.item()))
        return fake.mean()

    still = nn.Linear(1, 1, bias=False)
    still.forward = lambda z: z + 0 * still.weight
    game = train.make_game(still, nn.Linear(1, 1))
    drawn = [lambda s=source: torch.full((1, 1), float(next(s))) for source in (real, z)]
    history = train.fit(game, train.Method(d_loss, g_loss), *drawn, 2, d_steps=3, device="cpu")
    names, reals, fakes = zip(*seen, strict=True)
    assert "".join(names) == "dddgdddg" and fakes == tuple(range(100, 108))
    assert [number for number in reals if number is not None] == list(range(6))
    assert history.d_loss.tolist() == [2, 5] and history.g_loss.tolist() == [103, 107]  # the last update's


@pytest.mark.parametrize(
    ("steps", "finish", "every", "expected"),
    [(10, 0, {"every": 4}, [0, 4, 8, 10]), (5, 3, {"every": 4}, [0, 4, 8]), (101, 0, {}, [0, 100, 101])],
)
def test_watch_sees_the_start_every_so_often_and_the_end(
    steps: int, finish: int, every: dict[str, int], expected: list[int]
) -> None:
    _, unseen = play([0], steps, finish=finish)
    game, history = play([0], steps, finish=finish, **every, watch=lambda game: state(game.generator)[0])
    assert unseen.steps == unseen.watched == []
    assert history.steps == expected and len(history.d_loss) == steps + finish
    rates = {group["lr"] for group in game.d_optimizer.param_groups + game.g_optimizer.param_groups}
    assert [*rates] == [pytest.approx(2e-4 if finish else 2e-3)]
    assert torch.equal(history.watched[0], state(start([0]).generator)[0])  # before the first step
    assert torch.equal(history.watched[-1], state(game.generator)[0])
    assert all(not torch.equal(a, b) for a, b in zip(history.watched, history.watched[1:], strict=False))
    assert torch.equal(unseen.g_loss, history.g_loss)  # watching changes nothing


def test_an_average_follows_each_update_of_the_generator_and_changes_no_training() -> None:
    game = start([0])
    average = AveragedModel(game.generator, avg_fn=lambda mean, now, count: mean + (now - mean) / (count + 1))
    seen: list[list[Tensor]] = []
    watching = {"every": 1, "watch": lambda game: seen.append(state(game.generator))}
    _, history = play([0], 5, game=game, average=average, **watching)
    means = [torch.stack(weights).mean(0) for weights in zip(*seen[1:], strict=True)]
    torch.testing.assert_close(list(average.module.parameters()), means)
    assert torch.equal(history.g_loss, play([0], 5)[1].g_loss)
    average = AveragedModel(game.generator)
    play([0], 2, game=game, average=average, finish=1)
    assert average.n_averaged == 3


@pytest.mark.parametrize("where", ["d_loss", "g_loss"])
@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_loss_that_is_not_finite_stops_the_training_at_its_step(where: str, value: float) -> None:
    calls, method = [], train.gan()

    def broken(*args: Any) -> Tensor:
        calls.append(0)
        loss = getattr(method, where)(*args)
        return loss if len(calls) < 4 else loss + torch.tensor([0.0, value])  # one run of two

    sides = {"d_loss": method.d_loss, "g_loss": method.g_loss, where: broken}
    with pytest.raises(Diverged, match=r"^step 4: [dg]_step: its result has NaN or infinite values"):
        play([0, 1], 9, method=train.Method(**sides))
    assert len(calls) == 4


def test_a_label_shows_a_progress_bar_but_not_on_the_page(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(label: str | None) -> str:
        train.side_by_side([int, int], label, workers=1)
        return capsys.readouterr().err

    monkeypatch.delenv("COURSE_BUILD", raising=False)
    bar = shown("two of them")
    assert "two of them" in bar and "/2" in bar and bar.endswith("\r")  # in the end it is wiped out
    monkeypatch.setenv("COURSE_BUILD", "1")  # there it would freeze
    assert shown(None) == shown("two of them") == ""


def lone_run(seed: int, pause: float = 0.0) -> tuple[Tensor, int, int]:
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
    monkeypatch.delenv("COURSE_WORKERS")
    torch.set_num_threads(os.cpu_count())
    assert train.side_by_side([torch.get_num_threads] * 2) == [os.cpu_count()] * 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_works_on_a_copy_and_its_error_comes_out(workers: int) -> None:
    game, _ = play([0], 1)
    before = state(game.generator)
    ((trained, _),) = train.side_by_side([lambda: play([0], 1, game=game)], workers=workers)
    assert equal(before, state(game.generator)) and not equal(before, state(trained.generator))
    with pytest.raises(ZeroDivisionError):
        train.side_by_side([lambda: 1, lambda: 1 // 0], workers=workers)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch", [3, 10, None])
def test_embed_evaluates_a_batch_at_a_time(training: bool, batch: int | None) -> None:
    seed_everything(0, threads=1)
    encoder, x = Encoder(widths=(4, 8), dim=6).train(training), torch.randn(10, 1, 28, 28)
    next(module for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)).eval()  # frozen, it stays so
    modes = [module.training for module in encoder.modules()]
    statistics, sizes = [buffer.clone() for buffer in encoder.buffers()], []
    with encoder.register_forward_hook(lambda module, given, result: sizes.append(len(result))):
        rows = train.embed(encoder, x, batch)
    assert rows.shape == (10, 6) and not rows.requires_grad and rows.device.type == "cpu"
    assert max(sizes) == min(batch or 10, 10) and sum(sizes) == 10
    assert [module.training for module in encoder.modules()] == modes
    assert equal(statistics, list(encoder.buffers()))
    torch.testing.assert_close(rows, encoder.eval()(x).detach())


def test_sample_draws_all_at_once_and_embed_needs_no_weights_and_an_error_leaves_the_mode() -> None:
    generator, z = mlp((2, 3), range(600)), torch.randn(600, 4, 2)  # more runs than a batch has rows
    assert torch.equal(train.sample(generator, z), generator(z))
    assert torch.equal(train.embed(nn.Flatten(), torch.ones(3, 1, 2, 2), batch=2), torch.ones(3, 4))
    encoder = Encoder()
    with pytest.raises(ValueError, match="x"):
        train.embed(encoder, torch.zeros(2, 1, 27, 27))
    assert encoder.training


def square(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return ((network(x) - y) ** 2).mean()


def batches() -> Callable[[], tuple[Tensor, Tensor]]:
    rng = torch.Generator().manual_seed(0)
    return lambda: (torch.randn(8, 4, generator=rng), torch.randn(8, 3, generator=rng))


@pytest.mark.parametrize(
    ("steps", "finish", "seen"), [(7, 0, [0, 3, 6, 7]), (4, 3, [0, 3, 6, 7]), (0, 2, [0, 2]), (0, 0, [0])]
)
def test_fit_encoder_is_adam_written_out_with_a_fresh_one_for_the_finish(
    steps: int, finish: int, seen: list[int]
) -> None:
    seed_everything(0, threads=1)
    encoder = nn.Linear(4, 3)
    by_hand, draw, expected = copy.deepcopy(encoder), batches(), []
    weights = [state(by_hand)]
    for lr, count in ((0.03, steps), (0.003, finish)):
        optimizer = torch.optim.Adam(by_hand.parameters(), lr=lr)
        for _ in range(count):
            loss = square(by_hand, *draw())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
            weights.append(state(by_hand))
    history = train.fit_encoder(encoder, square, batches(), steps, finish=finish, lr=0.03, watch=state, every=3)
    assert history.loss.tolist() == pytest.approx(expected, rel=1e-5) and not history.loss.requires_grad
    assert history.steps == seen
    torch.testing.assert_close(history.watched, [weights[step] for step in seen])
    with pytest.raises(Diverged, match=r"^step 1: "):
        train.fit_encoder(encoder, lambda encoder, x, y: square(encoder, x, y) * math.nan, batches(), 3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_training_on_cuda_is_the_run_of_the_cpu() -> None:
    runs = []
    for device in ("cpu", None):  # None takes the best device, here CUDA
        game, history = play([0, 1, 2], 100, torch.float64, device=device)
        drawn = train.sample(game.generator, noise(8, LATENT, rngs([0, 1, 2])).double())
        assert drawn.device.type == "cpu"
        runs.append((history.d_loss.cpu(), history.g_loss.cpu(), drawn))
    assert next(game.generator.parameters()).device.type == "cuda"
    torch.testing.assert_close(runs[0], runs[1], rtol=0, atol=1e-8)
