"""Energies put to work: what chapter 08 asks of a trained energy, and the baselines beside it.

Three networks of one shape learn the same digits, all but one class: an autoencoder that only copies, the
autoencoder of an EBGAN, and one that is trained for a single task, to fill a hole. Their energies are asked to tell
the class that was left out, to fill the hole by going downhill, and to double the resolution. One more pair draws a
few Hangul syllables in many fonts.

Sources: anomalies by reconstruction: Zhai et al. (2016), section 4; by a classifier's confidence: Hendrycks and
Gimpel (2017), section 2; the energy-based GAN: Zhao et al. (2016).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate

from helpers import data, metrics
from helpers._checks import check_choice, check_generator, check_int, check_tensor, describe, fail
from helpers.losses import reconstruction_energy
from helpers.models import AutoEncoder, Discriminator, Encoder, Generator, mlp_autoencoder
from helpers.sampling import langevin
from helpers.seed import generators
from helpers.train import Game, ebgan_d_step, ebgan_g_step, embed, fit, fit_encoder, make_ebgan, make_game, sample

SIZES, LATENT = (784, 128, 32), 32  # of every autoencoder, and the length of every noise vector
MARGIN, BATCH = 0.3, 64  # the energy is a mean square; copying costs a trained network about 0.1
HOLE = (slice(8, 20), slice(8, 20))  # rows and columns of the hidden patch
STOPS = (0, 5, 10, 20, 50)  # steps of descent at which a filled patch is judged
SLOPE = 0.1  # step of the descent on the energy's sum over a picture's pixels
SYLLABLES = 8  # of the 440 in `data.hangul("train")`, each in 11 fonts
WOBBLE = (5.0, 0.05, 0.03, 0.05)  # degrees, scale, shift and shear that make each picture of a syllable another one
energy = partial(reconstruction_energy, kind="mse")


@cache
def digits_without(held_out: int, split: str) -> tuple[Tensor, Tensor]:
    """Return digits of all classes but one.

    Args:
        held_out: the class to leave out, 0 to 9.
        split: see `data.digits`.

    Returns:
        Pictures `(N, 1, 28, 28)` and labels `(N,)`.

    Raises:
        ValueError: if an argument is out of range.
    """
    if check_int("held_out", held_out, 0) > 9:
        fail("held_out", held_out, "a digit from 0 to 9")
    images, labels = data.digits(split)
    return images[labels != held_out], labels[labels != held_out]


def _check_pictures(name: str, value: Tensor, side: int = 28) -> Tensor:
    """Return a batch of square pictures with one channel if it is one."""
    if check_tensor(name, value, f"(N, 1, {side}, {side})", 4).shape[1:] != (1, side, side):
        fail(name, describe(value), f"a tensor of shape (N, 1, {side}, {side})")
    return value


def hole_mask() -> Tensor:
    """Return where the hidden patch is: `(1, 1, 28, 28)`, 1 inside and 0 outside."""
    mask = torch.zeros(1, 1, 28, 28)
    mask[..., *HOLE] = 1
    return mask


def new_autoencoder() -> AutoEncoder:
    """Return the autoencoder that all arms start from; its weights come from torch's global random state."""
    return mlp_autoencoder(SIZES, pictures=(1, 28, 28))


def learn(network: nn.Module, task: str, held_out: int, steps: int, generator: torch.Generator) -> nn.Module:
    """Train a network on the digits of nine classes, in place.

    Args:
        network: an autoencoder, or for `"classify"` one from pictures to ten logits.
        task: `"copy"` the picture; `"fill"` a picture whose hole shows the mean picture; or `"classify"`.
        held_out: the class that it does not see.
        steps: updates on 64 pictures.
        generator: source of the batches.

    Returns:
        The same network, in evaluation mode; its weights ask for no gradient any more.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_choice("task", task, ("copy", "fill", "classify"))
    check_generator(generator)
    images, labels = digits_without(held_out, "train")
    blind, mean = hole_mask(), images.mean(0, keepdim=True)

    def batch() -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(images), (BATCH,), generator=generator)
        return images[rows], labels[rows]

    def loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        if task == "classify":
            return cross_entropy(network(x), y)
        return ((network(x + blind * (mean - x) if task == "fill" else x) - x) ** 2).mean()

    fit_encoder(network, loss, batch, steps)
    return network.eval().requires_grad_(False)


def play(
    game: Game,
    sample_real: Callable[[], Tensor],
    steps: int,
    generator: torch.Generator,
    watch: Callable[[Game], Any] | None = None,
    every: int = 100,
) -> list[Any]:
    """Play an EBGAN with the settings of this study, or a GAN if the discriminator is no autoencoder.

    Args:
        game: made by `new_game`; changed in place.
        sample_real: returns a batch of real pictures.
        steps: updates of each network.
        generator: source of the noise.
        watch: see `train.fit`.
        every: see `train.fit`.

    Returns:
        What `watch` saw.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_generator(generator)
    moves: dict[str, Any] = {}
    if isinstance(game.discriminator, AutoEncoder):
        moves = {"d_step": partial(ebgan_d_step, margin=MARGIN, energy=energy)}
        moves |= {"g_step": partial(ebgan_g_step, energy=energy)}

    def noise() -> Tensor:
        return torch.randn(BATCH, LATENT, generator=generator)

    return fit(game, sample_real, noise, steps, watch=watch, every=every, device="cpu", **moves).watched


def new_game(method: str) -> Game:
    """Return an untrained pair; its weights come from torch's global random state.

    Args:
        method: `"ebgan"`, or `"gan"` for the same generator against chapter 01's discriminator.

    Returns:
        The game, for `play`.

    Raises:
        ValueError: if `method` is another word.
    """
    if check_choice("method", method, ("ebgan", "gan")) == "gan":
        return make_game(Generator(LATENT), Discriminator())
    return make_ebgan(Generator(LATENT), new_autoencoder(), MARGIN, SIZES[0], "mse")


def doubt(classifier: nn.Module, x: Tensor) -> Tensor:
    """Return 1 − the largest probability that a classifier gives.

    Args:
        classifier: from pictures to logits.
        x: pictures `(N, 1, 28, 28)`.

    Returns:
        `(N,)`, from 0 to 1.

    Raises:
        ValueError: on another shape.
    """
    _check_pictures("x", x)
    return 1 - embed(classifier, x).softmax(-1).amax(-1)


def ink_surprise(x: Tensor, images: Tensor) -> Tensor:
    """Return how far each picture's mean ink is from that of the training pictures: a score with no learning.

    Args:
        x: pictures `(N, 1, 28, 28)` to score.
        images: training pictures `(M, 1, 28, 28)`.

    Returns:
        `(N,)`, at least 0.

    Raises:
        ValueError: on other shapes.
    """
    for name, value in (("x", x), ("images", images)):
        _check_pictures(name, value)
    return (x.flatten(1).mean(1) - images.mean()).abs()


def descend(
    autoencoder: AutoEncoder, start: Tensor, rebuild: Callable[[Tensor], Tensor], stops: tuple[int, ...]
) -> list[Tensor]:
    """Go downhill on the energy of `rebuild(x)`, which keeps what is known of the picture, whatever x is.

    Args:
        autoencoder: whose energy it is.
        start: x at first, `(N, 1, 28, 28)`.
        rebuild: from x to pictures; differentiable.
        stops: numbers of steps to look at, rising, the first may be 0.

    Returns:
        For each stop the rebuilt pictures, cut off at −1 and 1.

    Raises:
        ValueError: if the stops do not rise, or `start` has another shape.
    """
    _check_pictures("start", start)
    if not stops or stops[0] < 0 or any(later <= stop for stop, later in pairwise(stops)):
        fail("stops", describe(stops), "rising numbers of steps, from 0 or more")

    def height(x: Tensor) -> Tensor:
        return SIZES[0] * energy(autoencoder, rebuild(x))

    seen, x, done = [], start, 0
    for stop in stops:
        x = langevin(height, x, stop - done, SLOPE, noise=0.0) if stop > done else x
        seen.append(rebuild(x).clamp(-1, 1))
        done = stop
    return seen


def paste(pictures: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what puts x into the hole of some pictures and leaves all else as it is.

    Args:
        pictures: `(N, 1, 28, 28)`.

    Returns:
        A function from x to pictures, both of that shape.

    Raises:
        ValueError: on another shape.
    """
    _check_pictures("pictures", pictures)
    blind = hole_mask()
    return lambda x: pictures + blind * (x - pictures)


def agree(small: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what corrects x so that its 2×2 means are the pixels of a smaller picture.

    Args:
        small: `(N, 1, 14, 14)`.

    Returns:
        A function from pictures `(N, 1, 28, 28)` to corrected ones.

    Raises:
        ValueError: on another shape.
    """
    _check_pictures("small", small, 14)
    return lambda x: x + interpolate(small - avg_pool2d(x, 2), scale_factor=2)


def neighbours(x: Tensor, images: Tensor, count: int, mask: Tensor | float = 1.0) -> Tensor:
    """Return the mean of each picture's nearest training pictures.

    Args:
        x: `(N, 1, 28, 28)`.
        images: `(M, 1, 28, 28)`.
        count: how many to average, 1 for the nearest itself.
        mask: 1 where pixels count, 0 where they do not.

    Returns:
        `(N, 1, 28, 28)`.

    Raises:
        ValueError: on other shapes, or if there are fewer pictures than `count`.
    """
    for name, value in (("x", x), ("images", images)):
        _check_pictures(name, value)
    if check_int("count", count, 1) > len(images):
        fail("count", count, f"at most the {len(images)} training pictures")
    distance = torch.cdist((x * mask).flatten(1), (images * mask).flatten(1))  # (N, M)
    return images[distance.topk(count, largest=False).indices].mean(1)


@cache
def hangul_cells() -> Tensor:
    """Return each of a few syllables in each of 11 fonts, at the digits' size: `(SYLLABLES, 11, 1, 28, 28)`."""
    images = data.hangul("train").images[:SYLLABLES]
    small = interpolate(images.flatten(0, 1), size=28, mode="bilinear", antialias=True)
    return small.clamp(-1, 1).unflatten(0, images.shape[:2])


def styles(x: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Say for each picture which clean picture is nearest, and how far it is.

    Args:
        x: `(N, 1, 28, 28)`.
        cells: `(K, F, 1, 28, 28)`, K syllables in F fonts.

    Returns:
        `(N,)` distances, and `(N,)` numbers of cells: syllable · F + font.

    Raises:
        ValueError: on other shapes.
    """
    _check_pictures("x", x)
    check_tensor("cells", cells, "(K, F, 1, 28, 28)", 5)
    return torch.cdist(x.flatten(1), cells.flatten(2).flatten(0, 1)).min(1)


def run(seed: int, part: str, steps: int, **setting: Any) -> dict[str, Any]:
    """Do one run of the recorded study.

    Args:
        seed: a whole number in [0, 2³²).
        part: `"digits"` with `held_out`, or `"styles"` with `method`.
        steps: updates of each network.
        **setting: see `part`.

    Returns:
        For digits: AUROC of each score against the class left out (`odd_...`) and against Hangul (`hangul_...`),
        `ebgan_path` over the training; squared errors of filling (`fill_...`: at each of `STOPS` on test digits,
        `..._validation` on validation digits, `..._energy` the mean energy) and of doubling (`double_...`).
        For styles: the effective numbers of fonts and of cells, for samples and for real pictures, and the share of
        samples that are as near to a clean picture as 95 of 100 real ones are.

    Raises:
        ValueError: if an argument is out of range.
    """
    if check_choice("part", part, ("digits", "styles")) == "styles":
        return _run_styles(seed, steps, **setting)
    return _run_digits(seed, steps, **setting)


def _run_digits(seed: int, steps: int, held_out: int) -> dict[str, Any]:
    """Train the arms on nine classes and ask them everything."""
    generator = generators([seed])[0]
    images, _ = digits_without(held_out, "train")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        game, copyist, filler = new_game("ebgan"), new_autoencoder(), new_autoencoder()
        classifier = Encoder(widths=(16, 32), dim=10)

    def batch() -> Tensor:
        return images[torch.randint(len(images), (BATCH,), generator=generator)]

    def look(game: Game) -> float:
        return rank(partial(_energy, game.discriminator), held_out)[0]

    found: dict[str, Any] = {"ebgan_path": play(game, batch, steps, generator, look, steps // 5)}
    arms = {"autoencoder": learn(copyist, "copy", held_out, steps, generator), "ebgan": game.discriminator}
    learn(filler, "fill", held_out, steps, generator)
    learn(classifier, "classify", held_out, steps // 2, generator)
    scores: dict[str, Callable[[Tensor], Tensor]] = {name: partial(_energy, arm) for name, arm in arms.items()}
    scores |= {"classifier": partial(doubt, classifier), "ink": partial(ink_surprise, images=images)}
    scores["nearest"] = lambda x: (x - neighbours(x, images, 1)).flatten(1).norm(dim=1)
    for name, score in scores.items():
        found[f"odd_{name}"], found[f"hangul_{name}"] = rank(score, held_out)
    return found | _fillings(arms, filler, held_out) | _doublings(arms, held_out)


@torch.no_grad()
def _energy(autoencoder: nn.Module, x: Tensor) -> Tensor:
    """Return the energy without a gradient."""
    return energy(autoencoder, x)


@cache
def _strange_pictures() -> Tensor:
    """Return 450 Hangul syllables at the digits' size, `(450, 1, 28, 28)`: no network here was trained on any."""
    images = data.hangul("test").images.flatten(0, 1)  # 150 syllables in 3 fonts
    return interpolate(images, size=28, mode="bilinear", antialias=True).clamp(-1, 1)


def rank(score: Callable[[Tensor], Tensor], held_out: int) -> tuple[float, float]:
    """Return how often a strange picture scores higher than a test digit of the nine classes (AUROC).

    Args:
        score: from pictures `(N, 1, 28, 28)` to `(N,)`; high should mean strange.
        held_out: the class left out in training.

    Returns:
        The AUROC of the class left out, and that of Hangul syllables.

    Raises:
        ValueError: if `held_out` is no digit.
    """
    usual, _ = digits_without(held_out, "test")
    images, labels = data.digits("test")
    known, odd, hangul = (score(x) for x in (usual, images[labels == held_out], _strange_pictures()))
    return _auroc(known, odd), _auroc(known, hangul)


def _auroc(known: Tensor, strange: Tensor) -> float:
    """Return how often a strange score is above a known one."""
    return metrics.auroc(torch.cat([known, strange]), torch.cat([torch.zeros(len(known)), torch.ones(len(strange))]))


def _fillings(arms: dict[str, AutoEncoder], direct: nn.Module, held_out: int) -> dict[str, Any]:
    """Fill the hole of digits of the nine classes in all ways; see `run`.

    Args:
        arms: autoencoders by name, whose energy is descended.
        direct: the network that was trained to fill.
        held_out: the class left out.

    Returns:
        Mean squared errors per hidden pixel, by name.

    Raises:
        ValueError: if `held_out` is no digit.
    """
    images, _ = digits_without(held_out, "train")
    blind, mean, found = hole_mask(), images.mean(0, keepdim=True), {}
    for split in ("validation", "test"):
        truth, _ = digits_without(held_out, split)
        put, last = paste(truth), "" if split == "test" else "_validation"
        error = partial(hidden_error, truth=truth)
        for name, arm in arms.items():
            seen = descend(arm, mean.expand_as(truth), put, STOPS)
            found[f"fill_{name}{last}"] = [error(x) for x in seen]
            found[f"fill_{name}{last}_energy"] = [float(_energy(arm, x).mean()) for x in seen]
            found[f"fill_{name}{last}_truth_energy"] = float(_energy(arm, truth).mean())
    for name, count in (("nearest", 1), ("five", 5)):
        found[f"fill_{name}"] = error(neighbours(truth, images, count, 1 - blind))
    return found | {"fill_mean": error(put(mean)), "fill_direct": error(embed(direct, put(mean)))}


def hidden_error(filled: Tensor, truth: Tensor) -> float:
    """Return the mean square error over the hidden pixels.

    Args:
        filled: `(N, 1, 28, 28)`.
        truth: likewise.

    Returns:
        A number of at least 0.

    Raises:
        ValueError: if the shapes differ.
    """
    _check_pictures("truth", truth)
    if not isinstance(filled, Tensor) or filled.shape != truth.shape:
        fail("filled", describe(filled), f"the shape {tuple(truth.shape)} of truth")
    return float(((filled - truth)[..., *HOLE] ** 2).mean())


def _doublings(arms: dict[str, AutoEncoder], held_out: int) -> dict[str, Any]:
    """Double the resolution of digits of the nine classes in all ways; see `run`.

    Args:
        arms: autoencoders by name, whose energy is descended.
        held_out: the class left out.

    Returns:
        Mean squared errors per pixel, by name.

    Raises:
        ValueError: if `held_out` is no digit.
    """
    truth, _ = digits_without(held_out, "test")
    small = avg_pool2d(truth, 2)
    ways = {kind: interpolate(small, scale_factor=2, mode=kind).clamp(-1, 1) for kind in ("bilinear", "bicubic")}
    start, correct = ways["bicubic"], agree(small)
    ways["corrected"] = correct(start).clamp(-1, 1)
    ways |= {name: descend(arm, start, correct, (30,))[0] for name, arm in arms.items()}
    return {f"double_{name}": float(((x - truth) ** 2).mean()) for name, x in ways.items()}


def _run_styles(seed: int, steps: int, method: str) -> dict[str, Any]:
    """Train one generator on syllables in many fonts and count its fonts."""
    generator = generators([seed])[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        game = new_game(method)
    play(game, partial(syllable_batch, BATCH, generator), steps, generator)
    drawn = sample(game.generator, torch.randn(1000, LATENT, generator=generator))
    return style_report(drawn, syllable_batch(1000, generator))


def syllable_batch(count: int, generator: torch.Generator) -> Tensor:
    """Draw syllables in random fonts, each a little turned, scaled and shifted.

    Args:
        count: how many.
        generator: source of randomness.

    Returns:
        `(count, 1, 28, 28)`.

    Raises:
        ValueError: if `count` is below 1.
    """
    cells = hangul_cells().flatten(0, 1)  # (K·F, 1, 28, 28)
    rows = torch.randint(len(cells), (check_int("count", count, 1),), generator=check_generator(generator))
    return data.augment(cells[rows], generator, *WOBBLE)


def style_report(drawn: Tensor, real: Tensor) -> dict[str, Any]:
    """Count fonts and cells among samples and among real pictures; see `run`.

    Args:
        drawn: samples `(N, 1, 28, 28)`.
        real: real pictures, of the same shape or more.

    Returns:
        The numbers by name.

    Raises:
        ValueError: on another shape.
    """
    for name, value in (("drawn", drawn), ("real", real)):
        _check_pictures(name, value)
    cells = hangul_cells()
    far, cell = styles(drawn, cells)
    far_real, cell_real = styles(real, cells)
    fonts = cells.shape[1]
    return {
        "near": float((far < far_real.quantile(0.95)).float().mean()),
        "fonts": metrics.effective_number(cell % fonts),
        "cells": metrics.effective_number(cell),
        "real_fonts": metrics.effective_number(cell_real % fonts),
        "real_cells": metrics.effective_number(cell_real),
        "font_counts": torch.bincount(cell % fonts, minlength=fonts).tolist(),
    }
