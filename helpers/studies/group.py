"""Chapters 12 and 13: the study group's experiment as a function of its seed, and the log that the group published.

An encoder learns for ten updates on 16 pairs of random tensors with random labels, always the same 16, and is then
asked about 8 more pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity, normalize

from helpers.checks import Count, Float, Positive, Range, Seed, check_calls, require
from helpers.seed import torch_seed
from helpers.train import embed, fit_encoder

TRAIN_PAIRS, TEST_PAIRS, LR = 16, 8, 0.001
STEPS = 10  # the group calls them epochs; with a single batch, each epoch is one update
# The log as published: each epoch's loss; for each test pair σ(cosine), printed as "cosine similarity", and the label.
LOSSES = (0.8842, 0.9275, 0.9250, 0.9146, 0.8662, 0.5781, 0.5576, 0.5833, 0.4141, 0.4383)
PROBABILITIES = (0.7111, 0.7042, 0.7109, 0.7049, 0.7111, 0.7117, 0.7063, 0.7098)
LABELS = (0, 0, 0, 0, 1, 0, 0, 0)
ACCURACY = 0.125


class StudyGroupEncoder(nn.Module):
    """The study group's network, for 3×32×32 pictures; with another kernel or up to three more blocks not theirs."""

    def __init__(self, dim: Count = 128, kernel: Count = 3, extra: Annotated[int, Range(0, 3, whole=True)] = 0) -> None:
        super().__init__()
        require(kernel % 2, "kernel", kernel, "an odd number: the padding keeps height and width")
        conv = partial(nn.Conv2d, kernel_size=kernel, padding=kernel // 2)
        further = [layer for _ in range(extra) for layer in (conv(128, 128), nn.ReLU(), nn.MaxPool2d(2))]
        self.body = nn.Sequential(
            *(conv(3, 64), nn.ReLU(), nn.MaxPool2d(2)),  # (N, 64, 16, 16)
            *(conv(64, 128), nn.ReLU(), nn.MaxPool2d(2), *further),  # (N, 128, side, side)
            *(nn.Flatten(), nn.Linear(128 * (8 >> extra) ** 2, dim)),  # (N, dim)
        )

    def forward(self, x: Float("N 3 32 32")) -> Tensor:
        """Map pictures (N, 3, 32, 32) to embeddings (N, dim) of length 1."""
        return normalize(self.body(x), dim=-1)


@dataclass
class Outcome:
    """What one run left behind: losses and cosines, and the labels, 1 for "same"."""

    losses: Tensor  # (steps,), each before its update
    train_same: Tensor  # (n_train,)
    train_cosines: Tensor  # (steps + 1, n_train), before each update and after the last
    test_same: Tensor  # (n_test,)
    test_cosines_before: Tensor  # (n_test,), before any update
    test_cosines: Tensor  # (n_test,), after the last

    def __post_init__(self) -> None:
        self.probabilities = self.test_cosines.sigmoid()  # (n_test,): the column that the log calls "cosine similarity"
        self.predictions = (self.probabilities > 0.5).float()  # (n_test,), 1 is "same"
        self.accuracy = float((self.predictions == self.test_same).float().mean())
        self.constant = bool((self.predictions == self.predictions[0]).all())  # all test pairs got the same answer


def run(
    seed: Seed, steps: Count = STEPS, n_train: Count = TRAIN_PAIRS, n_test: Count = TEST_PAIRS, lr: Positive = LR
) -> Outcome:
    """Do the experiment once. All is drawn in the script's order, so another `n_test` leaves the training as it was."""
    with torch_seed(seed):
        encoder = StudyGroupEncoder().to(memory_format=torch.channels_last)  # a fifth faster
        (*train, train_same), (*test, test_same) = _random_pairs(n_train), _random_pairs(n_test)
    before, seen = cosine_similarity(*(embed(encoder, x) for x in test)), []

    def loss(encoder: nn.Module, first: Tensor, second: Tensor) -> Tensor:
        cosine = cosine_similarity(encoder(first), encoder(second))  # (n_train,)
        seen.append(cosine.detach())
        return binary_cross_entropy_with_logits(cosine, train_same)

    losses = fit_encoder(encoder, loss, lambda: train, steps, lr=lr).loss
    last, after = (cosine_similarity(*(embed(encoder, x) for x in pairs)) for pairs in (train, test))
    return Outcome(losses, train_same, torch.stack([*seen, last]), test_same, before, after)


def _random_pairs(n: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(n, 3, 32, 32), torch.randn(n, 3, 32, 32), torch.randint(0, 2, (n,)) * 1.0


check_calls(globals())
