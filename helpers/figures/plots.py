"""Plots: functions that take and return Axes. They never show and never write files.

One palette after Okabe and Ito's colours for colour-blind readers: real is blue, generated is
vermillion, an energy's or a discriminator's landscape goes from white to green.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text
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
    text. In a notebook figures have two pixels where the page has one: sharp on fine screens."""
    plt.rcParams.update(STYLE)
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")


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
    good = images.min() < 0 or images.min() == images.max()
    require(good, "images", images, "values in [−1, 1], not in [0, 1] or from 0 to 255")
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


def diagram(
    ax: Axes,
    boxes: dict[str, tuple[float, float, str]],
    arrows: Sequence[tuple[str, str, str]],
    gradients: Sequence[tuple[str, str, str]] = (),
) -> Axes:
    """Draw boxes, {text: (x, y, colour)} on the unit square, and arrows (from, to, label) between
    them; those of `gradients` are dashed and bent."""
    for name, rows in (("arrows", arrows), ("gradients", gradients)):
        unknown = {end for row in rows for end in row[:2]} - set(boxes)
        require(not unknown, name, sorted(unknown), f"names of boxes: {', '.join(boxes)}")
    drawn = {name: _box(ax, name, *place) for name, place in boxes.items()}
    for start, end, label in arrows:
        _arrow(ax, drawn[start], drawn[end], label, linestyle="-")
    for start, end, label in gradients:
        _arrow(ax, drawn[start], drawn[end], label, bend=0.4, linestyle="--")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()
    return ax


def _box(ax: Axes, text: str, x: float, y: float, color: str) -> Text:
    """Write a text in a frame, pale inside."""
    pale = [0.85 + 0.15 * part for part in to_rgb(color)]
    frame = {"boxstyle": "round,pad=0.5", "edgecolor": color, "facecolor": pale}
    return ax.text(x, y, text, ha="center", va="center", bbox=frame)


def _arrow(ax: Axes, start: Text, end: Text, label: str, bend: float = 0.0, **line: Any) -> None:
    """Draw an arrow from one box's edge to another's, with a label halfway."""
    (x0, y0), (x1, y1) = ends = start.get_position(), end.get_position()
    look = {"arrowstyle": "-|>", "mutation_scale": 14, "color": MUTED, "shrinkA": 2, "shrinkB": 2}
    bent = f"arc3,rad={bend}"
    patches = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch()}
    # Above the texts: their frames have no place before they are drawn.
    arrow = FancyArrowPatch(*ends, connectionstyle=bent, zorder=4, **patches, **look, **line)
    ax.add_patch(arrow)
    # The middle of a bent arrow lies half a bend off the straight line, at a right angle on paper.
    width, height = ax.get_figure().get_size_inches()
    aside = bend / 2 * (y1 - y0) * height / width, -bend / 2 * (x1 - x0) * width / height
    middle = (x0 + x1) / 2 + aside[0], (y0 + y1) / 2 + aside[1]
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    ax.text(*middle, label, ha="center", va="center", bbox=ground, zorder=5)


check_calls(globals())
