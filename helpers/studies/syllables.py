"""Chapter 15: the same Hangul syllable in another font. Which part of the recipe does it?

No arm is told which syllable a picture shows. All it knows is which two pictures belong together: drawn from the same
character in two fonts, or two distorted copies of one picture. The test is retrieval, by cosine: given a syllable in
one font, which of the 150 test syllables in another font is the same? The share of right answers (top-1) is taken for
every ordered pair of fonts, on syllables and fonts never seen.

Sources: Chen et al., "SimCLR" (2020), for the training; Wang and Isola (2020) for alignment and uniformity.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from itertools import permutations
from statistics import fmean
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from helpers.checks import Count, Finite, Positive, Range, Seed, Share, Whole, check_calls, require
from helpers.data import _packed, augment
from helpers.losses import nt_xent, pull_away
from helpers.metrics import _unit, knn_accuracy, linear_probe, retrieval_accuracy
from helpers.models import Encoder
from helpers.seed import rngs, torch_seed
from helpers.train import EncoderHistory, embed, fit_encoder

HangulSplit = Literal["train", "validation", "test", "test_seen_fonts"]
HANGUL_SPLITS: tuple[HangulSplit, ...] = ("train", "validation", "test", "test_seen_fonts")
HANGUL_SLICES = {"train": slice(0, 440), "validation": slice(440, 490), "test": slice(490, 640)}  # of the syllables
HANGUL_FOLDS = 3
Fold = Annotated[int, Range(0, HANGUL_FOLDS - 1, whole=True)]
HANGUL_START, LEAD = 0xAC00, 588  # Unicode orders syllables by their first letter: 588 syllables for each of 19
WIDTHS, DIM = (16, 32, 64), 128  # of the encoder


@dataclass(frozen=True)
class Hangul:
    """Syllables in several fonts: `images` (N, F, 1, 32, 32) in [−1, 1], one row a syllable, one column a font."""

    images: Tensor
    syllables: Sequence[str]
    fonts: Sequence[str]


@cache
def hangul_fonts() -> dict[str, list[Any]]:
    """Name the fonts that are always for training, and the three groups that take turns as test fonts."""
    return json.loads((files("helpers") / "assets" / "hangul_fonts.json").read_text(encoding="utf-8"))


def _fonts_of(split: str, fold: int) -> tuple[str, ...]:
    """Name the fonts of a split."""
    groups = hangul_fonts()["groups"]
    test, following, last = (groups[(fold + step) % HANGUL_FOLDS] for step in range(HANGUL_FOLDS))
    if split == "test":
        return tuple(test)
    return tuple(following[:2] if split == "validation" else [*hangul_fonts()["train"], *following[2:], *last])


@cache
def packed_hangul() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Unpack all pictures (fonts, syllables, 32, 32), from 0 to 15, with the names of syllables and fonts."""
    packed = _packed("hangul.npz")
    two = packed["images"]  # two pixels a byte, the left one in the upper bits
    pixels = np.stack([two >> 4, two & 15], axis=-1).reshape(*two.shape[:-1], -1)
    return pixels, packed["syllables"], packed["fonts"].tolist()


def hangul(split: HangulSplit, fold: Fold = 0) -> Hangul:
    """Hangul syllables in several fonts: training, validation and test share neither a syllable nor a font.

    `"train"` has 440 syllables in 11 fonts, `"validation"` 50 in 2, `"test"` 150 in 3, and `"test_seen_fonts"` the
    test syllables in the training fonts. Each fold parts them in another way; no syllable is a test syllable twice,
    and no font a test font twice.
    """
    pixels, syllables, names = packed_hangul()
    rows = np.roll(np.arange(len(syllables)), 150 * fold)[HANGUL_SLICES[split.removesuffix("_seen_fonts")]]
    fonts = _fonts_of(split, fold)
    chosen = pixels[[names.index(font) for font in fonts]][:, rows]  # (F, N, 32, 32)
    images = torch.from_numpy(chosen).float().transpose(0, 1).unsqueeze(2).contiguous() / 7.5 - 1
    return Hangul(images, tuple(syllables[rows].tolist()), fonts)


def first_letters(syllables: Sequence[str]) -> Tensor:
    """Return the first letter of each Hangul syllable, a consonant, as a number from 0 to 18: (N,)."""
    good = all(len(syllable) == 1 and "가" <= syllable <= "힣" for syllable in syllables)
    require(good, "syllables", syllables, "characters from 가 to 힣")
    return torch.tensor([(ord(syllable) - HANGUL_START) // LEAD for syllable in syllables])


@dataclass(frozen=True)
class Arm:
    """One training. `pairs` says what belongs together: the same syllable in two fonts, or two views of one picture.

    `augment` is the strength of `data.augment` on each training picture; `batch` counts pairs, each of another
    syllable; `finish` further updates have a tenth of Adam's learning rate; the temperature is that of NT-Xent.
    """

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
        encoder = Encoder(size=32, widths=WIDTHS, dim=DIM)
    encoder = encoder.to(memory_format=torch.channels_last)  # the same sums in another order: faster
    sample = partial(draw_pairs, arm, hangul("train", fold).images, rngs([seed])[0])
    loss = partial(pairs_loss, arm.temperature)
    history = fit_encoder(encoder, loss, sample, arm.updates, finish=arm.finish, lr=arm.lr, watch=watch, every=every)
    return encoder, history


def draw_pairs(arm: Arm, images: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw pairs of pictures (batch, 1, 32, 32), each pair of another syllable, from (N, F, 1, 32, 32)."""
    count, fonts = images.shape[:2]
    rows = torch.randperm(count, generator=rng)[: arm.batch]
    columns = torch.rand(len(rows), fonts, generator=rng).topk(2).indices  # two different fonts for each
    if arm.pairs == "views":
        columns = columns[:, :1].expand(-1, 2)
    both = torch.cat([images[rows, columns[:, 0]], images[rows, columns[:, 1]]])  # (2·batch, 1, 32, 32)
    if arm.augment:
        both = augment(both, rng, strength=arm.augment)
    first, second = both.chunk(2)
    return first, second


def pairs_loss(temperature: Positive, encoder: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """Return NT-Xent of a batch. Both views go through the encoder at once, so that they share its batch norm."""
    return nt_xent(*encoder(torch.cat([first, second])).chunk(2), temperature)


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
        table[query, gallery] = retrieval_accuracy(embeddings[:, query], embeddings[:, gallery])
    return table


def alignment(a: Finite("N d"), b: Finite("N d")) -> float:
    """Mean squared distance of positive pairs on the unit sphere, from 0 to 4. Wang and Isola (2020), section 4.1."""
    return float(((_unit(a) - _unit(b)) ** 2).sum(-1).mean())


def uniformity(embeddings: Finite("N d"), t: Positive = 2.0) -> float:
    """log of the mean of exp(−t‖x − y‖²) on the unit sphere: the lower, the more even. Wang and Isola (2020), 4.1."""
    require(len(embeddings) > 1, "embeddings", embeddings, "at least two rows")
    return float((-t * torch.pdist(_unit(embeddings)) ** 2).exp().mean().log())


def evaluate(encoder: nn.Module, fold: Fold) -> dict[str, Any]:
    """Measure all that the study records about an encoder.

    Top-1 of retrieval, mean over the ordered pairs of fonts: `unseen` (test syllables, test fonts), with `pairs`, its
    six values row by row; `seen` (test syllables, training fonts); `validation`. Of the test embeddings `alignment`
    between the fonts, `uniformity` and `pull_away` within a font, means over fonts. And whether neighbours (`knn`) and
    a linear classifier (`probe`) read off the first letter: fitted on the training pictures, asked about the test's.
    """
    shown = {split: hangul(split, fold) for split in HANGUL_SPLITS}
    codes = {split: embed_fonts(encoder, part.images) for split, part in shown.items()}
    table, test = retrieval_table(codes["test"]), codes["test"].unbind(1)
    known, asked = ((codes[split].flatten(0, 1), _letters(shown[split])) for split in ("train", "test"))
    return {
        "unseen": float(table.nanmean()),
        "pairs": [float(table[pair]) for pair in permutations(range(len(test)), 2)],
        "seen": float(retrieval_table(codes["test_seen_fonts"]).nanmean()),
        "validation": float(retrieval_table(codes["validation"]).nanmean()),
        "alignment": fmean(alignment(a, b) for a, b in permutations(test, 2)),
        "uniformity": fmean(uniformity(font) for font in test),
        "pull_away": fmean(float(pull_away(font)) for font in test),
        "knn": knn_accuracy(*known, *asked),
        "probe": linear_probe(*known, *asked),
    }


def _letters(part: Hangul) -> Tensor:
    """Return the first letter of each picture, syllable by syllable."""
    return first_letters(part.syllables).repeat_interleave(len(part.fonts))


def settings(name: str, fold: Fold) -> dict[str, Any]:
    """Return what `run` takes: an arm's name, the fold, and the arm's own settings."""
    return {"arm": name, "fold": fold, **dataclasses.asdict(ARMS[name])}


def run(seed: Seed, arm: str, fold: Fold, **setting: Any) -> dict[str, Any]:
    """Train with the fields of `Arm` and evaluate; `arm` is its name, for the record."""
    encoder, history = train_encoder(Arm(**setting), seed, fold)
    last = history.loss[-10:]
    return {**evaluate(encoder, fold), "last_loss": float(last.mean()) if len(last) else None}


SEEDS = range(3)
PARTS = {name: [settings(name, fold) for fold in range(HANGUL_FOLDS)] for name in ARMS}
COST = "about half an hour on one core"
check_calls(globals())
