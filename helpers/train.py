"""Training: one step function per network and method, one loop that calls them, a history that plots nothing.

A *game* is a generator, a discriminator and an optimiser for each. Both networks may hold S parallel universes:
the losses are averaged over the batch and summed over the universes, and Adam works on each weight by itself,
so that every universe trains as if it were alone.

Sources: Goodfellow et al. (2014), algorithm 1; Adam with β₁ = 0.5 after Radford, Metz and Chintala (2016); averaged
weights after Yazıcı et al. (2019), section 3.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from joblib import Parallel, delayed
from torch import Tensor, nn
from tqdm.auto import tqdm

from helpers._checks import check_choice, check_int, check_number, check_tensor, describe, fail
from helpers.losses import ebgan_d_loss, ebgan_g_loss, gan_d_loss, gan_g_loss, pull_away, reconstruction_energy
from helpers.models import AutoEncoder


@dataclass
class Game:
    """Two networks and their optimisers.

    Attributes:
        generator: from noise to samples.
        discriminator: from samples to one number each.
        g_optimizer: moves the generator's weights only.
        d_optimizer: moves the discriminator's weights only.
    """

    generator: nn.Module
    discriminator: nn.Module
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer


def make_game(
    generator: nn.Module,
    discriminator: nn.Module,
    lr: float = 1e-3,
    d_lr: float | None = None,
    betas: tuple[float, float] = (0.5, 0.999),
) -> Game:
    """Give each network an Adam optimiser of its own.

    Args:
        generator: from noise to samples.
        discriminator: from samples to one number each.
        lr: learning rate of the generator, and of the discriminator unless `d_lr` is given.
        d_lr: learning rate of the discriminator.
        betas: Adam's two decay rates, each in [0, 1).

    Returns:
        The game, ready for `fit` or the step functions.

    Raises:
        ValueError: if a learning rate is not positive or a network is no module.
    """
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        if not isinstance(network, nn.Module):
            fail(name, describe(network), "a torch.nn.Module")
    check_number("lr", lr, 0, open_low=True)
    d_lr = lr if d_lr is None else check_number("d_lr", d_lr, 0, open_low=True)
    if not isinstance(betas, tuple | list) or len(betas) != 2 or any(not 0 <= beta < 1 for beta in betas):
        fail("betas", describe(betas), "two decay rates in [0, 1)")
    return Game(
        generator,
        discriminator,
        torch.optim.Adam(generator.parameters(), lr=lr, betas=betas, fused=True),
        torch.optim.Adam(discriminator.parameters(), lr=d_lr, betas=betas, fused=True),
    )


def gan_d_step(game: Game, real: Tensor, z: Tensor, loss: Callable[[Tensor, Tensor], Tensor] = gan_d_loss) -> Tensor:
    """Make the discriminator a little better at telling real from generated. The generator does not move.

    Args:
        game: the networks and optimisers.
        real: a batch of real samples, `(N, ...)`, or `(S, N, d)` for S universes.
        z: noise for as many generated ones.
        loss: from the discriminator's answers to real and to generated samples.

    Returns:
        The loss before the step: a scalar, or `(S,)`.
    """
    with torch.no_grad():  # the fakes are data here: no gradient may reach the generator
        fake = game.generator(z)
    price = loss(game.discriminator(real), game.discriminator(fake))
    game.d_optimizer.zero_grad()
    price.sum().backward()
    game.d_optimizer.step()
    return price.detach()


def gan_g_step(game: Game, z: Tensor, loss: Callable[[Tensor], Tensor] = gan_g_loss) -> Tensor:
    """Make the generator a little better at passing for real. The discriminator does not move.

    Args:
        game: the networks and optimisers.
        z: a batch of noise.
        loss: from the discriminator's answers to generated samples.

    Returns:
        The loss before the step: a scalar, or `(S,)`.
    """
    price = loss(game.discriminator(game.generator(z)))
    game.g_optimizer.zero_grad()
    # The gradient flows through the discriminator, but is kept for the generator's weights only.
    price.sum().backward(inputs=list(game.generator.parameters()))
    game.g_optimizer.step()
    return price.detach()


def make_ebgan(
    generator: nn.Module,
    autoencoder: AutoEncoder,
    margin: float,
    numbers: int,
    kind: str = "norm",
    **settings: Any,
) -> Game:
    """Make a game with an autoencoder as discriminator, after a look at the margin.

    A margin above the largest energy that a fake can have is never reached: the hinge stays open for ever, and the
    autoencoder goes on spoiling the reconstruction of fakes however bad it is.

    Args:
        generator: from noise to samples.
        autoencoder: gives samples back; if its output is bounded, the samples are taken to be bounded alike.
        margin: m of `losses.ebgan_d_loss`.
        numbers: how many numbers one sample has, 784 for 28×28 pictures.
        kind: of energy, see `losses.reconstruction_energy`.
        **settings: passed on to `make_game`.

    Returns:
        The game; train it with `ebgan_d_step` and `ebgan_g_step`.

    Raises:
        ValueError: if the margin is not positive or out of the energy's reach.
    """
    check_number("margin", margin, 0, open_low=True)
    check_int("numbers", numbers, 1)
    check_choice("kind", kind, ("norm", "mse"))
    if not isinstance(autoencoder, AutoEncoder):
        fail("autoencoder", describe(autoencoder), "a models.AutoEncoder")
    if autoencoder.bound is not None:
        widest = 2 * autoencoder.bound  # from one end of the range to the other
        largest = widest**2 if kind == "mse" else widest * numbers**0.5
        if margin > largest:
            fail("margin", margin, f"at most {largest:g}, the largest energy of this autoencoder")
    return make_game(generator, autoencoder, **settings)


Energy = Callable[[nn.Module, Tensor], Tensor]


def ebgan_d_step(game: Game, real: Tensor, z: Tensor, margin: float, energy: Energy = reconstruction_energy) -> Tensor:
    """Push energies down at real samples and, up to the margin, up at generated ones. The generator does not move.

    Args:
        game: the networks and optimisers.
        real: a batch of real samples, `(N, ...)`, or `(S, N, d)` for S universes.
        z: noise for as many generated ones.
        margin: see `losses.ebgan_d_loss`.
        energy: from the discriminator and samples to one energy each.

    Returns:
        The loss before the step: a scalar, or `(S,)`.
    """
    with torch.no_grad():  # the fakes are data here: no gradient may reach the generator
        fake = game.generator(z)
    loss = ebgan_d_loss(energy(game.discriminator, real), energy(game.discriminator, fake), margin)
    game.d_optimizer.zero_grad()
    loss.sum().backward()
    game.d_optimizer.step()
    return loss.detach()


def ebgan_g_step(
    game: Game,
    z: Tensor,
    pull_away_weight: float = 0.0,
    energy: Energy = reconstruction_energy,
    term: Callable[[Tensor], Tensor] = pull_away,
) -> Tensor:
    """Move generated samples to lower energies and, with a weight, their codes apart. The discriminator stays.

    Args:
        game: the networks and optimisers.
        z: a batch of noise.
        pull_away_weight: of `losses.pull_away` on the codes of the batch; 0.1 in the paper. Above 0 it asks for a
            discriminator with `encode`.
        energy: from the discriminator and samples to one energy each.
        term: what has that weight: another function of the codes in place of `losses.pull_away`.

    Returns:
        The loss before the step: a scalar, or `(S,)`.
    """
    fake = game.generator(z)
    loss = ebgan_g_loss(energy(game.discriminator, fake))
    if pull_away_weight:
        loss = loss + pull_away_weight * term(game.discriminator.encode(fake))
    game.g_optimizer.zero_grad()
    # The gradient flows through the discriminator, but is kept for the generator's weights only.
    loss.sum().backward(inputs=list(game.generator.parameters()))
    game.g_optimizer.step()
    return loss.detach()


class Average:
    """An exponential moving average of a network's weights: w̄ ← d·w̄ + (1 − d)·w after each of its steps.

    A game's generator circles round a good place rather than resting in it; its average lies nearer to the middle.
    The network itself is never changed, so training with and without an average is the same training. In the first
    steps d is (1 + t)/(10 + t) where that is smaller, or the untrained start would stay in the mean for long.
    Source: Yazıcı et al., "The unusual effectiveness of averaging in GAN training" (2019), section 3.

    Attributes:
        decay: d, in [0, 1); about 1/(1 − d) steps count.
        steps: t, how often `update` was called.
    """

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        if not isinstance(network, nn.Module):
            fail("network", describe(network), "a torch.nn.Module")
        if check_number("decay", decay, 0, 1) == 1:
            fail("decay", decay, "a number in [0, 1): with 1 the average would never move")
        self.decay, self.steps = decay, 0
        self._mean = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the network's weights after a step.

        Args:
            network: the one that is averaged, with weights of the same shapes as at the start.

        Raises:
            ValueError: if the weights do not fit.
        """
        mean, now = list(self._mean.parameters()), list(network.parameters())
        if [weight.shape for weight in mean] != [weight.shape for weight in now]:
            fail("network", describe(network), "weights of the shapes that are averaged")
        self._mean.to(now[0].device)  # `fit` may have moved the network since
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for average, weight in zip(mean, now, strict=True):
            average.lerp_(weight, 1 - decay)

    @torch.no_grad()
    def network(self, z: Tensor) -> nn.Module:
        """Return a copy with the mean weights, ready for `sample`.

        The statistics of batch normalisation belong to other weights, so they are taken anew, from one batch.

        Args:
            z: a large batch of the network's inputs, such as 1,000 rows of noise.

        Returns:
            The copy, in evaluation mode.

        Raises:
            ValueError: if `z` is not a batch of finite numbers.
        """
        check_tensor("z", z, "(N, ...)")
        averaged = copy.deepcopy(self._mean).train()
        for module in averaged.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_running_stats()
                module.momentum = None  # a plain mean over the batches that come, here of one
        averaged(z.to(next(averaged.parameters()).device))
        return averaged.eval()


@dataclass
class History:
    """What happened during `fit`.

    Attributes:
        d_loss: `(steps,)` or `(steps, S)`, the discriminator's loss at each step (its last update of the step).
        g_loss: likewise for the generator.
        steps: the step numbers at which `watch` was called, from 0 (before training) to the last.
        watched: what it returned, in the same order.
    """

    d_loss: Tensor
    g_loss: Tensor
    steps: list[int] = field(default_factory=list)
    watched: list[Any] = field(default_factory=list)


@dataclass
class EncoderHistory:
    """What happened during `fit_encoder`.

    Attributes:
        loss: `(steps,)`, the loss of each step, before its update.
        steps: the step numbers at which `watch` was called, from 0 (before training) to the last.
        watched: what it returned, in the same order.
    """

    loss: Tensor
    steps: list[int] = field(default_factory=list)
    watched: list[Any] = field(default_factory=list)


def best_device() -> torch.device:
    """Return CUDA if present, else Apple's MPS if present, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fit(
    game: Game,
    sample_real: Callable[[], Tensor],
    sample_noise: Callable[[], Tensor],
    steps: int,
    *,
    d_step: Callable[[Game, Tensor, Tensor], Tensor] = gan_d_step,
    g_step: Callable[[Game, Tensor], Tensor] = gan_g_step,
    d_steps: int = 1,
    g_steps: int = 1,
    watch: Callable[[Game], Any] | None = None,
    every: int = 100,
    device: torch.device | str | None = None,
    label: str | None = None,
) -> History:
    """Play the game: in each step the discriminator moves `d_steps` times, then the generator `g_steps` times.

    Args:
        game: the networks and optimisers; changed in place, moved to `device`.
        sample_real: returns a fresh batch of real samples.
        sample_noise: returns a fresh batch of noise.
        steps: number of steps.
        d_step: one update of the discriminator.
        g_step: one update of the generator.
        d_steps: updates of the discriminator in each step.
        g_steps: updates of the generator in each step.
        watch: called with the game before the first step, after every `every` steps, and at the end.
        every: see `watch`.
        device: where to compute; the best one present if `None`.
        label: name of a progress bar; none without it.

    Returns:
        The losses of all steps and what `watch` saw.

    Raises:
        ValueError: if a count is below 1.
    """
    for name, count in (("steps", steps), ("d_steps", d_steps), ("g_steps", g_steps), ("every", every)):
        check_int(name, count, 1)
    device = torch.device(device) if device is not None else best_device()
    game.generator.to(device)
    game.discriminator.to(device)
    d_losses, g_losses, seen = [], [], []

    def look(step: int) -> None:
        if watch and (step % every == 0 or step == steps):
            seen.append((step, watch(game)))

    look(0)
    for step in progress(range(1, steps + 1), label):
        for _ in range(d_steps):
            d_loss = d_step(game, sample_real().to(device), sample_noise().to(device))
        for _ in range(g_steps):
            g_loss = g_step(game, sample_noise().to(device))
        d_losses.append(d_loss)
        g_losses.append(g_loss)
        look(step)
    return History(torch.stack(d_losses), torch.stack(g_losses), [s for s, _ in seen], [v for _, v in seen])


def fit_encoder(
    encoder: nn.Module,
    loss: Callable[..., Tensor],
    sample_batch: Callable[[], Sequence[Tensor]],
    steps: int,
    *,
    lr: float = 1e-3,
    watch: Callable[[nn.Module], Any] | None = None,
    every: int = 100,
    label: str | None = None,
) -> EncoderHistory:
    """Train an encoder with Adam: in each step a fresh batch, its loss, one update.

    Args:
        encoder: any module; all its parameters are trained, also a learned scale that it may hold. It stays on its
            device, and the batches are brought there.
        loss: called as `loss(encoder, *batch)`; returns a scalar.
        sample_batch: returns the tensors of a fresh batch.
        steps: number of updates.
        lr: Adam's learning rate.
        watch: called with the encoder before the first step, after every `every` steps, and at the end.
        every: see `watch`.
        label: name of a progress bar; none without it.

    Returns:
        The losses of all steps, each before its update, and what `watch` saw.

    Raises:
        ValueError: if a count is below 1 or the learning rate is not positive.
    """
    for name, count in (("steps", steps), ("every", every)):
        check_int(name, count, 1)
    optimizer = torch.optim.Adam(encoder.parameters(), check_number("lr", lr, 0, open_low=True), fused=True)
    device = next(encoder.parameters()).device
    history = EncoderHistory(torch.empty(steps))
    for step in progress(range(steps + 1), label):
        if watch and (step % every == 0 or step == steps):
            history.steps.append(step)
            history.watched.append(watch(encoder))
        if step < steps:
            value = loss(encoder, *(tensor.to(device) for tensor in sample_batch()))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            history.loss[step] = value.detach()
    return history


@torch.no_grad()
def embed(encoder: nn.Module, images: Tensor, batch: int = 500) -> Tensor:
    """Run an encoder over many pictures in evaluation mode, without gradients, a batch at a time.

    Args:
        encoder: from pictures to embeddings; its training mode is put back afterwards.
        images: `(N, ...)`, N at least 1.
        batch: pictures at a time.

    Returns:
        `(N, d)`, on the CPU.

    Raises:
        ValueError: if there is no picture or `batch` is below 1.
    """
    check_tensor("images", images, "(N, ...)")
    check_int("batch", batch, 1)
    device = next(encoder.parameters(), images).device  # a module without weights computes where the pictures are
    training = encoder.training
    encoder.eval()
    try:
        return torch.cat([encoder(part.to(device)).cpu() for part in images.split(batch)])
    finally:
        encoder.train(training)


def progress(items: Iterable[Any], label: str | None, total: int | None = None) -> Iterable[Any]:
    """Wrap a loop in a progress bar, unless the site is being built, where the bar would freeze on the page.

    Args:
        items: what the loop runs over.
        label: stands before the bar; no bar if `None`.
        total: how many items there are, if `items` does not know.

    Returns:
        The same items.
    """
    quiet = label is None or "COURSE_BUILD" in os.environ
    return tqdm(items, desc=label, total=total, leave=False, disable=quiet)


@torch.no_grad()
def sample(generator: nn.Module, z: Tensor) -> Tensor:
    """Draw samples from a generator as a finished product: in evaluation mode, without gradients.

    Args:
        generator: from noise to samples; its training mode is put back afterwards.
        z: noise.

    Returns:
        The samples, on the CPU.
    """
    device = next(generator.parameters()).device
    training = generator.training
    generator.eval()
    try:
        return generator(z.to(device)).cpu()
    finally:
        generator.train(training)


def side_by_side(tasks: Sequence[Callable[[], Any]], label: str | None = None, workers: int = 2) -> list[Any]:
    """Run independent trainings at the same time, each in a process of its own, with a progress bar.

    On networks this small, two runs on a core each are faster than one run on two cores. A task works on a copy of
    what it uses: what it trains must be in what it returns. It should draw its random numbers from a generator of its
    own, and its networks should be built before, as their starting weights come from torch's global random state.

    Args:
        tasks: functions without arguments, at least one.
        label: name of the progress bar; none without it.
        workers: how many run at a time.

    Returns:
        What the tasks returned, in their order.

    Raises:
        ValueError: if there is no task or `workers` is below 1.
    """
    if not tasks:
        fail("tasks", "none", "at least one function")
    check_int("workers", workers, 1)
    run = Parallel(n_jobs=workers, return_as="generator", batch_size=1)
    threads = torch.get_num_threads()
    return list(progress(run(delayed(_with_threads)(task, threads) for task in tasks), label, total=len(tasks)))


def _with_threads(task: Callable[[], Any], threads: int) -> Any:
    """Run a task with as many threads as the caller has: a new process would choose a number of its own."""
    torch.set_num_threads(threads)
    return task()
