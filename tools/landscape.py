"""Draw the figure of the start page: a network that learns the energy of a line, to be scrubbed by the visitor.

Usage: python tools/landscape.py    # trains for a second, then writes book/static/landscape.html

The data pushes the energy down, and the model's own samples pull it up (Gibbs distribution, maximum likelihood;
chapter 03 derives it). On a line the model's density is a sum over a grid, so the pull is exact.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers import data, models
from helpers.seed import generators, seed_everything

TARGET = Path(__file__).parent.parent / "book" / "static" / "landscape.html"
LIMIT, POINTS, DOTS = 3.0, 91, 15  # the line from -3 to 3, places on it, and dots of each colour
STEPS, EVERY, BATCH = 240, 6, 256
WIDTH, HEIGHT, FLOOR, UNIT = 720, 300, 275, 37  # of the drawing; where energy 0 stands, and how high 1 is
MIXTURE = data.Mixture(torch.tensor([[-1.7], [-0.3], [1.6]]), std=0.28)
GRID = torch.linspace(-LIMIT, LIMIT, POINTS)
CELL = float(GRID[1] - GRID[0])
DENSITY = MIXTURE.log_prob(GRID[:, None]).exp()  # (POINTS,), of the data


def film(seed: int = 0) -> Tensor:
    """Train, and return E + log Z = −log p on the grid at every EVERY steps, (T, POINTS)."""
    seed_everything(seed)
    source = generators([seed])
    net = models.mlp((1, 64, 64, 1), [seed], nn.SiLU, scalar=True)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, STEPS)
    frames = []
    for step in range(STEPS + 1):
        energy = net(3 * GRID[None, :, None])  # 3: the network meets numbers large enough for its bends
        log_z = (-energy).logsumexp(-1) + torch.tensor(CELL).log()
        if step % EVERY == 0:
            frames.append((energy + log_z)[0].detach())
        push = net(3 * MIXTURE.sample(BATCH, source)).mean()
        optimizer.zero_grad()
        (push + log_z.sum()).backward()
        optimizer.step()
        schedule.step()
    return torch.stack(frames)


def quantiles(density: Tensor) -> Tensor:
    """Return DOTS places between which equal parts of a density on the grid lie, (DOTS,)."""
    below = density.double().cumsum(0)
    wanted = (torch.arange(DOTS) + 0.5) / DOTS * below[-1]
    right = torch.searchsorted(below, wanted).clamp(min=1)
    part = (wanted - below[right - 1]) / (below[right] - below[right - 1])
    return GRID[right - 1] + (part * CELL).float()


def imbalance(frames: Tensor) -> Tensor:
    """Return how far push and pull are from cancelling, ∫|p − p_θ|, as a share of the first frame's, (T,)."""
    left = (DENSITY - (-frames).exp()).abs().sum(-1) * CELL
    return left / left[0]


def recording(frames: Tensor) -> dict[str, list]:
    """Return what the page is given: heights in the drawing, places of the dots, imbalance in per cent."""

    def across(x: Tensor) -> list[int]:
        return ((x + LIMIT) / (2 * LIMIT) * WIDTH).round().int().tolist()

    return {
        "heights": (FLOOR - UNIT * frames).round().clamp(min=-20).int().tolist(),
        "real": across(quantiles(DENSITY)),
        "fake": [across(quantiles((-frame).exp())) for frame in frames],
        "imbalance": (100 * imbalance(frames)).round().int().tolist(),
    }


def drawing(record: dict[str, list]) -> tuple[str, str]:
    """Return the last frame as the points of its curve and its dots; course.js draws the others in the same way."""
    heights, step = record["heights"][-1], WIDTH / (POINTS - 1)

    def dot(x: int, kind: str, off: int) -> str:
        """Draw a dot that touches the curve above x, from above (off < 0) or from below."""
        i = min(int(x / step), POINTS - 2)
        slope = (heights[i + 1] - heights[i]) / step
        off /= math.hypot(1, slope)
        at = x - off * slope, heights[i] + (x - i * step) * slope + off
        return f'<circle class="{kind}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="8"/>'

    curve = " L".join(f"{i * step:.0f},{y}" for i, y in enumerate(heights))
    dots = [dot(x, "is-data", -9) for x in record["real"]] + [dot(x, "is-other", 9) for x in record["fake"][-1]]
    return curve, "".join(dots)


def page(record: dict[str, list]) -> str:
    """Return the figure's HTML with its recording."""
    curve, dots = drawing(record)
    last = len(record["heights"]) - 1
    says = f"step {STEPS}, imbalance {record['imbalance'][-1]} %"
    return f"""\
<figure class="landscape" data-every="{EVERY}">
<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="A curve of energy over a line. At first it is nearly flat. \
Blue dots lie on it in three groups: the data. Orange dots hang below it, evenly spread: where the network expects \
data. With training the curve sinks into three valleys under the blue dots and rises between them, until each orange \
dot is close to a blue one.">
<path class="landscape-fill" d="M{curve} L{WIDTH},{HEIGHT} L0,{HEIGHT} Z"/><path class="landscape-curve" d="M{curve}"/>\
<g class="landscape-dots">{dots}</g>
</svg>
<div class="landscape-bar" role="group" aria-label="Training step: controls" hidden>
<button type="button">Play</button>
<input type="range" min="0" max="{last}" value="{last}" aria-label="Training step" aria-valuetext="{says}">
<span class="landscape-says" aria-hidden="true">{says}</span>
</div>
<figcaption>A network learns an energy in {STEPS} steps. Data, on the curve, <span class="is-down">push it
down</span>. Where the network itself expects data, below the curve, it is <span class="is-up">pulled up</span>. Where
both weigh the same, nothing moves. <a href="03-energy-instead-of-probability.html#the-two-forces">Chapter 3</a> shows
why this is right.</figcaption>
<script type="application/json">{json.dumps(record, separators=(",", ":"))}</script>
</figure>
"""


if __name__ == "__main__":
    torch.set_num_threads(1)
    TARGET.write_text(page(recording(film())), encoding="utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size / 1e3:.0f} kB")
