"""Chapter 04: an energy model of digits. Its negatives are Langevin chains from a replay buffer.

The energy is a network with the convolutions of `models.Discriminator` and smooth units. In each update 32 chains from
a buffer of 1,000 pictures, one in twenty of them begun anew as noise, walk 20 steps. Buffer, small kicks and the weight
on squared energies are those of Du and Mordatch (2019). Fixed before the record, after one trial of 30 seconds (seed
100): 1,000 updates, about the 50 seconds of a core that chapter 06 gives its GAN and EBGAN; two arms that leave out one
precaution each, for 400 updates; and what is judged.
"""

import base64
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers import data, metrics
from helpers.seed import rngs, torch_seed
from helpers.studies import draw
from helpers.studies.ebgan_digits import training_features

STORED, BATCH, CHAIN, LOOKS = metrics.FRECHET_N, 32, 20, 5  # buffer, chains in an update, their steps; moments to judge
FRESH, LONGER = 100, (20, 40, 100, 200)  # steps of new chains, and of those in the buffer when training is over
_PLAIN = {"updates": 400, "level": 0.1, "cut": 0.03}
_ARMS = [
    {"arm": "energy model", **_PLAIN, "updates": 1000},
    {"arm": "level left free", **_PLAIN, "level": 0.0},
    {"arm": "slopes not cut off", **_PLAIN, "cut": 1e9},
    {"arm": "short", **_PLAIN, "updates": 10},
]
SEEDS = range(5)
PARTS = {setting["arm"]: [setting] for setting in _ARMS}
COST = "ten minutes on one core"


def energy_network() -> nn.Sequential:
    """Build an energy of pictures (N, 1, 28, 28)."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 4, stride=2, padding=1), nn.SiLU()),  # (N, 8, 14, 14)
        *(nn.Conv2d(8, 16, 4, stride=2, padding=1), nn.SiLU()),  # (N, 16, 7, 7)
        *(nn.Flatten(), nn.Linear(784, 32), nn.SiLU()),
        *(nn.Linear(32, 1), nn.Flatten(-2)),  # (N,)
    )


def walk(energy: nn.Module, x: Tensor, steps: int, rng: torch.Generator, cut: float = 0.03) -> Tensor:
    """Move pictures downhill, with small kicks; no pixel's slope counts as more than `cut`."""
    for _ in range(steps):
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(energy(x).sum(), x)
        kick = 0.01 * torch.randn(x.shape, generator=rng)
        x = (x.detach() - 10 * slope.clamp(-cut, cut) + kick).clamp(-1, 1)
    return x


def static(n: int, rng: torch.Generator) -> Tensor:
    """Draw pictures (n, 1, 28, 28) of uniform noise."""
    return 2 * torch.rand(n, 1, 28, 28, generator=rng) - 1


def update(energy: nn.Module, optimizer: Any, buffer: Tensor, real: Tensor, rng: Any, level: float, cut: float) -> Any:
    """Let N chains of the buffer walk, push down at real pictures (N, ...), pull up at the chains; give both levels."""
    chosen = torch.randperm(len(buffer), generator=rng)[: len(real)]
    begin = buffer[chosen]
    anew = torch.rand(len(real), generator=rng) < 0.05
    begin[anew] = static(len(real), rng)[anew]
    buffer[chosen] = walk(energy, begin, CHAIN, rng, cut)
    noisy = (real + 0.02 * torch.randn(real.shape, generator=rng)).clamp(-1, 1)
    down, up = energy(noisy), energy(buffer[chosen])
    loss = down.mean() - up.mean() + level * (down**2 + up**2).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(energy.parameters(), 1.0)
    optimizer.step()
    return float(down.detach().mean()), float(up.detach().mean())


def distance(pictures: Tensor) -> float:
    """Return the Fréchet distance of pictures to the training digits."""
    return metrics.frechet_distance(metrics.digit_features(pictures), training_features())


def run(seed: int, arm: str, updates: int, level: float, cut: float) -> dict[str, Any]:
    """Train an arm for the record. At each look: the Fréchet distance of the buffer, and mean energies on real pictures
    and on chains. In the end: those of new chains, and of the buffer as its chains walk on. Seconds are of training."""
    (rng,), images = rngs([seed]), data.digits("train")[0]
    with torch_seed(seed):
        energy = energy_network()
    optimizer = torch.optim.Adam(energy.parameters(), lr=1e-3, betas=(0.0, 0.999))
    buffer, seconds = static(STORED, rng), 0.0
    seen: dict[str, list[float]] = {"updates": [0], "distances": [distance(buffer)], "on_data": [], "on_chains": []}
    for step in range(1, updates + 1):
        resumed = time.process_time()
        levels = update(energy, optimizer, buffer, draw(images, BATCH, rng), rng, level, cut)
        seconds += time.process_time() - resumed
        if step % (updates // LOOKS) == 0:
            for values, value in zip(seen.values(), (step, distance(buffer), *levels), strict=True):
                values.append(value)
    found: dict[str, Any] = {**seen, "training_seconds": round(seconds, 2)}
    if arm != "energy model":
        return found
    weights, new = nn.utils.parameters_to_vector(energy.parameters()), walk(energy, static(STORED, rng), FRESH, rng)
    found |= {"weights": pack(weights), "pictures": pack(buffer[:12]), "fresh": distance(new), "longer": []}
    for before, after in zip((0, *LONGER), LONGER, strict=False):
        buffer = walk(energy, buffer, after - before, rng)
        found["longer"].append(distance(buffer))
    return found


def pack(values: Tensor) -> str:
    """Write numbers as a text, in half precision."""
    return base64.b64encode(values.detach().half().numpy().tobytes()).decode()


def unpack(text: str) -> Tensor:
    """Read numbers that were packed, (N,)."""
    return torch.tensor(np.frombuffer(base64.b64decode(text), np.float16), dtype=torch.float32)
