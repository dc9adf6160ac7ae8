"""Chapter 15: the same Hangul syllable in another font. Which part of the recipe does it?

No arm is told which syllable a picture shows. All it knows is which two pictures belong together: drawn from the same
character in two fonts, or two distorted copies of one picture. The test is retrieval, by cosine: given a syllable in
one font, which of the 150 test syllables in another font is the same? The share of right answers (top-1) is taken for
every ordered pair of fonts, on syllables and fonts never seen. The training is that of Chen et al., "SimCLR" (2020).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import permutations
from statistics import fmean
from typing import Annotated, Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from helpers import data, losses, metrics
from helpers.checks import Count, Finite, Positive, Range, Seed, Share, Whole, check_calls, require
from helpers.models import Encoder
from helpers.seed import rngs, torch_seed
from helpers.studies import draw, kept
from helpers.train import EncoderHistory, embed, fit_encoder

HangulSplit = Literal["train", "validation", "test", "test_seen_fonts"]
HANGUL_SPLITS: tuple[HangulSplit, ...] = get_args(HangulSplit)
HANGUL_SLICES = {"train": slice(0, 440), "validation": slice(440, 490), "test": slice(490, 640)}  # of the syllables
HANGUL_FOLDS = 3
Fold = Annotated[int, Range(0, HANGUL_FOLDS - 1, whole=True)]
SYLLABLES = 8  # of the 440 in `hangul("train")`, each in 11 fonts: what chapter 09 draws
JITTER = (5.0, 0.05, 0.03, 0.05)  # degrees, scale, shift and shear that make each picture of a syllable another one


@dataclass(frozen=True)
class Hangul:
    """Syllables in several fonts: `images` (N, F, 1, 32, 32) in [−1, 1], one row a syllable, one column a font."""

    images: Tensor
    syllables: Sequence[str]
    fonts: Sequence[str]


def packed_hangul() -> tuple[np.ndarray, list[str], list[str]]:
    """Unpack all pictures (fonts, syllables, 32, 32), from 0 to 15, with the names of syllables and fonts."""
    two, syllables, fonts = (data._packed("hangul.npz")[name] for name in ("images", "syllables", "fonts"))
    pixels = np.stack([two >> 4, two & 15], axis=-1)  # two pixels a byte, the left one in the upper bits
    return pixels.reshape(*two.shape[:-1], -1), syllables.tolist(), fonts.tolist()


def hangul(split: HangulSplit, fold: Fold = 0) -> Hangul:
    """Hangul syllables in several fonts: training (440 syllables in 11 fonts), validation (50 in 2) and test (150 in 3)
    share neither a syllable nor a font; `"test_seen_fonts"` has the test syllables in the training fonts. Each fold
    parts them in another way: no syllable and no font is tested twice."""
    known = json.loads((data.ASSETS / "hangul_fonts.json").read_text(encoding="utf-8"))
    pixels, syllables, names = packed_hangul()
    test, following, last = (known["groups"][(fold + step) % HANGUL_FOLDS] for step in range(HANGUL_FOLDS))
    fonts = {"validation": following[:2], "test": test}.get(split, [*known["train"], *following[2:], *last])
    rows = np.roll(np.arange(len(syllables)), 150 * fold)[HANGUL_SLICES[split.removesuffix("_seen_fonts")]]
    chosen = pixels[[names.index(font) for font in fonts]][:, rows]  # (F, N, 32, 32)
    images = torch.from_numpy(chosen).float().transpose(0, 1).unsqueeze(2).contiguous() / 7.5 - 1
    return Hangul(images, tuple(syllables[row] for row in rows), tuple(fonts))


def first_letters(syllables: Sequence[str]) -> Tensor:
    """Return the first letter of each Hangul syllable, a consonant, as a number from 0 to 18: (N,)."""
    good = all(len(syllable) == 1 and "가" <= syllable <= "힣" for syllable in syllables)
    require(good, "syllables", syllables, "characters from 가 to 힣")
    return torch.tensor([ord(unicodedata.normalize("NFD", syllable)[0]) - ord("\u1100") for syllable in syllables])


@kept
def small_hangul(split: HangulSplit, syllables: int | None = None) -> Tensor:
    """Return Hangul syllables, or the first few, in each font at the digits' size: (N, F, 1, 28, 28)."""
    images = hangul(split).images[:syllables]
    small = interpolate(images.flatten(0, 1), size=28, mode="bilinear", antialias=True)
    return small.clamp(-1, 1).unflatten(0, images.shape[:2])


def syllable_batch(count: Count, rng: torch.Generator) -> Tensor:
    """Draw chapter 09's syllables in random fonts, each a little turned, scaled and shifted: (count, 1, 28, 28)."""
    return data.augment(draw(small_hangul("train", SYLLABLES).flatten(0, 1), count, rng), rng, *JITTER)


def style_report(drawn: Finite("N 1 28 28"), real: Finite("M 1 28 28")) -> dict[str, Any]:
    """Count fonts and cells among samples and real pictures; `near`: as near to a cell as 95 of 100 real ones."""
    cells = small_hangul("train", SYLLABLES)
    fonts, clean = cells.shape[1], cells.flatten(2).flatten(0, 1)  # number of a cell: syllable · fonts + font
    (far, cell), (far_real, cell_real) = (torch.cdist(x.flatten(1), clean).min(1) for x in (drawn, real))
    return {
        "near": float((far < far_real.quantile(0.95)).float().mean()),
        **{"fonts": metrics.effective_number(cell % fonts), "real_fonts": metrics.effective_number(cell_real % fonts)},
        **{"cells": metrics.effective_number(cell), "real_cells": metrics.effective_number(cell_real)},
        "font_counts": torch.bincount(cell % fonts, minlength=fonts).tolist(),
    }


@dataclass(frozen=True)
class Arm:
    """One training. `pairs` says what belongs together: the same syllable in two fonts, or two views of one picture.
    `augment` is the strength of `data.augment` on each training picture; `batch` counts pairs, each of another
    syllable; `finish` further updates have a tenth of Adam's learning rate; the temperature is that of NT-Xent."""

    pairs: Literal["fonts", "views"] = "fonts"
    augment: Share = 1.0
    batch: Count = 128
    updates: Whole = 480
    finish: Whole = 120
    lr: Positive = 2e-3
    temperature: Positive = 0.1


# The settings were chosen in four pilot runs on the validation fonts of fold 0. "Twice as long" was added after the
# first test results were seen, as the loss was still falling.
ARMS = {
    "untrained": Arm(updates=0, finish=0),
    "augmentation alone": Arm(pairs="views"),
    "fonts alone": Arm(augment=0.0),
    "fonts and augmentation": Arm(),
    "twice as long": Arm(updates=1040, finish=160),
    "short": Arm(updates=120, finish=40),  # what the chapter can afford to train live
}


def train_encoder(
    arm: Arm, seed: Seed, fold: Fold, watch: Callable[[nn.Module], Any] | None = None, every: Count = 100
) -> tuple[Encoder, EncoderHistory]:
    """Train an arm on the CPU; with the same seed all arms start with the same weights."""
    with torch_seed(seed):
        encoder = Encoder(size=32, widths=(16, 32, 64), dim=128)
    encoder = encoder.to(memory_format=torch.channels_last)  # the same sums in another order: faster
    sample = partial(draw_pairs, arm, hangul("train", fold).images, rngs([seed])[0])
    phases = {"steps": arm.updates, "finish": arm.finish, "lr": arm.lr}
    return encoder, fit_encoder(encoder, partial(_loss, arm), sample, **phases, watch=watch, every=every)


def _loss(arm: Arm, encoder: nn.Module, *views: Tensor) -> Tensor:
    both = encoder(torch.cat(views))  # at once, so that they share its batch norm
    return losses.nt_xent(*both.chunk(2), arm.temperature)


def draw_pairs(arm: Arm, images: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw pairs of pictures (batch, 1, 32, 32), each pair of another syllable, from (N, F, 1, 32, 32)."""
    count, fonts = images.shape[:2]
    require(arm.batch <= count, "batch", arm.batch, f"at most {count}, the number of syllables")
    rows = torch.randperm(count, generator=rng)[: arm.batch]
    columns = torch.rand(len(rows), fonts, generator=rng).topk(2).indices  # two different fonts for each
    if arm.pairs == "views":
        columns = columns[:, :1].expand(-1, 2)
    both = torch.cat([images[rows, columns[:, 0]], images[rows, columns[:, 1]]])  # (2·batch, 1, 32, 32)
    return (data.augment(both, rng, strength=arm.augment) if arm.augment else both).chunk(2)


def embed_fonts(encoder: nn.Module, images: Finite("N F 1 32 32")) -> Tensor:
    """Embed each syllable in each font, (N, F, d); `nn.Flatten()` gives the pixels themselves."""
    return embed(encoder, images.flatten(0, 1)).unflatten(0, images.shape[:2])


def retrieval_table(embeddings: Finite("N F d")) -> Tensor:
    """Return top-1 of retrieval for each ordered pair of fonts, (F, F): row is the font of the queries, column that of
    the gallery of N. The diagonal, where every picture would find itself, is NaN."""
    fonts = embeddings.shape[1]
    require(fonts > 1, "embeddings", embeddings, "at least two fonts")
    table = torch.full((fonts, fonts), torch.nan, dtype=torch.double)
    for query, gallery in permutations(range(fonts), 2):
        table[query, gallery] = metrics.retrieval_accuracy(embeddings[:, query], embeddings[:, gallery])
    return table


def alignment(a: Finite("N d"), b: Finite("N d")) -> float:
    """Mean squared distance of positive pairs on the unit sphere, from 0 to 4. Wang and Isola (2020), section 4.1."""
    return float(((metrics._unit(a) - metrics._unit(b)) ** 2).sum(-1).mean())


def uniformity(embeddings: Finite("N d"), t: Positive = 2.0) -> float:
    """log of the mean of exp(−t‖x − y‖²) on the unit sphere: the lower, the more even. Wang and Isola (2020), 4.1."""
    require(len(embeddings) > 1, "embeddings", embeddings, "at least two rows")
    return float((-t * torch.pdist(metrics._unit(embeddings)) ** 2).exp().mean().log())


def evaluate(encoder: nn.Module, fold: Fold) -> dict[str, Any]:
    """Measure what the study records about an encoder. Top-1 of retrieval, mean over the ordered pairs of fonts:
    `unseen` (test syllables, test fonts), with `pairs`, its six values; `seen` (test syllables, training fonts);
    `validation`. Of the test embeddings `alignment` between fonts, `uniformity` and `pull_away` within a font. Whether
    neighbours (`knn`) and a linear classifier (`probe`), fitted on the training pictures, read off the first letter."""
    shown = {split: hangul(split, fold) for split in HANGUL_SPLITS}
    codes = {split: embed_fonts(encoder, part.images) for split, part in shown.items()}
    table, test = retrieval_table(codes["test"]), codes["test"].unbind(1)
    letters = {split: first_letters(part.syllables).repeat_interleave(len(part.fonts)) for split, part in shown.items()}
    known, asked = ((codes[split].flatten(0, 1), letters[split]) for split in ("train", "test"))
    return {
        **{"unseen": float(table.nanmean()), "pairs": table[~table.isnan()].tolist()},
        "seen": float(retrieval_table(codes["test_seen_fonts"]).nanmean()),
        "validation": float(retrieval_table(codes["validation"]).nanmean()),
        "alignment": fmean(alignment(a, b) for a, b in permutations(test, 2)),
        "uniformity": fmean(uniformity(font) for font in test),
        "pull_away": fmean(float(losses.pull_away(font)) for font in test),
        "knn": metrics.knn_accuracy(*known, *asked),
        "probe": metrics.linear_probe(*known, *asked),
    }


def run(seed: Seed, arm: str, fold: Fold, **setting: Any) -> dict[str, Any]:
    """Train with the fields of `Arm` and evaluate; `arm` is its name, for the record."""
    encoder, history = train_encoder(Arm(**setting), seed, fold)
    last = history.loss[-10:]
    return {**evaluate(encoder, fold), "last_loss": float(last.mean()) if len(last) else None}


SEEDS = range(3)
PARTS = {
    name: [{"arm": name, "fold": fold, **asdict(arm)} for fold in range(HANGUL_FOLDS)] for name, arm in ARMS.items()
}
COST = "about half an hour on one core"
check_calls(globals())
