"""The films of chapter 08: three ways to draw and judge clips with five seeds, a few minutes on one core.

    python studies/sequences.py  # everything that helpers/results/sequences.jsonl lacks

The chapter runs the same for a few hundred steps. All other settings are the chapter's; none was tuned.
"""

from __future__ import annotations

from _command import record

from helpers import sequences

ARMS = ((sequences.FRAMES, sequences.FRAMES), (1, sequences.FRAMES), (1, 1))  # frames judged, frames drawn
STEPS = 3000
SEEDS = range(5)
PARTS = {"films": [{"judged": judged, "drawn": drawn, "steps": STEPS} for judged, drawn in ARMS]}

if __name__ == "__main__":
    record(__file__, __doc__, sequences.run, PARTS, SEEDS)
