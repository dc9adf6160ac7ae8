"""Interactive figures: `scrub` needs no kernel, `explore` is for a running one.

`scrub` writes plain HTML: pictures, a slider, a Play button and a few lines of script. The same cell output
works on the website, in Jupyter and in Colab. `explore` hands a function to ipywidgets; while the website is
built it shows a still instead, because sliders that need a kernel would be dead there.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from helpers._checks import check_number, describe, fail

Frame = Figure | bytes | NDArray[Any]

DPI = 110  # of rendered figures: sharp enough on a phone, and a third of the bytes of 200
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
    frames: Sequence[Frame],
    alt: str | Sequence[str],
    label: str,
    fps: float = 4,
    captions: Sequence[str] | None = None,
) -> Html:
    """Show pictures one at a time, chosen with a slider or played.

    Without scripts, and in print, the last picture is shown. Where the reader's system asks for reduced
    motion, the button goes one picture further instead of playing.

    Args:
        frames: at least two pictures of one size: matplotlib figures (closed afterwards), PNG files as bytes,
            or arrays of shape (H, W) or (H, W, 3), either uint8 or floats in [0, 1].
        alt: what is to be seen, for those who do not see it: one text for all, or one per picture.
        label: the name of the slider, such as "Training step".
        fps: pictures per second while playing, above 0 and at most 60.
        captions: one short text per picture, shown beside the slider; "1 of 20" and so on if not given.

    Returns:
        An object that displays itself as HTML; make it the last expression of a cell.

    Raises:
        ValueError: if an argument is not as described, or the pictures differ in size.

    Example:
        >>> black_to_white = [np.full((8, 8), level) for level in (0.0, 0.5, 1.0)]
        >>> scrub(black_to_white, alt="A square that turns from black to white", label="Brightness")
        <interactive figure>
    """
    frames = list(frames)
    if len(frames) < 2:
        fail("frames", f"{len(frames)}", "at least 2 pictures")
    alts = _check_texts("alt", [alt] * len(frames) if isinstance(alt, str) else alt, len(frames))
    _check_texts("label", [label], 1)
    numbers = [f"{i} of {len(frames)}" for i in range(1, len(frames) + 1)]
    shown = _check_texts("captions", numbers if captions is None else captions, len(frames))
    check_number("fps", fps, 0, 60, open_low=True)
    pictures = [_to_image(frame, i) for i, frame in enumerate(frames)]
    sizes = sorted({picture.size for picture in pictures})
    if len(sizes) > 1:
        fail("frames", f"pictures of {sizes[0]} and {sizes[1]} pixels", "pictures of one size")
    pngs = [_to_png(picture) for picture in pictures]
    return Html(_scrub_html(pngs, sizes[0], alts, label, captions=shown, fps=fps))


def explore(function: Callable[..., object], **sliders: object) -> object:
    """Call a function again each time a slider moves (with a running kernel), or show a still of it.

    Args:
        function: draws with matplotlib, or returns a figure or anything else that displays itself. The first
            line of its docstring is the still's alternative text.
        **sliders: one per parameter, in the short forms of `ipywidgets.interact`: (low, high),
            (low, high, step), True, a list, a dict, or a widget.

    Returns:
        An ipywidgets box. While the website is built (the environment variable `COURSE_BUILD` is set) a still
        of the default setting, and one line that says where it moves.

    Raises:
        ValueError: if no slider is given.
    """
    if not sliders:
        fail("sliders", "none", "at least one, such as noise=(0.0, 1.0)")
    if os.environ.get("COURSE_BUILD"):
        return _still(function, {name: _default_of(short) for name, short in sliders.items()})
    return ipywidgets.interactive(function, **sliders)


# ------------------------------------------------------------------------------------------- checks
def _check_texts(name: str, given: Sequence[str], count: int) -> list[str]:
    """Return `given` as a list if it holds `count` texts that are not blank."""
    if not isinstance(given, list | tuple) or not all(isinstance(text, str) for text in given):
        fail(name, describe(given), f"a list of {count} texts")
    texts = list(given)
    if len(texts) != count:
        fail(name, f"{len(texts)} texts", f"{count}, one per picture")
    if not all(text.strip() for text in texts):
        fail(name, "an empty text", "words that say what is to be seen")
    return texts


# ----------------------------------------------------------------------------------------- pictures
def _to_image(frame: Frame, index: int) -> Image.Image:
    """Turn one frame into an RGB picture; a figure is closed."""
    if isinstance(frame, Figure):
        return _figure_image(frame)
    if isinstance(frame, bytes):
        try:
            return Image.open(io.BytesIO(frame)).convert("RGB")
        except OSError:
            fail(f"frames[{index}]", f"{len(frame)} bytes that are no picture", "the bytes of a PNG file")
    array = np.asarray(frame)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or array.size == 0:
        fail(f"frames[{index}]", f"an array of shape {array.shape}", "shape (H, W) or (H, W, 3)")
    if array.dtype != np.uint8:
        if array.dtype.kind != "f" or not (array.min() >= 0 and array.max() <= 1):
            fail(f"frames[{index}]", f"{array.dtype} values outside the rule", "uint8, or floats in [0, 1]")
        array = np.round(array * 255).astype(np.uint8)
    picture = Image.fromarray(array).convert("RGB")
    factor = max(1, -(-SMALLEST_WIDTH // picture.width))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def _figure_image(figure: Figure) -> Image.Image:
    """Render a figure at the course's resolution, whole and uncropped, and close it."""
    buffer = io.BytesIO()
    # bbox_inches=None: the notebooks' "tight" would cut each frame to another size.
    with plt.rc_context({"savefig.bbox": None}):
        figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    plt.close(figure)
    return Image.open(buffer).convert("RGB")


def _to_png(picture: Image.Image) -> bytes:
    """Write a picture as PNG, with a palette of at most 256 colours where that is smaller."""
    versions = [picture, picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)]
    files = []
    for version in versions:
        buffer = io.BytesIO()
        version.save(buffer, format="PNG", optimize=version.mode == "P")  # slow on full colour, and rarely chosen
        files.append(buffer.getvalue())
    return min(files, key=len)


def _data_uri(png: bytes) -> str:
    """Return the address that holds the picture itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


# --------------------------------------------------------------------------------------------- HTML
# Written here and not in the site's style sheet: the same output has to work in Jupyter and Colab.
# All pictures lie on top of each other, so nothing jumps when they change.
SCRUB_STYLE = """\
.scrub{margin:1em 0;max-width:100%}
.scrub-frames{display:grid;justify-content:start}
.scrub-frames img{grid-area:1/1;max-width:100%;height:auto;margin:0;border-radius:6px;background:#fff}
.scrub-frames img[data-off]{visibility:hidden}
.scrub-bar{display:flex;flex-wrap:wrap;align-items:center;gap:.4em .8em;margin-top:.5em;font-size:.95em}
.scrub-bar[hidden]{display:none}
.scrub-bar label{display:flex;flex:1 1 14em;align-items:center;gap:.6em;margin:0}
.scrub-bar input{flex:1;min-width:6em;min-height:28px;margin:0;accent-color:#0072B2}
.scrub-bar button{min-width:5.2em;min-height:34px;padding:.2em .8em;border:1px solid currentColor;\
border-radius:6px;background:transparent;color:inherit;font:inherit;cursor:pointer}
.scrub-bar span{font-variant-numeric:tabular-nums}
@media print{.scrub-bar{display:none}.scrub-frames img{visibility:hidden!important}\
.scrub-frames img:last-child{visibility:visible!important}}"""

# Not every notebook sets `document.currentScript`, so the script looks for every figure that is not alive
# yet; that also serves the same figure shown twice on one page.
SCRUB_SCRIPT = """\
document.querySelectorAll(".scrub:not([data-alive])").forEach(box => {
  const $ = name => box.querySelector(name), range = $("input"), play = $("button"), says = $(".scrub-says");
  const images = box.querySelectorAll("img"), last = images.length - 1;
  const texts = JSON.parse(box.dataset.captions);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches, rest = calm ? "Next" : "Play";
  let timer = 0;
  const show = i => { images.forEach((img, k) => img.toggleAttribute("data-off", k !== i)); range.value = i;
    says.textContent = texts[i]; range.setAttribute("aria-valuetext", texts[i]); };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = rest; };
  const next = () => { const i = +range.value; show(i < last ? i + 1 : 0); if (i + 1 >= last) stop(); };
  range.addEventListener("input", () => { stop(); show(+range.value); });
  play.addEventListener("click", () => { if (timer) return stop();
    if (calm) return next();
    if (+range.value === last) show(0);
    play.textContent = "Pause"; timer = setInterval(next, 1000 / box.dataset.fps); });
  box.dataset.alive = ""; $(".scrub-bar").hidden = false; stop(); show(last);
});"""


def _scrub_html(
    pngs: list[bytes], size: tuple[int, int], alts: list[str], label: str, *, captions: list[str], fps: float
) -> str:
    """Put pictures, controls, style and script together."""
    quote, last = html.escape, len(pngs) - 1
    name, caption, width = quote(label), quote(captions[last]), max(map(len, captions))
    images = "\n".join(
        f'<img src="{_data_uri(png)}" alt="{quote(alt)}" width="{size[0]}" height="{size[1]}" decoding="sync"'
        f"{'' if i == last else ' data-off'}>"
        for i, (png, alt) in enumerate(zip(pngs, alts, strict=True))
    )
    # The same content gives the same identifier, so that a second run of a notebook gives the same output.
    key = hashlib.sha256(b"".join(pngs) + repr((alts, label, captions, fps)).encode()).hexdigest()[:10]
    return f"""\
<div class="scrub" data-scrub="{key}" data-fps="{fps:g}" data-captions="{quote(json.dumps(captions))}">
<style>{SCRUB_STYLE}</style>
<div class="scrub-frames">
{images}
</div>
<div class="scrub-bar" role="group" aria-label="{name}: controls" hidden>
<button type="button">Play</button>
<label><span>{name}</span>
<input type="range" min="0" max="{last}" value="{last}" step="1" aria-valuetext="{caption}"></label>
<span class="scrub-says" aria-hidden="true" style="min-width:{width}ch">{caption}</span>
</div>
<script>{SCRUB_SCRIPT}</script>
</div>"""


# ------------------------------------------------------------------------------------------- stills
def _default_of(short: object) -> object:
    """Return where `ipywidgets.interact` would start a slider that is written in a short form."""
    if hasattr(short, "value"):
        return short.value
    if isinstance(short, tuple) and len(short) in (2, 3) and all(isinstance(n, int | float) for n in short):
        low, high = short[:2]
        middle = low + (high - low) / 2
        if len(short) == 3:
            middle = low + int((middle - low) / short[2]) * short[2]
        return int(middle) if all(isinstance(n, int) for n in short) else middle
    if isinstance(short, dict):
        return next(iter(short.values()))
    if isinstance(short, list | tuple):
        return short[0]
    return short


def _still(function: Callable[..., object], setting: dict[str, object]) -> Html:
    """Call the function once and show what it draws or returns, with a line that says where it moves."""
    open_before = set(plt.get_fignums())
    result = function(**setting)
    drawn = [plt.figure(number) for number in plt.get_fignums() if number not in open_before]
    figures = [result] if isinstance(result, Figure) else drawn
    where = ", ".join(f"{name} = {value}" for name, value in setting.items())
    doc = (function.__doc__ or "").strip().splitlines()
    text = html.escape(doc[0] if doc else f"Figure with {where}")
    shown = "".join(f'<img src="{_data_uri(_to_png(_figure_image(f)))}" alt="{text}">' for f in figures)
    if not figures and result is not None:
        rich = getattr(result, "_repr_html_", None)
        shown = rich() if rich else f"<pre>{html.escape(str(result))}</pre>"
    note = f"Shown for {html.escape(where)}. To move it, open this page in Colab or Jupyter (running kernel)."
    return Html(f'<div class="explore-still">{shown}<p><em>{note}</em></p></div>')
