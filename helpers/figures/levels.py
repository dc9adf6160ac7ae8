"""Levels: what a loss or an accuracy reads when the network gives every input the same output.

A curve that stands at one of these numbers says where training is stuck: chapter 17. A function of
a loss in `helpers.losses` has its name.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch

from helpers.checks import Int, Number, Positive, Range, Share, check_calls

Two = Annotated[int, Range(2, whole=True)]
Three = Annotated[int, Range(3, whole=True)]
Cosine = Annotated[float, Range(-1, 1)]


def gan_d_loss() -> float:
    """ln 4: a discriminator that answers one half to everything."""
    return math.log(4)


def gan_g_loss() -> float:
    """ln 2 (saturating: −ln 2): the discriminator answers one half to everything."""
    return math.log(2)


def hinge_d_loss() -> float:
    """2: a discriminator whose outputs all have one value between −1 and 1."""
    return 2.0


def ebgan_d_loss(margin: Positive) -> float:
    """The margin: all energies have one value between 0 and the margin."""
    return margin


def cross_entropy(classes: Two) -> float:
    """ln K: a classifier that gives each of K classes the same probability."""
    return math.log(classes)


def nt_xent(pictures: Two, factor: Positive = 1.0) -> float:
    """factor · ln(2N − 1): all 2N views at one point. The temperature cancels; random directions
    read more."""
    return sup_con(2 * pictures, factor)


def sup_con(embeddings: Three, factor: Positive = 1.0) -> float:
    """factor · ln(M − 1): all M embeddings at one point. SupContrast's factor is
    temperature/base_temperature."""
    return factor * math.log(embeddings - 1)


def info_nce(candidates: Two) -> float:
    """ln N: one way, as in CLIP, each of N embeddings among N candidates; with a queue of K, as in
    MoCo, the candidates are K + 1."""
    return math.log(candidates)


def triplet_loss(margin: Positive) -> float:
    """The margin: both distances of a triplet are equal."""
    return margin


def soft_margin_triplet_loss() -> float:
    """ln 2: the same without a margin, the mean of softplus(d_p − d_n)."""
    return math.log(2)


def pair_margin_loss(margin: Positive, same: Share = 0.5) -> float:
    """(1 − p) · margin², p the share of pairs that belong together: all distances are 0."""
    return (1 - same) * margin**2


def equal_distances(margin: Positive, same: Share = 0.5) -> float:
    """p(1 − p) · margin²: the least that pairs with a margin can read while all distances are
    equal, at (1 − p) · margin; with margin 1 also the mean square of the best constant against 0
    and 1."""
    return same * (1 - same) * margin**2


def cosine_bce(cosine: Cosine, same: Share = 0.5, scale: Number = 1.0, bias: Number = 0.0) -> float:
    """softplus(l) − p·l, l = scale · cosine + bias: all pairs have one cosine, a share p of them
    belongs together."""
    logit = scale * cosine + bias
    return max(logit, 0.0) + math.log1p(math.exp(-abs(logit))) - same * logit


def accuracy(labels: Int("N")) -> float:
    """The accuracy of the best constant answer: the share of the most frequent label."""
    return int(torch.unique(labels, return_counts=True)[1].max()) / len(labels)


check_calls(globals())
