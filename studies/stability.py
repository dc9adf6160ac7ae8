"""The study of chapter 07: 48 settings × 4 methods × 4 runs on small digits, about forty minutes on one core.

    python studies/stability.py                        # everything that helpers/results/stability.jsonl lacks
    python studies/stability.py --methods GAN EBGAN    # a part of it
    python studies/stability.py --blocks 0 1           # four further runs of each setting

What is compared, and by which thresholds, was fixed beforehand: see `helpers.stability`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers import stability
from helpers.sweep import sweep

STORE = Path(__file__).parents[1] / "helpers" / "results" / "stability.jsonl"


def main() -> None:
    """Read the arguments and sweep, the methods in turn, so that a part of the record has all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=stability.METHODS, default=list(stability.METHODS))
    parser.add_argument("--blocks", type=int, nargs="+", default=[0], help="each is four runs, side by side")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--cluster", help="address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    options = parser.parse_args()
    of_each = zip(*(stability.settings(method) for method in options.methods), strict=True)
    trials = [trial for trials in of_each for trial in trials]
    where = {"workers": options.workers, "cluster": options.cluster}
    sweep(stability.run, trials, options.blocks, STORE, label="trials", **where)


if __name__ == "__main__":
    main()
