"""Record the arms of chapter 13: every arm, fold and seed, tested on syllables and fonts never seen.

    python studies/syllables.py                                   # all that helpers/results/syllables.jsonl lacks
    python studies/syllables.py --seeds 0 --only untrained short  # a part of it

About half an hour on one free core; stop it and start it again as you like.
"""

from __future__ import annotations

from _command import record

from helpers import data, syllables

SEEDS = range(3)
ARMS = {arm: [syllables.settings(arm, fold) for fold in range(data.HANGUL_FOLDS)] for arm in syllables.ARMS}

if __name__ == "__main__":
    record(__file__, __doc__, syllables.run, ARMS, SEEDS)
