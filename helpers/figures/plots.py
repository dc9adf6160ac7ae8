"""Plots: functions that take and return Axes. They never show and never write files.

One palette after Okabe and Ito's colours for colour-blind readers: real is blue, generated is
vermillion, an energy's or a discriminator's landscape goes from white to green.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from helpers.checks import Count, Finite, Positive, Range, check_calls, require

REAL, FAKE, ENERGY, MUTED = "#0072B2", "#D55E00", "#009E73", "#707070"
LANDSCAPE = LinearSegmentedColormap.from_list(
    "landscape", ["#ffffff", "#7fceb9", ENERGY, "#00473a"]
)
WIDTH = 6.6  # inches: the one width of all figures
STYLE: dict[str, Any] = {
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def set_style() -> None:
    """Make the course's look matplotlib's default: titles on the left, no frames, one size of
    text."""
    plt.rcParams.update(STYLE)


def figure(columns: Count = 1, rows: Count = 1, height: Positive = 3.2) -> tuple[Figure, Any]:
    """Make a figure of the course's width; each row is `height` inches high. Returns it with its
    Axes."""
    return plt.subplots(rows, columns, figsize=(WIDTH, rows * height))


def samples(
    ax: Axes, real: Finite("N 2") | None, fake: Finite("M 2") | None, limit: Positive = 1.6
) -> Axes:
    """Scatter real points in blue and generated ones in vermillion; both axes reach from −limit to
    limit."""
    for label, points, color in (("real", real, REAL), ("generated", fake, FAKE)):
        if points is not None:
            x, y = points.detach().cpu().T
            ax.scatter(x, y, s=7, color=color, alpha=0.5, linewidths=0, label=label)
    return _square(ax, limit)


def _square(ax: Axes, limit: float) -> Axes:
    """Show the plane from −limit to limit, without ticks."""
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    return ax


def lattice(limit: Positive = 1.6, side: Annotated[int, Range(2, whole=True)] = 81) -> Tensor:
    """Return the points of a square lattice (side, side, 2): the first axis is y, the second x."""
    line = torch.linspace(-limit, limit, side)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], dim=-1)


def surface(
    ax: Axes,
    values: Finite("side side"),
    limit: Positive = 1.6,
    low: float | None = None,
    high: float | None = None,
) -> Axes:
    """Colour the plane by the values on a `lattice`: `low` (or the lowest) is pale, `high` dark
    green."""
    picture, extent = values.detach().cpu().numpy(), (-limit, limit, -limit, limit)
    look = {"cmap": LANDSCAPE, "vmin": low, "vmax": high, "interpolation": "bilinear"}
    ax.imshow(picture, origin="lower", extent=extent, **look)
    return _square(ax, limit)


def picture_grid(ax: Axes, images: Finite("N 1 H W"), columns: Count = 12) -> Axes:
    """Draw pictures (N, 1, H, W) in [−1, 1] side by side, dark ink on white."""
    count, _, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * columns, height, width), -1.0, dtype=np.float32)
    sheet[:count] = images.detach().cpu()[:, 0]
    tiles = sheet.reshape(rows, columns, height, width).swapaxes(1, 2)
    sheet = tiles.reshape(rows * height, columns * width)
    ax.imshow(sheet, cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return ax


def runs(
    ax: Axes,
    steps: Sequence[float],
    values: Finite("T S"),
    color: str,
    label: str,
    each: bool = True,
) -> Axes:
    """Draw S runs over T steps, each as a thin line if `each`, and their mean as a thick one."""
    require(
        len(values) == len(steps), "values", values, f"shape ({len(steps)}, S), one row per step"
    )
    table = values.detach().cpu().numpy()
    if each:
        ax.plot(steps, table, color=color, alpha=0.22, linewidth=0.8)
    ax.plot(steps, table.mean(1), color=color, label=label)
    return ax


check_calls(globals())
