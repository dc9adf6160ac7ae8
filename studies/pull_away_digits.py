"""The pull-away term on digits: `helpers.repelling` with five seeds, about ten minutes on one core.

    python studies/pull_away_digits.py              # everything that helpers/results/pull_away_digits.jsonl lacks
    python studies/pull_away_digits.py --only none  # a part of it

The runs without the term were made twice as long as the others after two of them had not left their first stage.
"""

from __future__ import annotations

from _command import record

from helpers import repelling

SEEDS = range(5)

if __name__ == "__main__":
    record(__file__, __doc__, repelling.run, repelling.DIGITS, SEEDS)
