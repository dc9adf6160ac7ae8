"""Chapter 08: is an EBGAN more flexible? Five energies in its one trainer, beside five losses of a GAN.

The digits, networks, noise, scores and thresholds are those of `helpers.studies.stability`. Each energy and each loss
gets the same four trials: two learning rates, with and without batch normalisation in the generator; one hidden layer
of 96 units, β₁ = 0.5.

What was fixed before the study was recorded: "flexible" is *supported* if each of the five energies has a trial all of
whose runs are usable. "More flexible than a GAN" goes by the share of usable runs, energies minus losses, with a
bootstrap over the five of each kind, and by the rule of `stability`. Each energy has one margin, chosen by its unit
alone: what an error of about 0.55 for each pixel costs, or 1 where the energy has no unit.

Sources: Zhao, Mathieu and LeCun (2016), eq. 1 and 2; least squares: Mao et al. (2017), eq. 2; hinge: Miyato et al.
(2018), eq. 16 and 17.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import softplus

from helpers import losses, train
from helpers.models import mlp, mlp_autoencoder
from helpers.studies import stability
from helpers.studies.sweep import grid

WIDTH, FEATURES = 96, 16  # units of the hidden layer; length of code and of features


def absolute_error(autoencoder: nn.Module, x: Tensor) -> Tensor:
    """How far a pixel is off, on average over the picture."""
    return (autoencoder(x) - x).abs().mean(-1)


def positive_output(critic: nn.Module, x: Tensor) -> Tensor:
    """One number per picture, made positive: no reconstruction anywhere."""
    return softplus(critic(x))


def squared_features(encoder: nn.Module, x: Tensor) -> Tensor:
    """How far a picture's features are from the origin: real ones are pulled there, generated ones held off."""
    return (encoder(x) ** 2).mean(-1)


ENERGIES: dict[str, tuple[str, float, train.Energy]] = {  # network, margin, energy
    "mean square": ("autoencoder", 0.3, partial(losses.reconstruction_energy, kind="mse")),
    "length": ("autoencoder", 7.7, partial(losses.reconstruction_energy, kind="norm")),
    "absolute": ("autoencoder", 0.55, absolute_error),
    "scalar": ("critic", 1.0, positive_output),
    "features": ("encoder", 1.0, squared_features),
}
GAN_LOSSES: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {  # discriminator's, generator's
    "non-saturating": (losses.gan_d_loss, losses.gan_g_loss),
    "saturating": (losses.gan_d_loss, partial(losses.gan_g_loss, saturating=True)),
    "logit": (losses.gan_d_loss, losses.critic_g_loss),
    "least squares": (losses.least_squares_d_loss, losses.least_squares_g_loss),
    "hinge": (losses.hinge_d_loss, losses.critic_g_loss),
}


def settings(name: str) -> list[dict[str, Any]]:
    """Return the four trials of an energy or a loss, in the same order for all."""
    return [{"name": name, **trial} for trial in grid(norm=(0, 1), lr=(1e-3, 3e-3))]


PARTS = {name: settings(name) for name in (*ENERGIES, *GAN_LOSSES)}
SEEDS = [0]
COST = "40 trials of four runs each, 6 minutes on one core"


def make_discriminator(name: str, seeds: Sequence[int]) -> nn.Module:
    """Build the network that an energy or a loss asks for."""
    pixels, kind = stability.SIDE**2, ENERGIES[name][0] if name in ENERGIES else "critic"
    if kind == "autoencoder":
        return mlp_autoencoder((pixels, WIDTH, FEATURES), seeds)
    return mlp((pixels, WIDTH, 1 if kind == "critic" else FEATURES), seeds, scalar=kind == "critic")


def make_method(name: str) -> train.Method:
    """Return the losses of an EBGAN with this energy, or of a GAN with this loss."""
    if name in ENERGIES:
        _, margin, energy = ENERGIES[name]
        return train.ebgan(margin, energy)
    return train.gan(*GAN_LOSSES[name])


def run(
    seed: int, name: str, norm: int, lr: float, runs: int = stability.RUNS, steps: int = stability.STEPS
) -> dict[str, Any]:
    """Do one trial: the runs have the seeds from `runs · seed` on. Returns what `stability.collect` does."""

    def training(seeds: Sequence[int]) -> tuple[stability.Scores, Tensor]:
        generator = stability.make_generator(1, WIDTH, norm, seeds)
        game = train.make_game(generator, make_discriminator(name, seeds), lr=lr)
        return stability.play(game, make_method(name), seeds, steps)

    return stability.collect(training, range(runs * seed, runs * (seed + 1)))
