"""Losses: pure functions. Logits, energies or embeddings in; a scalar, or one value per universe, out.

Sources: Goodfellow et al., "Generative Adversarial Nets" (2014), eq. 1 and section 3.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from helpers._checks import check_tensor, describe, fail


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
