"""The second study of chapter 07: five energies and five losses of a GAN, 4 settings × 4 runs each; six minutes.

    python studies/flexibility.py    # everything that helpers/results/flexibility.jsonl lacks

What is compared, and by which thresholds, was fixed beforehand: see `helpers.flexibility`.
"""

from __future__ import annotations

from _command import record

from helpers import flexibility

NAMES = (*flexibility.ENERGIES, *flexibility.GAN_LOSSES)
PARTS = {name: list(flexibility.settings(name)) for name in NAMES}

if __name__ == "__main__":
    record(__file__, __doc__, flexibility.run, PARTS, [0])
