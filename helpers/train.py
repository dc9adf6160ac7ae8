"""Training: a method's two losses, one step for each network, one loop that calls them.

With S runs at once (networks made with `seeds`), losses are averaged over the batch and summed
over the runs. Adam works on each weight by itself, so every run trains as if it were alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import cloudpickle
import torch
from joblib import Parallel, delayed, parallel_config
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from helpers import losses
from helpers.checks import Beta, Count, Diverged, NonNegative, Positive, Whole, check_calls, require
from helpers.models import AutoEncoder

Loss = Callable[..., Tensor]
Energy = Callable[[nn.Module, Tensor], Tensor]
FINISH = 10  # the `finish` last steps of a training have the learning rate divided by this


@dataclass(frozen=True)
class Method:
    """What the two players minimise; both return a scalar, or (S,)."""

    d_loss: Callable[[nn.Module, Tensor, Tensor], Tensor]  # of discriminator, real, fake
    g_loss: Callable[[nn.Module, Tensor], Tensor]  # of discriminator, fake


def gan(
    d_loss: Loss = losses.gan_d_loss, g_loss: Loss = losses.gan_g_loss, r1: NonNegative = 0.0
) -> Method:
    """The GAN, or another loss on the discriminator's outputs; `r1` weighs `losses.r1_penalty`."""

    def d_side(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        real = real.clone().requires_grad_() if r1 else real
        outputs = discriminator(real)
        loss = d_loss(outputs, discriminator(fake))
        return loss + r1 * losses.r1_penalty(outputs, real) if r1 else loss

    return Method(d_side, lambda discriminator, fake: g_loss(discriminator(fake)))


def ebgan(
    margin: Positive,
    energy: Energy = losses.reconstruction_energy,
    pull_away: NonNegative = 0.0,
    term: Loss = losses.pull_away,
) -> Method:
    """EBGAN; `pull_away` weighs a term on the codes of generated samples. Zhao et al. (2016)."""

    def d_side(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        return losses.ebgan_d_loss(energy(discriminator, real), energy(discriminator, fake), margin)

    def g_side(discriminator: nn.Module, fake: Tensor) -> Tensor:
        loss = losses.ebgan_g_loss(energy(discriminator, fake))
        return loss + pull_away * term(discriminator.encode(fake)) if pull_away else loss

    return Method(d_side, g_side)


@dataclass
class Game:
    """A generator, a discriminator, and an optimiser for each."""

    generator: nn.Module
    discriminator: nn.Module
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer


def make_game(
    generator: nn.Module,
    discriminator: nn.Module,
    lr: Positive = 1e-3,
    d_lr: Positive | None = None,
    betas: tuple[Beta, Beta] = (0.5, 0.999),
) -> Game:
    """Give each network an Adam of its own; β₁ = 0.5 after Radford, Metz and Chintala (2016)."""
    apart = {*generator.parameters()}.isdisjoint(discriminator.parameters())
    require(apart, "discriminator", "weights of the generator", "a network of its own")
    adam = partial(torch.optim.Adam, betas=tuple(betas), fused=True)
    g_optimizer = adam(generator.parameters(), lr=lr)
    d_optimizer = adam(discriminator.parameters(), lr=d_lr or lr)
    return Game(generator, discriminator, g_optimizer, d_optimizer)


def make_ebgan(
    generator: nn.Module,
    autoencoder: AutoEncoder,
    margin: Positive,
    numbers: Count,
    kind: Literal["norm", "mse"] = "norm",
    **settings: Any,
) -> Game:
    """Like `make_game`, if the margin that `ebgan` will get is at most the largest energy: above it
    the hinge would never close. `numbers` is the size of a sample, 784 for 28×28 pictures."""
    if autoencoder.bound is not None:
        widest = 2 * autoencoder.bound  # from one end of the range to the other
        largest = widest**2 if kind == "mse" else widest * numbers**0.5
        require(margin <= largest, "margin", margin, f"at most {largest:g}, the largest energy")
    return make_game(generator, autoencoder, **settings)


def d_step(game: Game, method: Method, real: Tensor, z: Tensor) -> Tensor:
    """Move the discriminator once, not the generator; return its loss before the step."""
    with torch.no_grad():  # the fakes are data here: no gradient may reach the generator
        fake = game.generator(z)
    loss = method.d_loss(game.discriminator, real, fake)
    game.d_optimizer.zero_grad()
    _backward("d_loss", loss)
    game.d_optimizer.step()
    return loss.detach()


def g_step(game: Game, method: Method, z: Tensor) -> Tensor:
    """Move the generator once, not the discriminator; return its loss before the step."""
    loss = method.g_loss(game.discriminator, game.generator(z))
    game.g_optimizer.zero_grad()
    # The gradient flows through the discriminator, but only the generator's weights keep it.
    _backward("g_loss", loss, inputs=[w for w in game.generator.parameters() if w.requires_grad])
    game.g_optimizer.step()
    return loss.detach()


def _backward(name: str, loss: Any, **how: Any) -> None:
    """Compute the gradient of a loss, of several runs at once if need be."""
    good = isinstance(loss, Tensor) and loss.dim() < 2 and loss.requires_grad
    require(good, name, loss, "one number, or one for each run, with a gradient for the weights")
    loss.sum().backward(**how)


def _computes(device: torch.device | str) -> bool:
    """Say whether this machine can compute on a device."""
    with suppress(RuntimeError, AssertionError, ImportError):
        return torch.zeros(1, device=device).item() == 0
    return False


def _draw(name: str, source: Callable[[], Any], device: Any) -> Tensor:
    """Draw a batch, and bring it to where the networks are."""
    require(isinstance(batch := source(), Tensor), name, batch, "a function that returns a tensor")
    return batch.to(device)


@dataclass
class History:
    """Losses of each step (D: last update), (steps,) or (steps, S), and what `watch` saw when."""

    d_loss: Tensor
    g_loss: Tensor
    steps: list[int]
    watched: list[Any]


@dataclass
class EncoderHistory:
    """Losses of each step before its update, (steps,), and what `watch` saw at which steps."""

    loss: Tensor
    steps: list[int]
    watched: list[Any]


def fit(
    game: Game,
    method: Method,
    sample_real: Callable[[], Tensor],
    sample_noise: Callable[[], Tensor],
    steps: Count,
    *,
    finish: Whole = 0,
    d_steps: Count = 1,
    average: AveragedModel | None = None,
    watch: Callable[[Game], Any] | None = None,
    every: Count = 100,
    device: torch.device | str | None = None,
    label: str | None = None,
) -> History:
    """Play the game as in algorithm 1 of Goodfellow et al. (2014): a step moves first D, then G.
    `finish` further steps have a tenth of the learning rates, which then stay. `average` follows
    the generator's weights (Yazıcı et al. 2019). `watch` is called before the first step, after
    every `every` steps, and at the end. `device`: an accelerator if any. `label` names a bar."""
    found = torch.accelerator.is_available() and torch.accelerator.current_accelerator()
    device = (found or "cpu") if device is None else device
    require(_computes(device), "device", repr(device), "'cpu', another that is there, or None")
    game.generator.to(device)
    game.discriminator.to(device)

    def update(step: int) -> tuple[Tensor, Tensor]:
        if step == steps:
            for group in game.d_optimizer.param_groups + game.g_optimizer.param_groups:
                group["lr"] /= FINISH
        for _ in range(d_steps):
            real = _draw("sample_real", sample_real, device)
            d_loss = d_step(game, method, real, _draw("sample_noise", sample_noise, device))
        g_loss = g_step(game, method, _draw("sample_noise", sample_noise, device))
        if average is not None:
            average.update_parameters(game.generator)
        return d_loss.cpu(), g_loss.cpu()

    look = partial(watch, game) if watch else None
    networks = game.generator, game.discriminator
    columns, at, watched = _loop(update, steps + finish, look, every, label, *networks)
    return History(*columns, at, watched)


def fit_encoder(
    encoder: nn.Module,
    loss: Loss,
    sample_batch: Callable[[], Sequence[Tensor]],
    steps: Whole,
    *,
    finish: Whole = 0,
    lr: Positive = 1e-3,
    watch: Callable[[nn.Module], Any] | None = None,
    every: Count = 100,
    label: str | None = None,
) -> EncoderHistory:
    """Train one network with Adam: in each step a fresh batch, `loss(encoder, *batch)`, one update.
    `finish` further steps have a fresh Adam with a tenth of the rate. `watch` is as in `fit`."""
    device = next(encoder.parameters(), torch.zeros(0)).device
    phases = [torch.optim.Adam([*encoder.parameters()], r, fused=True) for r in (lr, lr / FINISH)]

    def update(step: int) -> tuple[Tensor]:
        optimizer = phases[step >= steps]
        value = loss(encoder, *(tensor.to(device) for tensor in sample_batch()))
        optimizer.zero_grad()
        _backward("loss", value)
        optimizer.step()
        return (value.detach().cpu(),)

    look = partial(watch, encoder) if watch else None
    columns, at, watched = _loop(update, steps + finish, look, every, label, encoder)
    return EncoderHistory(columns[0] if columns else torch.zeros(0), at, watched)


def _loop(
    update: Callable[[int], tuple[Tensor, ...]],
    total: int,
    watch: Callable[[], Any] | None,
    every: int,
    label: str | None,
    *networks: nn.Module,
) -> tuple[list[Tensor], list[int], list[Any]]:
    """Update and watch; return a column of each loss, and what was seen at which steps."""
    losses, at, watched = [], [], []
    for step in progress(range(total + 1), label):
        if watch and (step % every == 0 or step == total):
            at.append(step)
            watched.append(watch())
        if step < total:
            try:
                losses.append(update(step))
            except Diverged as trouble:
                raise Diverged(f"step {step + 1}: {trouble}") from trouble
            if not all(torch.isfinite(loss).all() for loss in losses[-1]):
                raise Diverged(f"step {step + 1}: a loss is NaN or infinite: {losses[-1]}")
    for network in networks:  # the last update may have spoilt it
        if not all(value.isfinite().all() for value in network.state_dict().values()):
            raise Diverged(f"step {total}: a weight is NaN or infinite")
    return [torch.stack(column) for column in zip(*losses, strict=True)], at, watched


@torch.no_grad()
def embed(network: nn.Module, x: Tensor, batch: Count | None = 500) -> Tensor:
    """Run a network in evaluation mode over (N, ...), a batch at a time; (N, d) on the CPU."""
    require(x.dim() > 0, "x", x, "rows (N, ...)")
    device = next(network.parameters(), x).device  # without weights, the device of the inputs
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        return torch.cat([network(part.to(device)).cpu() for part in x.split(batch or len(x))])
    finally:
        for part, training in modes:
            part.training = training


def sample(generator: nn.Module, z: Tensor) -> Tensor:
    """Draw samples in evaluation mode, on the CPU."""
    return embed(generator, z, None)


def progress(items: Iterable[Any], label: str | None, total: int | None = None) -> Iterable[Any]:
    """Wrap a loop in a progress bar, but not in the built site, where it would be a stopped one."""
    quiet = label is None or "COURSE_BUILD" in os.environ
    return tqdm(items, desc=label, total=total, leave=False, disable=quiet)


def side_by_side(
    tasks: Sequence[Callable[[], Any]], label: str | None = None, workers: Count = 2
) -> list[Any]:
    """Run independent trainings at once, in processes of their own; return what they returned. A
    task works on copies: it must return what it trains, and seed torch itself."""
    workers = min(workers, len(tasks), int(os.environ.get("COURSE_WORKERS") or workers))
    if workers == 1:  # joblib would run the tasks here, and change the caller's networks
        tasks = [cloudpickle.loads(cloudpickle.dumps(task)) for task in tasks]
    with parallel_config("loky", inner_max_num_threads=torch.get_num_threads()):
        run = Parallel(n_jobs=workers, return_as="generator", batch_size=1)
        return list(progress(run(delayed(task)() for task in tasks), label, total=len(tasks)))


check_calls(globals())
