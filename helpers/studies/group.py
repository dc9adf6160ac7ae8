"""The study group's experiment: the log that it published, and the run as a function of its seed.

An encoder (`models.StudyGroupEncoder`) learns for ten updates on 16 pairs of random tensors with random labels, always
the same 16, and is then asked about 8 more pairs. The group's log is kept here as constants; `run` does it again.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity

from helpers._checks import check_int, check_number
from helpers.models import StudyGroupEncoder
from helpers.seed import generators

TRAIN_PAIRS = 16
TEST_PAIRS = 8
STEPS = 10  # the group calls them epochs; with a single batch, each epoch is one update
LEARNING_RATE = 0.001

# The log as published: the loss of each epoch; then, for each test pair, the sigmoid of the cosine (printed under the
# name "cosine similarity") and the label.
LOSSES = (0.8842, 0.9275, 0.9250, 0.9146, 0.8662, 0.5781, 0.5576, 0.5833, 0.4141, 0.4383)
PROBABILITIES = (0.7111, 0.7042, 0.7109, 0.7049, 0.7111, 0.7117, 0.7063, 0.7098)
LABELS = (0, 0, 0, 0, 1, 0, 0, 0)
ACCURACY = 0.125


@dataclass(frozen=True)
class Outcome:
    """What one run of the experiment left behind.

    Attributes:
        losses: `(steps,)`, the training loss of each update, before the update.
        train_same: `(n_train,)`, the labels of the training pairs: 1 for "same", 0 for "different".
        train_cosines: `(steps + 1, n_train)`, the training pairs' cosines before each update, and after the last.
        test_same: `(n_test,)`, the labels of the test pairs.
        test_cosines_before: `(n_test,)`, the test pairs' cosines before any update.
        test_cosines: `(n_test,)`, their cosines after the last update.
    """

    losses: Tensor
    train_same: Tensor
    train_cosines: Tensor
    test_same: Tensor
    test_cosines_before: Tensor
    test_cosines: Tensor

    @property
    def probabilities(self) -> Tensor:
        """The test pairs' σ(cosine), `(n_test,)`: the column that the log calls "cosine similarity"."""
        return self.test_cosines.sigmoid()

    @property
    def predictions(self) -> Tensor:
        """The answers, `(n_test,)` of 0 and 1: 1 ("same") where the probability is above one half."""
        return (self.probabilities > 0.5).float()

    @property
    def accuracy(self) -> float:
        """The share of test pairs that are answered correctly."""
        return float((self.predictions == self.test_same).float().mean())

    @property
    def constant(self) -> bool:
        """Whether all test pairs got the same answer."""
        return bool((self.predictions == self.predictions[0]).all())


def run(
    seed: int,
    steps: int = STEPS,
    n_train: int = TRAIN_PAIRS,
    n_test: int = TEST_PAIRS,
    lr: float = LEARNING_RATE,
) -> Outcome:
    """Do the study group's experiment once, on the CPU.

    Everything is drawn from `seed`, in the order of the group's script: starting weights, training pairs and their
    labels, test pairs and their labels. So another `n_test` leaves the training as it was. Torch's global random state
    is put back afterwards.

    Args:
        seed: a whole number in [0, 2³²).
        steps: updates, each on all training pairs.
        n_train: number of training pairs.
        n_test: number of test pairs.
        lr: Adam's learning rate.

    Returns:
        Losses, labels and cosines of the run.

    Raises:
        ValueError: if a count is below 1, `seed` is out of range or the learning rate is not positive.
    """
    check_number("lr", lr, 0, open_low=True)
    for name, count in (("steps", steps), ("n_train", n_train), ("n_test", n_test)):
        check_int(name, count, 1)
    generators([seed])  # refuses what is no seed
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = StudyGroupEncoder()
        train, test = _random_pairs(n_train), _random_pairs(n_test)
    before = _cosines(encoder, test)
    losses, train_cosines = _train(encoder, train, steps, lr)
    return Outcome(losses, train[2], train_cosines, test[2], before, _cosines(encoder, test))


Pairs = tuple[Tensor, Tensor, Tensor]  # first pictures, second pictures, 1 for "same" and 0 for "different"


def _random_pairs(n: int) -> Pairs:
    """Draw n pairs of noise tensors and a label for each, which knows nothing of the pair."""
    return torch.randn(n, 3, 32, 32), torch.randn(n, 3, 32, 32), torch.randint(0, 2, (n,)).float()


def _train(encoder: StudyGroupEncoder, pairs: Pairs, steps: int, lr: float) -> tuple[Tensor, Tensor]:
    """Make `steps` updates on the same pairs; return losses and cosines before each, and the cosines at the end."""
    first, second, same = pairs
    optimizer = torch.optim.Adam(encoder.parameters(), lr=lr)
    losses, cosines = [], []
    for _ in range(steps):
        cosine = cosine_similarity(encoder(first), encoder(second))  # (n_train,)
        loss = binary_cross_entropy_with_logits(cosine, same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        cosines.append(cosine.detach())
    return torch.stack(losses), torch.stack([*cosines, _cosines(encoder, pairs)])


@torch.no_grad()
def _cosines(encoder: StudyGroupEncoder, pairs: Pairs) -> Tensor:
    """Return the cosine between the embeddings of each pair."""
    return cosine_similarity(encoder(pairs[0]), encoder(pairs[1]))
