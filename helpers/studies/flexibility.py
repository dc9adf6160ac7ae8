"""Is it more flexible? Five energies in the one trainer of an EBGAN, beside five losses in that of a GAN (chapter 07).

The digits, networks, noise, scores and thresholds are those of `helpers.stability`. Each energy and each loss gets the
same four trials: two learning rates, with and without batch normalisation in the generator; one hidden layer of 96
units, β₁ = 0.5.

What was fixed before the study was recorded: "flexible" is *supported* if each of the five energies has a trial all of
whose runs are usable. "More flexible than a GAN" goes by the share of usable runs, energies minus losses, with a
bootstrap over the five of each kind, and by the rule of `helpers.stability`. Each energy has one margin, chosen by its
unit alone: what an error of about 0.55 for each pixel costs, or 1 where the energy has no unit.

Sources: Zhao, Mathieu and LeCun (2016), eq. 1 and 2; least squares: Mao et al. (2017), eq. 2; hinge: Miyato et al.
(2018), eq. 16 and 17; relativistic: Jolicoeur-Martineau (2019), section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from helpers import stability
from helpers._checks import check_choice, check_int
from helpers.losses import gan_d_loss, gan_g_loss, reconstruction_energy
from helpers.models import mlp, mlp_autoencoder
from helpers.sweep import grid
from helpers.train import ebgan_d_step, ebgan_g_step, gan_d_step, gan_g_step, make_game

WIDTH, FEATURES = 96, 16  # units of the hidden layer; length of code and of features


def _absolute(autoencoder: nn.Module, x: Tensor) -> Tensor:
    """How far a pixel is off, on average over the picture."""
    return (autoencoder(x) - x).abs().mean(-1)


def _scalar(critic: nn.Module, x: Tensor) -> Tensor:
    """One number per picture, made positive: no reconstruction anywhere."""
    return softplus(critic(x))


def _features(encoder: nn.Module, x: Tensor) -> Tensor:
    """How far a picture's features are from the origin: real ones are pulled there, generated ones held off."""
    return (encoder(x) ** 2).mean(-1)


ENERGIES: dict[str, tuple[str, float, Callable[[nn.Module, Tensor], Tensor]]] = {  # network, margin, energy
    "mean square": ("autoencoder", 0.3, partial(reconstruction_energy, kind="mse")),
    "length": ("autoencoder", 7.7, partial(reconstruction_energy, kind="norm")),
    "absolute": ("autoencoder", 0.55, _absolute),
    "scalar": ("critic", 1.0, _scalar),
    "features": ("encoder", 1.0, _features),
}


def _squares_d(real: Tensor, fake: Tensor) -> Tensor:
    """The critic is asked for 1 at real pictures and for 0 at generated ones."""
    return ((real - 1) ** 2).mean(-1) + (fake**2).mean(-1)


def _squares_g(fake: Tensor) -> Tensor:
    """The generator is asked for a 1."""
    return ((fake - 1) ** 2).mean(-1)


def _hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """Real pictures above 1 and generated ones below −1 cost nothing."""
    return relu(1 - real).mean(-1) + relu(1 + fake).mean(-1)


def _logit_g(fake: Tensor) -> Tensor:
    """The generator wants a high logit, however high it is."""
    return -fake.mean(-1)


GAN_LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "non-saturating": (gan_d_loss, gan_g_loss),
    "saturating": (gan_d_loss, partial(gan_g_loss, saturating=True)),
    "logit": (gan_d_loss, _logit_g),
    "least squares": (_squares_d, _squares_g),
    "hinge": (_hinge_d, _logit_g),
}


def settings(name: str) -> list[dict[str, Any]]:
    """Return the four trials of an energy or a loss.

    Args:
        name: one of `ENERGIES` or `GAN_LOSSES`.

    Returns:
        One dict of arguments for `run` per trial, in the same order for all.

    Raises:
        ValueError: if there is no such energy or loss.
    """
    check_choice("name", name, (*ENERGIES, *GAN_LOSSES))
    return [{"name": name, **trial} for trial in grid(norm=(0, 1), lr=(1e-3, 3e-3))]


def _discriminator(kind: str, seeds: Sequence[int]) -> nn.Module:
    """Build the network that an energy or a loss asks for."""
    pixels = stability.SIDE**2
    if kind == "autoencoder":
        return mlp_autoencoder((pixels, WIDTH, FEATURES), seeds)
    return mlp((pixels, WIDTH, 1 if kind == "critic" else FEATURES), seeds, scalar=kind == "critic")


def _turns(name: str) -> dict[str, Callable[..., Tensor]]:
    """Return the two step functions of an energy or a loss."""
    if name in ENERGIES:
        _, margin, energy = ENERGIES[name]
        d_step = partial(ebgan_d_step, margin=margin, energy=energy)
        return {"d_step": d_step, "g_step": partial(ebgan_g_step, energy=energy)}
    d_loss, g_loss = GAN_LOSSES[name]
    return {"d_step": partial(gan_d_step, loss=d_loss), "g_step": partial(gan_g_step, loss=g_loss)}


def run(seed: int, name: str, norm: int, lr: float, runs: int = 4, steps: int = stability.STEPS) -> dict[str, Any]:
    """Do one trial: `runs` runs of one energy or loss with one setting, for `helpers.sweep`.

    Args:
        seed: the runs have the seeds from `runs · seed` on.
        name: one of `ENERGIES` or `GAN_LOSSES`.
        norm: 1 for batch normalisation in the generator, 0 for none.
        lr: Adam's learning rate.
        runs: how many.
        steps: of each network; divisible by `stability.LOOKS`.

    Returns:
        See `stability.collect`.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_choice("name", name, (*ENERGIES, *GAN_LOSSES))
    check_int("runs", runs, 1)
    kind = ENERGIES[name][0] if name in ENERGIES else "critic"

    def train(seeds: Sequence[int]) -> tuple[stability.Scores, Tensor]:
        generator = stability.generator_of(1, WIDTH, norm, seeds)
        game = make_game(generator, _discriminator(kind, seeds), lr=lr)
        return stability.follow(game, _turns(name), seeds, steps)

    return stability.collect(train, range(runs * seed, runs * (seed + 1)))
