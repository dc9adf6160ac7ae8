"""The ladder of chapter 12: every rung of `helpers.ladder` with five seeds, about half an hour on one core.

    python studies/ladder.py                         # everything that helpers/results/ladder.jsonl lacks
    python studies/ladder.py --seeds 0 --only best   # a part of it

The settings of the two best rungs were chosen among a handful by their accuracy on the validation pairs, with seed 0.
"""

from __future__ import annotations

from _command import record

from helpers import ladder

SEEDS = range(5)

if __name__ == "__main__":
    record(__file__, __doc__, ladder.run, {name: [ladder.settings(name)] for name in ladder.RUNGS}, SEEDS)
