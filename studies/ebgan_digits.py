"""The study of chapter 05: GAN and EBGAN on digits after a minute of training, about half an hour on one core.

    python studies/ebgan_digits.py                          # everything that helpers/results/ebgan_digits.jsonl lacks
    python studies/ebgan_digits.py --seeds 0 --only EBGAN   # a part of it

Both methods have the settings that chapter 01 found by trials of its GAN, and the same improvements. Five trials of a
GAN and eighteen of an EBGAN, of ten to fifty seconds each and with seed 100, came before. They settled the EBGAN's
autoencoder (convolutions) and the wider generator. They also spoke for larger steps and a higher margin; this plan was
given up after the first seed of the record (see `ebgan_digits.GIVEN_UP`), so the choice of plain settings for the wider
EBGAN has seen that seed.

The numbers of steps come from times of a step on one core: about 12 ms for the GAN, 17 for the EBGAN, a fifth more with
the wider generator. Measured again in turn, in one process, the four take 48, 50, 48 and 51 seconds of a quiet
core: equal to within a tenth. Other programs used the core in some runs, which then took longer (`training_seconds`).
"""

from __future__ import annotations

from _command import record

from helpers import ebgan_digits

SEEDS = range(5)

if __name__ == "__main__":
    arms = {name: [ebgan_digits.settings(name)] for name in ebgan_digits.ARMS}
    record(__file__, __doc__, ebgan_digits.run, arms, SEEDS)
