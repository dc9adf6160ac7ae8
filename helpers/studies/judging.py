"""Chapters 15 and 16: an encoder with a projection head, and ways to judge what it has learned."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, normalize

from helpers import data, metrics
from helpers.checks import Count, Finite, Seed, Share, check_calls
from helpers.models import Encoder
from helpers.seed import rngs, torch_seed
from helpers.studies import syllables
from helpers.train import embed, fit_encoder


def with_head() -> nn.Sequential:
    """An encoder, and behind it a projection head with one hidden layer: pictures to (N, 128)."""
    encoder = Encoder(size=32, widths=(16, 32, 64), dim=128)
    head = nn.Sequential(nn.Linear(128, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 128))
    return nn.Sequential(encoder, head).to(memory_format=torch.channels_last)


def follow(slow: nn.Module, fast: nn.Module, momentum: Share = 0.99) -> None:
    """Move the weights of a slow copy a little towards those of the network."""
    with torch.no_grad():
        for old, new in zip(slow.parameters(), fast.parameters(), strict=True):
            old.lerp_(new, 1 - momentum)


class Ink(nn.Module):
    """Pixels, in blocks of 2 × 2, paper being 0."""

    def forward(self, x: Finite("N 1 H W")) -> Tensor:
        """Map pictures (N, 1, H, W) to (N, H · W / 4)."""
        return avg_pool2d(x + 1, 2).flatten(1)


def spread(z: Finite("N d")) -> float:
    """Mean standard deviation of the features of unit vectors, times √d. Chen and He (2021), section 4.1."""
    return float(normalize(z, dim=-1).std(0, correction=0).mean() * z.shape[1] ** 0.5)


def directions(z: Finite("N d")) -> float:
    """How many directions unit vectors use: 1 if all lie on one line, d if they are spread over all alike."""
    unit = normalize(z, dim=-1)
    return float(1 / (unit.T @ unit / len(unit)).square().sum())


def fine_tuned(encoder: nn.Module, fold: syllables.Fold, seed: Seed, updates: Count = 60) -> float:
    """Train a copy of the encoder on the first letters of 440 pictures in one font; accuracy in the test fonts."""
    (known, asked), rng = (syllables.hangul(split, fold) for split in ("train", "test")), rngs([seed])[0]
    x, (y, truth) = known.images[:, 0], (syllables.first_letters(part.syllables) for part in (known, asked))
    with torch_seed(seed):
        network = nn.Sequential(deepcopy(encoder), nn.Linear(embed(encoder, x[:2]).shape[1], 19))

    def batch() -> tuple[Tensor, Tensor]:
        rows = torch.randperm(len(x), generator=rng)[:64]
        return data.augment(x[rows], rng), y[rows]

    fit_encoder(network, lambda network, x, y: cross_entropy(network(x), y), batch, updates, lr=2e-3)
    guesses = embed(network, asked.images.flatten(0, 1)).argmax(1)
    return metrics.accuracy(guesses, truth.repeat_interleave(len(asked.fonts)))


check_calls(globals())
