"""Draw the picture of book/data.md: some Hangul syllables in every font, as the first fold splits them.

Usage: python tools/hangul_picture.py
"""

from __future__ import annotations

from pathlib import Path

from helpers.figures import plots
from helpers.studies.syllables import hangul

TARGET = Path(__file__).parent.parent / "book" / "static" / "hangul.png"
SYLLABLES = 12
PARTS = ("train", "validation", "test")

if __name__ == "__main__":
    plots.set_style()
    sets = [hangul(part) for part in PARTS]
    # Rows as high as their number of fonts, so that a syllable has one size in the whole picture.
    figure, axes = plots.figure(rows=len(PARTS), height=2.4)
    axes[0].get_gridspec().set_height_ratios([len(part.fonts) for part in sets])
    for ax, name, part in zip(axes, PARTS, sets, strict=True):
        # By font, then by syllable: (F, SYLLABLES, 32, 32) laid out as one picture.
        rows = part.images[:SYLLABLES, :, 0].transpose(0, 1)
        ax.imshow(rows.transpose(1, 2).flatten(0, 1).flatten(1), cmap="gray_r")
        ax.set_title(f"{name}: {len(part.syllables)} syllables, {len(part.fonts)} fonts")
        ax.set_yticks([32 * row + 16 for row in range(len(part.fonts))], part.fonts)
        ax.set_xticks([])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    figure.savefig(TARGET, dpi=110)
    print(f"{TARGET}: {TARGET.stat().st_size / 1e3:.0f} kB")
