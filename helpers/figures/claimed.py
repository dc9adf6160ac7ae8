"""What a claim that holds looks like: a block on a page, a line in a terminal."""

from __future__ import annotations

import html
import sys
import zlib

from helpers.checks import check_calls

# Look enough for Jupyter and Colab; the website has its own.
BLOCK = """\
<div class="claim" id="claim-{:08x}" style="display:flex;gap:.6em;margin:.5em 0">
<b style="color:#009e73">✓</b><div>{}<div style="font-size:.9em;opacity:.8">{}</div></div></div>"""


def show_claim(text: str, measured: str) -> None:
    """Show a claim as a block with an address of its own, or as a line where there is no page."""
    coding = getattr(sys.stdout, "encoding", None) or "utf-8"
    tick = "✓".encode(coding, "ignore").decode(coding) or "OK"  # some terminals have no tick
    line = f"{tick} {text} ({measured})".encode(coding, "replace").decode(coding)
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        return print(line)
    block = BLOCK.format(zlib.crc32(text.encode()), html.escape(text), html.escape(measured))
    return ipython.display.display({"text/plain": line, "text/html": block}, raw=True)


check_calls(globals())
