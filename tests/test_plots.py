"""Plots: they draw where they are told, what they are given, and change nothing else."""

from collections.abc import Callable, Iterator

import matplotlib
import matplotlib.pyplot as plt

matplotlib.use("Agg")
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from helpers.figures import plots

POINTS = torch.tensor([[0.5, -0.5], [1.0, 0.25], [0.0, 0.0]])
BOXES = {
    "in": (0.1, 0.5, plots.REAL),
    "net": (0.5, 0.5, plots.ENERGY),
    "out": (0.9, 0.5, plots.MUTED),
}
DRAWINGS: dict[str, Callable[[Axes], Axes]] = {
    "samples": lambda ax: plots.samples(ax, POINTS, POINTS),
    "surface": lambda ax: plots.surface(ax, torch.arange(9.0).reshape(3, 3)),
    "picture_grid": lambda ax: plots.picture_grid(ax, torch.zeros(5, 1, 4, 4)),
    "runs": lambda ax: plots.runs(ax, [0, 1, 2], torch.eye(3), plots.REAL, "real"),
    "diagram": lambda ax: plots.diagram(ax, BOXES, [("in", "net", "x")], [("out", "net", "slope")]),
}


@pytest.fixture
def ax() -> Iterator[Axes]:
    yield plots.figure()[1]
    plt.close("all")


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_plot_returns_its_axes_and_changes_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def surroundings() -> list[object]:
        random = [torch.get_rng_state().tolist(), str(np.random.get_state())]
        return [matplotlib.rcParams.copy(), plt.get_fignums(), *random]

    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("shown"))
    figure, axes = plots.figure(columns=2)
    before = surroundings()
    assert DRAWINGS[name](axes[0]) is axes[0] and surroundings() == before
    assert axes[0].has_data() and not axes[1].has_data()
    figure.canvas.draw()  # layout problems show here, as warnings
    plt.close(figure)


@pytest.mark.parametrize(("columns", "rows", "height"), [(1, 1, 3.2), (3, 1, 2.0), (2, 4, 1.5)])
def test_figures_have_one_width_and_one_style(columns: int, rows: int, height: float, ax: Axes) -> None:
    with matplotlib.rc_context({"figure.facecolor": "black"}):
        plots.set_style()
        figure, axes = plots.figure(columns, rows, height)
        figure.axes[0].set_title("a finding")
    assert tuple(figure.get_size_inches()) == pytest.approx((plots.WIDTH, rows * height))
    assert np.size(axes) == rows * columns
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (rows, columns)
    assert figure.get_layout_engine() is not None  # titles and labels do not overlap
    assert figure.axes[0].get_title(loc="left") == "a finding"
    assert figure.get_facecolor() == (1, 1, 1, 1)  # black text on it can be read on a dark page too


def test_samples_are_scattered_in_their_colours(ax: Axes) -> None:
    plots.samples(ax, POINTS, POINTS[:2].requires_grad_(), limit=2.0)
    real, fake = ax.collections
    np.testing.assert_array_equal(real.get_offsets(), POINTS.detach())
    np.testing.assert_array_equal(fake.get_offsets(), POINTS[:2].detach())
    assert [to_hex(c.get_facecolor()[0]).upper() for c in (real, fake)] == [plots.REAL, plots.FAKE]
    assert [c.get_label() for c in (real, fake)] == ["real", "generated"]
    assert (ax.get_xlim(), ax.get_ylim(), ax.get_aspect()) == ((-2, 2), (-2, 2), 1)
    ax.clear()
    plots.samples(ax, None, POINTS)
    assert [c.get_label() for c in ax.collections] == ["generated"]


def test_the_surface_lies_where_the_lattice_was(ax: Axes) -> None:
    points = plots.lattice(limit=2.0, side=5)
    assert points.shape == (5, 5, 2)
    assert points[1, 4].tolist() == [2, -1], "y comes first, x in the first column"
    plots.surface(ax, points[..., 0] + 10 * points[..., 1], limit=2.0, low=-30, high=30)
    (image,) = ax.images
    assert image.origin == "lower" and image.get_extent() == [-2, 2, -2, 2] and image.get_clim() == (-30, 30)
    drawn = np.asarray(image.get_array())
    assert drawn[0, 4] == 2 - 20 and drawn[4, 0] == -2 + 20  # bottom right, top left


@pytest.mark.parametrize(("count", "shape"), [(5, (4, 9)), (2, (2, 9))])
def test_pictures_are_laid_out_in_reading_order(count: int, shape: tuple[int, int], ax: Axes) -> None:
    # Pictures of 2 × 3 pixels, three in a row; each pixel says where it belongs, and the places left over are paper.
    images = (torch.arange(6.0 * count) / 30 - 0.5).reshape(count, 1, 2, 3)
    plots.picture_grid(ax, images, columns=3)
    (image,) = ax.images
    expected = -np.ones(shape, np.float32)
    for i in range(count):
        top, left = 2 * (i // 3), 3 * (i % 3)
        expected[top : top + 2, left : left + 3] = images[i, 0]
    np.testing.assert_array_equal(np.asarray(image.get_array()), expected)
    assert image.get_clim() == (-1, 1) and not ax.axison
    assert image.cmap(0.0)[:3] == (1, 1, 1) and image.cmap(1.0)[:3] == (0, 0, 0)  # −1 is paper, 1 is ink


def test_runs_are_thin_lines_and_a_thick_mean(ax: Axes) -> None:
    values = torch.tensor([[1.0, 3.0], [2.0, 6.0], [0.0, 1.0]])
    plots.runs(ax, [0, 10, 20], values, plots.FAKE, "fake")
    *each, mean = ax.lines
    assert [line.get_ydata().tolist() for line in ax.lines] == [*values.T.tolist(), [2, 4, 0.5]]
    assert all(line.get_linewidth() < mean.get_linewidth() for line in each)
    assert mean.get_xdata().tolist() == [0, 10, 20]
    assert ax.get_legend_handles_labels()[1] == ["fake"]  # one entry for all
    plots.runs(ax, [0, 10, 20], values, plots.FAKE, "fake", each=False)
    assert len(ax.lines) == 3 + 1, "the mean alone"


def test_a_diagrams_arrows_run_from_box_to_box_with_their_labels(ax: Axes) -> None:
    DRAWINGS["diagram"](ax)
    ax.figure.canvas.draw()
    boxes = {text.get_text(): text.get_bbox_patch().get_window_extent() for text in ax.texts}
    there, back = (patch.get_window_extent() for patch in ax.patches)
    assert boxes["in"].x1 < there.x0 < there.x1 < boxes["net"].x0, "it touches neither box"
    assert boxes["net"].x1 < back.x0 + 3 and back.x1 < boxes["out"].x1
    assert [patch.get_linestyle() for patch in ax.patches] == ["-", "--"]
    assert boxes["in"].x1 < boxes["x"].x0 and boxes["x"].x1 < boxes["net"].x0
    # A bent arrow's label is halfway on the arrow, not on the straight line.
    assert boxes["slope"].y0 > boxes["x"].y1 and boxes["slope"].y0 < back.y1 < boxes["slope"].y1
    assert not ax.axison


def test_a_diagram_names_a_box_that_is_missing(ax: Axes) -> None:
    with pytest.raises(ValueError, match=r"gradients.*'nowhere'.*in, net, out"):
        plots.diagram(ax, BOXES, [("in", "net", "x")], [("nowhere", "net", "x")])
