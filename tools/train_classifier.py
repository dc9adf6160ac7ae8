"""Train the small digit classifier whose features the Fréchet distance uses, once, and pack its weights.

Usage: python tools/train_classifier.py
It trains on the 4,000 training digits, shifted by up to two pixels, chooses nothing on the test digits, prints the
validation and test accuracy, and writes helpers/assets/digit_classifier.npz. The committed file is the frozen one:
a new training gives slightly different weights, and with them other Fréchet distances.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torchvision.transforms import v2

from helpers.data import digits
from helpers.models import DigitClassifier
from helpers.seed import seed_everything
from helpers.train import progress

TARGET = Path(__file__).parent.parent / "helpers" / "assets" / "digit_classifier.npz"
EPOCHS, BATCH = 30, 64


def train(seed: int = 0) -> DigitClassifier:
    """Train with Adam and a one-cycle learning rate; weights are rounded to half precision as they are packed."""
    generator = seed_everything(seed)
    images, labels = digits("train")
    shift = v2.RandomAffine(degrees=10, translate=(2 / 28, 2 / 28), fill=-1)
    model = DigitClassifier()
    optimizer = torch.optim.Adam(model.parameters())
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    for _ in progress(range(steps), "training"):
        index = torch.randint(len(images), (BATCH,), generator=generator)
        loss = cross_entropy(model(shift(images[index])), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.half().float().eval()


@torch.no_grad()
def accuracy(model: DigitClassifier, split: str) -> float:
    """Return the share of right answers."""
    images, labels = digits(split)
    return float((model(images).argmax(1) == labels).float().mean())


if __name__ == "__main__":
    classifier = train()
    for part in ("train", "validation", "test"):
        print(f"{part} accuracy {accuracy(classifier, part):.4f}")
    np.savez_compressed(TARGET, **{name: w.half().numpy() for name, w in classifier.state_dict().items()})
    print(f"{TARGET}: {TARGET.stat().st_size / 1e3:.0f} kB")
