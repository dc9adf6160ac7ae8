"""Plots: functions that take and return Axes. They never show and never write files.

Only `set_style` changes a global setting, matplotlib's defaults; call it once, beside `seed.seed_everything`.

One palette for the whole course, after Okabe and Ito's colours for colour-blind readers: real is blue, generated is
vermillion, and a discriminator's or energy's landscape goes from white to green.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from helpers._checks import check_int, check_number, check_tensor, describe, fail

REAL, FAKE, ENERGY, MUTED = "#0072B2", "#D55E00", "#009E73", "#707070"
LANDSCAPE = LinearSegmentedColormap.from_list("landscape", ["#ffffff", "#7fceb9", ENERGY, "#00473a"])
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
    """Make the course's look matplotlib's default: titles on the left, no frames, one size of text."""
    plt.rcParams.update(STYLE)


def figure(columns: int = 1, rows: int = 1, height: float = 3.2) -> tuple[Figure, Any]:
    """Make a figure of the course's width.

    Args:
        columns: of Axes.
        rows: of Axes.
        height: of one row, in inches.

    Returns:
        The figure and its Axes: one, or an array as from `matplotlib.pyplot.subplots`.

    Raises:
        ValueError: if a count is below 1 or the height is not positive.
    """
    check_int("columns", columns, 1)
    check_int("rows", rows, 1)
    check_number("height", height, 0, open_low=True)
    return plt.subplots(rows, columns, figsize=(WIDTH, rows * height))


def samples(ax: Axes, real: Tensor | None, fake: Tensor | None, limit: float = 1.6) -> Axes:
    """Scatter real and generated points in the plane.

    Args:
        ax: where to draw.
        real: `(N, 2)`, drawn in blue, or `None`.
        fake: `(M, 2)`, drawn in vermillion, or `None`.
        limit: both axes go from −limit to limit.

    Returns:
        The same Axes.

    Raises:
        ValueError: if points are not of shape `(N, 2)`.
    """
    check_number("limit", limit, 0, open_low=True)
    for name, points, color in (("real", real, REAL), ("fake", fake, FAKE)):
        if points is None:
            continue
        if check_tensor(name, points, "(N, 2)", 2).shape[1] != 2:
            fail(name, describe(points), "a tensor of shape (N, 2)")
        label = "real" if name == "real" else "generated"
        ax.scatter(*points.detach().cpu().T, s=7, color=color, alpha=0.5, linewidths=0, label=label)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    return ax


def lattice(limit: float = 1.6, side: int = 81) -> Tensor:
    """Return the points of a square lattice, to evaluate a network on.

    Args:
        limit: coordinates go from −limit to limit.
        side: points along each axis, at least 2.

    Returns:
        `(side, side, 2)`; the first axis is y, the second x, as `surface` expects.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_number("limit", limit, 0, open_low=True)
    check_int("side", side, 2)
    line = torch.linspace(-limit, limit, side)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], dim=-1)  # (side, side, 2)


def surface(ax: Axes, values: Tensor, limit: float = 1.6, low: float | None = None, high: float | None = None) -> Axes:
    """Colour the plane by a value at each point of a `lattice`: pale is low, dark green is high.

    Args:
        ax: where to draw.
        values: `(side, side)`, first axis y.
        limit: the lattice's.
        low: value of the palest colour; the smallest if `None`.
        high: value of the darkest colour; the largest if `None`.

    Returns:
        The same Axes.

    Raises:
        ValueError: if `values` is not a finite square.
    """
    if len(check_tensor("values", values, "(side, side)", 2)) != values.shape[1]:
        fail("values", describe(values), "a tensor of shape (side, side)")
    check_number("limit", limit, 0, open_low=True)
    extent = (-limit, limit, -limit, limit)
    picture = values.detach().cpu().numpy()
    ax.imshow(picture, origin="lower", extent=extent, cmap=LANDSCAPE, vmin=low, vmax=high, interpolation="bilinear")
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    return ax


def picture_grid(ax: Axes, images: Tensor, columns: int = 12) -> Axes:
    """Draw pictures side by side, dark ink on white, in the order in which they come.

    Args:
        ax: where to draw.
        images: `(N, 1, H, W)` with values in [−1, 1]; the last row is filled up with white.
        columns: pictures in a row.

    Returns:
        The same Axes.

    Raises:
        ValueError: if `images` has another shape.
    """
    check_tensor("images", images, "(N, 1, H, W)", 4)
    check_int("columns", columns, 1)
    if images.shape[1] != 1:
        fail("images", describe(images), "a tensor of shape (N, 1, H, W)")
    count, _, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * columns, height, width), -1.0, dtype=np.float32)
    sheet[:count] = images.detach().cpu()[:, 0]
    sheet = sheet.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)
    ax.imshow(sheet, cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return ax


def runs(ax: Axes, steps: Sequence[float], values: Tensor, color: str, label: str, each: bool = True) -> Axes:
    """Draw many runs over time: each as a thin line, and their mean as a thick one.

    Args:
        ax: where to draw.
        steps: the T values of the horizontal axis.
        values: `(T, S)`, one column per run.
        color: of the lines.
        label: of the mean, for the legend.
        each: draw the single runs too.

    Returns:
        The same Axes.

    Raises:
        ValueError: if `values` is not of shape `(T, S)`.
    """
    check_tensor("values", values, "(T, S)", 2)
    if len(values) != len(steps):
        fail("values", describe(values), f"a tensor of shape ({len(steps)}, S), one row per step")
    table = values.detach().cpu().numpy()
    if each:
        ax.plot(steps, table, color=color, alpha=0.22, linewidth=0.8)
    ax.plot(steps, table.mean(1), color=color, label=label)
    return ax
