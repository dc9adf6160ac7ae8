"""Losses: logits, energies or embeddings in; a scalar out, or one value for each of S runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

from helpers.checks import Binary, Float, Int, Number, Positive, check_calls, require


def gan_d_loss(real: Float("*S N"), fake: Float("*S M")) -> Tensor:
    """Mean −log D(x) + mean −log(1 − D(G(z))), D = σ(logit). Goodfellow et al. (2014), eq. 1."""
    return softplus(-real).mean(-1) + softplus(fake).mean(-1)  # −log σ(t) = softplus(−t)


def gan_g_loss(fake: Float("*S N"), saturating: bool = False) -> Tensor:
    """Generator: mean −log D(G(z)), or the minimax game's mean log(1 − D(G(z))). Goodfellow et al.
    (2014), section 3."""
    return -softplus(fake).mean(-1) if saturating else softplus(-fake).mean(-1)


def least_squares_d_loss(real: Float("*S N"), fake: Float("*S M")) -> Tensor:
    """LSGAN's discriminator: real samples should get a 1, fakes a 0. Mao et al. (2017), eq. 9."""
    return ((real - 1) ** 2).mean(-1) + (fake**2).mean(-1)


def least_squares_g_loss(fake: Float("*S N")) -> Tensor:
    """LSGAN's generator asks for a 1. Mao et al. (2017), eq. 9; their factors ½ are left out."""
    return ((fake - 1) ** 2).mean(-1)


def hinge_d_loss(real: Float("*S N"), fake: Float("*S M")) -> Tensor:
    """Hinge loss: real above 1 and fake below −1 cost nothing. Lim and Ye (2017), section 3."""
    return relu(1 - real).mean(-1) + relu(1 + fake).mean(-1)


def critic_g_loss(fake: Float("*S N")) -> Tensor:
    """Generator against a hinge or Wasserstein critic. Lim and Ye (2017), section 3."""
    return -fake.mean(-1)


def r1_penalty(logits: Float("*S N"), real: Float("...")) -> Tensor:
    """R1: ½ mean ‖∇D‖² at real samples, with `requires_grad`. Mescheder et al. (2018), eq. 9."""
    shape = tuple(logits.shape)
    good = real.requires_grad and logits.requires_grad and real.shape[: len(shape)] == shape
    require(good, "real", real, f"samples with requires_grad and leading shape {shape}")
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True, allow_unused=True)
    require(gradient is not None, "logits", logits, "logits that were computed from real")
    return (gradient**2).reshape(*shape, -1).sum(-1).mean(-1) / 2


def ebgan_d_loss(real: Float("*S N"), fake: Float("*S M"), margin: Positive) -> Tensor:
    """Mean E(x) + mean [m − E(G(z))]₊, a hinge for each sample. Zhao et al. (2016), eq. 1."""
    return real.mean(-1) + relu(margin - fake).mean(-1)


def ebgan_g_loss(fake: Float("*S N")) -> Tensor:
    """EBGAN's generator: mean E(G(z)). Zhao et al. (2016), eq. 2."""
    return fake.mean(-1)


def reconstruction_energy(
    autoencoder: Callable[..., Tensor], x: Float("N d ..."), kind: Literal["norm", "mse"] = "norm"
) -> Tensor:
    """Energy of each sample: ‖Dec(Enc(x)) − x‖₂, or the mean square of the error. Zhao et al.
    (2016), section 2.3. `x` is (N, d), (N, C, H, W) or, for S runs, (S, N, d): three axes
    are always S runs. The gradient flows through both places of x."""
    back = autoencoder(x)
    good = isinstance(back, Tensor) and back.shape == x.shape
    require(good, "autoencoder", back, f"a reconstruction of shape {tuple(x.shape)}")
    error = (back - x).flatten(2 if x.dim() == 3 else 1)  # (N, d) or (S, N, d)
    return torch.linalg.vector_norm(error, dim=-1) if kind == "norm" else (error**2).mean(-1)


def contrastive_divergence(data_energy: Float("*S N"), model_energy: Float("*S M")) -> Tensor:
    """Mean E(data) − mean E(samples): its gradient pushes down at the data, up at the samples.
    Hinton (2002), if the samples end short chains that start at data."""
    return data_energy.mean(-1) - model_energy.mean(-1)


def pull_away(codes: Float("*S N d")) -> Tensor:
    """Pull-away term (PT): the mean squared cosine of different codes. Zhao et al. (2016), section
    2.4. In [0, 1], and for N > d never below (N − d)/(d(N − 1)), the Welch bound."""
    count = codes.shape[-2]
    require(count > 1, "codes", codes, "at least two codes")
    square = _products(_unit(codes)) ** 2  # (..., N, N)
    others = square.sum((-2, -1)) - square.diagonal(dim1=-2, dim2=-1).sum(-1)
    return others / (count * (count - 1))


def pull_away_unsquared(codes: Float("*S N d")) -> Tensor:
    """PT without its square, as much public code has it: lowest when the unit codes add up to 0."""
    count, unit = codes.shape[-2], _unit(codes)
    require(count > 1, "codes", codes, "at least two codes")
    # |Σ u|² is the sum of all cosines; that of a code with itself is 1, of a row of zeros 0.
    return ((unit.sum(-2) ** 2).sum(-1) - (unit**2).sum((-2, -1))) / (count * (count - 1))


def pair_margin_loss(distance: Float("N"), same: Binary("N"), margin: Positive) -> Tensor:
    """Mean of same·d² + (1 − same)·[m − d]₊². Hadsell, Chopra and LeCun (2006), eq. 4, without ½,
    their Y being 1 − same. `ContrastiveLoss` of pytorch-metric-learning does not square."""
    require(not (distance < 0).any(), "distance", distance, "distances of at least 0")
    same = same.to(distance)
    return (same * distance**2 + (1 - same) * relu(margin - distance) ** 2).mean()


def triplet_loss(
    anchor: Float("N d"), positive: Float("N d"), negative: Float("N d"), margin: Positive
) -> Tensor:
    """Mean of [‖a − p‖ − ‖a − n‖ + m]₊. Schroff et al. (2015), eq. 3, but distances not squared."""
    near = torch.linalg.vector_norm(anchor - positive, dim=-1)  # (N,)
    far = torch.linalg.vector_norm(anchor - negative, dim=-1)  # (N,)
    return relu(near - far + margin).mean()


def cosine_bce(
    a: Float("N d"),
    b: Float("N d"),
    same: Binary("N"),
    scale: Number | Float("") = 1.0,
    bias: Number | Float("") = 0.0,
) -> Tensor:
    """Binary cross-entropy with the logits scale·cos(a, b) + bias. The study group's loss has scale
    1 and bias 0, and cannot fall below −ln σ(1) = 0.3133. With both learned these are the logits of
    the pairwise sigmoid loss, which takes all pairs of a batch: Zhai et al. (2023), section 3.2."""
    cosine = (_unit(a) * _unit(b)).sum(-1)  # (N,)
    return binary_cross_entropy_with_logits(scale * cosine + bias, same.to(cosine))


def nt_xent(a: Float("N d"), b: Float("N d"), temperature: Positive) -> Tensor:
    """SimCLR's loss: each of 2N views must find its positive among 2N − 1 others. Chen et al.
    (2020), eq. 1. Row i of `a` and of `b` are views of one picture, normalised here."""
    views = _unit(torch.cat([a, b])) / temperature**0.5  # (2N, d): products are cos / temperature
    positive = (views[: len(a)] * views[len(a) :]).sum(-1)  # (N,), for both views of a picture
    return _log_sum_of_others(views).mean() - positive.mean()


def sup_con(embeddings: Float("N d"), labels: Int("N"), temperature: Positive) -> Tensor:
    """Supervised contrastive loss L_out: all samples of one label are positives. Khosla et al.
    (2020), eq. 2. Anchors without a positive are left out of the mean. The authors' code has a
    factor temperature/base_temperature, base_temperature being 0.07; here there is none."""
    _, groups, sizes = labels.to(embeddings.device).unique(return_inverse=True, return_counts=True)
    require(sizes.max() > 1, "labels", labels, "at least two samples with the same label")
    views = _unit(embeddings) / temperature**0.5  # (N, d): products are cos / temperature
    # The sum over positives of z_i·z_p is z_i · (sum of its group − itself): no N × N mask.
    sums = views.new_zeros(len(sizes), views.shape[1]).index_add(0, groups, views)  # (groups, d)
    positives = sizes[groups] - 1  # (N,)
    mean_positive = (views * (sums[groups] - views)).sum(-1) / positives.clamp(min=1)  # (N,)
    return (_log_sum_of_others(views) - mean_positive)[positives > 0].mean()


def _unit(rows: Tensor) -> Tensor:
    """Return rows of length 1, in float32 at least; a row of zeros stays.
    `torch.nn.functional.normalize` divides by at least 1e-12, which is 0 in float16, and makes the
    gradient of a row of zeros 10¹² times too large."""
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    largest = rows.detach().abs().amax(-1, keepdim=True)  # (..., N, 1)
    extreme = (largest > 0) & ((largest < 1e-15) | (largest > 1e15))  # its square would be 0 or ∞
    rows = rows / largest.where(extreme, 1)
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)  # (..., N, 1)
    return rows / length.where(length > 0, 1)


def _products(rows: Tensor) -> Tensor:
    """Return the scalar product of each two rows, (..., N, N), with no mixed precision."""
    with torch.autocast(rows.device.type, enabled=False):
        return rows @ rows.mT


def _log_sum_of_others(views: Tensor) -> Tensor:
    """Return for each row i the logarithm of Σ_{j≠i} exp(z_i·z_j): (N, d) to (N,)."""
    similarity = _products(views)  # (N, N)
    # In place: at N = 4,096 each further matrix costs 64 MB. `detach` shares memory, so the −∞ of
    # the diagonal is in `similarity` too, outside the graph: its gradient is exp(−∞) = 0 anyway.
    largest = similarity.detach().fill_diagonal_(-torch.inf).amax(1, keepdim=True)  # (N, 1)
    return similarity.sub_(largest).exp_().sum(1).log() + largest.squeeze(1)


check_calls(globals())
