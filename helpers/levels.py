"""Levels: what a loss or an accuracy reads when the network gives every input the same output.

A reading that stays at one of these numbers says where training is stuck before any picture is looked at. Each
function is named after the loss in `helpers.losses` that it belongs to.

Sources: the losses themselves, with equal outputs put in; the factor temperature/base_temperature is that of the
implementation SupContrast (Tian et al., 2020).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from helpers._checks import check_int, check_number, describe, fail


def gan_d_loss() -> float:
    """Return ln 4: a discriminator that answers one half to everything."""
    return math.log(4)


def cross_entropy(classes: int) -> float:
    """Return ln K: a classifier that gives every class the same probability.

    Args:
        classes: K, at least 2.

    Returns:
        A positive number.

    Raises:
        ValueError: if `classes` is not a whole number of at least 2.
    """
    return math.log(check_int("classes", classes, 2))


def nt_xent(pictures: int, factor: float = 1.0) -> float:
    """Return factor · ln(2N − 1): all 2N views at one point. The temperature cancels.

    Args:
        pictures: N, pictures in the batch, at least 2; each has two views.
        factor: what an implementation multiplies the loss by, such as temperature/base_temperature; above 0.

    Returns:
        A positive number. Embeddings in random directions read more than this.

    Raises:
        ValueError: if an argument is out of range.
    """
    return sup_con(2 * check_int("pictures", pictures, 2), factor)


def sup_con(embeddings: int, factor: float = 1.0) -> float:
    """Return factor · ln(M − 1): all M embeddings of the batch at one point, whatever their labels.

    Args:
        embeddings: M, at least 3; with two views of each picture, twice the number of pictures.
        factor: what an implementation multiplies the loss by, such as temperature/base_temperature; above 0.

    Returns:
        A positive number.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_int("embeddings", embeddings, 3)
    return check_number("factor", factor, 0, open_low=True) * math.log(embeddings - 1)


def triplet_loss(margin: float) -> float:
    """Return the margin: both distances of a triplet are equal, so nothing but the margin is left.

    Args:
        margin: above 0.

    Returns:
        The same number.

    Raises:
        ValueError: if the margin is not positive.
    """
    return check_number("margin", margin, 0, open_low=True)


def pair_margin_loss(margin: float, same: float = 0.5) -> float:
    """Return (1 − p) · margin²: all distances are 0, so each pair that should be apart pays the whole margin.

    Args:
        margin: above 0.
        same: p, the share of pairs that belong together, in [0, 1].

    Returns:
        A number of at least 0.

    Raises:
        ValueError: if an argument is out of range.
    """
    return (1 - check_number("same", same, 0, 1)) * check_number("margin", margin, 0, open_low=True) ** 2


def cosine_bce(cosine: float, same: float = 0.5, scale: float = 1.0, bias: float = 0.0) -> float:
    """Return what binary cross-entropy reads if all pairs have one cosine: softplus(l) − p·l with l the logit.

    Args:
        cosine: of every pair, in [−1, 1]; 1 if all embeddings are equal.
        same: p, the share of pairs that belong together, in [0, 1].
        scale: the logit is l = scale · cosine + bias.
        bias: see `scale`.

    Returns:
        A positive number.

    Raises:
        ValueError: if an argument is out of range.
    """
    for name, value, low, high in (("cosine", cosine, -1, 1), ("same", same, 0, 1)):
        check_number(name, value, low, high)
    for name, value in (("scale", scale), ("bias", bias)):
        check_number(name, value, -math.inf)
    logit = scale * cosine + bias
    return max(logit, 0.0) + math.log1p(math.exp(-abs(logit))) - same * logit


def accuracy(labels: Tensor) -> float:
    """Return the accuracy of the best constant answer: the share of the most frequent label.

    Args:
        labels: `(N,)`, whole numbers or booleans, N at least 1.

    Returns:
        A number in (0, 1].

    Raises:
        ValueError: if `labels` is something else.
    """
    whole = isinstance(labels, Tensor) and not labels.is_floating_point() and not labels.is_complex()
    if not whole or labels.dim() != 1 or len(labels) == 0:
        fail("labels", describe(labels), "whole numbers of shape (N,), N of at least 1")
    return int(torch.unique(labels, return_counts=True)[1].max()) / len(labels)
