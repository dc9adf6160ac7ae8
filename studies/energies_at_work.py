"""Record what chapter 08 asks of a trained energy: each digit class left out once, and styles of Hangul.

    python studies/energies_at_work.py                          # all that helpers/results/energies_at_work.jsonl lacks
    python studies/energies_at_work.py --seeds 0 --only styles  # a part of it

About seven minutes on one free core; stop it and start it again as you like.
"""

from __future__ import annotations

from _command import record

from helpers import energies_at_work
from helpers.sweep import grid

SEEDS = range(2)
PARTS = {
    "styles": grid(part=["styles"], steps=[500], method=["ebgan", "gan"]),
    **{f"without {digit}": [{"part": "digits", "steps": 500, "held_out": digit}] for digit in range(10)},
}

if __name__ == "__main__":
    record(__file__, __doc__, energies_at_work.run, PARTS, SEEDS)
