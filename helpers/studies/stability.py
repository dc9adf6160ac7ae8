"""Chapter 08: is an EBGAN more stable than a GAN? Four methods, the same settings, the same score.

A *trial* is one method with one setting. Its runs, one per seed, train side by side. Digits are 14×14 here, each pixel
the mean of four, so that a training takes seconds; for the score they are enlarged to 28×28, the real ones alike.
Networks are MLPs as in the grid search of Zhao, Mathieu and LeCun (2016), section 4.1. The penalty: Mescheder, Geiger
and Nowozin (2018), eq. 9. Nine short trials had been looked at, to see what fits into the time, before this was fixed:

- Equal budgets. Each method gets the same 48 settings of networks and optimiser, as many steps and the same seeds. A
  knob of its own (EBGAN's margin, the penalty's weight) brings no further trials: its three levels are dealt out over
  the 48, 16 each. EBGAN with pull-away takes the margins of EBGAN and the paper's weight, 0.1.
- A run is *usable* if its Fréchet distance at the end is below `USABLE`. That is what a Gaussian fitted to the pixels
  scores, a machine without a network (86; real digits score 3, noise 350).
- A run is *collapsed* if its effective number of classes at the end is below `COLLAPSED`, half of the digits. This
  counts runs that draw nothing, too; `spread` tells them apart. One that diverges is neither usable nor varied.
- A run *gets worse again* if its distance at the end is above `WORSE` times its lowest at an earlier look.
- A difference of shares between two methods comes with a 95 % interval from a bootstrap over the settings, both methods
  on the same ones. "More" is *supported* if it lies above 0, *not supported* below `GAIN`, *undecided* otherwise.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from helpers import data, metrics, train
from helpers.checks import Diverged, require
from helpers.models import BatchedBatchNorm, mlp, mlp_autoencoder
from helpers.seed import rngs
from helpers.studies import draw, grid, kept, mean_square

Scores = list[list[dict[str, float]]]  # of each run, at each look
KNOBS: dict[str, tuple[float | None, ...]] = {  # three levels each, dealt out over the settings
    "GAN": (None, None, None),  # no knob of its own
    "GAN + R1": (0.1, 1.0, 10.0),  # weight of the gradient penalty
    "EBGAN": (0.1, 0.3, 1.0),  # margin, in mean square error per pixel
    "EBGAN + PT": (0.1, 0.3, 1.0),
}
METHODS = tuple(KNOBS)
SIDE = 14  # height and width of the small digits
LATENT = 16  # length of the noise, and of the autoencoder's code
BATCH, STEPS, LOOKS, RUNS = 32, 1200, 3, 4  # looks at a run, the last at its end; runs of a trial
USABLE, COLLAPSED, WORSE, GAIN = 86.0, 5.0, 1.25, 0.05


def settings(method: str) -> list[dict[str, Any]]:
    """Return a method's 48 trials: networks and optimiser as for all, in the same order, and its knob dealt out."""
    trials = grid(depth=(1, 3), width=(48, 96), beta=(0.5, 0.9), norm=(0, 1), lr=(3e-4, 1e-3, 3e-3))
    for number, trial in enumerate(trials):
        row, column = divmod(number, 3)  # of a table with three learning rates in each row
        trial |= {"method": method, "knob": KNOBS[method][(row.bit_count() + row // 8 + column) % 3]}
    return trials


# By setting, so that an unfinished record has all methods.
PARTS = {str(number): list(trials) for number, trials in enumerate(zip(*map(settings, METHODS), strict=True))}
SEEDS = [0]
COST = "192 trials of four runs each, 35 minutes on one core"


def digits() -> Tensor:
    """Return the training digits as rows of 196 pixels in [−1, 1]: (4000, 196), each the mean of four."""
    return avg_pool2d(data.digits("train")[0], 2).flatten(1)


def enlarge(rows: Tensor) -> Tensor:
    """Make small digits (N, 196) large enough for the classifier, (N, 1, 28, 28); what lies outside [−1, 1] is cut."""
    small = rows.clamp(-1, 1).unflatten(1, (1, SIDE, SIDE))
    return interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)


@kept
def real_features() -> Tensor:
    """Return the features (1000, 64) of the real digits that all are compared with, none of which was trained on."""
    held_out = torch.cat([data.digits(split)[0] for split in ("validation", "test")])
    return metrics.digit_features(enlarge(avg_pool2d(held_out, 2).flatten(1)))


def score(rows: Tensor) -> dict[str, float]:
    """Judge 1,000 generated digits (1000, 196): the Fréchet `distance`, the effective number of `classes`, `precision`
    and `recall`, the classifier's mean `confidence`, and `spread`, the pixels' variance over that of real digits."""
    parts = enlarge(rows).split(100)  # they fit the processor's cache
    features = torch.cat([metrics.digit_features(part) for part in parts])
    probabilities = metrics.class_probabilities(features)  # (N, 10)
    precision, recall = metrics.precision_recall(real_features(), features)
    values = {
        "distance": metrics.frechet_distance(features, real_features()),
        "classes": metrics.effective_number(probabilities.argmax(1)),
        **{"precision": precision, "recall": recall},
        "confidence": float(probabilities.amax(1).mean()),
        "spread": float(rows.var(0).sum() / digits().var(0).sum()),
    }
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def make_generator(depth: int, width: int, norm: int, seeds: Sequence[int]) -> nn.Sequential:
    """Build generators (S, N, 16) → (S, N, 196) in [−1, 1]; with `norm` 1, each activation follows a batch norm."""
    layers: list[nn.Module] = []
    for layer in mlp((LATENT, *(width,) * depth, SIDE**2), seeds):
        if norm and isinstance(layer, nn.LeakyReLU):
            layers.append(BatchedBatchNorm(len(seeds), width))
        layers.append(layer)
    return nn.Sequential(*layers, nn.Tanh())


def play(
    game: train.Game, method: train.Method, seeds: Sequence[int], steps: int = STEPS, looks: int = LOOKS
) -> tuple[Scores, Tensor]:
    """Play on small digits, a run per seed, and score each run `looks` times, at equal distances. Returns the scores
    and the 1,000 rows of each run at the end, (S, 1000, 196). A run's digits and noise come from its seed alone."""
    require(steps % looks == 0, "looks", looks, f"a divisor of the number of steps, {steps}")
    sources = rngs([seed + 10_000 for seed in seeds])
    judged = data.noise(metrics.FRECHET_N, LATENT, rngs([seed + 20_000 for seed in seeds]))
    real, noise = partial(draw, digits(), BATCH, sources), partial(data.noise, BATCH, LATENT, sources)
    watch = torch.no_grad()(lambda game: game.generator(judged))  # with the statistics of the 1,000
    history = train.fit(game, method, real, noise, steps, watch=watch, every=steps // looks, device="cpu")
    drawn = torch.stack(history.watched[1:], 1)  # (S, looks, 1000, 196)
    if not drawn.isfinite().all():  # after the last loss
        raise Diverged(f"step {steps}: a generated digit is NaN or infinite")
    return [[score(rows) for rows in of_run] for of_run in drawn], drawn[:, -1]


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
    """Play with one method and setting. Discriminators have the generator's depth and width, on each side of a code."""
    require(method in METHODS, "method", repr(method), f"one of {', '.join(METHODS)}")
    require((knob is None) == (method == "GAN"), "knob", knob, "None for the plain GAN, a number for the others")
    hidden = (width,) * depth
    if method in ("GAN", "GAN + R1"):
        network: nn.Module = mlp((SIDE**2, *hidden, 1), seeds, scalar=True)
        losses = train.gan(r1=knob or 0.0)
    else:
        network = mlp_autoencoder((SIDE**2, *hidden, LATENT), seeds)
        losses = train.ebgan(knob, mean_square, 0.1 if method == "EBGAN + PT" else 0.0)
    game = train.make_game(make_generator(depth, width, norm, seeds), network, lr=lr, betas=(beta, 0.999))
    return play(game, losses, seeds, steps, looks)


def collect(training: Callable[[Sequence[int]], tuple[Scores, Tensor]], seeds: Sequence[int]) -> dict[str, Any]:
    """Train runs side by side and put their scores into a form that can be stored: `error`, one per run, `None` or what
    it failed with; `distance` and `classes`, one list per run, a number for each look; the others at the end."""
    try:
        scores, error = training(seeds)[0], None
    except Diverged as trouble:
        if len(seeds) > 1:  # it must not take its neighbours with it
            alone = [collect(training, [one]) for one in seeds]
            return {name: [each[name][0] for each in alone] for name in alone[0]}
        scores, error = [[]], str(trouble)[:100]
    over_time = {name: [[look[name] for look in looks] for looks in scores] for name in ("distance", "classes")}
    names = ("precision", "recall", "confidence", "spread")
    at_end = {name: [looks[-1][name] if looks else None for looks in scores] for name in names}
    return {"error": [error] * len(seeds)} | over_time | at_end


def run(seed: int, runs: int = RUNS, **setting: Any) -> dict[str, Any]:
    """Do one trial: the runs have the seeds from `runs · seed` on."""
    return collect(partial(train_and_score, **setting), range(runs * seed, runs * (seed + 1)))
