"""Networks: small enough to read, large enough to learn digits in seconds on a CPU.

Pictures are (N, C, H, W) with values in [−1, 1]. The batched layers hold S independent networks
side by side, as `torch.func.stack_module_state` does, written out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from helpers.checks import Count, Float, Number, Positive, Seed, check_calls, require
from helpers.seed import rngs

leaky_relu: Callable[[], nn.Module] = partial(nn.LeakyReLU, 0.2)


class Linear(nn.Linear):
    """A layer of an `mlp` without seeds: `torch.nn.Linear`, with a clear error for bad input."""

    def forward(self, x: Float("... inputs")) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        require(x.shape[-1] == self.in_features, "x", x, f"a last axis of {self.in_features}")
        return super().forward(x)


class BatchedLinear(nn.Module):
    """S linear layers side by side, each with weights of its own, drawn as `torch.nn.Linear` draws
    them. Layer k starts from `rngs[k]` alone: it trains the same whoever its neighbours are."""

    def __init__(self, inputs: Count, outputs: Count, rngs: Sequence[torch.Generator]) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        draws = torch.stack([torch.rand(inputs + 1, outputs, generator=rng) for rng in rngs])
        start = (2 * draws - 1) * bound  # (S, inputs + 1, outputs), the last row for the bias
        self.weight = nn.Parameter(start[:, :-1].clone())  # (S, inputs, outputs)
        self.bias = nn.Parameter(start[:, -1:].clone())  # (S, 1, outputs)

    def forward(self, x: Float("S N inputs")) -> Tensor:
        """Map (S, N, inputs) to (S, N, outputs)."""
        runs, inputs, _ = self.weight.shape
        require((len(x), x.shape[2]) == (runs, inputs), "x", x, f"shape ({runs}, N, {inputs})")
        return torch.baddbmm(self.bias, x, self.weight)  # bias + x @ weight, (S, N, outputs)


class BatchedBatchNorm(nn.Module):
    """Batch normalisation within each of S networks, always with the batch's own statistics."""

    def __init__(self, runs: Count, units: Count) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(runs, 1, units))
        self.shift = nn.Parameter(torch.zeros(runs, 1, units))

    def forward(self, x: Float("S N units")) -> Tensor:
        """Map (S, N, units) to the same shape: mean 0, variance 1 over N, then scale and shift."""
        good = x.shape[::2] == self.scale.shape[::2] and x.shape[1] > 1
        require(good, "x", x, f"shape ({', N > 1, '.join(map(str, self.scale.shape[::2]))})")
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)  # (S, 1, units)
        return torch.addcmul(self.shift, self.scale, (x - mean) * (variance + 1e-5).rsqrt())


def mlp(
    sizes: Sequence[Count],
    seeds: Sequence[Seed] | None = None,
    activation: Callable[[], nn.Module] = leaky_relu,
    scalar: bool = False,
) -> nn.Sequential:
    """Multilayer perceptron from (N, sizes[0]) to (N, sizes[-1]), or to (N,) if scalar. With S
    seeds, S networks at once, and both sides have a leading axis S."""
    require(len(sizes) > 1, "sizes", sizes, "at least two numbers of units")
    require(not scalar or sizes[-1] == 1, "sizes", sizes, "a last size of 1, since scalar=True")
    require(not isinstance(activation, nn.Module), "activation", activation, "a class of layers")
    require(len({*(seeds or ())}) == len(seeds or ()), "seeds", seeds, "no seed twice")
    linear = Linear if seeds is None else partial(BatchedLinear, rngs=rngs(seeds))
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [linear(inputs, outputs), activation()]
    layers.pop()  # no activation at the end
    return nn.Sequential(*layers, *([nn.Flatten(-2)] if scalar else []))  # (..., N, 1) to (..., N)


class Generator(nn.Module):
    """Noise in, digits out: an MLP draws 7×7 maps, two convolutions refine them to 28×28; of four
    maps `PixelShuffle` makes one. Loosely after Radford, Metz and Chintala (2016)."""

    def __init__(self, latent: Count = 32, channels: tuple[Count, Count] = (16, 8)) -> None:
        super().__init__()
        self.latent, (first, second) = latent, channels
        self.body = nn.Sequential(
            *(nn.Linear(latent, 128), nn.BatchNorm1d(128), nn.ReLU()),
            *(nn.Linear(128, first * 49), nn.BatchNorm1d(first * 49), nn.ReLU()),
            nn.Unflatten(1, (first, 7, 7)),
            *(nn.Conv2d(first, 4 * second, 3, padding=1), nn.PixelShuffle(2)),  # 14 × 14
            *(nn.BatchNorm2d(second), nn.ReLU()),
            *(nn.Conv2d(second, 4, 3, padding=1), nn.PixelShuffle(2), nn.Tanh()),  # 28 × 28
        )

    def forward(self, z: Float("N latent")) -> Tensor:
        """Map noise (N, latent) to pictures (N, 1, 28, 28)."""
        require(z.shape[1] == self.latent, "z", z, f"shape (N, {self.latent})")
        return self.body(z)


class Discriminator(nn.Module):
    """Digits in, one logit each out: positive means "looks real". Two convolutions and an MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_two_convolutions(8, 16),  # (N, 784)
            *(nn.Linear(784, 64), nn.LeakyReLU(0.2)),
            *(nn.Linear(64, 1), nn.Flatten(-2)),  # (N,)
        )

    def forward(self, x: Float("N 1 28 28")) -> Tensor:
        """Map pictures (N, 1, 28, 28) to logits (N,)."""
        return self.body(x)


def _two_convolutions(first: int, second: int) -> list[nn.Module]:
    """Return layers from pictures (N, 1, 28, 28) to (N, 49 · second)."""
    return [
        *(nn.Conv2d(1, first, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # (N, first, 14, 14)
        *(nn.Conv2d(first, second, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),  # (N, second, 7, 7)
        nn.Flatten(),
    ]


class DigitClassifier(nn.Module):
    """A small convolutional classifier; its 64 features are the space of the Fréchet distance."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 16, 14, 14)
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 32, 7, 7)
            *(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU()),  # (N, 64)
        )
        self.head = nn.Linear(64, 10)

    def features(self, x: Float("N 1 28 28")) -> Tensor:
        """Map pictures (N, 1, 28, 28) to features (N, 64), none of them negative."""
        return self.body(x)

    def forward(self, x: Float("N 1 28 28")) -> Tensor:
        """Map pictures (N, 1, 28, 28) to the logits of the ten classes, (N, 10)."""
        return self.head(self.features(x))


class AutoEncoder(nn.Module):
    """An encoder and a decoder: an EBGAN's discriminator, whose energy is its reconstruction error.
    `bound` is the largest absolute value that the decoder can put out, `None` if there is none."""

    def __init__(self, encode: nn.Module, decode: nn.Module, bound: Positive | None = None) -> None:
        super().__init__()
        self.encode, self.decode, self.bound = encode, decode, bound

    def forward(self, x: Float("...")) -> Tensor:
        """Map samples to their reconstructions, of the same shape."""
        return self.decode(self.encode(x))


def mlp_autoencoder(
    sizes: Sequence[Count],
    seeds: Sequence[Seed] | None = None,
    pictures: tuple[Count, Count, Count] | None = None,
) -> AutoEncoder:
    """Autoencoder of an `mlp` and its mirror image; `sizes` run from the input to the code. With
    `pictures`, (C, H, W), it maps pictures, and the decoder ends with tanh."""
    layers = mlp((*sizes, *sizes[-2::-1]), seeds)
    code = 2 * len(sizes) - 3  # index of the activation after the code, which is left out
    encode, decode = layers[:code], layers[code + 1 :]
    if pictures is None:
        return AutoEncoder(encode, decode)
    fits = seeds is None and math.prod(pictures) == sizes[0]
    require(fits, "pictures", pictures, f"C·H·W = sizes[0] = {sizes[0]}, and no seeds")
    back = nn.Sequential(*decode, nn.Tanh(), nn.Unflatten(1, pictures))
    return AutoEncoder(nn.Sequential(nn.Flatten(), *encode), back, bound=1.0)


class Encoder(nn.Module):
    """A small convolutional encoder: square pictures in, embeddings (N, dim) out, not normalised.
    Each convolution halves the sides; batch normalisation keeps embeddings from starting alike."""

    def __init__(
        self,
        size: Count = 28,
        channels: Count = 1,
        widths: Sequence[Count] = (16, 32, 64),
        dim: Count = 64,
    ) -> None:
        super().__init__()
        least = 2 ** len(widths)
        require(size >= least, "size", size, f"at least {least} for {len(widths)} convolutions")
        self.shape = (channels, size, size)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((channels, *widths)):
            convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
            size = (size + 1) // 2
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * size**2, dim))

    def forward(self, x: Float("N C H W")) -> Tensor:
        """Map pictures (N, channels, size, size) to embeddings (N, dim)."""
        require(x.shape[1:] == self.shape, "x", x, f"shape (N, {', '.join(map(str, self.shape))})")
        return self.body(x)


class ScaledEncoder(nn.Module):
    """An encoder that holds exp(`log_scale`) and `bias`, to be handed to `losses.cosine_bce`. Zhai
    et al. (2023), section 3.2; there the bias starts at −10, as most pairs are negative."""

    def __init__(self, encoder: nn.Module, scale: Positive = 10.0, bias: Number = -5.0) -> None:
        super().__init__()
        self.encoder = encoder
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))  # scale = its exp, above 0
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def forward(self, x: Float("...")) -> Tensor:
        """Map pictures to the encoder's embeddings."""
        return self.encoder(x)


check_calls(globals())
