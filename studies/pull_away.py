"""The pull-away term in the plane: `helpers.repelling` on ring and grid, 32 universes a run, ten minutes on a core.

    python studies/pull_away.py              # everything that helpers/results/pull_away.jsonl lacks
    python studies/pull_away.py --only wide  # a part of it

The weights with the square up to 1, and 0.1 and 1 without it, were fixed beforehand. Weight 10 and the wider networks
were added after those had been seen.
"""

from __future__ import annotations

from _command import record

from helpers import repelling

if __name__ == "__main__":
    record(__file__, __doc__, repelling.run, repelling.PLANE, [0])
