"""Tables that are tables: on the website, in Jupyter and in Colab, and lined up in a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from helpers.checks import check_calls, require

NUMBER = re.compile(r"[+±−–-]?\s?\d|[–-]$")  # how a cell begins that is lined up on the right


class Table:
    """Rows of texts below the names of their columns; make it a cell's last expression. Numbers are
    texts too, with the digits they deserve. Columns of numbers are lined up on the right, and
    the first column names the rows."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        for i, row in enumerate(rows):
            words = f"{len(columns)} texts, one for each column"
            require(len(row) == len(columns), f"rows[{i}]", f"{len(row)} texts", words)
        self.columns, self.rows = list(columns), [list(row) for row in rows]
        cells = list(zip(*rows, strict=True))
        self.right = [all(NUMBER.match(cell) for cell in column) for column in cells]

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        sides = [">" if right else "<" for right in self.right]
        shapes = [f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True)]
        return "\n".join("  ".join(shapes).format(*line).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        # A header without a text would be announced as one.
        heads = ['th scope="col"' if name else "td" for name in self.columns]
        head = self._line(heads, self.columns)
        kinds = ['th scope="row"', *["td"] * (len(self.columns) - 1)]
        body = "\n".join(self._line(kinds, row) for row in self.rows)
        return (
            '<div class="table-scroll"><table class="table measured">\n'
            f"<thead>{head}</thead>\n<tbody>{body}</tbody>\n</table></div>"
        )

    def _line(self, kinds: list[str], cells: list[str]) -> str:
        """Return a row's HTML."""
        sides = ["right" if right else "left" for right in self.right]
        written = [
            f'<{kind} style="text-align:{side}">{escape(cell)}</{kind[:2]}>'
            for kind, side, cell in zip(kinds, sides, cells, strict=True)
        ]
        return f"<tr>{''.join(written)}</tr>"


check_calls(globals())
