"""The fixes, one at a time: each rung of the ladder is a training of chapter 12, judged on the same held-out pairs.

A rung starts from the study group's run (`group.run`) and changes one thing or several. Whatever it learned from, it is
asked about the same pairs of digits in the group's format, half of them the same digit, half not. The threshold that
turns a cosine into an answer is chosen on pairs of validation digits.

Sources of the losses: see `helpers.losses`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from helpers import data, metrics
from helpers._checks import check_choice, check_int, check_number, describe, fail
from helpers.losses import cosine_bce, pair_margin_loss, sup_con
from helpers.models import Encoder, StudyGroupEncoder
from helpers.seed import generators
from helpers.train import embed, fit_encoder

PAIRS = 4000  # held-out pairs of each split, half of them the same digit
PAIR_SEED = 12  # they are the same for all rungs and all seeds
EPOCH = 125  # updates on 16 pairs that show as many pictures as there are training digits: 4,000
MARGIN = 1.0  # distance beyond which the margin loss lets a pair alone; unit vectors are at most 2 apart
TEMPERATURE = 0.1  # of the supervised contrastive loss
SCALE, BIAS = 10.0, -5.0  # where the learned scale and bias start: undecided at cosine 0.5
LOSSES = ("bare cosine", "scale and bias", "margin", "supcon")


@dataclass(frozen=True)
class Rung:
    """One training. The defaults are the study group's.

    Attributes:
        data: `"noise"` with random labels, or real `"digits"`.
        fresh: new pairs in each update; otherwise always those of the first.
        batch: pairs in an update, of two pictures each.
        updates: how many.
        finish: further updates at a tenth of the learning rate.
        lr: Adam's learning rate.
        encoder: the `"group"`'s, or `models.Encoder`, which has `"batch norm"`.
        kernel: of the group's convolutions.
        extra: further blocks of convolution, ReLU and pooling in the group's encoder.
        loss: one of `LOSSES`.
        all_pairs: not only the drawn pairs: every picture of the batch with every other, both kinds of pairs
            weighted alike. The supervised contrastive loss does so in any case.
        augment: strength of `data.augment` on each training picture: 0 not at all, 1 all the way.
        penalty: weight of the sum of all squared weights.
    """

    data: str = "noise"
    fresh: bool = False
    batch: int = 16
    updates: int = 10
    finish: int = 0
    lr: float = 1e-3
    encoder: str = "group"
    kernel: int = 3
    extra: int = 0
    loss: str = "bare cosine"
    all_pairs: bool = False
    augment: float = 0.0
    penalty: float = 0.0

    def __post_init__(self) -> None:
        """Check the settings; the encoder checks its own."""
        check_choice("data", self.data, ("noise", "digits"))
        if check_int("batch", self.batch, 2) % 2:
            fail("batch", self.batch, "an even number of pairs, half of them of each kind")
        check_int("updates", self.updates, 0)
        check_int("finish", self.finish, 0)
        check_number("lr", self.lr, 0, open_low=True)
        check_choice("encoder", self.encoder, ("group", "batch norm"))
        if self.encoder != "group" and (self.kernel, self.extra) != (3, 0):
            fail("encoder", describe(self.encoder), "'group', as kernel and extra are the group's encoder's")
        check_choice("loss", self.loss, LOSSES)
        check_number("augment", self.augment, 0, 1)
        check_number("penalty", self.penalty, 0)

    @property
    def grouped(self) -> bool:
        """Whether a batch is pictures with a class each, not pairs with a label each."""
        return self.all_pairs or self.loss == "supcon"


_REAL = Rung(data="digits", fresh=True, updates=EPOCH)  # where the changes one at a time start
_BEST = Rung(data="digits", fresh=True, batch=32, updates=500, finish=150, loss="supcon", augment=0.5)
_change = dataclasses.replace
_BEST_NORM = _change(_BEST, encoder="batch norm", batch=64, updates=600, finish=200, lr=3e-3)
RUNGS = {
    "untrained": Rung(updates=0),
    "the group's run": Rung(),
    # Each remedy alone, in the group's run.
    "real data": Rung(data="digits"),
    "deeper": Rung(extra=2),
    "more updates": Rung(updates=EPOCH),
    "learning rate × 10": Rung(lr=1e-2),
    "learning rate / 10": Rung(lr=1e-4),
    "batch of 64": Rung(batch=64),
    "kernel 5": Rung(kernel=5),
    "scale and bias": Rung(loss="scale and bias"),
    "margin": Rung(loss="margin"),
    "supcon": Rung(loss="supcon"),
    "penalty": Rung(penalty=1e-3),
    # Signal and variety: which of them does noise lack?
    "variety without signal": Rung(fresh=True, updates=EPOCH),
    "signal without variety": Rung(data="digits", updates=EPOCH),
    "signal and variety": _REAL,
    "signal and variety, 10 updates": _change(_REAL, updates=10),
    # From there, one change at a time.
    "+ deeper": _change(_REAL, extra=2),
    "+ batch norm": _change(_REAL, encoder="batch norm"),
    "+ kernel 5": _change(_REAL, kernel=5),
    "+ learning rate × 3": _change(_REAL, lr=3e-3),
    "+ batch of 64": _change(_REAL, batch=64, updates=EPOCH // 4),
    "+ scale and bias": _change(_REAL, loss="scale and bias"),
    "+ margin": _change(_REAL, loss="margin"),
    "+ all pairs": _change(_REAL, all_pairs=True),
    "+ supcon": _change(_REAL, loss="supcon"),
    "+ penalty": _change(_REAL, penalty=1e-3),
    "+ augmentation": _change(_REAL, augment=1.0),
    # Together, and all but one of them ("+ supcon" is all but deeper, "+ deeper" all but the loss).
    "all four": _change(_REAL, extra=2, loss="supcon"),
    "all but real data": _change(_REAL, extra=2, loss="supcon", data="noise"),
    "all but more updates": _change(_REAL, extra=2, loss="supcon", updates=10),
    "best, batch norm": _BEST_NORM,
    "best, batch norm, no augmentation": _change(_BEST_NORM, augment=0.0),
    "best": _BEST,
}


class Scaled(nn.Module):
    """An encoder with a scale and a bias for its cosines, both learned (Zhai et al. 2023, section 3.2).

    Attributes:
        encoder: from pictures to embeddings.
        log_scale: the logarithm of the scale, which so stays positive.
        bias: added to scale · cosine.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())
        self.bias = nn.Parameter(torch.tensor(BIAS))

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures to the encoder's embeddings."""
        return self.encoder(x)


@dataclass(frozen=True)
class Judgement:
    """How an encoder answers on the held-out pairs.

    Attributes:
        threshold: the cosine above which a pair is called "same", chosen on the validation pairs.
        accuracy: on the test pairs, with that threshold.
        at_zero: on the test pairs with the group's threshold, cosine 0.
        validation: on the validation pairs, with their own threshold: it flatters a little.
        cosines: `(PAIRS,)`, of the test pairs.
    """

    threshold: float
    accuracy: float
    at_zero: float
    validation: float
    cosines: Tensor


@dataclass(frozen=True)
class Climb:
    """A trained rung.

    Attributes:
        network: the encoder, with scale and bias if it has them.
        losses: `(updates,)`, each before its update.
        steps: the updates after which it was judged; the last one is the end.
        judgements: what came out.
    """

    network: nn.Module
    losses: Tensor
    steps: list[int]
    judgements: list[Judgement]


@cache
def held_out(split: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pairs on which all rungs are judged, whatever their seed.

    Args:
        split: `"validation"` or `"test"`.

    Returns:
        500 pictures `(500, 3, 32, 32)`, indices of pairs `(PAIRS, 2)`, and `(PAIRS,)` of 0 and 1.

    Raises:
        ValueError: if `split` is another word.
    """
    images, labels = data.digits(check_choice("split", split, ("validation", "test")))
    pairs, same = data.pairs(labels, PAIRS, generators([PAIR_SEED])[0])
    return data.rgb32(images), pairs, same


def pair_cosines(network: nn.Module, split: str) -> Tensor:
    """Return the cosines of the held-out pairs of a split.

    Args:
        network: from pictures `(N, 3, 32, 32)` to embeddings `(N, d)`.
        split: `"validation"` or `"test"`.

    Returns:
        `(PAIRS,)`.

    Raises:
        ValueError: if `split` is another word.
    """
    images, pairs, _ = held_out(split)
    unit = normalize(embed(network, images), dim=-1)  # (500, d)
    return (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(-1)


def judge(network: nn.Module) -> Judgement:
    """Choose the threshold on the validation pairs, then ask about the test pairs, once.

    Args:
        network: from pictures `(N, 3, 32, 32)` to embeddings `(N, d)`.

    Returns:
        Threshold, accuracies and the test pairs' cosines.
    """
    practice, exam = pair_cosines(network, "validation"), pair_cosines(network, "test")
    known, truth = held_out("validation")[2].bool(), held_out("test")[2].bool()
    threshold = metrics.best_threshold(practice, known)
    return Judgement(
        threshold,
        metrics.accuracy(exam > threshold, truth),
        metrics.accuracy(exam > 0, truth),
        metrics.accuracy(practice > threshold, known),
        exam,
    )


def climb(rung: Rung, seed: int, every: int | None = None) -> Climb:
    """Train a rung on the CPU and judge it. Torch's global random state is put back afterwards.

    With the same seed every rung with the group's layers has the same starting weights, and every rung with the same
    kind of data and batch sees the same pictures.

    Args:
        rung: the settings.
        seed: a whole number in [0, 2³²).
        every: judge after every so many updates too, not only at the end.

    Returns:
        The network, its losses and judgements.

    Raises:
        ValueError: if an argument is out of range.
    """
    if not isinstance(rung, Rung):
        fail("rung", describe(rung), "a Rung, such as RUNGS['best']")
    if every is not None:
        check_int("every", every, 1)
    network, source = _start(rung, seed)
    sample = _sampler(rung, source)
    loss = partial(_loss, rung)
    losses, steps, seen = torch.zeros(0), [], []
    if rung.updates:
        watch = None if every is None else judge
        history = fit_encoder(network, loss, sample, rung.updates, lr=rung.lr, watch=watch, every=every or 1)
        losses, steps, seen = history.loss, history.steps, history.watched
    if rung.finish:
        losses = torch.cat([losses, fit_encoder(network, loss, sample, rung.finish, lr=rung.lr / 10).loss])
    if rung.finish or every is None or not rung.updates:
        steps, seen = [*steps, rung.updates + rung.finish], [*seen, judge(network)]
    return Climb(network, losses, steps, seen)


def settings(name: str) -> dict[str, Any]:
    """Return a rung as `helpers.sweep` takes it: arguments for `run`.

    Args:
        name: one of `RUNGS`.

    Returns:
        The name, how often to judge, and the rung's own settings.

    Raises:
        ValueError: if there is no such rung.
    """
    rung = RUNGS[check_choice("name", name, RUNGS)]
    return {"rung": name, "every": 100 if rung.finish else None, **dataclasses.asdict(rung)}


def run(seed: int, rung: str, every: int | None, **setting: Any) -> dict[str, Any]:
    """Climb a rung for the recorded study.

    Args:
        seed: a whole number in [0, 2³²).
        rung: its name, for the record.
        every: see `climb`.
        **setting: the fields of `Rung`.

    Returns:
        The last judgement's numbers; the mean cosine of the test pairs of either kind; a 95 % interval of the accuracy
        over other test pictures (`low`, `high`); the first loss and the mean of the last ten; the judged steps and the
        accuracy at each.

    Raises:
        ValueError: if an argument is out of range.
    """
    outcome = climb(Rung(**setting), seed, every)
    last = outcome.judgements[-1]
    _, pairs, same = held_out("test")
    correct = (last.cosines > last.threshold) == same.bool()
    low, high = metrics.pairs_interval(correct, pairs, generators([PAIR_SEED])[0])
    losses = outcome.losses.tolist()
    return {
        **{name: getattr(last, name) for name in ("threshold", "accuracy", "at_zero", "validation")},
        **{"same": float(last.cosines[same == 1].mean()), "different": float(last.cosines[same == 0].mean())},
        **{"low": low, "high": high},
        "first_loss": losses[0] if losses else None,
        "last_loss": sum(losses[-10:]) / len(losses[-10:]) if losses else None,
        **{"steps": outcome.steps, "accuracies": [each.accuracy for each in outcome.judgements]},
    }


def _start(rung: Rung, seed: int) -> tuple[nn.Module, torch.Generator]:
    """Build the network; return with it the stream of random numbers from which the rung's data is drawn."""
    source = generators([seed])[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder: nn.Module = StudyGroupEncoder()
        source.set_state(torch.get_rng_state())  # the data comes after the weights, as in the group's script
        if rung.encoder == "batch norm":
            encoder = Encoder(size=32, channels=3, dim=128)
        elif (rung.kernel, rung.extra) != (3, 0):
            encoder = StudyGroupEncoder(kernel=rung.kernel, extra=rung.extra)
    encoder = encoder.to(memory_format=torch.channels_last)  # the same sums in another order: a fifth faster
    return Scaled(encoder) if rung.loss == "scale and bias" else encoder, source


def _sampler(rung: Rung, source: torch.Generator) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return what draws a batch: pictures `(2·batch, 3, 32, 32)`, and a class for each or a label for each pair.

    Pair k is the pictures k and batch + k.
    """
    images, labels = data.digits("train")
    draw = partial(_noise if rung.data == "noise" else _digits, rung, data.rgb32(images), labels, source)
    if rung.fresh:
        return draw
    first = draw()
    return lambda: first


def _noise(rung: Rung, _images: Tensor, _labels: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw random tensors and labels that know nothing of them."""
    pictures = torch.randn(2 * rung.batch, 3, 32, 32, generator=source)
    if rung.grouped:
        return pictures, torch.randint(10, (2 * rung.batch,), generator=source)
    return pictures, torch.randint(0, 2, (rung.batch,), generator=source)


def _digits(rung: Rung, images: Tensor, labels: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw training digits: at random with their classes, or in pairs, half of which show the same digit."""
    if rung.grouped:
        index = torch.randint(len(labels), (2 * rung.batch,), generator=source)
        target = labels[index]
    else:
        pairs, target = data.pairs(labels, rung.batch, source)
        index = pairs.T.reshape(-1)
    pictures = images[index]
    if rung.augment:
        pictures = data.augment(pictures, source, strength=rung.augment)
    return pictures, target


def _loss(rung: Rung, network: nn.Module, pictures: Tensor, target: Tensor) -> Tensor:
    """Return the rung's loss of a batch."""
    embeddings = network(pictures)
    if rung.loss == "supcon":
        value = sup_con(embeddings, target, TEMPERATURE)
    elif rung.all_pairs:
        first, second = torch.triu_indices(len(target), len(target), 1)
        same = target[first] == target[second]
        kinds = [(first[kind], second[kind], same[kind]) for kind in (same, ~same)]
        value = sum(_pair_loss(rung, network, embeddings[a], embeddings[b], label) for a, b, label in kinds) / 2
    else:
        value = _pair_loss(rung, network, *embeddings.chunk(2), target)
    if rung.penalty:
        value = value + rung.penalty * sum(weight.square().sum() for weight in network.parameters())
    return value


def _pair_loss(rung: Rung, network: nn.Module, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """Return the rung's loss of pairs of embeddings."""
    if rung.loss == "margin":
        apart = normalize(a, dim=-1) - normalize(b, dim=-1)
        return pair_margin_loss(torch.linalg.vector_norm(apart, dim=-1), same, MARGIN)
    if rung.loss == "scale and bias":
        return cosine_bce(a, b, same, network.log_scale.exp(), network.bias)
    return cosine_bce(a, b, same)
