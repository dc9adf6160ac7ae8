"""Claims: sentences about behaviour that the code checks each time it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

from helpers._checks import describe, fail


def claim(text: str, holds: bool, measured: str) -> None:
    """State something that was measured, and fail if it is not so.

    Prints one line. If the environment variable `COURSE_CLAIMS` names a file, the claim is also appended to it
    as a line of JSON with the keys `text`, `holds` and `measured`.

    Args:
        text: the sentence, as the chapter says it.
        holds: whether the measurement bears it out. A tensor or NumPy bool of one element is fine.
        measured: the numbers behind it, in words.

    Raises:
        AssertionError: if it does not hold; the message has the sentence and the measured value.
        ValueError: if `text` or `measured` is empty, or `holds` is not a truth value.
    """
    for name, value in (("text", text), ("measured", measured)):
        if not isinstance(value, str) or not value.strip():
            fail(name, describe(value), "a sentence")
    if str(getattr(holds, "dtype", type(holds).__name__)).removeprefix("torch.") != "bool" or (
        getattr(holds, "size", None) is not None and getattr(holds, "ndim", 0) != 0
    ):
        fail("holds", describe(holds), "one truth value (True or False)")
    if path := os.environ.get("COURSE_CLAIMS"):
        line = json.dumps({"text": text, "holds": bool(holds), "measured": measured}, ensure_ascii=False)
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    if not holds:
        raise AssertionError(f"The claim does not hold: {text} (measured: {measured})")
    print(f"✓ {text} ({measured})")
