"""Draw the figure of the start page: an energy on a line learns where the data is, scrubbed by the visitor.

Usage: python tools/landscape.py    # writes book/static/landscape.html

The energy is a table with one number for each place, so that nothing but the two forces moves it: gradient descent
on the mean of −log p_θ over the data changes E(x) by −η (p(x) − p_θ(x)) (chapter 03 derives it). There is no chance in
it, and no seed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from torch import Tensor

from helpers import data

TARGET = Path(__file__).parent.parent / "book" / "static" / "landscape.html"
LIMIT, POINTS, DOTS = 3.0, 91, 15  # the line from -3 to 3, places on it, and dots of each colour
STEPS, RATE, FRAMES = 400, 0.5, 46  # frames at most; early ones lie closer together, as the forces fade
WIDTH, HEIGHT, ZERO, UNIT = 720, 300, 155, 48  # of the drawing; where energy 0 stands, and how high 1 is
GRID = torch.linspace(-LIMIT, LIMIT, POINTS, dtype=torch.float64)
CELL = float(GRID[1] - GRID[0])
MIXTURE = data.Mixture(torch.tensor([[-1.7], [-0.3], [1.6]], dtype=torch.float64), std=0.28)
DENSITY = MIXTURE.log_prob(GRID[:, None]).exp()  # p, (POINTS,)


def gibbs(energy: Tensor) -> Tensor:
    """Return the density p_θ ∝ exp(−E) on the grid, (..., POINTS)."""
    return (-energy).softmax(-1) / CELL


def moments() -> list[int]:
    """Return the steps that are shown, from 0 to STEPS."""
    return sorted({round((STEPS + 1) ** (k / (FRAMES - 1))) - 1 for k in range(FRAMES)})


def film() -> Tensor:
    """Return the energy at each moment, (T, POINTS); it starts with a valley where there is no data."""
    energy = -1.8 * (-0.5 * ((GRID - 0.65) / 0.45) ** 2).exp()
    wanted, shown = set(moments()), []
    for step in range(STEPS + 1):
        if step in wanted:
            shown.append(energy)
        energy = energy - RATE * (DENSITY - gibbs(energy))  # push down at the data, pull up at the model
    return torch.stack(shown)


def quantiles(density: Tensor) -> Tensor:
    """Return DOTS places between which equal parts of a density on the grid lie, (DOTS,)."""
    below = density.cumsum(0)
    wanted = (torch.arange(DOTS) + 0.5) / DOTS * below[-1]
    right = torch.searchsorted(below, wanted).clamp(min=1)
    part = (wanted - below[right - 1]) / (below[right] - below[right - 1])
    return GRID[right - 1] + part * CELL


def overlap(frames: Tensor) -> Tensor:
    """Return which share of the data's density and the energy's own lies at the same places, ∫min(p, p_θ), (T,)."""
    return torch.minimum(DENSITY, gibbs(frames)).sum(-1) * CELL


def recording(frames: Tensor) -> dict[str, list]:
    """Return what the page is given: steps, heights in the drawing, places of the dots, overlap in per cent."""

    def across(x: Tensor) -> list[int]:
        return ((x + LIMIT) / (2 * LIMIT) * WIDTH).round().int().tolist()

    return {
        "steps": moments(),
        "heights": (ZERO - UNIT * frames).round().int().tolist(),
        "real": across(quantiles(DENSITY)),
        "fake": [across(quantiles(density)) for density in gibbs(frames)],
        "overlap": (100 * overlap(frames)).floor().int().tolist(),  # 100 would be said too early
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
    last = len(record["steps"]) - 1
    says = f"step {record['steps'][-1]}: {record['overlap'][-1]} % overlap"
    return f"""\
<figure class="landscape">
<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="A curve of energy over a line. Blue dots lie on it in three \
groups: the data. Orange dots hang below it, more where it is low. At first the curve has one valley, between two \
groups of blue dots, and is flat elsewhere. With training that valley rises to a hill, the curve sinks under the blue \
dots, and the orange dots gather below them.">
<path class="landscape-fill" d="M{curve} L{WIDTH},{HEIGHT} L0,{HEIGHT} Z"/><path class="landscape-curve" d="M{curve}"/>\
<g class="landscape-dots">{dots}</g>
</svg>
<div class="landscape-bar" role="group" aria-label="Training step: controls" hidden>
<button type="button">Play</button>
<input type="range" min="0" max="{last}" value="{last}" aria-label="Training step" aria-valuetext="{says}">
<span class="landscape-says" aria-hidden="true">{says}</span>
</div>
<figcaption>The curve is an <em>energy</em>: low means expected. Dots above it are data and <span
class="is-down">push it down</span>. Dots below it are what the curve itself expects, and <span class="is-up">pull it
up</span>. <span class="landscape-ask" hidden>Where will the valleys be? Guess, then let it learn.</span>
<a href="03-energy-instead-of-probability.html#the-two-forces">Chapter 03</a> derives both forces.</figcaption>
<script type="application/json">{json.dumps(record, separators=(",", ":"))}</script>
</figure>
"""


if __name__ == "__main__":
    TARGET.write_text(page(recording(film())), encoding="utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size / 1e3:.0f} kB")
