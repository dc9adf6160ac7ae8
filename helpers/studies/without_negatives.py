"""Chapter 16: without negatives. Seven losses on the same pairs of Hangul, judged in seven ways.

All arms have an encoder with a head and see the same pairs: two fonts of a syllable, distorted, 128 in a batch.
"pixels" and "untrained" are baselines. The settings were fixed before anything was measured on test pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, pad, relu

from helpers import data, losses, metrics
from helpers.checks import Finite, Seed, check_calls, require
from helpers.seed import rngs, torch_seed
from helpers.studies import judging, syllables
from helpers.train import embed, fit_encoder

STEPS, FINISH, LR = 120, 40, 2e-3  # half of that rate with a last batch norm, from seven pilot runs on validation fonts


class Siamese(nn.Module):
    """Encoder and head, and for the losses of pairs without negatives a last batch norm (as SimSiam has), perhaps a
    linear predictor, and, if `slow`, a copy that follows and gives the targets (Grill et al. 2020)."""

    def __init__(self, normed: bool, predictor: bool, slow: bool) -> None:
        super().__init__()
        self.body = judging.with_head()
        if normed:
            self.body[1].append(nn.BatchNorm1d(128, affine=False))
        self.predict = nn.Linear(128, 128) if predictor else nn.Identity()
        self.slow = deepcopy(self.body).requires_grad_(False) if slow else None


def siamese_loss(network: Siamese, a: Tensor, b: Tensor, stop: bool = True) -> Tensor:
    """SimSiam's loss, Chen and He (2021), eq. 4; without `stop` eq. 2; with a slow copy BYOL's up to a factor."""
    if network.slow is not None:
        judging.follow(network.slow, network.body, 0.95)
    both = torch.cat([a, b])
    z = network.body(both)
    target = z if network.slow is None else network.slow(both)
    target = (target.detach() if stop else target).roll(len(a), 0)  # the other view's
    return -cosine_similarity(network.predict(z), target, dim=-1).mean()


def barlow_twins(a: Finite("N d"), b: Finite("N d")) -> Tensor:
    """Barlow Twins. Zbontar et al. (2021), eq. 1 and 2, with their weight 0.005."""
    a, b = ((z - z.mean(0)) / z.std(0, correction=0) for z in (a, b))
    wrong = (a.T @ b / len(a) - torch.eye(a.shape[1])) ** 2
    return wrong.diagonal().sum() + 0.005 * (wrong.sum() - wrong.diagonal().sum())


def vicreg(a: Finite("N d"), b: Finite("N d")) -> Tensor:
    """VICReg. Bardes, Ponce and LeCun (2022), section 4, weights 25, 25 and 1; means as in the authors' code."""
    covariance = sum(z.T.cov().fill_diagonal_(0).square().sum() / z.shape[1] for z in (a, b))
    variance = sum(relu(1 - (z.var(0) + 1e-4).sqrt()).mean() for z in (a, b)) / 2
    return 25 * ((a - b) ** 2).mean() + 25 * variance + covariance


def of_both(loss: Callable[..., Tensor], network: Siamese, a: Tensor, b: Tensor) -> Tensor:
    """A loss of two batches of embeddings, computed at once, so that they share their batch norm."""
    return loss(*network.body(torch.cat([a, b])).chunk(2))


# The loss of each arm, and whether it has a last batch norm, a predictor and a slow copy.
ARMS: dict[str, tuple[Callable[..., Tensor] | None, bool, bool, bool]] = {
    "pixels": (None, False, False, False),
    "untrained": (None, False, False, False),
    "NT-Xent": (partial(of_both, partial(losses.nt_xent, temperature=0.1)), False, False, False),
    "SimSiam": (siamese_loss, True, True, False),
    "no stop-gradient": (partial(siamese_loss, stop=False), True, True, False),
    "no predictor": (siamese_loss, True, False, False),
    "BYOL": (siamese_loss, True, True, True),
    "VICReg": (partial(of_both, vicreg), False, False, False),
    "Barlow Twins": (partial(of_both, barlow_twins), False, False, False),
}


def run(seed: Seed, arm: str) -> dict[str, Any]:
    """Train an arm in fold seed mod 3, and judge its encoder without the head."""
    require(arm in ARMS, "arm", arm, f"one of {', '.join(ARMS)}")
    (loss, *parts), fold = ARMS[arm], seed % syllables.HANGUL_FOLDS
    with torch_seed(seed):
        network = Siamese(*parts)
    last = None
    if loss is not None:
        pairs = partial(syllables.draw_pairs, syllables.Arm(), syllables.hangul("train", fold).images, rngs([seed])[0])
        last = float(fit_encoder(network, loss, pairs, STEPS, finish=FINISH, lr=LR / (1 + parts[0])).loss[-10:].mean())
    encoder = judging.Ink() if arm == "pixels" else network.body[0]
    (x, y), (asked, truth) = map(data.digits, ("train", "test"))
    codes = [embed(encoder, pad(part, (2, 2, 2, 2), value=-1.0)) for part in (x[::4], asked)]  # 1,000 of 4,000
    shown = (codes[0], y[::4], codes[1], truth)
    z = embed(network.body, syllables.hangul("test", fold).images.flatten(0, 1))
    return {
        **syllables.evaluate(encoder, fold),
        **{"spread": judging.spread(z), "directions": judging.directions(z), "last_loss": last},
        **{"digits_knn": metrics.knn_accuracy(*shown), "digits_probe": metrics.linear_probe(*shown)},
        "tuned": judging.fine_tuned(encoder, fold, seed),
    }


SEEDS = range(5)
PARTS = {arm: [{"arm": arm}] for arm in ARMS}
COST = "about ten minutes on one core"
check_calls(globals())
