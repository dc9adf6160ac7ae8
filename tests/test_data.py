"""Data: densities that are what they say, fixed splits, and downloads that fail with words."""

import gzip
import hashlib
import json
import math
import socket
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from helpers import data
from helpers.data import Mixture, augment, digits, grid, noise, pairs, ring
from helpers.seed import rngs

# Where Debian's package dataset-fashion-mnist puts the four files.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_ring_is_a_regular_polygon_and_the_grid_a_grid() -> None:
    centers = ring(modes=12, radius=2.0).centers
    expected = [[2 * math.cos(k * math.pi / 6), 2 * math.sin(k * math.pi / 6)] for k in range(12)]
    torch.testing.assert_close(centers, torch.tensor(expected))
    assert (len(ring().centers), ring().std, ring().centers[0].tolist()) == (8, 0.05, [1, 0])
    lattice = grid(side=3, width=4.0, std=0.1)
    assert sorted(lattice.centers.tolist()) == [[x, y] for x in (-2, 0, 2) for y in (-2, 0, 2)]
    assert (len(grid().centers), grid().std, grid().centers.max(), lattice.std) == (25, 0.05, 1, 0.1)


def test_the_density_is_the_one_of_torch() -> None:
    centers = torch.randn(5, 3, generator=source(), dtype=torch.float64)
    x = torch.randn(4, 7, 3, generator=source(1), dtype=torch.float64)
    parts = Independent(Normal(centers, torch.full_like(centers, 0.4)), 1)
    theirs = MixtureSameFamily(Categorical(probs=torch.ones(5, dtype=torch.float64)), parts)
    torch.testing.assert_close(Mixture(centers, 0.4).log_prob(x), theirs.log_prob(x))


@pytest.mark.parametrize("draw", [ring(modes=4).sample, lambda n, rng: noise(n, 2, rng)], ids=["ring", "noise"])
def test_each_run_draws_from_its_own_generator_and_from_no_other(draw: Any) -> None:
    before, seeds = torch.get_rng_state(), [5, 0, 5]
    drawn = draw(6, rngs(seeds))
    assert torch.equal(drawn, torch.stack([draw(6, rng) for rng in rngs(seeds)]))
    assert drawn.shape == (3, 6, 2) and torch.equal(drawn[0], drawn[2]) and not torch.equal(drawn[0], drawn[1])
    rng = source()
    assert not torch.equal(draw(6, rng), draw(6, rng)) and torch.equal(before, torch.get_rng_state())


def test_the_packed_digits_are_the_ones_the_numbers_were_measured_with_each_in_one_split() -> None:
    images, labels = data._packed("digits.npz").values()
    content = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    assert content == "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"
    drawn = [digits(split)[0] for split in data.DIGIT_SLICES]
    assert len({image.numpy().tobytes() for images in drawn for image in images}) == 5000
    drawn[2].zero_()  # writing into the digits spoils no later call
    for split, each in (("train", 400), ("validation", 50), ("test", 50)):
        images, labels = digits(split)
        assert images.shape == (10 * each, 1, 28, 28) and images.dtype == torch.float32
        assert labels.tolist() == [digit for digit in range(10) for _ in range(each)]
        assert (images.min(), images.max()) == (-1, 1)
        assert images[:, :, 0, 0].eq(-1).all()  # −1 is paper, and there is none but paper in the corner
    framed = torch.full((500, 3, 32, 32), -1.0)
    framed[:, :, 2:30, 2:30] = images
    assert torch.equal(data.rgb32(images), framed)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the network: an attempt fails at once, as it does on a machine without one."""

    def refuse(*_: object, **__: object) -> None:
        raise URLError("the network is cut")

    for where, name in ((urllib.request, "urlopen"), (socket.socket, "connect"), (socket, "getaddrinfo")):
        monkeypatch.setattr(where, name, refuse)


KNOWN = json.loads((data.ASSETS / "downloads.json").read_text(encoding="utf-8"))
RANDOM = np.random.default_rng(0)
CLASSES = RANDOM.integers(0, 10, 70_000, dtype=np.uint8)
SHAPES = {"mnist": ((1, 1), 60_000, 50_000), "cifar10": ((3, 2, 2), 50_000, 45_000)}  # of tiny pictures; parts


def equals(loaded: tuple[Tensor, Tensor], pixels: np.ndarray, classes: np.ndarray) -> None:
    images, labels = loaded
    assert images.dtype == torch.float32 and labels.dtype == torch.int64
    np.testing.assert_array_equal(((images + 1) * 127.5).round().numpy(), pixels)
    assert labels.tolist() == classes.tolist()


@pytest.mark.parametrize("name", SHAPES)
def test_parts_are_the_ends_of_the_official_ones(name: data.DataSet, tmp_path: Path, monkeypatch: Any) -> None:
    shape, official, cut = SHAPES[name]
    pixels = RANDOM.integers(0, 256, (official + 10_000, *shape), dtype=np.uint8)
    there = [slice(official, None), slice(official)]  # by "is it for training?"

    def as_torchvision_has_them(root: Path, train: bool, download: bool) -> SimpleNamespace:
        assert root == tmp_path and download
        images, labels = pixels[there[train]], CLASSES[: len(pixels)][there[train]]
        if name == "mnist":
            return SimpleNamespace(data=torch.from_numpy(images), targets=torch.from_numpy(labels))
        return SimpleNamespace(data=images.transpose(0, 2, 3, 1), targets=labels.tolist())

    monkeypatch.setattr(torchvision.datasets, KNOWN[name]["dataset"], as_torchvision_has_them)
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    parts = {"train": slice(cut), "validation": slice(cut, official), "test": there[False]}
    for split, part in parts.items():
        expected = pixels[part].reshape(-1, *((1, *shape) if name == "mnist" else shape))
        equals(data.load(name, split, f"~/{tmp_path.name}", download=True), expected, CLASSES[: len(pixels)][part])


@pytest.mark.parametrize("name", KNOWN)
def test_a_damaged_file_is_named_even_where_another_is_asked_for(name: data.DataSet, tmp_path: Path) -> None:
    folder = tmp_path / KNOWN[name]["folder"]
    folder.mkdir(parents=True)
    (folder.parent / "processed").mkdir()  # where torchvision had them until 2021, and still looks first
    for file in [*KNOWN[name]["md5"], "../processed/training.pt"]:
        (folder / file).write_bytes(b"half of i")
        with pytest.raises(RuntimeError, match=rf"{file} is damaged, or of before 2021: delete it"):
            data.load(name, "train", tmp_path)
        (folder / file).unlink()


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(("download", "cause"), [(False, "download=True"), (True, "the network is cut")])
def test_without_files_or_network_it_is_said_what_to_do_by_hand(
    name: data.DataSet, download: bool, cause: str, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=cause) as caught:
        data.load(name, "test", tmp_path, download=download)
    assert all(file in str(caught.value) for file in KNOWN[name]["md5"])
    assert str((tmp_path / KNOWN[name]["folder"]).resolve()) in str(caught.value)


def test_the_checksums_are_torchvisions() -> None:
    cifar = torchvision.datasets.CIFAR10
    theirs = dict([*cifar.train_list, *cifar.test_list, [cifar.meta["filename"], cifar.meta["md5"]]])
    assert KNOWN["cifar10"]["md5"] == theirs
    for known in KNOWN.values():
        assert hasattr(torchvision.datasets, known["dataset"]) and known["validation"] in (5000, 10_000)


@pytest.mark.parametrize(
    ("split", "kind", "part"), [("validation", "train", slice(-10_000, None)), ("test", "t10k", slice(None))]
)
def test_fashion_mnist_agrees_with_its_bytes(split: data.Split, kind: str, part: slice, tmp_path: Path) -> None:
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name in KNOWN["fashion_mnist"]["md5"]:
        if not (DEBIAN / f"{name}.gz").is_file():
            pytest.skip(f"Fashion-MNIST is not in {DEBIAN} (Debian's package dataset-fashion-mnist)")
        (folder / name).write_bytes(gzip.decompress((DEBIAN / f"{name}.gz").read_bytes()))
    pixels = np.frombuffer((folder / f"{kind}-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
    classes = np.frombuffer((folder / f"{kind}-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8)
    equals(data.load("fashion_mnist", split, tmp_path), pixels.reshape(-1, 1, 28, 28)[part], classes[part])


# Unsorted, of sizes 2, 3 and 7, and not numbered from 0.
UNBALANCED = torch.tensor([5, -3, 5, 5, 70, 5, 5, -3, 70, 5, 5, 70])


@pytest.mark.parametrize("labels", [UNBALANCED, torch.tensor([1, 0, 1, 0]), digits("test")[1], UNBALANCED == 5])
def test_half_of_the_pairs_have_one_label_and_no_example_meets_itself(labels: Tensor) -> None:
    for n, seed in ((2, 0), (20_000, 1)):
        index, same = pairs(labels, n, source(seed))
        torch.testing.assert_close(pairs(labels, n, source(seed)), (index, same))  # a seed fixes them
        assert index.shape == (n, 2) and index.dtype == same.dtype == torch.int64
        assert same.sum() == n // 2 and set(same.tolist()) == {0, 1}
        assert torch.equal(labels[index[:, 0]] == labels[index[:, 1]], same.bool())
        assert (index[:, 0] != index[:, 1]).all()
    same = same.double()  # in random order
    assert float((same[1:] * same[:-1]).mean()) == pytest.approx(0.25, abs=0.02)  # 5 standard errors


@pytest.mark.parametrize("kind", [0, 1])
def test_every_fitting_partner_is_equally_likely(kind: int) -> None:
    count, n = len(UNBALANCED), 120_000
    index, same = pairs(UNBALANCED, n, source())
    fits = (UNBALANCED.unsqueeze(0) == UNBALANCED.unsqueeze(1)) == bool(kind)
    fits.fill_diagonal_(False)
    found = torch.zeros(count, count).index_put_((*index[same == kind].T,), torch.ones(n // 2), accumulate=True)
    expected = (n / 2 / count / fits.sum(1, keepdim=True) * fits)[fits]
    chi2, freedom = float(((found[fits] - expected) ** 2 / expected).sum()), len(expected) - 1
    assert abs(chi2 - freedom) < 5 * math.sqrt(2 * freedom) and found[~fits].sum() == 0


AMOUNTS = {"degrees": 40.0, "scale": 0.3, "shift": 0.2, "shear": 0.4}


@pytest.mark.parametrize("size", [28, 32])
def test_an_augmented_picture_is_turned_stretched_sheared_and_moved_as_scipy_does_it(size: int) -> None:
    images = 2 * torch.rand(40, 2, size, size, generator=source(1)) - 1  # ink up to the border
    draws = (2 * torch.rand(6, 40, generator=source()) - 1).T.double().numpy()  # each in [−1, 1]
    results = augment(images, source(), **AMOUNTS)
    for image, result, (angle, wide, high, slant, right, down) in zip(images, results, draws, strict=True):
        turn = Rotation.from_euler("z", 40 * angle, degrees=True).as_matrix()[:2, :2]
        # Twice as large is read in steps of a half. The stretch comes last: along the axes, at every angle.
        stretch = np.array([[1 / (1 + 0.3 * wide), 0.4 * slant], [0, 1 / (1 + 0.3 * high)]])
        back = turn @ stretch  # from places in the result to places in the picture, x before y
        matrix, middle = back[::-1, ::-1], np.full(2, (size - 1) / 2)  # y before x
        offset = middle - matrix @ middle + 0.2 * size * np.array([down, right])
        for channel, found in zip(image.numpy(), result.numpy(), strict=True):
            # Outside is paper, −1.
            expected = affine_transform(channel, matrix, offset, order=1, mode="grid-constant", cval=-1)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)


def test_strength_is_a_share_of_every_amount() -> None:
    images, half = digits("test")[0][::10], {name: amount / 2 for name, amount in AMOUNTS.items()}
    assert torch.equal(augment(images, source(), **AMOUNTS, strength=0.5), augment(images, source(), **half))
    torch.testing.assert_close(augment(images, source(), strength=0.0), images, rtol=0, atol=1e-4)
    usual = augment(images, source(), degrees=15, scale=0.15, shift=0.1, shear=0.15, strength=1)
    assert torch.equal(augment(images, source()), usual)
