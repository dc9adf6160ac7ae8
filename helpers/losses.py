"""Losses: pure functions. Logits, energies or embeddings in; a scalar, or one value per universe, out.

Sources: Goodfellow et al., "Generative Adversarial Nets" (2014), eq. 1 and section 3; Zhao, Mathieu and LeCun,
"Energy-based GANs" (2016), eq. 1, 2, 4 and 6; Mescheder, Geiger and Nowozin (2018), eq. 9;
Hinton (2002), eq. 5; Hadsell, Chopra and LeCun (2006), eq. 4; Schroff et al. (2015), eq. 3;
Chen et al., "SimCLR" (2020), eq. 1; Khosla et al., "Supervised contrastive learning" (2020), eq. 2; Zhai et al.,
"Sigmoid loss for language image pre-training" (2023), section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

from helpers._checks import check_choice, check_codes, check_number, check_tensor, describe, fail


def gan_d_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return what the discriminator of a GAN minimises: mean −log D(x) + mean −log(1 − D(G(z))).

    Written with logits, D = σ(logit), this is mean softplus(−real) + mean softplus(fake), which cannot overflow.
    It equals log 4 when the discriminator answers ½ everywhere. Source: Goodfellow et al. (2014), eq. 1, negated.

    Args:
        real_logits: `(N,)`, or `(S, N)` for S universes; the discriminator's logits of real samples.
        fake_logits: `(M,)` or `(S, M)`; those of generated samples.

    Returns:
        A scalar, or `(S,)`; at least 0.

    Raises:
        ValueError: on other shapes, empty batches or values that are not finite.
    """
    check_tensor("real_logits", real_logits, "(N,) or (S, N)", 1, 2)
    check_tensor("fake_logits", fake_logits, "(M,) or (S, M)", 1, 2)
    if real_logits.shape[:-1] != fake_logits.shape[:-1]:
        fail("fake_logits", describe(fake_logits), f"the universes of real_logits, {describe(real_logits)}")
    return softplus(-real_logits).mean(-1) + softplus(fake_logits).mean(-1)


def gan_g_loss(fake_logits: Tensor, saturating: bool = False) -> Tensor:
    """Return what the generator of a GAN minimises.

    Non-saturating (default): mean −log D(G(z)) = mean softplus(−fake). Saturating: mean log(1 − D(G(z))) =
    −mean softplus(fake), the two-player game's own loss, whose gradient vanishes when the discriminator is sure.
    Source: Goodfellow et al. (2014), section 3.

    Args:
        fake_logits: `(N,)`, or `(S, N)` for S universes; the discriminator's logits of generated samples.
        saturating: use the second form.

    Returns:
        A scalar, or `(S,)`; at least 0, or at most 0 if saturating.

    Raises:
        ValueError: on another shape, an empty batch or values that are not finite.
    """
    check_tensor("fake_logits", fake_logits, "(N,) or (S, N)", 1, 2)
    return -softplus(fake_logits).mean(-1) if saturating else softplus(-fake_logits).mean(-1)


def gradient_penalty(logits: Tensor, real: Tensor) -> Tensor:
    """Return half the mean squared length of the discriminator's slope at real samples: the penalty R1, weight 1.

    Half a parabola's worth of force against being steep where the data is. The discriminator of a plain GAN pays
    nothing for steepness. Source: Mescheder, Geiger and Nowozin (2018), eq. 9.

    Args:
        logits: `(N,)`, or `(S, N)` for S universes; the discriminator's logits of `real`.
        real: `(N, ...)` or `(S, N, d)`; the samples, with `requires_grad` set before the logits were computed.

    Returns:
        A scalar, or `(S,)`; at least 0, and it can be differentiated.

    Raises:
        ValueError: on other shapes, values that are not finite, or if the logits do not depend on the samples.
    """
    check_tensor("logits", logits, "(N,) or (S, N)", 1, 2)
    if not isinstance(real, Tensor) or not real.requires_grad or real.shape[: logits.dim()] != logits.shape:
        fail("real", describe(real), f"samples with requires_grad and the leading shape {tuple(logits.shape)}")
    slope = torch.autograd.grad(logits.sum(), real, create_graph=True)[0]
    return (slope**2).flatten(logits.dim()).sum(-1).mean(-1) / 2


def ebgan_d_loss(real_energy: Tensor, fake_energy: Tensor, margin: float) -> Tensor:
    """Return what the discriminator of an EBGAN minimises: mean D(x) + mean [margin − D(G(z))]₊.

    The hinge [t]₊ = max(t, 0) closes sample by sample: a fake whose energy reaches the margin is pushed no further,
    whatever the others do. Source: Zhao et al. (2016), eq. 1.

    Args:
        real_energy: `(N,)`, or `(S, N)` for S universes; energies of real samples, usually at least 0.
        fake_energy: `(M,)` or `(S, M)`; those of generated samples.
        margin: the energy up to which fakes are pushed, above 0.

    Returns:
        A scalar, or `(S,)`.

    Raises:
        ValueError: on other shapes, empty batches, values that are not finite or a margin that is not positive.
    """
    check_tensor("real_energy", real_energy, "(N,) or (S, N)", 1, 2)
    check_tensor("fake_energy", fake_energy, "(M,) or (S, M)", 1, 2)
    check_number("margin", margin, 0, open_low=True)
    if real_energy.shape[:-1] != fake_energy.shape[:-1]:
        fail("fake_energy", describe(fake_energy), f"the universes of real_energy, {describe(real_energy)}")
    return real_energy.mean(-1) + relu(margin - fake_energy).mean(-1)


def ebgan_g_loss(fake_energy: Tensor) -> Tensor:
    """Return what the generator of an EBGAN minimises: mean D(G(z)). Source: Zhao et al. (2016), eq. 2.

    Args:
        fake_energy: `(N,)`, or `(S, N)` for S universes; energies of generated samples.

    Returns:
        A scalar, or `(S,)`.

    Raises:
        ValueError: on another shape, an empty batch or values that are not finite.
    """
    return check_tensor("fake_energy", fake_energy, "(N,) or (S, N)", 1, 2).mean(-1)


def reconstruction_energy(autoencoder: Callable[[Tensor], Tensor], x: Tensor, kind: str = "norm") -> Tensor:
    """Return each sample's energy: how badly an autoencoder gives it back, ‖Dec(Enc(x)) − x‖₂.

    The gradient flows through both places where x stands. A generator trained against a detached target would be
    told where the autoencoder's output should go, not where its own sample should. Source: Zhao et al. (2016), eq. 4.

    Args:
        autoencoder: from samples to their reconstructions, of the same shape.
        x: `(N, ...)`, or `(S, N, d)` for S universes.
        kind: `"norm"` for the length of the error, `"mse"` for the mean of its squares.

    Returns:
        `(N,)`, or `(S, N)`; at least 0.

    Raises:
        ValueError: if `x` is not finite, `kind` is another word, or the reconstruction has another shape.
    """
    check_tensor("x", x, "(N, ...) or (S, N, d)", 2, 3, 4)
    check_choice("kind", kind, ("norm", "mse"))
    back = autoencoder(x)
    if back.shape != x.shape:
        fail("autoencoder", f"reconstructions of shape {tuple(back.shape)}", f"the shape {tuple(x.shape)} of x")
    error = back - x
    error = error.flatten(2 if x.dim() == 3 else 1)  # (N, d) or (S, N, d)
    return torch.linalg.vector_norm(error, dim=-1) if kind == "norm" else (error**2).mean(-1)


def contrastive_divergence(data_energy: Tensor, model_energy: Tensor, weight: float = 0.0) -> Tensor:
    """Return mean E(data) − mean E(samples), whose gradient pushes energies down at the data and up at the samples.

    If the samples come from the model's own Gibbs distribution, this gradient is that of the negative
    log-likelihood. The sum of mean squares, times `weight`, keeps the energies' level from drifting, which the
    difference leaves free. Sources: Hinton (2002), eq. 5; the squares: Du and Mordatch (2019), section 3.3.

    Args:
        data_energy: `(N,)`, or `(S, N)` for S universes.
        model_energy: `(M,)` or `(S, M)`; energies of samples, which must carry no gradient of their own.
        weight: of the squares, at least 0.

    Returns:
        A scalar, or `(S,)`. Its value says little about how good the model is.

    Raises:
        ValueError: on other shapes, empty batches, values that are not finite or a negative weight.
    """
    check_tensor("data_energy", data_energy, "(N,) or (S, N)", 1, 2)
    check_tensor("model_energy", model_energy, "(M,) or (S, M)", 1, 2)
    check_number("weight", weight, 0)
    if data_energy.shape[:-1] != model_energy.shape[:-1]:
        fail("model_energy", describe(model_energy), f"the universes of data_energy, {describe(data_energy)}")
    squares = (data_energy**2).mean(-1) + (model_energy**2).mean(-1)
    return data_energy.mean(-1) - model_energy.mean(-1) + weight * squares


def pull_away(codes: Tensor) -> Tensor:
    """Return the pull-away term: the mean squared cosine between the codes of different samples.

    1/(N(N−1)) Σ_i Σ_{j≠i} (S_iᵀS_j / ‖S_i‖‖S_j‖)². For N > d it cannot fall below (N − d)/(d(N − 1)).
    Source: Zhao et al. (2016), eq. 6.

    Args:
        codes: `(N, d)`, or `(S, N, d)` for S universes; N at least 2. Lengths do not matter.

    Returns:
        A scalar in [0, 1], or `(S,)`: 0 if all are at right angles, 1 if all lie on one line.

    Raises:
        ValueError: on another shape, fewer than two codes or values that are not finite.
    """
    count = check_codes(codes).shape[-2]
    unit = _unit(codes)
    square = (unit @ unit.mT) ** 2  # (..., N, N)
    others = square.sum((-2, -1)) - square.diagonal(dim1=-2, dim2=-1).sum(-1)
    return others / (count * (count - 1))


def pair_margin_loss(distance: Tensor, same: Tensor, margin: float) -> Tensor:
    """Return the mean of same·d² + (1 − same)·[margin − d]₊²: pull pairs together, or push them a margin apart.

    Source: Hadsell, Chopra and LeCun (2006), eq. 4, whose label is 0 for a similar pair; their factor ½ is left out.
    The `ContrastiveLoss` of pytorch-metric-learning is another one: it does not square, and it adds the mean over the
    similar pairs to the mean over the others, each over the pairs with a loss above 0 only.

    Args:
        distance: `(N,)`, at least 0: how far apart the two embeddings of each pair are.
        same: `(N,)` of 0 and 1, or booleans: 1 where the pair belongs together.
        margin: distance beyond which a pair that does not belong together is left alone, above 0.

    Returns:
        A scalar of at least 0.

    Raises:
        ValueError: on other shapes or values, negative distances or a margin that is not positive.
    """
    check_tensor("distance", distance, "(N,)", 1)
    check_number("margin", margin, 0, open_low=True)
    if (distance < 0).any():
        fail("distance", f"{describe(distance)} with {float(distance.min()):.3g}", "distances of at least 0")
    same = _check_same(same, distance)
    return (same * distance**2 + (1 - same) * relu(margin - distance) ** 2).mean()


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Return the mean of [‖a − p‖ − ‖a − n‖ + margin]₊. Nothing is normalised.

    Source: Schroff, Kalenichenko and Philbin (2015), eq. 3, here with distances in place of their squares. By default
    pytorch-metric-learning normalises, and takes the mean over the triplets with a loss above 0 only.

    Args:
        anchor: `(N, d)` embeddings.
        positive: `(N, d)`; row i belongs together with row i of `anchor`.
        negative: `(N, d)`; row i does not.
        margin: how much farther away the negative should be, above 0.

    Returns:
        A scalar of at least 0; `margin` if all embeddings are equal.

    Raises:
        ValueError: if shapes differ, values are not finite or the margin is not positive.
    """
    _check_partners(anchor=anchor, positive=positive, negative=negative)
    check_number("margin", margin, 0, open_low=True)
    near = torch.linalg.vector_norm(anchor - positive, dim=-1)  # (N,)
    far = torch.linalg.vector_norm(anchor - negative, dim=-1)  # (N,)
    return relu(near - far + margin).mean()


def cosine_bce(a: Tensor, b: Tensor, same: Tensor, scale: float | Tensor = 1.0, bias: float | Tensor = 0.0) -> Tensor:
    """Return binary cross-entropy with the logits scale·cos(a, b) + bias.

    The study group's loss is `scale=1, bias=0`, which no embedding can bring below −ln σ(1) = 0.3133. With both
    learned it is the pairwise sigmoid loss of Zhai et al. (2023), section 3.2.

    Args:
        a: `(N, d)` embeddings; lengths do not matter.
        b: `(N, d)`, the partners.
        same: `(N,)` of 0 and 1, or booleans: 1 where the pair belongs together.
        scale: a number, or a tensor of one element that may be learned.
        bias: likewise.

    Returns:
        A scalar of at least 0.

    Raises:
        ValueError: if shapes differ or a value is not finite or not a label.
    """
    _check_partners(a=a, b=b)
    for name, value in (("scale", scale), ("bias", bias)):
        check_number(name, value.item() if isinstance(value, Tensor) and value.numel() == 1 else value, -torch.inf)
    cosine = (_unit(a) * _unit(b)).sum(-1)  # (N,)
    return binary_cross_entropy_with_logits(scale * cosine + bias, _check_same(same, cosine))


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Return SimCLR's loss: each of 2N views must find its partner among the 2N − 1 others by its cosine.

    The inputs are normalised here, and half precision is computed in float32.
    Source: Chen et al. (2020), eq. 1.

    Args:
        a: `(N, d)`, embeddings of one view of each of N pictures.
        b: `(N, d)`, embeddings of the other view, in the same order.
        temperature: divides the cosines, above 0.

    Returns:
        A scalar of at least 0; ln(2N − 1) if all embeddings are equal.

    Raises:
        ValueError: if shapes differ, values are not finite or the temperature is not positive.
    """
    _check_partners(a=a, b=b)
    check_number("temperature", temperature, 0, open_low=True)
    views = _unit(torch.cat([a, b])) / temperature**0.5  # (2N, d)
    partner = (views[: len(a)] * views[len(a) :]).sum(-1)  # (N,); the same for both views of a picture
    return _log_sum_of_others(views).mean() - partner.mean()


def sup_con(embeddings: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return the supervised contrastive loss L_out: like `nt_xent`, but all samples of one label are partners.

    The inputs are normalised here, and half precision is computed in float32. Anchors without a partner are left out
    of the mean. SupContrast, the code of the paper's authors, multiplies by temperature/base_temperature (0.07 if not
    said otherwise); here there is no such factor. The `SupConLoss` of pytorch-metric-learning agrees, but returns 0 if
    all samples have one label. Source: Khosla et al. (2020), eq. 2.

    Args:
        embeddings: `(N, d)`.
        labels: `(N,)`, whole numbers.
        temperature: divides the cosines, above 0.

    Returns:
        A scalar; ln(N − 1) if all embeddings are equal.

    Raises:
        ValueError: on other shapes, values that are not finite, or if no sample has a partner.
    """
    check_tensor("embeddings", embeddings, "(N, d)", 2)
    check_number("temperature", temperature, 0, open_low=True)
    groups, sizes = _check_labels(labels, embeddings)
    views = _unit(embeddings) / temperature**0.5  # (N, d)
    # The sum over an anchor's partners of z_i·z_p is z_i · (sum of its group − itself): no N × N mask is needed.
    sums = views.new_zeros(len(sizes), views.shape[1]).index_add(0, groups, views)  # (groups, d)
    partners = sizes[groups] - 1  # (N,)
    mean_partner = (views * (sums[groups] - views)).sum(-1) / partners.clamp(min=1)  # (N,)
    return (_log_sum_of_others(views) - mean_partner)[partners > 0].mean()


def _unit(rows: Tensor) -> Tensor:
    """Return rows of length 1, in float32 if they come in half precision; a row of zeros stays as it is.

    `torch.nn.functional.normalize` divides by at least 1e-12 instead, which is 0 in float16, and makes the gradient
    of a row of zeros 10¹² times too large.
    """
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)  # (..., N, 1)
    return rows / length.where(length > 0, 1)


def _log_sum_of_others(views: Tensor) -> Tensor:
    """Return for each row i the logarithm of Σ_{j≠i} exp(z_i·z_j): `(N, d)` to `(N,)`."""
    similarity = views @ views.T  # (N, N)
    # In place: at N = 4,096 each further matrix of this size costs 64 MB, and torch.logsumexp needs two of them more.
    # The diagonal is set outside the graph: its gradient is exp(−∞) = 0 anyway.
    largest = similarity.detach().fill_diagonal_(-torch.inf).amax(1, keepdim=True)  # (N, 1)
    return similarity.sub_(largest).exp_().sum(1).log() + largest.squeeze(1)


def _check_partners(**tensors: Tensor) -> None:
    """Raise unless all are embeddings of one shape `(N, d)`."""
    shape = None
    for name, value in tensors.items():
        check_tensor(name, value, "(N, d)", 2)
        shape = shape or value.shape
        if value.shape != shape:
            fail(name, describe(value), f"the shape {tuple(shape)} of {next(iter(tensors))}")


def _check_same(same: Tensor, like: Tensor) -> Tensor:
    """Return the labels of pairs as numbers of the type of `like`."""
    expected = f"a tensor of 0 and 1 of shape {tuple(like.shape)}"
    if not isinstance(same, Tensor) or same.shape != like.shape or not ((same == 0) | (same == 1)).all():
        fail("same", describe(same), expected)
    return same.to(like)


def _check_labels(labels: Tensor, embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """Return each sample's group and the groups' sizes; at least one group must have two members."""
    whole = isinstance(labels, Tensor) and not labels.is_floating_point() and not labels.is_complex()
    if not whole or labels.shape != embeddings.shape[:1]:
        fail("labels", describe(labels), f"whole numbers of shape ({len(embeddings)},)")
    _, groups, sizes = labels.to(embeddings.device).unique(return_inverse=True, return_counts=True)
    if sizes.max() < 2:
        fail("labels", f"{describe(labels)}, all different", "at least two samples with the same label")
    return groups, sizes
