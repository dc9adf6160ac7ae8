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
from torch.nn.functional import normalize

from helpers._checks import check_int, check_number, describe, fail
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


class AutoEncoder(nn.Module):
    """An encoder and a decoder: the discriminator of an EBGAN, whose energy is its reconstruction error.

    Attributes:
        encode: from samples to codes `(N, code)`, or `(S, N, code)` for S universes.
        decode: back again.
        bound: the largest absolute value that the decoder can put out; `None` if there is no limit.
    """

    def __init__(self, encode: nn.Module, decode: nn.Module, bound: float | None = None) -> None:
        super().__init__()
        self.encode = encode
        self.decode = decode
        self.bound = None if bound is None else check_number("bound", bound, 0, open_low=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map samples to their reconstructions, of the same shape."""
        return self.decode(self.encode(x))


def mlp_autoencoder(
    sizes: Sequence[int], seeds: Iterable[int] | None = None, pictures: tuple[int, int, int] | None = None
) -> AutoEncoder:
    """Return an autoencoder of two multilayer perceptrons, the second a mirror image of the first.

    Args:
        sizes: numbers of units from the input to the code, e.g. `(784, 256, 32)`.
        seeds: one seed per universe, see `mlp`.
        pictures: `(C, H, W)` if samples are pictures with values in [−1, 1]; the decoder then ends with tanh.

    Returns:
        An autoencoder of `(N, sizes[0])`, or of `(N, C, H, W)`; with seeds, of `(S, N, sizes[0])`.

    Raises:
        ValueError: on sizes that do not fit, or if both seeds and pictures are given.
    """
    if not isinstance(sizes, Sequence) or len(sizes) < 2:
        fail("sizes", describe(sizes), "at least two numbers of units")
    if pictures is not None and (seeds is not None or len(pictures) != 3 or math.prod(pictures) != sizes[0]):
        fail("pictures", pictures, f"(C, H, W) with C·H·W = {sizes[0]}, the first of sizes, and no seeds")
    layers = mlp((*sizes, *sizes[-2::-1]), seeds)
    code = 2 * len(sizes) - 3  # number of the layer that puts out the code; no activation follows it
    encode, decode = layers[:code], layers[code + 1 :]
    if pictures is None:
        return AutoEncoder(encode, decode)
    return AutoEncoder(
        nn.Sequential(nn.Flatten(), *encode), nn.Sequential(*decode, nn.Tanh(), nn.Unflatten(1, pictures)), bound=1.0
    )


def conv_autoencoder(channels: tuple[int, int] = (8, 16), code: int = 32) -> AutoEncoder:
    """Return a small convolutional autoencoder of 28×28 pictures: the encoder is that of `Discriminator`.

    Args:
        channels: maps in the two convolutions.
        code: length of the code.

    Returns:
        An autoencoder of `(N, 1, 28, 28)` with values in [−1, 1].

    Raises:
        ValueError: if a count is below 1.
    """
    first, second = _check_channels(channels)
    check_int("code", code, 1)
    encode = nn.Sequential(
        *(nn.Conv2d(1, first, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # (N, first, 14, 14)
        *(nn.Conv2d(first, second, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # (N, second, 7, 7)
        *(nn.Flatten(), nn.Linear(second * 49, code)),  # (N, code)
    )
    decode = nn.Sequential(
        *(nn.Linear(code, second * 49), nn.LeakyReLU(0.2), nn.Unflatten(1, (second, 7, 7))),
        *(nn.Conv2d(second, 4 * first, 3, padding=1), nn.PixelShuffle(2), nn.LeakyReLU(0.2)),  # (N, first, 14, 14)
        *(nn.Conv2d(first, 4, 3, padding=1), nn.PixelShuffle(2), nn.Tanh()),  # (N, 1, 28, 28)
    )
    return AutoEncoder(encode, decode, bound=1.0)


class StudyGroupEncoder(nn.Module):
    """The study group's network, layer by layer: 3×32×32 pictures in, unit vectors out.

    Attributes:
        dim: length of an embedding; the group's is 128.
    """

    def __init__(self, dim: int = 128, kernel: int = 3, extra: int = 0) -> None:
        """Build the group's network, or one with larger kernels or with up to three further blocks."""
        super().__init__()
        self.dim = check_int("dim", dim, 1)
        if check_int("kernel", kernel, 1) % 2 == 0:
            fail("kernel", kernel, "an odd number, so that the padding keeps height and width")
        if check_int("extra", extra, 0) > 3:
            fail("extra", extra, "at most 3: each further block halves height and width, and 8 are left")
        conv = partial(nn.Conv2d, kernel_size=kernel, padding=kernel // 2)
        further = [layer for _ in range(extra) for layer in (conv(128, 128), nn.ReLU(), nn.MaxPool2d(2))]
        self.body = nn.Sequential(
            *(conv(3, 64), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 64, 16, 16)
            *(conv(64, 128), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 128, 8, 8)
            *further,  # (N, 128, side, side)
            *(nn.Flatten(), nn.Linear(128 * (8 >> extra) ** 2, dim)),  # (N, dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures `(N, 3, 32, 32)` to embeddings `(N, dim)` of length 1."""
        if x.dim() != 4 or x.shape[1:] != (3, 32, 32):
            fail("x", describe(x), "a tensor of shape (N, 3, 32, 32)")
        return normalize(self.body(x), dim=-1)


class Encoder(nn.Module):
    """A small convolutional encoder: square pictures in, embeddings out, of any length (losses normalise them).

    Each convolution halves height and width; batch normalisation keeps untrained embeddings from looking alike.

    Attributes:
        size: height and width of the pictures.
        channels: of the pictures.
        dim: length of an embedding.
    """

    def __init__(
        self, size: int = 28, channels: int = 1, widths: Sequence[int] = (16, 32, 64), dim: int = 64
    ) -> None:
        super().__init__()
        if not isinstance(widths, Sequence) or not widths:
            fail("widths", describe(widths), "at least one number of maps")
        self.size, self.channels = check_int("size", size, 2 ** len(widths)), check_int("channels", channels, 1)
        self.dim = check_int("dim", dim, 1)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((channels, *widths)):
            check_int("widths", outputs, 1)
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs)]
            layers += [nn.ReLU()]
            size = (size + 1) // 2
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * size**2, dim))  # (N, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures `(N, channels, size, size)` to embeddings `(N, dim)`."""
        shape = (self.channels, self.size, self.size)
        if x.dim() != 4 or x.shape[1:] != shape:
            fail("x", describe(x), f"a tensor of shape (N, {', '.join(map(str, shape))})")
        return self.body(x)
