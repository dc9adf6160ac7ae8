"""The second study of chapter 07: five energies and five losses of a GAN, 4 settings × 4 runs each; six minutes.

    python studies/flexibility.py    # everything that helpers/results/flexibility.jsonl lacks

What is compared, and by which thresholds, was fixed beforehand: see `helpers.flexibility`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers import flexibility
from helpers.sweep import sweep

STORE = Path(__file__).parents[1] / "helpers" / "results" / "flexibility.jsonl"


def main() -> None:
    """Read the arguments and sweep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    options = parser.parse_args()
    names = (*flexibility.ENERGIES, *flexibility.GAN_LOSSES)
    trials = [trial for name in names for trial in flexibility.settings(name)]
    sweep(flexibility.run, trials, [0], STORE, workers=options.workers, label="trials")


if __name__ == "__main__":
    main()
