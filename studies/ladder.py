"""The ladder of chapter 12: every rung of `helpers.ladder` with five seeds, about half an hour on one core.

    python studies/ladder.py                          # everything that helpers/results/ladder.jsonl lacks
    python studies/ladder.py --seeds 0 --rungs best   # a part of it

The settings of the two best rungs were chosen among a handful by their accuracy on the validation pairs, with seed 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers import ladder
from helpers.sweep import sweep

STORE = Path(__file__).parents[1] / "helpers" / "results" / "ladder.jsonl"
SEEDS = range(5)


def main() -> None:
    """Read the arguments and sweep, seed by seed, so that a part of the record has every rung."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--rungs", nargs="+", choices=list(ladder.RUNGS), default=list(ladder.RUNGS))
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--cluster", help="address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    options = parser.parse_args()
    settings = [ladder.settings(name) for name in options.rungs]
    for seed in options.seeds:
        sweep(
            ladder.run, settings, [seed], STORE, workers=options.workers, cluster=options.cluster, label=f"seed {seed}"
        )


if __name__ == "__main__":
    main()
