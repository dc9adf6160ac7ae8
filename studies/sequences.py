"""The films of chapter 08: three ways to draw and judge clips with five seeds, a few minutes on one core.

    python studies/sequences.py  # everything that helpers/results/sequences.jsonl lacks

The chapter runs the same for a few hundred steps. All other settings are the chapter's; none was tuned.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers import sequences
from helpers.sweep import sweep

STORE = Path(__file__).parents[1] / "helpers" / "results" / "sequences.jsonl"
ARMS = ((sequences.FRAMES, sequences.FRAMES), (1, sequences.FRAMES), (1, 1))  # frames judged, frames drawn
STEPS = 3000
SEEDS = range(5)


def main() -> None:
    """Read the arguments and sweep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    options = parser.parse_args()
    settings = [{"judged": judged, "drawn": drawn, "steps": STEPS} for judged, drawn in ARMS]
    sweep(sequences.run, settings, options.seeds, STORE, workers=options.workers, label="films")


if __name__ == "__main__":
    main()
