"""Record the arms of chapter 13: every arm, fold and seed, tested on syllables and fonts never seen.

    python studies/syllables.py                                    # all that helpers/results/syllables.jsonl lacks
    python studies/syllables.py --seeds 0 --arms untrained short   # a part of it

About half an hour on one free core; stop it and start it again as you like.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers import data, syllables
from helpers.sweep import sweep

STORE = Path(__file__).parents[1] / "helpers" / "results" / "syllables.jsonl"
SEEDS = range(3)


def main() -> None:
    """Read the arguments and sweep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--arms", nargs="+", choices=list(syllables.ARMS), default=list(syllables.ARMS))
    parser.add_argument("--workers", type=int, default=1, help="processes at a time (default: 1)")
    options = parser.parse_args()
    for seed in options.seeds:  # seed by seed, so that a part of the record has every arm and fold
        settings = [syllables.settings(arm, fold) for arm in options.arms for fold in range(data.HANGUL_FOLDS)]
        sweep(syllables.run, settings, [seed], STORE, workers=options.workers, label="syllables")


if __name__ == "__main__":
    main()
