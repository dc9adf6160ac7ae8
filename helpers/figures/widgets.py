"""Interactive figures: `scrub` needs no kernel, `explore` is for a running one.

`scrub` writes plain HTML: pictures, a slider, a Play button, a few lines of script. The same output
works on the website, in Jupyter and in Colab. `explore` hands a function to ipywidgets; while the
website is built it shows a still instead, as sliders that need a kernel would be dead there.
"""

from __future__ import annotations

import base64
import hashlib
import html
import inspect
import io
import json
import os
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Annotated, Any

import ipywidgets
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from helpers.checks import Range, check_calls, fail, require

Frame = Figure | bytes | NDArray[Any]
Speed = Annotated[float, Range(0, 60, open_low=True)]
DPI = 200  # of rendered figures, which are shown half as wide as they are: sharp on fine screens
SMALLEST_WIDTH = 320  # pixels; smaller arrays are enlarged by a whole number without smoothing


class Html:
    """A piece of HTML that Jupyter, Colab and the website show as it is."""

    def __init__(self, markup: str) -> None:
        self.markup = markup

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:  # a fixed text: the address in the default one differs in every run
        return "<interactive figure>"


def scrub(
    frames: Sequence[Any],
    alt: str | Sequence[str],
    label: str,
    fps: Speed = 4,
    captions: Sequence[str] | None = None,
) -> Html:
    """Show pictures of one size, one at a time, chosen with a slider or played; make it a cell's
    last expression. A frame is a matplotlib figure (closed afterwards), a PNG file as bytes, or an
    array (H, W) or (H, W, 3) of uint8 or of floats in [0, 1]. `alt` says what is to be seen, in one
    text or one for each frame; `label` names the slider, which starts at the first picture. Without
    scripts, and in print, the last one is shown."""
    count = len(frames)
    require(count > 1, "frames", count, "at least 2 pictures")
    alts = [alt] * count if isinstance(alt, str) else list(alt)
    shown = [f"{i} of {count}" for i in range(1, count + 1)] if captions is None else list(captions)
    for name, texts in (("alt", alts), ("captions", shown), ("label", [label] * count)):
        require(
            len(texts) == count, name, f"{len(texts)} texts", f"{count} texts, one for each picture"
        )
        require(all(text.strip() for text in texts), name, "an empty text", "words")
    pictures = [_to_image(frame, i) for i, frame in enumerate(frames)]
    sizes = sorted({picture.size for picture in pictures})
    require(len(sizes) == 1, "frames", sizes, "pictures of one size")
    dense = 2 if isinstance(frames[0], Figure) else 1
    size = sizes[0][0] // dense, sizes[0][1] // dense
    return Html(_scrub_html([_to_png(one) for one in pictures], size, alts, label, shown, fps))


def explore(function: Callable[..., Any], **sliders: Any) -> Any:
    """Call a function again each time a slider moves; while the site is built, show a still of it
    instead. The function draws with matplotlib or returns what displays itself; the first line of
    its docstring is the still's alternative text. Sliders take the short forms of
    `ipywidgets.interact`: (low, high, step), a list, ..."""
    require(sliders, "sliders", "none", "at least one, such as noise=(0.0, 1.0)")
    if os.environ.get("COURSE_BUILD"):
        preset = inspect.signature(function).parameters
        starts = {name: _start(short, preset.get(name)) for name, short in sliders.items()}
        return _still(function, starts)
    return ipywidgets.interactive(function, **sliders)


def _start(short: Any, parameter: inspect.Parameter | None) -> Any:
    """Return where ipywidgets starts a slider that is written in a short form: at the function's
    default, if it has one."""
    if hasattr(short, "value"):
        return short.value
    default = parameter.default if parameter else inspect.Parameter.empty
    return ipywidgets.interactive.widget_from_abbrev(short, default).value


def _to_image(frame: Any, index: int) -> Image.Image:
    """Turn one frame into an RGB picture; a figure is closed."""
    if isinstance(frame, Figure):
        return _figure_image(frame)
    if isinstance(frame, bytes):
        try:
            return Image.open(io.BytesIO(frame)).convert("RGB")
        except OSError:
            fail(
                f"frames[{index}]",
                f"{len(frame)} bytes that are no picture",
                "the bytes of a PNG file",
            )
    array = np.asarray(frame)
    shaped = array.size and (array.ndim == 2 or array.shape[2:] == (3,))
    require(
        shaped, f"frames[{index}]", f"an array of shape {array.shape}", "shape (H, W) or (H, W, 3)"
    )
    if array.dtype != np.uint8:
        unit = array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1
        require(unit, f"frames[{index}]", f"{array.dtype} values", "uint8, or floats in [0, 1]")
        array = np.round(array * 255).astype(np.uint8)
    picture = Image.fromarray(array).convert("RGB")
    factor = max(1, -(-SMALLEST_WIDTH // picture.width))
    return picture.resize(
        (picture.width * factor, picture.height * factor), Image.Resampling.NEAREST
    )


def _figure_image(figure: Figure) -> Image.Image:
    """Render a figure at the course's resolution, whole and uncropped, and close it."""
    buffer = io.BytesIO()
    # bbox_inches=None: the notebooks' "tight" would cut each frame to another size.
    with plt.rc_context({"savefig.bbox": None}):
        figure.draw_without_rendering()  # panels of a fixed shape settle at the second try
        figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    plt.close(figure)
    return Image.open(buffer).convert("RGB")


def _to_png(picture: Image.Image) -> bytes:
    """Write a picture as PNG with a palette of at most 256 colours: less than half the bytes."""
    buffer = io.BytesIO()
    palette = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette.save(buffer, format="PNG")
    return buffer.getvalue()


def _data_uri(png: bytes) -> str:
    """Return the address that holds the picture itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _file(name: str) -> str:
    """Read a file beside this one; it goes into the output, which has to work in Jupyter and Colab
    too."""
    return (files("helpers.figures") / name).read_text(encoding="utf-8").rstrip("\n")


def _scrub_html(
    pngs: list[bytes],
    size: tuple[int, int],
    alts: list[str],
    label: str,
    captions: list[str],
    fps: float,
) -> str:
    """Put pictures, controls, style and script together."""
    quote, last = html.escape, len(pngs) - 1
    name, caption, width = quote(label), quote(captions[last]), max(map(len, captions))
    images = "\n".join(
        f'<img src="{_data_uri(png)}" alt="{quote(alt)}" width="{size[0]}" height="{size[1]}" '
        f'decoding="sync"{"" if i == last else " data-off"}>'
        for i, (png, alt) in enumerate(zip(pngs, alts, strict=True))
    )
    # The same content gives the same identifier: a second run of a notebook gives the same output.
    texts = repr((alts, label, captions, fps)).encode()
    key = hashlib.sha256(b"".join(pngs) + texts).hexdigest()[:10]
    marks = f'data-scrub="{key}" data-fps="{fps:g}" data-captions="{quote(json.dumps(captions))}"'
    return f"""\
<div class="scrub" {marks}>
<style>{_file("scrub.css")}</style>
<div class="scrub-frames">
{images}
</div>
<div class="scrub-bar" role="group" aria-label="{name}: controls" hidden>
<button type="button">Play</button>
<label><span>{name}</span>
<input type="range" min="0" max="{last}" value="{last}" step="1" aria-valuetext="{caption}"></label>
<span class="scrub-says" aria-hidden="true" style="min-width:min({width}ch,100%)">{caption}</span>
</div>
<script>{_file("scrub.js")}</script>
</div>"""


def _still(function: Callable[..., Any], setting: dict[str, Any]) -> Html:
    """Call the function once and show what it draws or returns, with a line that says where it
    moves."""
    before = set(plt.get_fignums())
    result = function(**setting)
    drawn = [plt.figure(number) for number in plt.get_fignums() if number not in before]
    figures = [result] if isinstance(result, Figure) else drawn
    where = html.escape(", ".join(f"{name} = {value}" for name, value in setting.items()))
    text = html.escape((function.__doc__ or f"Figure with {where}").strip().splitlines()[0])
    shown = "".join(
        f'<img src="{_data_uri(_to_png(image))}" alt="{text}" width="{image.width // 2}">'
        for image in map(_figure_image, figures)
    )
    if not figures and result is not None:
        rich = getattr(result, "_repr_html_", None)
        shown = rich() if rich else f"<pre>{html.escape(str(result))}</pre>"
    note = f"Shown for {where}. To move it, open this page in Colab or Jupyter (running kernel)."
    return Html(f'<div class="explore-still">{shown}<p><em>{note}</em></p></div>')


check_calls(globals())
