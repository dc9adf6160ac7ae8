"""Claims: sentences about behaviour that the code checks each time it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from helpers.checks import check_calls, require
from helpers.figures.claimed import show_claim


def claim(text: str, holds: Any, measured: str) -> None:
    """State something that was measured, and fail if it is not so. Shows itself, and appends itself
    as JSON to the file that the environment variable `COURSE_CLAIMS` names, if it does."""
    for name, value in (("text", text), ("measured", measured)):  # a line break could forge a claim
        require(value.strip() and value.isprintable(), name, repr(value), "a sentence on one line")
    truth = holds.item() if getattr(holds, "shape", None) == () else holds  # of torch or NumPy
    require(isinstance(truth, bool), "holds", holds, "one truth value (True or False)")
    if path := os.environ.get("COURSE_CLAIMS"):
        line = json.dumps({"text": text, "holds": truth, "measured": measured}, ensure_ascii=False)
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    if not truth:
        raise AssertionError(f"The claim does not hold: {text} (measured: {measured})")
    show_claim(text, measured)


check_calls(globals())
