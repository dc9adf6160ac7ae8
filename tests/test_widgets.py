"""`scrub` writes HTML that is whole, accessible and the same in every run; `explore` has a still."""

import base64
import io
import re

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pytest
from bs4 import BeautifulSoup
from matplotlib import pyplot as plt
from PIL import Image

from helpers.figures.widgets import Html, explore, scrub

ARRAYS = [np.full((4, 6), level) for level in (0.0, 0.5, 1.0)]


def figures(count: int = 3) -> list[plt.Figure]:
    made = []
    for i in range(count):
        figure, axes = plt.subplots(figsize=(3, 2))
        axes.plot([0, 1], [0, i])
        made.append(figure)
    return made


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
    with plt.rc_context({"savefig.bbox": "tight"}):  # as in notebooks
        images = soup(scrub(figures(), alt="a line", label="Step")).find_all("img")
    assert plt.get_fignums() == before and picture(images[0]).size == (600, 400)
    assert (images[0]["width"], images[0]["height"]) == ("300", "200"), "two pixels for one of the page"
    pngs = [base64.b64decode(img["src"].split(",", 1)[1]) for img in images]
    assert len(soup(scrub(pngs, alt="a line", label="Step")).find_all("img")) == 3


def test_the_same_input_gives_the_same_output_and_another_input_another_name():
    first, again, other = (scrub(figures(), alt="a line", label=label) for label in ("Step", "Step", "Other"))
    assert first._repr_html_() == again._repr_html_() and repr(first) == repr(other)
    names = {re.search(r'data-scrub="(\w+)"', one._repr_html_())[1] for one in (first, other)}
    assert len(names) == 2


def test_texts_are_escaped_and_captions_reach_slider_and_screen_reader():
    widget = soup(scrub(ARRAYS, alt='a "b" <c>', label="p & q", captions=["one", "two", "<three>"]))
    assert widget.img["alt"] == 'a "b" <c>' and widget.label.span.text == "p & q"
    assert widget.input["aria-valuetext"] == widget.select_one(".scrub-says").text == "<three>"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": ARRAYS[:1]}, r"frames: got 1, expected at least 2"),
        ({"frames": [*ARRAYS, np.zeros((3, 3))], "alt": "x"}, r"frames: got \[.* expected pictures of one size"),
        ({"frames": [np.zeros(3), np.zeros(3)]}, r"frames\[0\]: got an array of shape \(3,\)"),
        ({"frames": [np.full((2, 2), 2.0)] * 2}, r"frames\[0\]: got float64 .*floats in \[0, 1\]"),
        ({"frames": [np.full((2, 2), np.nan)] * 2}, r"frames\[0\]: got float64"),
        ({"frames": [b"no picture"] * 2}, r"frames\[0\]: got 10 bytes that are no picture"),
        ({"alt": ["a", "b"]}, r"alt: got 2 texts, expected 3"),
        ({"alt": " "}, r"alt: got an empty text"),
        ({"alt": 3}, r"alt: got 3, expected a str or a sequence"),
        ({"label": ""}, r"label: got an empty text"),
        ({"captions": ["a"]}, r"captions: got 1 texts, expected 3"),
        ({"fps": 0}, r"fps: got 0, expected a finite number above 0"),
    ],
)
def test_bad_input_is_named(changes, message):
    arguments = {"frames": ARRAYS, "alt": "squares", "label": "Step"} | changes
    with pytest.raises(ValueError, match=message):
        scrub(**arguments)


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


def test_with_a_kernel_explore_is_a_widget(monkeypatch):
    monkeypatch.delenv("COURSE_BUILD", raising=False)
    ipywidgets = pytest.importorskip("ipywidgets")
    widget = explore(lambda n: None, n=(1, 5))
    assert isinstance(widget, ipywidgets.Widget) and widget.children[0].value == 3
    with pytest.raises(ValueError, match="sliders: got none"):
        explore(draw)
