"""Sequences: clips of a moving digit, and words of a small language whose rule a program can check.

The clips come with an EBGAN that draws and judges them, a frame or a clip at a time (chapter 08).

The clips are a small relative of Moving MNIST: Srivastava, Mansimov and Salakhutdinov, "Unsupervised learning of video
representations using LSTMs" (2015), section 4.1; here a clip has one digit, which meets no wall.
The language is made up. Its vowels keep apart as those of Korean sound words do: banjjak and beonjjeok are two flashes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, interpolate, one_hot

from helpers import data, metrics
from helpers._checks import check_generator, check_int, check_tensor, describe, fail
from helpers.losses import reconstruction_energy
from helpers.models import mlp, mlp_autoencoder
from helpers.seed import generators
from helpers.train import ebgan_d_step, ebgan_g_step, fit, make_game, sample

FRAMES, SIDE, DIGIT = 4, 12, 10  # frames of a clip; height and width of a frame, and of the digit's picture in it
SLOWEST, FASTEST = 0.5, 1.5  # pixels from frame to frame
WANDER = 0.75  # pixels, either way: where the middle of the path lies
WALKER = 3  # the digit that walks; 400 pictures of it to learn from, 100 others to compare with
LATENT, BATCH, MARGIN, RATE = 16, 32, 0.2, 2e-3  # of the EBGAN of clips; its energy is a mean square
SHOWN = metrics.FRECHET_N // FRAMES  # clips in a report
MAIN_DIRECTIONS = 32  # of the frames' variation, in which single frames are compared

CONSONANTS, FINALS = "gndrmbsjhk", "gnrmb"  # a syllable may end with one of the second
BRIGHT, DARK, NEUTRAL = "ao", "eu", "i"  # vowels; no word has both a bright and a dark one
LETTERS, LENGTH = CONSONANTS + BRIGHT + DARK + NEUTRAL, 6
_SYLLABLES = re.compile(f"(?:[{CONSONANTS}][{BRIGHT}{DARK}{NEUTRAL}][{FINALS}]?)+")


def moving_digits(images: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Draw clips, each of one digit that moves along a straight line at a constant speed.

    Args:
        images: pictures to choose from, `(N, 1, 28, 28)` with values in [−1, 1], such as `data.digits` returns.
        n: number of clips.
        generator: source of randomness, on the CPU.

    Returns:
        `(n, FRAMES, SIDE, SIDE)` with values in [−1, 1]. Directions are uniform, speeds from SLOWEST to FASTEST.

    Raises:
        ValueError: if an argument is out of range.
    """
    if check_tensor("images", images, "(N, 1, 28, 28)", 4).shape[1:] != (1, 28, 28):
        fail("images", describe(images), "a tensor of shape (N, 1, 28, 28)")
    check_int("n", n, 1)
    pick = torch.randint(len(images), (n,), generator=check_generator(generator))
    draws = torch.rand(4, n, 1, generator=generator)
    angle, speed = 2 * math.pi * draws[0], SLOWEST + (FASTEST - SLOWEST) * draws[1]
    step = torch.cat([angle.cos(), angle.sin()], 1) * speed  # (n, 2), pixels from frame to frame
    middle = WANDER * (2 * draws[2:, :, 0].T - 1)  # (n, 2)
    times = torch.arange(FRAMES) - (FRAMES - 1) / 2  # the middle of the path is at time 0
    place = (middle + step * times[:, None, None]).transpose(0, 1)  # (n, FRAMES, 2)
    theta = (SIDE / DIGIT) * torch.eye(2).expand(n, FRAMES, 2, 2)
    theta = torch.cat([theta, -place[..., None] * 2 / DIGIT], -1).flatten(0, 1)  # (n·FRAMES, 2, 3)
    small = interpolate(images[pick].cpu(), size=DIGIT, mode="area").repeat_interleave(FRAMES, 0)
    where = affine_grid(theta, [n * FRAMES, 1, SIDE, SIDE], align_corners=False)
    drawn = grid_sample(small + 1, where, align_corners=False) - 1  # outside is 0, that is paper
    return drawn.reshape(n, FRAMES, SIDE, SIDE).clamp(-1, 1)


def centre_of_mass(clips: Tensor) -> Tensor:
    """Return where the ink of each frame is on average.

    Args:
        clips: `(..., T, H, W)` with values in [−1, 1]; −1 is paper.

    Returns:
        `(..., T, 2)`: x and y in pixels from the upper left one; the middle of a frame without ink.

    Raises:
        ValueError: on another shape or values that are not finite.
    """
    if check_tensor("clips", clips, "(..., T, H, W)").dim() < 3:
        fail("clips", describe(clips), "a tensor of shape (..., T, H, W)")
    ink = clips + 1 + 1e-6  # a frame without ink has its centre in the middle
    total = ink.sum((-2, -1))
    rows, columns = (torch.arange(size, dtype=ink.dtype, device=ink.device) for size in ink.shape[-2:])
    return torch.stack([(ink.sum(-2) * columns).sum(-1) / total, (ink.sum(-1) * rows).sum(-1) / total], -1)


@cache
def walks() -> tuple[Tensor, Tensor]:
    """Return real clips of one digit: 2,000 to learn from, and `SHOWN` of other pictures to compare with."""
    images = []
    for splits in (["train"], ["validation", "test"]):
        parts = [data.digits(split) for split in splits]
        images.append(torch.cat([pictures[labels == WALKER] for pictures, labels in parts]))
    source = generators([WALKER])[0]
    return moving_digits(images[0], 2000, source), moving_digits(images[1], SHOWN, source)


@cache
def _held_out_frames() -> tuple[Tensor, Tensor]:
    """Return the held-out frames' main directions `(144, MAIN_DIRECTIONS)`, and the frames in these coordinates."""
    frames = walks()[1].flatten(0, 1).flatten(1)  # (1000, 144)
    directions = torch.linalg.svd(frames - frames.mean(0), full_matrices=False)[2][:MAIN_DIRECTIONS].T
    return directions, frames @ directions


def film_report(clips: Tensor) -> dict[str, float]:
    """Judge clips by how they move and by what each frame looks like.

    Args:
        clips: `(SHOWN, FRAMES, SIDE, SIDE)`: always as many, since the distance depends on it.

    Returns:
        `acceleration`, the mean length of the second difference of the centre of mass; `slow`, `middle` and `fast`,
        the 5, 50 and 95 % points of the clips' mean step, all in pixels; and `frechet`, the distance of single frames
        from held-out real ones in their main directions.

    Raises:
        ValueError: on another shape.
    """
    shape = (SHOWN, FRAMES, SIDE, SIDE)
    if check_tensor("clips", clips, str(shape), 4).shape != shape:
        fail("clips", describe(clips), f"a tensor of shape {shape}")
    path = centre_of_mass(clips)  # (SHOWN, FRAMES, 2)
    steps = path.diff(dim=1).norm(dim=-1).mean(1)
    slow, middle, fast = steps.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
    directions, real = _held_out_frames()
    return {
        "acceleration": float(path.diff(dim=1, n=2).norm(dim=-1).mean()),
        **{"slow": slow, "middle": middle, "fast": fast},
        "frechet": metrics.frechet_distance(clips.flatten(0, 1).flatten(1) @ directions, real),
    }


def film(seeds: Sequence[int], judged: int, drawn: int, steps: int) -> tuple[Tensor, nn.Module]:
    """Train an EBGAN of clips in S universes.

    Args:
        seeds: one per universe.
        judged: frames that the autoencoder copies at a time, so that they share one energy: 1 or `FRAMES`.
        drawn: frames that the generator draws from one noise vector, 1 or `FRAMES`, not below `judged`.
        steps: updates of each network.

    Returns:
        Clips `(S, SHOWN, FRAMES, SIDE, SIDE)`, and the generator, from `(S, N, LATENT)` to `(S, N, drawn · SIDE²)`.

    Raises:
        ValueError: if an argument is out of range.
    """
    for name, value, choices in (("drawn", drawn, (1, FRAMES)), ("judged", judged, {1, drawn})):
        if check_int(name, value, 1) not in choices:
            fail(name, value, f"1 or {FRAMES}, and judged at most drawn")
    sources, pixels = generators(seeds), SIDE**2
    generator = nn.Sequential(mlp((LATENT, 64, drawn * pixels), seeds), nn.Tanh())
    autoencoder = mlp_autoencoder((judged * pixels, 64, 16), seeds)
    pool = walks()[0].reshape(-1, drawn * pixels)

    def real() -> Tensor:
        return pool[torch.stack([torch.randint(len(pool), (BATCH,), generator=source) for source in sources])]

    def energy(network: nn.Module, x: Tensor) -> Tensor:
        return reconstruction_energy(network, x.reshape(len(sources), -1, judged * pixels), kind="mse")

    d_step, g_step = partial(ebgan_d_step, margin=MARGIN, energy=energy), partial(ebgan_g_step, energy=energy)
    noise = partial(data.noise, BATCH, LATENT, sources)
    fit(make_game(generator, autoencoder, RATE), real, noise, steps, d_step=d_step, g_step=g_step, device="cpu")
    clips = sample(generator, data.noise(SHOWN * FRAMES // drawn, LATENT, sources))
    return clips.reshape(len(sources), SHOWN, FRAMES, SIDE, SIDE), generator


def stroll(network: nn.Module, generator: Sequence[torch.Generator]) -> Tensor:
    """Draw clips with a generator of single frames: four points on a straight line through the noise for each.

    Args:
        network: the generator that `film` returned, with `drawn=1`.
        generator: sources of randomness, one per universe.

    Returns:
        `(S, SHOWN, FRAMES, SIDE, SIDE)`.

    Raises:
        ValueError: if there is no source.
    """
    start, end = (data.noise(SHOWN, LATENT, generator)[:, :, None] for _ in range(2))  # (S, SHOWN, 1, LATENT)
    share = torch.linspace(0, 1, FRAMES)[:, None]
    frames = sample(network, (start + share * (end - start)).flatten(1, 2))  # (S, SHOWN·FRAMES, SIDE²)
    return frames.reshape(len(start), SHOWN, FRAMES, SIDE, SIDE)


def run(seed: int, judged: int, drawn: int, steps: int) -> dict[str, Any]:
    """Train one EBGAN of clips for the recorded study.

    Args:
        seed: a whole number in [0, 2³²).
        judged: see `film`.
        drawn: see `film`.
        steps: see `film`.

    Returns:
        The film's report; for single frames also that of clips from `stroll`, its names with `stroll_` before them.

    Raises:
        ValueError: if an argument is out of range.
    """
    clips, generator = film([seed], judged, drawn, steps)
    found: dict[str, Any] = film_report(clips[0])
    if drawn == 1:
        report = film_report(stroll(generator, generators([seed]))[0])
        found |= {f"stroll_{name}": value for name, value in report.items()}
    return found


def is_word(text: str) -> bool:
    """Say whether a text follows the rule of the language.

    A word has six letters. It is a row of syllables: a consonant, a vowel and, at will, one of the five finals. Bright
    vowels (a, o) and dark ones (e, u) do not meet in a word; i goes with both.

    Args:
        text: any text.

    Returns:
        Whether it is a word.

    Raises:
        ValueError: if `text` is none.
    """
    if not isinstance(text, str):
        fail("text", describe(text), "a text")
    mixed = set(text) & set(BRIGHT) and set(text) & set(DARK)
    return len(text) == LENGTH and not mixed and _SYLLABLES.fullmatch(text) is not None


def draw_words(n: int, generator: torch.Generator) -> list[str]:
    """Draw words of the language: half of two closed syllables, half of three open ones; half bright, half dark.

    Args:
        n: number of words; one may come more than once.
        generator: source of randomness, on the CPU.

    Returns:
        `n` words.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_int("n", n, 1)
    chance = torch.rand(n, 2 + LENGTH, generator=check_generator(generator)).tolist()
    words = []
    for kind, tone, *rolls in chance:
        vowels = (BRIGHT if tone < 0.5 else DARK) + NEUTRAL
        slots = [CONSONANTS, vowels, FINALS] * 2 if kind < 0.5 else [CONSONANTS, vowels] * 3
        words.append("".join(slot[int(roll * len(slot))] for slot, roll in zip(slots, rolls, strict=True)))
    return words


def encode_words(words: Sequence[str]) -> Tensor:
    """Write each letter as a row of zeros with a single one.

    Args:
        words: texts of six of the `LETTERS`, at least one; they need not follow the rule.

    Returns:
        `(N, LENGTH · len(LETTERS))`, of 0 and 1.

    Raises:
        ValueError: if a text has another length or other letters.
    """
    if isinstance(words, str) or not isinstance(words, Sequence) or not words:
        fail("words", describe(words), "at least one text, in a list")
    for word in words:
        if not isinstance(word, str) or len(word) != LENGTH or not set(word) <= set(LETTERS):
            fail("words", describe(word), f"texts of {LENGTH} of the letters {LETTERS}")
    numbers = torch.tensor([[LETTERS.index(letter) for letter in word] for word in words])  # (N, LENGTH)
    return one_hot(numbers, len(LETTERS)).float().flatten(1)


def decode_words(x: Tensor) -> list[str]:
    """Read at each place the letter with the largest share.

    Args:
        x: `(N, LENGTH · len(LETTERS))`, shares or any other numbers.

    Returns:
        N texts.

    Raises:
        ValueError: on another shape.
    """
    width = LENGTH * len(LETTERS)
    if check_tensor("x", x, f"(N, {width})", 2).shape[1] != width:
        fail("x", describe(x), f"a tensor of shape (N, {width})")
    numbers = x.reshape(len(x), LENGTH, -1).argmax(-1)  # (N, LENGTH)
    return ["".join(LETTERS[number] for number in row) for row in numbers.tolist()]
