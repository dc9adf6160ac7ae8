"""Sampling: from an energy to samples, by going downhill with a little noise.

Source: Langevin dynamics as in Welling and Teh (2011), eq. 3, with the full gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from helpers._checks import check_int, check_number, check_tensor, describe, fail


def langevin(
    energy: Callable[[Tensor], Tensor],
    x: Tensor,
    steps: int,
    step_size: float,
    noise: float | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> Tensor:
    """Walk samples downhill on an energy: x ← x − step_size · ∇E(x) + noise · ε, with ε standard normal.

    With `noise` = √(2·step_size), the default, many small steps lead to samples of the Gibbs distribution
    p(x) ∝ exp(−E(x)); less noise means a lower temperature, none means plain descent. The larger the step, the more
    the samples spread beyond that: on E = x²/2 their variance settles at 1/(1 − step_size/2), not at 1.

    Args:
        energy: from points to one energy each, `(N, ...)` to `(N,)`, or `(S, N, d)` to `(S, N)`.
        x: where the walkers start.
        steps: number of steps, at least 1.
        step_size: above 0.
        noise: standard deviation of the noise in each step, at least 0.
        generator: source of randomness, or one per universe; not needed without noise.

    Returns:
        Where they end: the same shape, without gradient.

    Raises:
        ValueError: if an argument is out of range, or a walker's position is no longer finite.
    """
    check_tensor("x", x, "(N, ...) or (S, N, d)")
    check_int("steps", steps, 1)
    check_number("step_size", step_size, 0, open_low=True)
    noise = (2 * step_size) ** 0.5 if noise is None else check_number("noise", noise, 0)
    if noise and generator is None:
        fail("generator", None, "a torch.Generator, or one per universe, as the walk has noise")
    x = x.detach()
    for _ in range(steps):
        x = x.requires_grad_()
        (slope,) = torch.autograd.grad(energy(x).sum(), x)
        x = x.detach() - step_size * slope
        if noise:
            x = x + noise * _normal(x, generator)
    if not torch.isfinite(x).all():
        fail("step_size", step_size, "a step small enough that the walk does not run off to infinity")
    return x


def _normal(like: Tensor, generator: torch.Generator | Sequence[torch.Generator]) -> Tensor:
    """Draw standard normal noise of a shape, on the CPU so that a seed means the same everywhere."""
    if isinstance(generator, torch.Generator):
        return torch.randn(like.shape, generator=generator).to(like)
    if not isinstance(generator, Sequence) or len(generator) != len(like):
        fail("generator", describe(generator), f"a torch.Generator, or {len(like)} of them, one per universe")
    return torch.stack([torch.randn(like.shape[1:], generator=one) for one in generator]).to(like)
