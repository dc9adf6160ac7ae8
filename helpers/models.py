"""Networks: small enough to read, large enough to learn digits in seconds on a CPU.

Source of the batched layers: the same idea as `torch.func.stack_module_state`, written out so that it can be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from helpers._checks import check_int, describe, fail
from helpers.seed import generators

Activation = Callable[[], nn.Module]
leaky_relu: Activation = partial(nn.LeakyReLU, 0.2)


class BatchedLinear(nn.Module):
    """S linear layers side by side, one per parallel universe, each with its own weights.

    Universe k starts from the seed `seeds[k]` alone, so it begins and trains the same whoever its neighbours are.
    The starting weights are uniform in ±1/√in_features, as in `torch.nn.Linear`.
    """

    def __init__(self, in_features: int, out_features: int, sources: Sequence[torch.Generator]) -> None:
        super().__init__()
        check_int("in_features", in_features, 1)
        check_int("out_features", out_features, 1)
        if not sources:
            fail("sources", "none", "one generator per universe")
        bound = 1 / math.sqrt(in_features)
        draws = [torch.rand(in_features + 1, out_features, generator=source) for source in sources]
        start = (2 * torch.stack(draws) - 1) * bound  # (S, in + 1, out)
        self.weight = nn.Parameter(start[:, :-1].clone())  # (S, in, out)
        self.bias = nn.Parameter(start[:, -1:].clone())  # (S, 1, out)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(S, N, in_features)` to `(S, N, out_features)`, universe by universe."""
        if x.dim() != 3 or x.shape[0] != len(self.weight) or x.shape[2] != self.weight.shape[1]:
            universes, inputs, _ = self.weight.shape
            fail("x", describe(x), f"a tensor of shape ({universes}, N, {inputs})")
        return torch.baddbmm(self.bias, x, self.weight)  # (S, N, out)


def mlp(
    sizes: Sequence[int],
    seeds: Iterable[int] | None = None,
    activation: Activation = leaky_relu,
    scalar: bool = False,
) -> nn.Sequential:
    """Return a multilayer perceptron, or S of them at once for parallel universes.

    Args:
        sizes: numbers of units from the input to the output, at least two, e.g. `(2, 64, 64, 1)`.
        seeds: one seed per universe; `None` makes one ordinary network from torch's global random state.
        activation: makes the layer between two linear ones.
        scalar: one number per sample instead of a vector of length 1, as a discriminator's logit.

    Returns:
        A network from `(N, sizes[0])` to `(N, sizes[-1])`, or to `(N,)` if scalar; with seeds, both sides have a
        leading axis of S universes.

    Raises:
        ValueError: if there are fewer than two sizes, a size is below 1, `seeds` is empty, or `scalar` is asked
            for and the last size is not 1.
    """
    if not isinstance(sizes, Sequence) or len(sizes) < 2:
        fail("sizes", describe(sizes), "at least two numbers of units")
    for size in sizes:
        check_int("sizes", size, 1)
    if scalar and sizes[-1] != 1:
        fail("sizes", describe(sizes), "a last size of 1, since scalar=True")
    linear = nn.Linear if seeds is None else partial(BatchedLinear, sources=generators(seeds))
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [linear(inputs, outputs), activation()]
    layers[-1:] = [nn.Flatten(-2)] if scalar else []  # (..., N, 1) -> (..., N); no activation at the end
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """Noise in, pictures of digits out: an MLP draws 7×7 maps, two convolutions refine them to 28×28.

    Each convolution makes four maps for every one that leaves it; `PixelShuffle` lays these four side by side, which
    doubles height and width. Batch normalisation after Radford, Metz and Chintala (2016).

    Attributes:
        latent: length of the noise vector.
    """

    def __init__(self, latent: int = 32, hidden: int = 128, channels: tuple[int, int] = (16, 8)) -> None:
        super().__init__()
        self.latent = check_int("latent", latent, 1)
        check_int("hidden", hidden, 1)
        first, second = _check_channels(channels)
        self.body = nn.Sequential(
            *(nn.Linear(latent, hidden), nn.BatchNorm1d(hidden), nn.ReLU()),
            *(nn.Linear(hidden, first * 49), nn.BatchNorm1d(first * 49), nn.ReLU()),
            nn.Unflatten(1, (first, 7, 7)),
            *(nn.Conv2d(first, 4 * second, 3, padding=1), nn.PixelShuffle(2)),  # (N, second, 14, 14)
            *(nn.BatchNorm2d(second), nn.ReLU()),
            *(nn.Conv2d(second, 4, 3, padding=1), nn.PixelShuffle(2), nn.Tanh()),  # (N, 1, 28, 28)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map noise `(N, latent)` to pictures `(N, 1, 28, 28)` with values in [−1, 1]."""
        if z.dim() != 2 or z.shape[1] != self.latent:
            fail("z", describe(z), f"a tensor of shape (N, {self.latent})")
        return self.body(z)


class Discriminator(nn.Module):
    """Pictures of digits in, one logit each out: positive means "looks real". Two convolutions and an MLP."""

    def __init__(self, channels: tuple[int, int] = (8, 16), hidden: int = 64) -> None:
        super().__init__()
        first, second = _check_channels(channels)
        check_int("hidden", hidden, 1)
        self.body = nn.Sequential(
            *(nn.Conv2d(1, first, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # (N, first, 14, 14)
            *(nn.Conv2d(first, second, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # (N, second, 7, 7)
            *(nn.Flatten(), nn.Linear(second * 49, hidden), nn.LeakyReLU(0.2)),
            *(nn.Linear(hidden, 1), nn.Flatten(-2)),  # (N,)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures `(N, 1, 28, 28)` to logits `(N,)`."""
        _check_pictures(x)
        return self.body(x)


def _check_channels(channels: tuple[int, int]) -> tuple[int, int]:
    """Return the numbers of maps in the two inner layers."""
    if not isinstance(channels, Sequence) or len(channels) != 2:
        fail("channels", describe(channels), "two numbers of maps")
    return check_int("channels", channels[0], 1), check_int("channels", channels[1], 1)


def _check_pictures(x: Tensor) -> None:
    """Raise unless `x` is a batch of 28×28 pictures with one channel."""
    if x.dim() != 4 or x.shape[1:] != (1, 28, 28):
        fail("x", describe(x), "a tensor of shape (N, 1, 28, 28)")


class DigitClassifier(nn.Module):
    """A small convolutional classifier of digits; its 64 features are the space of the Fréchet distance."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 16, 14, 14)
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 32, 7, 7)
            *(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU()),  # (N, 64)
        )
        self.head = nn.Linear(64, 10)

    def features(self, x: Tensor) -> Tensor:
        """Map pictures `(N, 1, 28, 28)` with values in [−1, 1] to features `(N, 64)`."""
        _check_pictures(x)
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures `(N, 1, 28, 28)` to the logits of the ten classes, `(N, 10)`."""
        return self.head(self.features(x))
