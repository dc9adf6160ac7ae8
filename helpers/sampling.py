"""Sampling: from an energy to samples, following its gradient downhill with added noise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.checks import Count, Diverged, Finite, NonNegative, Positive, check_calls, require
from helpers.data import Rngs, _normal


def langevin(
    energy: Callable[[Tensor], Tensor],
    x: Finite("..."),
    steps: Count,
    step_size: Positive,
    noise: NonNegative | None = None,
    rng: Rngs | None = None,
) -> Tensor:
    """x ← x − step_size · ∇E(x) + noise · ε, ε standard normal. Welling and Teh (2011), eq. 3, with
    2·step_size for their step. With noise √(2·step_size), the default, many small steps lead to
    samples of p(x) ∝ exp(−E(x)). Less noise is a lower temperature; `noise=0` is plain gradient
    descent. Several `rng`: one for each row of `x`."""
    noise = (2 * step_size) ** 0.5 if noise is None else noise
    one = isinstance(rng, torch.Generator)
    good = one or (not noise if rng is None else x.shape[:1] == (len(rng),))
    require(good, "rng", rng, "a torch.Generator, or one per row")
    x = x.detach()
    for _ in range(steps):
        with torch.inference_mode(False), torch.enable_grad():  # also inside a caller's no_grad
            x = x.clone().requires_grad_()
            on = getattr(found := energy(x), "requires_grad", False)
            grad = torch.autograd.grad(found.sum(), x, allow_unused=True)[0] if on else None
            require(grad is not None, "energy", found, "a function whose result depends on x")
        x = x.detach() - step_size * grad
        if noise:
            x = x + noise * _normal(x.shape if one else x.shape[1:], rng).to(x)
    if not torch.isfinite(x).all():
        raise Diverged(f"not finite within {steps} steps of step_size {step_size:g}")
    return x


check_calls(globals())
