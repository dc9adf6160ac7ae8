"""The study of chapter 07: 48 settings × 4 methods × 4 runs on small digits, about forty minutes on one core.

    python studies/stability.py                        # everything that helpers/results/stability.jsonl lacks
    python studies/stability.py --only 0 1 2           # the first three settings, with all methods
    python studies/stability.py --seeds 0 1            # four further runs of each trial

What is compared, and by which thresholds, was fixed beforehand: see `helpers.stability`.
"""

from __future__ import annotations

from _command import record

from helpers import stability

# By setting, so that an unfinished record has all methods.
TRIALS = zip(*(stability.settings(method) for method in stability.METHODS), strict=True)
PARTS = {str(number): list(trials) for number, trials in enumerate(TRIALS)}

if __name__ == "__main__":
    record(__file__, __doc__, stability.run, PARTS, [0])
