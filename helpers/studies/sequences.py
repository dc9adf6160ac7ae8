"""Chapter 10, sequences: clips of a moving digit, and an EBGAN that draws and judges them, a frame or a clip at a time.

The clips are a small relative of Moving MNIST, Srivastava, Mansimov and Salakhutdinov (2015), section 4.1; here a clip
has one digit, which meets no wall. The chapter trains the same for a few hundred steps; no setting was tuned.
"""

import math
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, interpolate

from helpers import data, metrics, train
from helpers.checks import require
from helpers.models import mlp, mlp_autoencoder
from helpers.seed import rngs
from helpers.studies import draw, kept, mean_square

FRAMES, SIDE, DIGIT = 4, 12, 10  # frames of a clip; height and width of a frame, and of the digit's picture in it
SLOWEST, FASTEST = 0.5, 1.5  # pixels from frame to frame
WANDER = 0.75  # pixels, either way: where the middle of the path lies
WALKER = 3  # the digit that walks; 400 pictures of it to learn from, 100 others to compare with
LATENT, BATCH, MARGIN, RATE = 16, 32, 0.2, 2e-3  # of the EBGAN of clips; its energy is a mean square
SHOWN = metrics.FRECHET_N // FRAMES  # clips in a report
MAIN_DIRECTIONS = 32  # of the frames' variation, in which single frames are compared
ARMS = ((FRAMES, FRAMES), (1, FRAMES), (1, 1))  # frames judged, frames drawn
SEEDS = range(5)
PARTS = {"clips": [{"judged": judged, "drawn": drawn, "steps": 3000} for judged, drawn in ARMS]}
COST = "a few minutes on one core"


def moving_digits(images: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Draw clips (n, FRAMES, SIDE, SIDE), each of a digit from `images`, (N, 1, 28, 28), that moves along a straight
    line at a constant speed, SLOWEST to FASTEST. Directions are uniform."""
    pick = torch.randint(len(images), (n,), generator=rng)
    draws = torch.rand(4, n, 1, generator=rng)
    angle, speed = 2 * math.pi * draws[0], SLOWEST + (FASTEST - SLOWEST) * draws[1]
    step = torch.cat([angle.cos(), angle.sin()], 1) * speed  # (n, 2), pixels from frame to frame
    middle = WANDER * (2 * draws[2:, :, 0].T - 1)  # (n, 2)
    times = torch.arange(FRAMES) - (FRAMES - 1) / 2  # the middle of the path is at time 0
    place = (middle + step * times[:, None, None]).transpose(0, 1)  # (n, FRAMES, 2)
    theta = (SIDE / DIGIT) * torch.eye(2).expand(n, FRAMES, 2, 2)
    theta = torch.cat([theta, -place[..., None] * 2 / DIGIT], -1).flatten(0, 1)  # (n·FRAMES, 2, 3)
    small = interpolate(images[pick], size=DIGIT, mode="area").repeat_interleave(FRAMES, 0)
    where = affine_grid(theta, [n * FRAMES, 1, SIDE, SIDE], align_corners=False)
    drawn = grid_sample(small + 1, where, align_corners=False) - 1  # outside is 0, that is paper
    return drawn.reshape(n, FRAMES, SIDE, SIDE).clamp(-1, 1)


def centre_of_mass(clips: Tensor) -> Tensor:
    """Return where the ink of each frame (..., T, H, W) is on average: (..., T, 2), x and y in pixels."""
    ink = clips + 1 + 1e-6  # a frame without ink has its centre in the middle
    total = ink.sum((-2, -1))
    rows, columns = (torch.arange(size, dtype=ink.dtype) for size in ink.shape[-2:])
    return torch.stack([(ink.sum(-2) * columns).sum(-1) / total, (ink.sum(-1) * rows).sum(-1) / total], -1)


@kept
def moving_threes() -> tuple[Tensor, Tensor]:
    """Return real clips of one digit: 2,000 to learn from, and `SHOWN` of other pictures to compare with."""
    parts = [[data.digits(split) for split in splits] for splits in (["train"], ["validation", "test"])]
    learn, compare = (torch.cat([images[labels == WALKER] for images, labels in part]) for part in parts)
    rng = rngs([WALKER])[0]
    return moving_digits(learn, 2000, rng), moving_digits(compare, SHOWN, rng)


@cache
def _held_out_frames() -> tuple[Tensor, Tensor]:
    frames = moving_threes()[1].flatten(0, 1).flatten(1)  # (1000, 144)
    directions = torch.linalg.svd(frames - frames.mean(0), full_matrices=False)[2][:MAIN_DIRECTIONS].T  # (144, 32)
    return directions, frames @ directions


def clip_report(clips: Tensor) -> dict[str, float]:
    """Judge SHOWN clips, in pixels: `acceleration` is the mean length of the second difference of the centre of mass,
    `slow`, `middle` and `fast` are the 5, 50 and 95 % points of the clips' mean step. `frechet` is the distance of
    single frames from held-out real ones in their main directions; it depends on the number of clips."""
    require(clips.shape == (SHOWN, FRAMES, SIDE, SIDE), "clips", clips, f"shape ({SHOWN}, {FRAMES}, {SIDE}, {SIDE})")
    path = centre_of_mass(clips)  # (SHOWN, FRAMES, 2)
    steps = path.diff(dim=1).norm(dim=-1).mean(1)
    slow, middle, fast = steps.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
    directions, real = _held_out_frames()
    return {
        "acceleration": float(path.diff(dim=1, n=2).norm(dim=-1).mean()),
        **{"slow": slow, "middle": middle, "fast": fast},
        "frechet": metrics.frechet_distance(clips.flatten(0, 1).flatten(1) @ directions, real),
    }


def train_clips(seeds: Sequence[int], judged: int, drawn: int, steps: int) -> tuple[Tensor, nn.Module]:
    """Train an EBGAN of clips for each of S seeds at once: the autoencoder copies `judged` frames at a time, so that
    they share one energy, the generator draws `drawn` frames from one noise vector. Returns clips (S, SHOWN, FRAMES,
    SIDE, SIDE), and the generator, from (S, N, LATENT) to (S, N, drawn · SIDE²)."""
    # Frames of four draws, judged together, would be no clip; nothing else would notice.
    require((judged, drawn) in ARMS, "judged, drawn", (judged, drawn), f"one of {ARMS}")
    sources, pixels = rngs(seeds), SIDE**2
    generator = nn.Sequential(mlp((LATENT, 64, drawn * pixels), seeds), nn.Tanh())
    game = train.make_game(generator, mlp_autoencoder((judged * pixels, 64, 16), seeds), RATE)
    method = train.ebgan(MARGIN, lambda network, x: mean_square(network, x.reshape(len(seeds), -1, judged * pixels)))
    real = partial(draw, moving_threes()[0].reshape(-1, drawn * pixels), BATCH, sources)
    noise = partial(data.noise, BATCH, LATENT, sources)
    train.fit(game, method, real, noise, steps, device="cpu")
    clips = train.sample(generator, data.noise(SHOWN * FRAMES // drawn, LATENT, sources))
    return clips.reshape(-1, SHOWN, FRAMES, SIDE, SIDE), generator


def interpolated_clips(generator: nn.Module, sources: Sequence[torch.Generator]) -> Tensor:
    """Draw clips (S, SHOWN, FRAMES, SIDE, SIDE), frame by frame, on a straight line between two noise vectors."""
    start, end = (data.noise(SHOWN, LATENT, sources)[:, :, None] for _ in range(2))  # (S, SHOWN, 1, LATENT)
    share = torch.linspace(0, 1, FRAMES)[:, None]
    frames = train.sample(generator, (start + share * (end - start)).flatten(1, 2))  # (S, SHOWN·FRAMES, SIDE²)
    return frames.reshape(-1, SHOWN, FRAMES, SIDE, SIDE)


def run(seed: int, judged: int, drawn: int, steps: int) -> dict[str, Any]:
    """Train one EBGAN of clips and report; for single frames also `stroll_...`, the report of interpolated clips."""
    clips, generator = train_clips([seed], judged, drawn, steps)
    found: dict[str, Any] = clip_report(clips[0])
    if drawn == 1:
        report = clip_report(interpolated_clips(generator, rngs([seed]))[0])
        found |= {f"stroll_{name}": value for name, value in report.items()}
    return found
