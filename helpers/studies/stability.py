"""Is it really more stable? The grid of chapter 07: four ways to play, the same settings, the same score.

A *trial* is one method with one setting. Its runs, one per seed, train side by side as parallel universes. Digits are
14×14 here, each pixel the mean of four, so that a training takes seconds; for the score they are enlarged to 28×28, the
real ones alike. Networks are MLPs as in the grid search of Zhao, Mathieu and LeCun (2016), section 4.1.

What was fixed before the study was recorded:

- Equal budgets. Each method gets the same 48 settings of networks and optimiser, as many steps and the same seeds. A
  method with a knob of its own (EBGAN's margin, the penalty's weight) gets no further trials for it: its three levels
  are dealt out over the 48 settings, 16 each, and it has to find good ones within the same 48 trials. EBGAN with
  pull-away takes the margins of EBGAN and the paper's weight, 0.1.
- A run is *usable* if its Fréchet distance at the end is below `USABLE`. That is what a Gaussian fitted to the pixels
  scores, a machine without a network (86; real digits score 3, noise 350).
- A run is *collapsed* if its effective number of classes at the end is below `COLLAPSED`, half of the digits. This
  counts runs that draw nothing, too; `spread` tells them apart.
- A run *gets worse again* if its distance at the end is above `WORSE` times its lowest at an earlier look.
- A difference of shares between two methods comes with a 95 % interval from a bootstrap over the settings, both methods
  on the same ones. "More" is *supported* if the interval lies above 0, *not supported* if it lies below `GAIN`, and
  *undecided* otherwise.
- A run that raises or whose numbers are no longer finite counts as not usable and as collapsed.

Sources: Zhao et al. (2016); the penalty: Mescheder, Geiger and Nowozin (2018), eq. 9; scores: see `helpers.metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from helpers import data, metrics
from helpers._checks import check_choice, check_int, check_number, check_tensor, fail
from helpers.losses import gan_d_loss, gradient_penalty, reconstruction_energy
from helpers.models import mlp, mlp_autoencoder
from helpers.seed import generators
from helpers.sweep import grid
from helpers.train import Game, ebgan_d_step, ebgan_g_step, fit, gan_d_step, gan_g_step, make_game

Scores = list[list[dict[str, float]]]  # of each universe, at each look
Train = Callable[[Sequence[int]], tuple[Scores, Tensor]]

METHODS = ("GAN", "GAN + R1", "EBGAN", "EBGAN + PT")
KNOBS = {  # three levels each, dealt out over the settings
    "GAN": (None, None, None),  # no knob of its own
    "GAN + R1": (0.1, 1.0, 10.0),  # weight of the gradient penalty
    "EBGAN": (0.1, 0.3, 1.0),  # margin, in mean square error per pixel
    "EBGAN + PT": (0.1, 0.3, 1.0),
}
PULL_AWAY = 0.1  # the paper's weight
SIDE = 14  # height and width of the small digits
LATENT = 16  # length of the noise, and of the autoencoder's code
BATCH = 32
STEPS = 1200
LOOKS = 3  # how often a run is scored, the last time at its end
SEEDS = range(4)  # they train side by side
USABLE, COLLAPSED, WORSE, GAIN = 86.0, 5.0, 1.25, 0.05


class _Norm(nn.Module):
    """Batch normalisation within each universe, always with the batch's own mean and variance."""

    def __init__(self, universes: int, units: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(universes, 1, units))
        self.shift = nn.Parameter(torch.zeros(universes, 1, units))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(S, N, units)` to the same shape: mean 0 and variance 1 over N, then scaled and shifted."""
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)  # (S, 1, units)
        return torch.addcmul(self.shift, self.scale, (x - mean) * (variance + 1e-5).rsqrt())


def settings(method: str) -> list[dict[str, Any]]:
    """Return the 48 trials of a method: networks and optimiser as for the others, its own knob dealt out over them.

    Args:
        method: one of `METHODS`.

    Returns:
        One dict of arguments for `run` per trial, in the same order for all methods.

    Raises:
        ValueError: if there is no such method.
    """
    levels = KNOBS[check_choice("method", method, METHODS)]
    trials = grid(depth=(1, 3), width=(48, 96), beta=(0.5, 0.9), norm=(0, 1), lr=(3e-4, 1e-3, 3e-3))
    for number, trial in enumerate(trials):
        row, column = divmod(number, 3)  # of a table with three learning rates in each row
        trial |= {"method": method, "knob": levels[(row.bit_count() + row // 8 + column) % 3]}
    return trials


@cache
def digits() -> Tensor:
    """Return the training digits as rows of 196 pixels in [−1, 1]: `(4000, 196)`, each the mean of four."""
    return avg_pool2d(data.digits("train")[0], 2).flatten(1)


def enlarge(rows: Tensor) -> Tensor:
    """Make small digits large enough for the classifier.

    Args:
        rows: `(N, 196)` pixels; what lies outside of [−1, 1] is cut.

    Returns:
        `(N, 1, 28, 28)`.

    Raises:
        ValueError: on another shape or values that are not finite.
    """
    if check_tensor("rows", rows, "(N, 196)", 2).shape[1] != SIDE**2:
        fail("rows", tuple(rows.shape), "(N, 196)")
    small = rows.clamp(-1, 1).unflatten(1, (1, SIDE, SIDE))
    return interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)


@cache
def reference() -> Tensor:
    """Return the features `(1000, 64)` of the real digits that all are compared with, none of which was trained on."""
    held_out = torch.cat([data.digits(split)[0] for split in ("validation", "test")])
    return metrics.digit_features(enlarge(avg_pool2d(held_out, 2).flatten(1)))


def score(rows: Tensor) -> dict[str, float]:
    """Judge 1,000 generated digits.

    Args:
        rows: `(N, 196)`; N should be `metrics.FRECHET_N`, on which the distance depends.

    Returns:
        `distance`: Fréchet, in the classifier's features; `classes`: exp of the entropy of the classifier's answers,
        from 1 to 10; `precision` and `recall`; `confidence`: of the classifier, on average; `spread`: variance of the
        pixels over that of real digits.
    """
    pictures = enlarge(rows)
    features = torch.cat([metrics.digit_features(part) for part in pictures.split(100)])  # in parts: they fit the cache
    probabilities = metrics.digit_classifier().head(features).softmax(-1)  # (N, 10)
    shares = torch.bincount(probabilities.argmax(1), minlength=10).double() / len(rows)
    precision, recall = metrics.precision_recall(reference(), features)
    values = {
        "distance": metrics.frechet_distance(features, reference()),
        "classes": float(torch.special.entr(shares).sum().exp()),
        "precision": precision,
        "recall": recall,
        "confidence": float(probabilities.amax(1).mean()),
        "spread": float(rows.var(0).sum() / digits().var(0).sum()),
    }
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def generator_of(depth: int, width: int, norm: int, seeds: Sequence[int]) -> nn.Sequential:
    """Build the generator of small digits, one universe per seed.

    Args:
        depth: number of hidden layers, at least 1.
        width: units in each.
        norm: 1 for batch normalisation between each hidden layer and its activation, 0 for none.
        seeds: one per universe.

    Returns:
        A network from noise `(S, N, 16)` to pixels `(S, N, 196)` in [−1, 1].

    Raises:
        ValueError: if an argument is out of range.
    """
    check_int("depth", depth, 1)
    check_int("width", width, 1)
    if check_int("norm", norm, 0) > 1:
        fail("norm", norm, "0 or 1")
    layers: list[nn.Module] = []
    for layer in mlp((LATENT, *(width,) * depth, SIDE**2), seeds):
        if norm and isinstance(layer, nn.LeakyReLU):
            layers.append(_Norm(len(seeds), width))
        layers.append(layer)
    return nn.Sequential(*layers, nn.Tanh())


def _regularised_d_step(game: Game, real: Tensor, z: Tensor, weight: float) -> Tensor:
    """Like `train.gan_d_step`, with a price on being steep at real samples."""
    with torch.no_grad():
        fake = game.generator(z)
    real = real.clone().requires_grad_()
    logits = game.discriminator(real)
    loss = gan_d_loss(logits, game.discriminator(fake)) + weight * gradient_penalty(logits, real)
    game.d_optimizer.zero_grad()
    loss.sum().backward()
    game.d_optimizer.step()
    return loss.detach()


def _turns(method: str, knob: float | None) -> dict[str, Callable[..., Tensor]]:
    """Return the two step functions of a method."""
    energy = partial(reconstruction_energy, kind="mse")
    if method == "GAN":
        return {"d_step": gan_d_step, "g_step": gan_g_step}
    if method == "GAN + R1":
        return {"d_step": partial(_regularised_d_step, weight=knob), "g_step": gan_g_step}
    weight = PULL_AWAY if method == "EBGAN + PT" else 0.0
    return {
        "d_step": partial(ebgan_d_step, margin=knob, energy=energy),
        "g_step": partial(ebgan_g_step, pull_away_weight=weight, energy=energy),
    }


def follow(
    game: Game, turns: dict[str, Callable[..., Tensor]], seeds: Sequence[int], steps: int = STEPS, looks: int = LOOKS
) -> tuple[Scores, Tensor]:
    """Play a game on small digits, a universe per seed, and score it while it is played.

    Args:
        game: generator, discriminator and optimisers; its universes are those of the seeds.
        turns: the step functions, `d_step` and `g_step` of `train.fit`.
        seeds: one per universe. Each universe's digits and noise come from its own seed alone.
        steps: of each network.
        looks: how often to score, at equal distances, the last time at the end.

    Returns:
        For each universe and look what `score` returns, and the 1,000 rows of each universe at the end,
        `(S, 1000, 196)`.

    Raises:
        ValueError: if an argument is out of range, or a universe's numbers are no longer finite.
    """
    if check_int("steps", steps, 1) % check_int("looks", looks, 1):
        fail("looks", looks, f"a divisor of the number of steps, {steps}")
    real, sources = digits(), generators([seed + 10_000 for seed in seeds])
    judged = data.noise(metrics.FRECHET_N, LATENT, generators([seed + 20_000 for seed in seeds]))

    def batch() -> Tensor:
        return torch.stack([real[torch.randint(len(real), (BATCH,), generator=source)] for source in sources])

    @torch.no_grad()
    def watch(game: Game) -> Tensor:
        return game.generator(judged)

    noise = partial(data.noise, BATCH, LATENT, sources)
    history = fit(game, batch, noise, steps, watch=watch, every=steps // looks, device="cpu", **turns)
    drawn = torch.stack(history.watched[1:], 1)  # (S, looks, 1000, 196)
    return [[score(rows) for rows in of_universe] for of_universe in drawn], drawn[:, -1]


def train_and_score(
    seeds: Sequence[int],
    method: str,
    knob: float | None,
    depth: int,
    width: int,
    lr: float,
    beta: float,
    norm: int,
    steps: int = STEPS,
    looks: int = LOOKS,
) -> tuple[Scores, Tensor]:
    """Train one method with one setting, a universe per seed, and score it while it trains.

    Args:
        seeds: one per universe; nothing in a universe depends on the others.
        method: one of `METHODS`.
        knob: of that method, see `KNOBS`.
        depth: hidden layers of generator and discriminator (of an autoencoder: on either side of the code).
        width: units in each.
        lr: Adam's learning rate.
        beta: Adam's β₁.
        norm: 1 for batch normalisation in the generator, 0 for none.
        steps: of each network.
        looks: how often to score, at equal distances, the last time at the end.

    Returns:
        What `follow` returns.

    Raises:
        ValueError: if an argument is out of range, or a universe's numbers are no longer finite.
    """
    check_choice("method", method, METHODS)
    if (knob is None) != (method == "GAN"):
        fail("knob", knob, "None for the plain GAN, a number for the others")
    if knob is not None:
        check_number("knob", knob, 0, open_low=True)
    if not 0 <= check_number("beta", beta, 0) < 1:
        fail("beta", beta, "a decay rate in [0, 1)")
    generator = generator_of(depth, width, norm, seeds)
    hidden = (width,) * depth
    if method in ("EBGAN", "EBGAN + PT"):
        discriminator: nn.Module = mlp_autoencoder((SIDE**2, *hidden, LATENT), seeds)
    else:
        discriminator = mlp((SIDE**2, *hidden, 1), seeds, scalar=True)
    game = make_game(generator, discriminator, lr=lr, betas=(beta, 0.999))
    return follow(game, _turns(method, knob), seeds, steps, looks)


def run(seed: int, runs: int = len(SEEDS), **setting: Any) -> dict[str, Any]:
    """Do one trial of the study: `runs` runs of one setting, for `helpers.sweep`.

    Args:
        seed: the runs have the seeds from `runs · seed` on.
        runs: how many.
        **setting: the other arguments of `train_and_score`.

    Returns:
        See `collect`.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_int("runs", runs, 1)
    return collect(partial(train_and_score, **setting), range(runs * seed, runs * (seed + 1)))


def collect(train: Train, seeds: Sequence[int]) -> dict[str, Any]:
    """Train universes side by side and put their scores into a form that can be stored.

    Args:
        train: from seeds to what `follow` returns. If numbers are no longer finite, each universe is trained alone:
            one that breaks must not take its neighbours with it, as they never depended on it.
        seeds: one per universe.

    Returns:
        `error`: one per universe, `None` or what it failed with; and the scores: `distance` and `classes` as one list
        per universe, from the first look to the last, the others at the end. A failed universe has none.

    Raises:
        ValueError: if there is no seed, or `train` was given something wrong.
    """
    if not seeds:
        fail("seeds", "none", "one per universe")
    scores, errors = _try(train, seeds)
    if any(errors) and len(seeds) > 1:
        alone = [_try(train, [one]) for one in seeds]
        scores, errors = [of_run for (of_run,), _ in alone], [error for _, (error,) in alone]
    over_time = {name: [[look[name] for look in looks] for looks in scores] for name in ("distance", "classes")}
    names = ("precision", "recall", "confidence", "spread")
    at_end = {name: [looks[-1][name] if looks else None for looks in scores] for name in names}
    return {"error": errors} | over_time | at_end


def _try(train: Train, seeds: Sequence[int]) -> tuple[Scores, list[str | None]]:
    """Return each universe's scores, look by look, and its error; on failure no scores and the error for all."""
    try:
        return train(seeds)[0], [None] * len(seeds)
    except ValueError as error:
        if "NaN or infinite" not in str(error):  # then it is no universe that broke, but a wrong argument
            raise
        return [[] for _ in seeds], [str(error)[:100]] * len(seeds)
