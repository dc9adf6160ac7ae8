"""Chapter 15: what makes contrast work? The projection head, and which negatives a batch has.

Every arm sees as many pairs (two fonts of one syllable, distorted), whatever its batch. Each encoder has a projection
head and is judged before and after it. The settings were fixed before anything was measured on test pictures.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from helpers import data
from helpers.checks import Count, Finite, Int, NonNegative, Seed, Whole, check_calls, require
from helpers.seed import rngs, torch_seed
from helpers.studies import judging, syllables
from helpers.train import fit_encoder

PAIRS, LR, TEMPERATURE = 12_800, 2e-3, 0.1


@dataclass(frozen=True)
class Arm:
    """Which negatives. `batch` counts pairs; `each` of them show one syllable; `at_random`: drawn with replacement;
    `masked`: other pictures of an anchor's syllable are no negatives; `queue`: so many embeddings of earlier batches,
    by a slow copy of the network, are the negatives (He et al. 2020); `hard` is β of Robinson et al. (2021)."""

    batch: Count = 128
    each: Count = 1
    at_random: bool = False
    masked: bool = False
    queue: Whole = 0
    hard: NonNegative = 0.0

    def loss(self, network: nn.Module, a: Tensor, b: Tensor, rows: Tensor) -> Tensor:
        """Contrast the embeddings of one batch, made at once so that they share their batch norm."""
        return contrast(*network(torch.cat([a, b])).chunk(2), rows, self.masked, self.hard)


ARMS = {
    "batch 128": Arm(),
    "batch 32": Arm(batch=32),
    "batch 8": Arm(batch=8),
    "batch 8, queue": Arm(batch=8, queue=248),
    "at random": Arm(at_random=True),
    "four of each": Arm(each=4),
    "four of each, masked": Arm(each=4, masked=True),
    "hard": Arm(hard=1.0),
}


def draw(arm: Arm, images: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw two pictures (batch, 1, 32, 32) of each pair, in two fonts, and the pairs' syllables (batch,)."""
    require(arm.batch % arm.each == 0, "batch", arm.batch, f"a multiple of {arm.each}")
    rows = torch.randperm(len(images), generator=rng)[: arm.batch // arm.each].repeat_interleave(arm.each)
    if arm.at_random:
        rows = torch.randint(len(images), (arm.batch,), generator=rng)
    columns = torch.rand(arm.batch, images.shape[1], generator=rng).topk(2).indices
    both = data.augment(images[rows.unsqueeze(1), columns].flatten(0, 1), rng).unflatten(0, (-1, 2))
    return both[:, 0], both[:, 1], rows


def contrast(a: Finite("N d"), b: Finite("N d"), rows: Int("N"), masked: bool, hard: NonNegative) -> Tensor:
    """NT-Xent, if wanted without false negatives, or with negatives weighted by exp(hard · cosine / temperature), of
    mean weight 1. Robinson et al. (2021), eq. 4 and section 4.1, with no correction for false negatives (τ⁺ = 0)."""
    unit, rows = normalize(torch.cat([a, b]), dim=-1), rows.repeat(2)
    logits, places = unit @ unit.T / TEMPERATURE, torch.arange(len(unit))
    other = places.roll(len(a))  # the other view of each
    out = rows == rows.unsqueeze(1) if masked else torch.eye(len(unit), dtype=torch.bool)
    out[places, other] = True  # what is left are the negatives
    # log Σ w e^s, where w is e^{βs} divided by its mean; β = 0 gives log Σ e^s
    steep, flat = (((power * logits).masked_fill(out, -torch.inf)).logsumexp(1) for power in (1 + hard, hard))
    positive, negatives = logits[places, other], steep - flat + (~out).sum(1).log()
    return (torch.logaddexp(positive, negatives) - positive).mean()


class Queue:
    """MoCo's negatives: keys of earlier batches, by a slow copy of the network. He et al. (2020), algorithm 1. Earlier
    pictures of an anchor's syllable do not count."""

    def __init__(self, network: nn.Module, size: Count) -> None:
        self.slow, self.size = deepcopy(network).requires_grad_(False), size
        self.keys, self.rows = torch.zeros(0, 128), torch.zeros(0, dtype=torch.long)

    def loss(self, network: nn.Module, a: Tensor, b: Tensor, rows: Tensor) -> Tensor:
        """Compare each a with its b and with the queue, then queue the b."""
        judging.follow(self.slow, network)
        query, key = normalize(network(a), dim=-1), normalize(self.slow(b), dim=-1)
        others = (query @ self.keys.T).masked_fill(rows.unsqueeze(1) == self.rows, -torch.inf)
        logits = torch.cat([(query * key).sum(-1, keepdim=True), others], 1) / TEMPERATURE
        self.keys, self.rows = (torch.cat(both)[-self.size :] for both in ((self.keys, key), (self.rows, rows)))
        return cross_entropy(logits, torch.zeros(len(rows), dtype=torch.long))


def run(seed: Seed, arm: str, pairs: Count = PAIRS, **setting: Any) -> dict[str, Any]:
    """Train with the fields of `Arm`, in fold seed mod 3; judge before and after the head."""
    chosen, fold = Arm(**setting), seed % syllables.HANGUL_FOLDS
    with torch_seed(seed):
        network = judging.with_head()
    loss = Queue(network, chosen.queue).loss if chosen.queue else chosen.loss
    sample = partial(draw, chosen, syllables.hangul("train", fold).images, rngs([seed])[0])
    steps, lr = pairs // chosen.batch, LR * (chosen.batch / 128) ** 0.5  # as Chen et al. (2020), appendix B.1
    history = fit_encoder(network, loss, sample, steps * 4 // 5, finish=steps // 5, lr=lr)
    judged = {name: syllables.evaluate(part, fold) for name, part in (("before", network[0]), ("after", network))}
    return {**judged, "first_loss": float(history.loss[0]), "last_loss": float(history.loss[-10:].mean())}


SEEDS = range(5)  # fold 0, 1, 2, 0, 1
PARTS = {name: [{"arm": name, **asdict(arm)}] for name, arm in ARMS.items()}
COST = "about a quarter of an hour on one core"
check_calls(globals())
