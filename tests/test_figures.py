"""What pages show: plots and tables say what they are given, `scrub` writes whole HTML, `explore` has a still, and a
claim is a tidy line if it holds, an error with the numbers if not, a record either way."""

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from helpers.claims import claim
from helpers.figures import plots
from helpers.figures.tables import Table
from helpers.figures.widgets import Html, explore, scrub

COLUMNS, ROWS = ["method", "usable", "verdict"], [["GAN", "9", "–"], ["EBGAN <b>", "−0.3 (0 to 1)", "helps"]]


def test_a_page_gets_a_table_with_named_rows_and_numbers_on_the_right() -> None:
    table = BeautifulSoup(Table(COLUMNS, ROWS)._repr_html_(), "html.parser").table
    assert [cell.text for cell in table.select("thead th[scope=col]")] == COLUMNS
    assert [cell.text for cell in table.select("tbody th[scope=row]")] == ["GAN", "EBGAN <b>"]
    assert [[cell.text for cell in row.select("td")] for row in table.select("tbody tr")] == [row[1:] for row in ROWS]
    sides = [cell["style"] for cell in table.select("tr:last-child > *")]
    assert sides == ["text-align:left", "text-align:right", "text-align:left"] * 2
    # A column without a name has no header to be read out.
    head = BeautifulSoup(Table(["", *COLUMNS[1:]], ROWS)._repr_html_(), "html.parser").thead
    assert [cell.name + cell.text for cell in head.select("tr > *")] == ["td", "thusable", "thverdict"]
    lines = repr(Table(COLUMNS, ROWS)).splitlines()
    assert lines[1] == "GAN                    9  –" and lines[2] == "EBGAN <b>  −0.3 (0 to 1)  helps"


ARRAYS = [np.full((4, 6), level) for level in (0.0, 0.5, 1.0)]


def line(end: float) -> plt.Figure:
    square = {"aspect": "equal", "title": "square", "xticks": [], "yticks": [], "xlabel": "x"}
    figure, (axes, *_) = plt.subplots(1, 3, figsize=(6.6, 2.4), subplot_kw=square)
    axes.plot([0, 1], [0, end])
    return figure


def soup(widget: Html) -> BeautifulSoup:
    return BeautifulSoup(widget._repr_html_(), "html.parser")


def picture(tag: object) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(tag["src"].split(",", 1)[1])))


def test_one_picture_per_frame_enlarged_by_a_whole_number_and_the_last_one_is_shown():
    images = soup(scrub(ARRAYS, alt="squares", label="Step")).find_all("img")
    assert [img["alt"] for img in images] == ["squares"] * 3
    assert [img.has_attr("data-off") for img in images] == [True, True, False]
    image = picture(images[1])
    assert image.size[0] >= 320 and image.size[0] % 6 == 0 and image.size[1] % 4 == 0
    assert set(np.asarray(image.convert("L")).ravel()) == {128}
    blue_red = np.tile(np.uint8([[[0, 114, 178], [213, 94, 0]]]), (2, 1, 1))  # colours survive the palette
    shown = picture(soup(scrub([blue_red] * 2, alt="two", label="Step")).img).convert("RGB")
    assert {color for _, color in shown.getcolors()} == {(0, 114, 178), (213, 94, 0)}


def test_figures_are_closed_and_keep_their_size_and_png_bytes_are_taken():
    before = plt.get_fignums()
    with plt.rc_context({"savefig.bbox": "tight", "figure.constrained_layout.use": True}):  # as in notebooks
        images = soup(scrub([*map(line, range(3))], alt="a line", label="Step")).find_all("img")
    assert plt.get_fignums() == before and picture(images[0]).size == (1320, 480)
    assert (images[0]["width"], images[0]["height"]) == ("660", "240"), "two pixels for one of the page"
    assert np.asarray(picture(images[0]).convert("L"))[:5].min() == 255, "the titles are not cut"
    pngs = [base64.b64decode(img["src"].split(",", 1)[1]) for img in images]
    assert len(soup(scrub(pngs, alt="a line", label="Step")).find_all("img")) == 3


def test_texts_are_escaped_and_captions_reach_slider_and_screen_reader():
    widget = soup(scrub(ARRAYS, alt='a "b" <c>', label="p & q", captions=["one", "two", "<three>"]))
    assert widget.img["alt"] == 'a "b" <c>' and widget.label.span.text == "p & q"
    assert widget.input["aria-valuetext"] == widget.select_one(".scrub-says").text == "<three>"


FRAMES, BOXES = partial(scrub, alt="squares", label="Step"), {"in": (0.1, 0.5, "red"), "net": (0.5, 0.5, "blue")}
DIAGRAM = partial(plots.diagram, Figure().subplots(), BOXES, [("in", "net", "x")])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(Table, COLUMNS, []), r"rows: got \[\], expected a sequence of at least one"),
        (partial(Table, COLUMNS, [ROWS[0], ["a", "b"]]), r"rows\[1\]: got 2 texts, expected 3 texts, one for each co"),
        (partial(Table, COLUMNS, [["a", "b", 3]]), r"rows: got .*3.*, expected a str"),
        (partial(FRAMES, ARRAYS[:1]), r"frames: got 1, expected at least 2"),
        (partial(FRAMES, [*ARRAYS, np.zeros((3, 3))]), r"frames: got \[.* expected pictures of one size"),
        (partial(FRAMES, [np.full((2, 2), 2.0)] * 2), r"frames\[0\]: got float64 .*floats in \[0, 1\]"),
        (partial(FRAMES, [b"no picture"] * 2), r"frames\[0\]: got 10 bytes that are no picture"),
        (partial(FRAMES, ARRAYS, alt=" "), r"alt: got an empty text"),
        (partial(DIAGRAM, [("nowhere", "net", "x")]), r"gradients.*'nowhere'.*in, net"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def draw(height: float) -> None:
    """Draw a line that rises with the height."""
    _, axes = plt.subplots(figsize=(2, 2))
    axes.plot([0, height])


def test_while_the_site_is_built_explore_is_a_still(monkeypatch):
    monkeypatch.setenv("COURSE_BUILD", "1")
    before = plt.get_fignums()
    shown = soup(explore(draw, height=(0, 4)))
    assert shown.img["alt"] == "Draw a line that rises with the height."
    assert picture(shown.img).width == 2 * int(shown.img["width"])
    assert "height = 2" in shown.text and "running kernel" in shown.text
    assert plt.get_fignums() == before
    assert "<pre>7</pre>" in explore(lambda n: n + 2, n=[5, 6])._repr_html_()
    # A default of the function comes first, as in a running kernel.
    assert "<pre>8</pre>" in explore(lambda n=6: n + 2, n=[5, 6])._repr_html_()


POINTS = torch.tensor([[0.5, -0.5], [1.0, 0.25], [0.0, 0.0]])


@pytest.fixture
def ax() -> Iterator[Axes]:
    yield plots.figure()[1]
    plt.close("all")


def test_the_surface_lies_where_the_lattice_was(ax: Axes) -> None:
    points = plots.lattice(limit=2.0, side=5)
    assert points.shape == (5, 5, 2)
    assert points[1, 4].tolist() == [2, -1], "y comes first, x in the first column"
    plots.surface(ax, points[..., 0] + 10 * points[..., 1], limit=2.0, low=-30, high=30)
    (image,) = ax.images
    assert image.origin == "lower" and image.get_extent() == [-2, 2, -2, 2] and image.get_clim() == (-30, 30)
    drawn = np.asarray(image.get_array())
    assert drawn[0, 4] == 2 - 20 and drawn[4, 0] == -2 + 20  # bottom right, top left


def test_pictures_are_laid_out_in_reading_order_and_minus_one_is_paper(ax: Axes) -> None:
    images = (torch.arange(30.0) / 30 - 0.5).reshape(5, 1, 2, 3)  # three in a row leave one place over
    plots.picture_grid(ax, images, columns=3)
    rows = torch.cat([images, -torch.ones(1, 1, 2, 3)]).reshape(2, 3, 2, 3).permute(0, 2, 1, 3).reshape(4, 9)
    (image,) = ax.images
    np.testing.assert_array_equal(np.asarray(image.get_array()), rows)
    assert image.get_clim() == (-1, 1) and image.cmap(0.0)[:3] == (1, 1, 1) and image.cmap(1.0)[:3] == (0, 0, 0)


ON_A_PAGE = """\
from helpers.claims import claim

print("before")
claim("<b>Real</b> & fake", True, '"30" of 32')
claim("σ grows", True, "−0.5 to 2")"""


def outputs_of(code: str) -> list[nbformat.NotebookNode]:
    notebook = new_notebook(cells=[new_code_cell(code)])
    NotebookClient(notebook, extra_arguments=["--IPKernelApp.log_level=40"]).execute()
    return notebook.cells[0].outputs


def test_on_a_page_claims_are_blocks_with_addresses_and_a_line_as_their_text() -> None:
    said, first, second = outputs_of(ON_A_PAGE)
    assert said.text == "before\n" and first.output_type == "display_data"
    assert first.data["text/plain"] == '✓ <b>Real</b> & fake ("30" of 32)'
    assert second.data["text/plain"] == "✓ σ grows (−0.5 to 2)"
    block = BeautifulSoup(first.data["text/html"], "html.parser").div
    assert block["class"] == ["claim"] and not block.find("b", string="Real")
    assert block.get_text("|", strip=True) == '✓|<b>Real</b> & fake|"30" of 32'
    # Of the sentence alone, and for ever: others link to it.
    assert block["id"] == "claim-e3ec0770" and "claim-e3ec0770" not in second.data["text/html"]


def test_a_terminal_without_a_tick_gets_a_substitute() -> None:
    code = "from helpers.claims import claim; claim('a – σ', True, 'b')"
    for coding, line in (("utf-8", "✓ a – σ (b)"), ("cp949", "OK a ? σ (b)"), ("ascii", "OK a ? ? (b)")):
        env = os.environ | {"PYTHONIOENCODING": coding}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
        assert done.stdout.decode(coding).strip() == line


def test_a_claim_that_does_not_hold_stops_with_the_measured_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match=r"Most runs cover all modes \(measured: 3 of 32\)"):
        claim("Most runs cover all modes", False, "3 of 32")
    assert capsys.readouterr().out == ""


def test_claims_are_appended_to_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "claims.jsonl"
    monkeypatch.setenv("COURSE_CLAIMS", str(record))
    claim("Real ≠ fake", True, "σ = 0.5")
    with pytest.raises(AssertionError):
        claim("second", np.bool_(False), "2")
    text = record.read_text(encoding="utf-8")
    assert "Real ≠ fake" in text and text.endswith("\n")  # readable as it stands, and ready for the next line
    assert [json.loads(line) for line in text.splitlines()] == [
        {"text": "Real ≠ fake", "holds": True, "measured": "σ = 0.5"},
        {"text": "second", "holds": False, "measured": "2"},
    ]


FORGED = [(f"a{character}b", "c") for character in "\n\r\x1b\x00\u2028"] + [("a", "b)\n✓ c (d")]


@pytest.mark.parametrize(("text", "measured"), [("", "b"), (" ", "b"), ("a", ""), (None, "b"), ("a", 0.3), *FORGED])
def test_a_claim_says_what_and_how_much(text: Any, measured: Any) -> None:
    with pytest.raises(ValueError, match=r"^(text|measured): got .+, expected a (sentence|str)"):
        claim(text, True, measured)


@pytest.mark.parametrize("wrap", [bool, np.bool_, torch.tensor, np.array])
def test_numpys_and_torchs_truth_values_are_fine(wrap: Any) -> None:
    claim("a", wrap(True), "b")
    with pytest.raises(AssertionError):
        claim("a", wrap(False), "b")


@pytest.mark.parametrize(
    "holds", [1, "0.9 > 0.8", None, [True], np.array([True]), torch.tensor([True]), torch.tensor(1)]
)
def test_anything_else_is_refused(holds: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_CLAIMS", str(tmp_path / "record"))
    with pytest.raises(ValueError, match=r"^holds: got .*, expected one truth value"):
        claim("a", holds, "b")  # a text would be true for ever
    assert not (tmp_path / "record").exists()
