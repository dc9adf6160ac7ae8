"""Chapter 14: the fixes, one at a time. Each rung is a training, judged on the same held-out pairs of digits.

A rung starts from the study group's run (`group.run`) and changes one thing or several. Whatever it learned from, it is
asked about the same pairs of digits, half of them the same digit. The threshold that turns a cosine into an answer is
chosen on validation pairs, and so were, with seed 0, the settings of the two best rungs among a handful.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from helpers import data, losses, metrics, models
from helpers.checks import Binary, Count, Int, NonNegative, Positive, Seed, Share, Whole, check_calls, require
from helpers.seed import rngs, torch_seed
from helpers.studies.group import StudyGroupEncoder
from helpers.train import embed, fit_encoder

Pictures = Callable[[str], tuple[Tensor, Tensor]]  # from a split to pictures (N, 3, 32, 32) and their classes (N,)
PAIRS = 4000  # held-out pairs of each split, half of them the same digit
PAIR_SEED = 12  # they are the same for all rungs and all seeds
EPOCH = 125  # updates on 16 pairs that show as many pictures as there are training digits: 4,000
MARGIN = 1.0  # distance beyond which the margin loss lets a pair alone; unit vectors are at most 2 apart
TEMPERATURE = 0.1  # of the supervised contrastive loss


@dataclass(frozen=True)
class Rung:
    """One training. The defaults are the study group's."""

    data: Literal["noise", "digits"] = "noise"  # the labels of noise are random
    fresh: bool = False  # new pairs in each update, not always those of the first
    batch: Count = 16  # pairs in an update, of two pictures each
    updates: Whole = 10
    finish: Whole = 0  # further updates at a tenth of the learning rate
    lr: Positive = 1e-3
    encoder: Literal["group", "batch norm"] = "group"  # the second is `models.Encoder`
    kernel: Count = 3  # of the group's convolutions
    extra: Whole = 0  # further blocks of convolution, ReLU and pooling in the group's encoder
    loss: Literal["bare cosine", "scale and bias", "margin", "supcon"] = "bare cosine"
    all_pairs: bool = False  # each picture of a batch with each other, both kinds weighted alike; supcon always does so
    augment: Share = 0.0  # strength of `data.augment` on each training picture
    penalty: NonNegative = 0.0  # weight of the sum of all squared weights

    def __post_init__(self) -> None:
        """Refuse what would be ignored: the other encoder has neither setting."""
        fits = self.encoder == "group" or (self.kernel, self.extra) == (3, 0)
        require(fits, "encoder", self.encoder, "'group', as kernel and extra are the group's encoder's")


_REAL = Rung(data="digits", fresh=True, updates=EPOCH)  # where the changes one at a time start
_BEST = Rung(data="digits", fresh=True, batch=32, updates=500, finish=150, loss="supcon", augment=0.5)
_BEST_NORM = replace(_BEST, encoder="batch norm", batch=64, updates=600, finish=200, lr=3e-3)
RUNGS = {
    **{"untrained": Rung(updates=0), "the group's run": Rung()},
    # Each remedy alone, in the group's run.
    **{"real data": Rung(data="digits"), "deeper": Rung(extra=2), "more updates": Rung(updates=EPOCH)},
    **{"learning rate × 10": Rung(lr=1e-2), "learning rate / 10": Rung(lr=1e-4)},
    **{"batch of 64": Rung(batch=64), "kernel 5": Rung(kernel=5)},
    **{name: Rung(loss=name) for name in ("scale and bias", "margin", "supcon")},
    "penalty": Rung(penalty=1e-3),
    # Signal and variety: which of them does noise lack?
    "variety without signal": Rung(fresh=True, updates=EPOCH),
    "signal without variety": Rung(data="digits", updates=EPOCH),
    **{"signal and variety": _REAL, "signal and variety, 10 updates": replace(_REAL, updates=10)},
    # From there, one change at a time.
    **{"+ deeper": replace(_REAL, extra=2), "+ batch norm": replace(_REAL, encoder="batch norm")},
    **{"+ kernel 5": replace(_REAL, kernel=5), "+ learning rate × 3": replace(_REAL, lr=3e-3)},
    "+ batch of 64": replace(_REAL, batch=64, updates=EPOCH // 4),
    **{f"+ {name}": replace(_REAL, loss=name) for name in ("scale and bias", "margin")},
    **{"+ all pairs": replace(_REAL, all_pairs=True), "+ supcon": replace(_REAL, loss="supcon")},
    **{"+ penalty": replace(_REAL, penalty=1e-3), "+ augmentation": replace(_REAL, augment=1.0)},
    # Together, and all but one of them ("+ supcon" is all but deeper, "+ deeper" all but the loss).
    "all four": replace(_REAL, extra=2, loss="supcon"),
    "all but real data": replace(_REAL, extra=2, loss="supcon", data="noise"),
    "all but more updates": replace(_REAL, extra=2, loss="supcon", updates=10),
    **{"best, batch norm": _BEST_NORM, "best, batch norm, no augmentation": replace(_BEST_NORM, augment=0.0)},
    "best": _BEST,
}


def digits32(split: data.Split) -> tuple[Tensor, Tensor]:
    """Return the packed digits in the group's format, and their labels."""
    images, labels = data.digits(split)
    return data.rgb32(images), labels


def held_out(split: data.Split, pictures: Pictures = digits32) -> tuple[Tensor, Tensor, Tensor]:
    """Return a split's pictures, and the PAIRS pairs (indices, and 1 for "same") that all rungs are asked about."""
    images, labels = pictures(split)
    return images, *data.pairs(labels, PAIRS, rngs([PAIR_SEED])[0])


def pair_cosines(network: nn.Module, images: Tensor, pairs: Tensor) -> Tensor:
    """Return the cosines of pairs of pictures."""
    unit = normalize(embed(network, images), dim=-1)  # (N, d)
    return (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(-1)


def judge(network: nn.Module, pictures: Pictures = digits32) -> SimpleNamespace:
    """Choose the `threshold`, a cosine above which a pair is called "same", on the validation pairs: the share that it
    gets right there, `validation`, flatters a little. Then ask about the test pairs, once: their `cosines` (PAIRS,),
    the `accuracy` with that threshold, and `at_zero`, with the group's."""
    (*practice, known), (*exam, truth) = (held_out(split, pictures) for split in ("validation", "test"))
    tried, cosines = pair_cosines(network, *practice), pair_cosines(network, *exam)
    threshold = metrics.best_threshold(tried, known)
    return SimpleNamespace(
        threshold=threshold,
        accuracy=metrics.accuracy(cosines > threshold, truth.bool()),
        at_zero=metrics.accuracy(cosines > 0, truth.bool()),
        validation=metrics.accuracy(tried > threshold, known.bool()),
        cosines=cosines,
    )


def train_and_judge(
    rung: Rung, seed: Seed, every: Count | None = None, pictures: Pictures = digits32
) -> tuple[nn.Module, Tensor, dict[int, SimpleNamespace]]:
    """Train a rung on the CPU; return the network, the loss before each update, and judgements by the updates made: of
    the end, and with `every` also of the beginning and after so many updates each. With the same seed all rungs with
    the group's layers start alike, and all with the same kind of data and batch see the same pictures."""
    network, rng = _start(rung, seed)
    draw, look = partial(_draw, rung, rng, *pictures("train")), partial(judge, pictures=pictures)
    first = None if rung.fresh else draw()
    phases = {"steps": rung.updates, "finish": rung.finish, "lr": rung.lr}
    phases |= {"watch": look, "every": every} if every else {}
    history = fit_encoder(network, partial(_loss, rung), lambda: first or draw(), **phases)
    end = rung.updates + rung.finish
    seen = dict(zip(history.steps, history.watched, strict=True)) or {end: look(network)}
    # Nothing on the way through the finish: so it was recorded.
    return network, history.loss, {step: seen[step] for step in seen if step <= rung.updates or step == end}


def _start(rung: Rung, seed: int) -> tuple[nn.Module, torch.Generator]:
    """Build the network; return with it the stream of random numbers from which the rung's data is drawn."""
    with torch_seed(seed):
        encoder: nn.Module = StudyGroupEncoder()
        rng = torch.default_generator.clone_state()  # the data comes after the weights, as in the group's script
        if rung.encoder == "batch norm":
            encoder = models.Encoder(size=32, channels=3, dim=128)
        elif (rung.kernel, rung.extra) != (3, 0):
            encoder = StudyGroupEncoder(kernel=rung.kernel, extra=rung.extra)
    encoder = encoder.to(memory_format=torch.channels_last)  # the same sums in another order: a fifth faster
    return models.ScaledEncoder(encoder) if rung.loss == "scale and bias" else encoder, rng


def _draw(rung: Rung, rng: torch.Generator, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Draw pictures (2·batch, 3, 32, 32), with a class each, or in pairs (k and batch + k) with a label for each pair.
    Labels of noise know nothing of it; half of the real pairs are of one class."""
    grouped = rung.all_pairs or rung.loss == "supcon"
    if rung.data == "noise":
        kinds, n = (10, 2 * rung.batch) if grouped else (2, rung.batch)
        return torch.randn(2 * rung.batch, 3, 32, 32, generator=rng), torch.randint(kinds, (n,), generator=rng)
    if grouped:
        index = torch.randint(len(labels), (2 * rung.batch,), generator=rng)
        target = labels[index]
    else:
        pairs, target = data.pairs(labels, rung.batch, rng)
        index = pairs.T.reshape(-1)
    return data.augment(images[index], rng, strength=rung.augment) if rung.augment else images[index], target


def _loss(rung: Rung, network: nn.Module, pictures: Tensor, target: Tensor) -> Tensor:
    embeddings = network(pictures)
    if rung.loss == "supcon":
        value = losses.sup_con(embeddings, target, TEMPERATURE)
    elif rung.all_pairs:
        first, second = torch.triu_indices(len(target), len(target), 1)
        same = target[first] == target[second]
        a, b = embeddings[first], embeddings[second]
        value = sum(_pair_loss(rung, network, a[kind], b[kind], same[kind]) for kind in (same, ~same)) / 2
    else:
        value = _pair_loss(rung, network, *embeddings.chunk(2), target)
    return value + rung.penalty * sum(weight.square().sum() for weight in network.parameters() if rung.penalty)


def _pair_loss(rung: Rung, network: nn.Module, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    if rung.loss == "margin":
        distance = torch.linalg.vector_norm(normalize(a, dim=-1) - normalize(b, dim=-1), dim=-1)
        return losses.pair_margin_loss(distance, same, MARGIN)
    scale_and_bias = (network.log_scale.exp(), network.bias) if rung.loss == "scale and bias" else ()
    return losses.cosine_bce(a, b, same, *scale_and_bias)


def pairs_interval(
    correct: Binary("P"), pairs: Int("P 2"), rng: torch.Generator, draws: Count = 1000, level: metrics.Level = 0.95
) -> tuple[float, float]:
    """Bootstrap interval for the accuracy on pairs that share pictures: the pictures are drawn again, and a pair counts
    as often as the product of its two. At most √3 times as wide as independent pairs would need. Owen, "The pigeonhole
    bootstrap" (2007)."""
    used, members = pairs.cpu().unique(return_inverse=True)  # only pictures that occur are drawn
    drawn = torch.randint(len(used), (draws, len(used)), generator=rng)  # (draws, pictures)
    counts = torch.zeros(draws, len(used)).scatter_add_(1, drawn, torch.ones(drawn.shape))
    weight = counts[:, members[:, 0]] * counts[:, members[:, 1]]  # (draws, P)
    total = weight.sum(1)
    require(total.any(), "pairs", pairs, "more pairs or draws: no draw holds both pictures of a pair")
    shares = ((weight * correct.cpu()).sum(1) / total)[total > 0]
    return tuple(shares.double().quantile(torch.tensor([1 - level, 1 + level], dtype=torch.double) / 2).tolist())


def run(seed: int, rung: str, every: int | None, **setting: Any) -> dict[str, Any]:
    """Train and judge a rung for the record, with a 95 % interval of the accuracy over other test pictures."""
    _, loss, judgements = train_and_judge(Rung(**setting), seed, every)
    last = list(judgements.values())[-1]
    _, pairs, same = held_out("test")
    low, high = pairs_interval((last.cosines > last.threshold) == same.bool(), pairs, rngs([PAIR_SEED])[0])
    return {
        **{name: getattr(last, name) for name in ("threshold", "accuracy", "at_zero", "validation")},
        **{"same": float(last.cosines[same == 1].mean()), "different": float(last.cosines[same == 0].mean())},
        **{"low": low, "high": high},
        "first_loss": first[0] if (first := loss[:1].tolist()) else None,
        "last_loss": sum(end) / len(end) if (end := loss[-10:].tolist()) else None,
        **{"steps": list(judgements), "accuracies": [each.accuracy for each in judgements.values()]},
    }


SEEDS = range(5)
PARTS = {name: [{"rung": name, "every": 100 if rung.finish else None, **asdict(rung)}] for name, rung in RUNGS.items()}
COST = "about half an hour on one core"
check_calls(globals())
