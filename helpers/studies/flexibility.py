"""Chapter 08: is an EBGAN more flexible? Five energies in its one trainer, beside five losses of a GAN.

The digits, networks, noise, scores and thresholds are those of `helpers.studies.stability`. Each energy and each loss
gets the same four trials: two learning rates, with and without batch normalisation in the generator; one hidden layer
of 96 units, β₁ = 0.5.

What was fixed before the study was recorded: "flexible" is *supported* if each of the five energies has a trial all of
whose runs are usable. "More flexible than a GAN" goes by the share of usable runs, energies minus losses, with a
bootstrap over the five of each kind, and by the rule of `stability`. Each energy has one margin, chosen by its unit
alone: what an error of about 0.55 for each pixel costs, or 1 where the energy has no unit. Sources: Zhao, Mathieu and
LeCun (2016), eq. 1 and 2; least squares: Mao et al. (2017), eq. 2; hinge: Miyato et al. (2018), eq. 16 and 17.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import softplus

from helpers import losses, train
from helpers.models import mlp, mlp_autoencoder
from helpers.studies import grid, mean_square, stability

WIDTH, FEATURES = 96, 16  # units of the hidden layer; length of code and of features

ENERGIES: dict[str, tuple[str, float, train.Energy]] = {  # network, margin, energy
    "mean square": ("autoencoder", 0.3, mean_square),
    "length": ("autoencoder", 7.7, losses.reconstruction_energy),
    # How far a pixel is off, on average over the picture.
    "absolute": ("autoencoder", 0.55, lambda autoencoder, x: (autoencoder(x) - x).abs().mean(-1)),
    # One number per picture, made positive: no reconstruction anywhere.
    "scalar": ("critic", 1.0, lambda critic, x: softplus(critic(x))),
    # How far a picture's features are from the origin: real ones are pulled there, generated ones held off.
    "features": ("encoder", 1.0, lambda encoder, x: (encoder(x) ** 2).mean(-1)),
}
GAN_LOSSES: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {  # discriminator's, generator's
    "non-saturating": (losses.gan_d_loss, losses.gan_g_loss),
    "saturating": (losses.gan_d_loss, partial(losses.gan_g_loss, saturating=True)),
    "logit": (losses.gan_d_loss, losses.critic_g_loss),
    "least squares": (losses.least_squares_d_loss, losses.least_squares_g_loss),
    "hinge": (losses.hinge_d_loss, losses.critic_g_loss),
}
PARTS = {name: grid(name=[name], norm=(0, 1), lr=(1e-3, 3e-3)) for name in (*ENERGIES, *GAN_LOSSES)}
SEEDS = [0]
COST = "40 trials of four runs each, 6 minutes on one core"


def new_game(name: str, norm: int, lr: float, seeds: Sequence[int]) -> tuple[train.Game, train.Method]:
    """Return a game with the discriminator that an energy or a loss asks for, and the losses of an EBGAN or a GAN."""
    pixels, (kind, margin, energy) = stability.SIDE**2, ENERGIES.get(name, ("critic", None, None))
    if kind == "autoencoder":
        network: nn.Module = mlp_autoencoder((pixels, WIDTH, FEATURES), seeds)
    else:
        network = mlp((pixels, WIDTH, 1 if kind == "critic" else FEATURES), seeds, scalar=kind == "critic")
    game = train.make_game(stability.make_generator(1, WIDTH, norm, seeds), network, lr=lr)
    return game, train.ebgan(margin, energy) if energy else train.gan(*GAN_LOSSES[name])


def run(
    seed: int, name: str, norm: int, lr: float, runs: int = stability.RUNS, steps: int = stability.STEPS
) -> dict[str, Any]:
    """Do one trial: the runs have the seeds from `runs · seed` on. Returns what `stability.collect` does."""
    seeds = range(runs * seed, runs * (seed + 1))
    return stability.collect(lambda some: stability.play(*new_game(name, norm, lr, some), some, steps), seeds)
