"""GAN and EBGAN on digits at equal time: the arms of chapter 05's recorded study, and one training of each.

An *arm* is a game on the 4,000 training digits. Its generator is always `models.Generator`. A GAN's discriminator is
`models.Discriminator`; an EBGAN's is an autoencoder, whose encoder has the same two convolutions. How many steps an arm
may take in a minute was measured once (`studies/ebgan_digits.py` says how); from then on the number of steps is fixed,
so that a run can be repeated on any machine.

Sources: chapters 01 and 05; averaged weights: Yazıcı et al. (2019), see `train.Average`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from helpers import data, metrics, train
from helpers._checks import check_choice, check_int, check_number, describe, fail
from helpers.losses import reconstruction_energy
from helpers.models import Discriminator, Generator, conv_autoencoder
from helpers.seed import generators

LATENT = 32  # numbers of noise for a picture
DECAY = 0.998  # of the averaged weights: about 500 steps count
SHEET = 1000  # number of the noise from which pictures are judged: the same in all runs
LOOKS = 5  # moments at which a recorded run is judged
Energy = Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True)
class Arm:
    """One game. The defaults are those of chapter 01's GAN.

    Attributes:
        method: `"gan"`, or `"ebgan"` with the mean square error per pixel as energy.
        steps: how many, each with one update of either network.
        finish: further steps, at a tenth of the learning rate.
        batch: pictures in an update.
        lr: Adam's learning rate, of both networks.
        beta1: Adam's first decay rate, its momentum.
        channels: maps in the generator's last two layers but one.
        margin: of the EBGAN's hinge; a GAN has none.
        pull_away: weight of the pull-away term in the EBGAN generator's loss.
    """

    method: str = "gan"
    steps: int = 540
    finish: int = 0
    batch: int = 16
    lr: float = 3e-3
    beta1: float = 0.0
    channels: tuple[int, int] = (16, 8)
    margin: float = 0.2
    pull_away: float = 0.0

    def __post_init__(self) -> None:
        """Check the settings; the generator checks its channels."""
        check_choice("method", self.method, ("gan", "ebgan"))
        for name, low in (("steps", 1), ("finish", 0), ("batch", 2)):
            check_int(name, getattr(self, name), low)
        for name in ("lr", "margin"):
            check_number(name, getattr(self, name), 0, open_low=True)
        check_number("pull_away", self.pull_away, 0)
        if check_number("beta1", self.beta1, 0, 1) == 1:
            fail("beta1", self.beta1, "a decay rate in [0, 1)")


@dataclass(frozen=True)
class Played:
    """A finished game.

    Attributes:
        game: both networks.
        average: of the generator's weights.
        steps: those at which `watch` was called.
        watched: what it returned.
        seconds: of training, without what `watch` took.
    """

    game: train.Game
    average: train.Average
    steps: list[int]
    watched: list[Any]
    seconds: float


@cache
def reference() -> Tensor:
    """Return the frozen classifier's features of the 4,000 training digits, `(4000, 64)`."""
    return metrics.digit_features(data.digits("train")[0])


def distance(generator: nn.Module) -> float:
    """Return the Fréchet distance of 1,000 drawings, always from the same noise, to the training digits.

    Args:
        generator: from noise `(N, 32)` to pictures `(N, 1, 28, 28)`.

    Returns:
        A number of at least 0.
    """
    return metrics.frechet_distance(metrics.digit_features(train.sample(generator, sheet_noise())), reference())


def sheet_noise() -> Tensor:
    """Return the noise from which every run's pictures are judged, `(1000, 32)`."""
    return data.noise(metrics.FRECHET_N, LATENT, generators([SHEET])[0])


def mean_square(autoencoder: nn.Module, x: Tensor) -> Tensor:
    """Return the energy of pictures: the mean square error per pixel of their reconstruction.

    Args:
        autoencoder: from pictures to pictures.
        x: `(N, 1, 28, 28)` with values in [−1, 1].

    Returns:
        `(N,)`, from 0 to 4.

    Raises:
        ValueError: if `x` is not a batch of finite numbers.
    """
    return reconstruction_energy(autoencoder, x, kind="mse")


def play(
    arm: Arm,
    seed: int,
    watch: Callable[[train.Game, train.Average], Any] | None = None,
    looks: int = 1,
    energy: Energy = mean_square,
) -> Played:
    """Train an arm on the CPU. Torch's global random state is put back afterwards.

    With the same seed a GAN and an EBGAN begin with the same generator and see the same batches and noise.

    Args:
        arm: the settings.
        seed: a whole number in [0, 2³²).
        watch: called before the first step, then `looks` times, the last time at the end.
        looks: see `watch`.
        energy: that the EBGAN's generator descends; its discriminator always has `mean_square`.

    Returns:
        The networks, and what was seen.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_int("looks", looks, 1)
    game, source = start(arm, seed)
    average = train.Average(game.generator, DECAY)
    d_step, g_step = _turns(arm, average, energy)
    images, _ = data.digits("train")
    film, lost, began = [], 0.0, time.perf_counter()
    total = arm.steps + arm.finish
    for step in range(total + 1):
        if watch and (step == 0 or step * looks // total > (step - 1) * looks // total):
            paused = time.perf_counter()
            film.append((step, watch(game, average)))
            lost += time.perf_counter() - paused
        if step == arm.steps and arm.finish:
            for optimizer in (game.g_optimizer, game.d_optimizer):
                optimizer.param_groups[0]["lr"] = arm.lr / 10
        if step < total:
            d_step(game, images[torch.randint(len(images), (arm.batch,), generator=source)], _noise(arm, source))
            g_step(game, _noise(arm, source))
    seconds = time.perf_counter() - began - lost
    return Played(game, average, [s for s, _ in film], [seen for _, seen in film], seconds)


def start(arm: Arm, seed: int) -> tuple[train.Game, torch.Generator]:
    """Build an arm's networks and their optimisers.

    Args:
        arm: the settings.
        seed: a whole number in [0, 2³²).

    Returns:
        The game before its first step, and the source of its random numbers.

    Raises:
        ValueError: if an argument is out of range.
    """
    if not isinstance(arm, Arm):
        fail("arm", describe(arm), "an Arm, such as ARMS['GAN']")
    source = generators([seed])[0]
    settings = {"lr": arm.lr, "betas": (arm.beta1, 0.99)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = Generator(LATENT, channels=arm.channels)
        if arm.method == "gan":
            return train.make_game(generator, Discriminator(), **settings), source
        return train.make_ebgan(generator, conv_autoencoder(), arm.margin, 784, "mse", **settings), source


def _turns(arm: Arm, average: train.Average, energy: Energy) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """Return the updates of both networks; the generator's is followed by one of its average."""
    d_step, g_step = train.gan_d_step, train.gan_g_step
    if arm.method == "ebgan":
        d_step = partial(train.ebgan_d_step, margin=arm.margin, energy=mean_square)
        g_step = partial(train.ebgan_g_step, pull_away_weight=arm.pull_away, energy=energy)

    def step_and_average(game: train.Game, z: Tensor) -> Tensor:
        loss = g_step(game, z)
        average.update(game.generator)
        return loss

    return d_step, step_and_average


def _noise(arm: Arm, source: torch.Generator) -> Tensor:
    """Draw a batch of noise."""
    return data.noise(arm.batch, LATENT, source)


# The numbers of steps are those that took about 60 seconds on one core with one thread (the record has the seconds).
# A wider generator makes a step longer, so there are fewer of them.
_GAN = Arm(steps=5000)
_EBGAN = Arm(method="ebgan", steps=3500)
_change = dataclasses.replace
ARMS = {
    "GAN": _GAN,
    "EBGAN": _EBGAN,
    "GAN, wider": _change(_GAN, channels=(32, 16), steps=3200, finish=800),
    "EBGAN, wider, same settings": _change(_EBGAN, channels=(32, 16), steps=2400, finish=600),
    "GAN, short": _change(_GAN, steps=20),
    "EBGAN, short": _change(_EBGAN, steps=20),
}
# A first plan gave the EBGAN larger steps and a higher margin, after trials of a quarter of a minute. It was given up
# when the wider one drew nothing but blank pages on the first seed. These two rows are kept.
_FASTER = _change(_EBGAN, lr=4e-3, beta1=0.5, margin=0.4)
GIVEN_UP = {
    "EBGAN, own settings": _FASTER,
    "EBGAN, wider": _change(_FASTER, channels=(32, 16), steps=2400, finish=600),
}


def settings(name: str) -> dict[str, Any]:
    """Return an arm as `helpers.sweep` takes it: arguments for `run`.

    Args:
        name: one of `ARMS`, or of `GIVEN_UP`.

    Returns:
        The name, and the arm's own settings.

    Raises:
        ValueError: if there is no such arm.
    """
    known = ARMS | GIVEN_UP
    arm = dataclasses.asdict(known[check_choice("name", name, known)])
    return {"arm": name, **arm, "channels": list(arm["channels"])}


def run(seed: int, arm: str, **setting: Any) -> dict[str, Any]:
    """Play an arm for the recorded study.

    Args:
        seed: a whole number in [0, 2³²).
        arm: its name, for the record.
        **setting: the fields of `Arm`.

    Returns:
        The judged steps; at each the Fréchet distance of the generator (`distances`) and of its average
        (`averaged`); the seconds of training alone.

    Raises:
        ValueError: if an argument is out of range.
    """
    settled = data.noise(metrics.FRECHET_N, LATENT, generators([SHEET + 1])[0])

    def judge(game: train.Game, average: train.Average) -> tuple[float, float]:
        return distance(game.generator), distance(average.network(settled))

    setting["channels"] = tuple(setting.get("channels", Arm.channels))
    played = play(Arm(**setting), seed, judge, LOOKS)
    distances, averaged = (list(column) for column in zip(*played.watched, strict=True))
    return {
        "steps": played.steps,
        "distances": distances,
        "averaged": averaged,
        "training_seconds": round(played.seconds, 2),
    }
