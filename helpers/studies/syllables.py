"""The same syllable in another font: each arm is a training of chapter 13, tested on syllables and fonts never seen.

No arm is told which syllable a picture shows. All it knows is which two pictures belong together: drawn from the same
character in two fonts, or two distorted copies of one picture. The test is retrieval, by cosine: given a syllable in
one font, which of the 150 test syllables in another font is the same? The share of right answers (top-1) is taken for
every ordered pair of fonts.

Sources: Chen et al., "SimCLR" (2020), for the training; Wang and Isola (2020) for alignment and uniformity.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any

import torch
from torch import Tensor, nn

from helpers import data, metrics
from helpers._checks import check_choice, check_int, check_number, check_tensor, describe, fail
from helpers.losses import nt_xent, pull_away
from helpers.models import Encoder
from helpers.seed import generators
from helpers.train import EncoderHistory, embed, fit_encoder

WIDTHS, DIM = (16, 32, 64), 128  # of the encoder
HANGUL_START, LEAD = 0xAC00, 588  # Unicode orders syllables by their first letter: 588 syllables for each of 19


@dataclass(frozen=True)
class Arm:
    """One training.

    Attributes:
        pairs: what belongs together: the same syllable in two `"fonts"`, or two `"views"` of one picture.
        augment: strength of `data.augment` on each training picture: 0 not at all, 1 all the way.
        batch: pairs in an update, each of another syllable.
        updates: how many.
        finish: further updates at a tenth of the learning rate.
        lr: Adam's learning rate.
        temperature: of `losses.nt_xent`.
    """

    pairs: str = "fonts"
    augment: float = 1.0
    batch: int = 128
    updates: int = 480
    finish: int = 120
    lr: float = 2e-3
    temperature: float = 0.1

    def __post_init__(self) -> None:
        """Check the settings."""
        check_choice("pairs", self.pairs, ("fonts", "views"))
        check_number("augment", self.augment, 0, 1)
        check_int("batch", self.batch, 2)
        check_int("updates", self.updates, 0)
        check_int("finish", self.finish, 0)
        check_number("lr", self.lr, 0, open_low=True)
        check_number("temperature", self.temperature, 0, open_low=True)


ARMS = {
    "untrained": Arm(updates=0, finish=0),
    "augmentation alone": Arm(pairs="views"),
    "fonts alone": Arm(augment=0.0),
    "fonts and augmentation": Arm(),
    "twice as long": Arm(updates=1040, finish=160),
    "short": Arm(updates=120, finish=40),  # what the chapter can afford to train live
}


def train_encoder(
    arm: Arm, seed: int, fold: int, watch: Callable[[nn.Module], Any] | None = None, every: int = 100
) -> tuple[Encoder, EncoderHistory]:
    """Train an arm on the CPU. Torch's global random state is put back afterwards.

    Args:
        arm: the settings.
        seed: a whole number in [0, 2³²); with the same seed all arms start with the same weights.
        fold: of `data.hangul`: 0, 1 or 2.
        watch: see `train.fit_encoder`; called in the updates before the finish.
        every: see `watch`.

    Returns:
        The encoder, and the losses of all updates with what `watch` saw.

    Raises:
        ValueError: if an argument is out of range.
    """
    if not isinstance(arm, Arm):
        fail("arm", describe(arm), "an Arm, such as ARMS['fonts alone']")
    source = generators([seed])[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(size=32, widths=WIDTHS, dim=DIM)
    encoder = encoder.to(memory_format=torch.channels_last)  # the same sums in another order: faster
    history = EncoderHistory(torch.zeros(0))
    sample = partial(_batch, arm, data.hangul("train", fold).images, source)
    loss = partial(_loss, arm.temperature)
    if arm.updates:
        history = fit_encoder(encoder, loss, sample, arm.updates, lr=arm.lr, watch=watch, every=every)
    if arm.finish:
        history.loss = torch.cat([history.loss, fit_encoder(encoder, loss, sample, arm.finish, lr=arm.lr / 10).loss])
    return encoder, history


def _batch(arm: Arm, images: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw pairs of pictures `(batch, 1, 32, 32)`, each pair of another syllable."""
    count, fonts = images.shape[:2]
    rows = torch.randperm(count, generator=source)[: arm.batch]
    columns = torch.rand(len(rows), fonts, generator=source).topk(2).indices  # two different fonts for each
    if arm.pairs == "views":
        columns = columns[:, :1].expand(-1, 2)
    both = torch.cat([images[rows, columns[:, 0]], images[rows, columns[:, 1]]])  # (2·batch, 1, 32, 32)
    if arm.augment:
        both = data.augment(both, source, strength=arm.augment)
    first, second = both.chunk(2)
    return first, second


def _loss(temperature: float, encoder: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """Return NT-Xent of a batch. Both views go through the encoder at once, so that they share its batch norm."""
    return nt_xent(*encoder(torch.cat([first, second])).chunk(2), temperature)


def embed_fonts(encoder: nn.Module, images: Tensor) -> Tensor:
    """Embed each syllable in each font.

    Args:
        encoder: from pictures `(N, 1, 32, 32)` to embeddings `(N, d)`; `nn.Flatten()` for the pixels themselves.
        images: `(N, F, 1, 32, 32)` with values in [−1, 1], such as `data.hangul("test").images`.

    Returns:
        `(N, F, d)`.

    Raises:
        ValueError: if `images` has another shape or is not finite.
    """
    check_tensor("images", images, "(N, F, 1, 32, 32)", 5)
    return embed(encoder, images.flatten(0, 1)).unflatten(0, images.shape[:2])


def font_pairs(embeddings: Tensor) -> Tensor:
    """Return the top-1 accuracy of retrieval for each ordered pair of fonts.

    Args:
        embeddings: `(N, F, d)`: N syllables in F fonts, at least two.

    Returns:
        `(F, F)`: row is the font of the queries, column that of the gallery of N. The diagonal, where every picture
        would find itself, is NaN; `.nanmean()` is the mean over the ordered pairs.

    Raises:
        ValueError: on another shape or fewer than two fonts.
    """
    fonts = check_tensor("embeddings", embeddings, "(N, F, d)", 3).shape[1]
    if fonts < 2:
        fail("embeddings", describe(embeddings), "at least two fonts")
    table = torch.full((fonts, fonts), torch.nan, dtype=torch.double)
    for query, gallery in permutations(range(fonts), 2):
        table[query, gallery] = metrics.retrieval_accuracy(embeddings[:, query], embeddings[:, gallery])
    return table


def first_letters(syllables: tuple[str, ...]) -> Tensor:
    """Return the first letter of each Hangul syllable, a consonant, as a number from 0 to 18.

    Args:
        syllables: N characters from 가 to 힣.

    Returns:
        `(N,)`.

    Raises:
        ValueError: if one is no Hangul syllable.
    """
    for syllable in syllables:
        if not isinstance(syllable, str) or not "가" <= syllable <= "힣" or len(syllable) != 1:
            fail("syllables", describe(syllable), "characters from 가 to 힣")
    return torch.tensor([(ord(syllable) - HANGUL_START) // LEAD for syllable in syllables])


def judge(encoder: nn.Module, fold: int) -> dict[str, Any]:
    """Ask everything that the study records about an encoder.

    Args:
        encoder: see `embed_fonts`.
        fold: of `data.hangul`: 0, 1 or 2.

    Returns:
        Top-1 accuracy of retrieval, mean over the ordered pairs of fonts: `unseen` (test syllables, test fonts), with
        `pairs`, its six single values row by row; `seen` (test syllables, training fonts); `validation`. Of the
        test embeddings `alignment` between the fonts, and `uniformity` and `pull_away` within a font, means over
        fonts. And whether the first letter can be read off, by neighbours (`knn`) and by a linear classifier
        (`probe`): fitted on the training pictures, asked about the test pictures.

    Raises:
        ValueError: if `fold` is something else.
    """
    shown = {split: data.hangul(split, fold) for split in data.HANGUL_SPLITS}
    codes = {split: embed_fonts(encoder, hangul.images) for split, hangul in shown.items()}
    table, test = font_pairs(codes["test"]), codes["test"]
    fonts = range(test.shape[1])
    known, asked = ((codes[split].flatten(0, 1), _letters(shown[split])) for split in ("train", "test"))
    return {
        "unseen": float(table.nanmean()),
        "pairs": [float(table[pair]) for pair in permutations(fonts, 2)],
        "seen": float(font_pairs(codes["test_seen_fonts"]).nanmean()),
        "validation": float(font_pairs(codes["validation"]).nanmean()),
        "alignment": _mean(metrics.alignment(test[:, a], test[:, b]) for a, b in permutations(fonts, 2)),
        "uniformity": _mean(metrics.uniformity(test[:, font]) for font in fonts),
        "pull_away": _mean(float(pull_away(test[:, font])) for font in fonts),
        "knn": metrics.knn_accuracy(*known, *asked),
        "probe": metrics.linear_probe(*known, *asked),
    }


def _letters(hangul: data.Hangul) -> Tensor:
    """Return the first letter of each picture, syllable by syllable."""
    return first_letters(hangul.syllables).repeat_interleave(len(hangul.fonts))


def _mean(values: Any) -> float:
    """Return the mean of some numbers."""
    numbers = list(values)
    return sum(numbers) / len(numbers)


def settings(name: str, fold: int) -> dict[str, Any]:
    """Return an arm as `helpers.sweep` takes it: arguments for `run`.

    Args:
        name: one of `ARMS`.
        fold: 0, 1 or 2.

    Returns:
        The name, the fold, and the arm's own settings.

    Raises:
        ValueError: if there is no such arm or fold.
    """
    if check_int("fold", fold, 0) >= data.HANGUL_FOLDS:
        fail("fold", fold, "0, 1 or 2")
    return {"arm": name, "fold": fold, **dataclasses.asdict(ARMS[check_choice("name", name, ARMS)])}


def run(seed: int, arm: str, fold: int, **setting: Any) -> dict[str, Any]:
    """Train and judge for the recorded study.

    Args:
        seed: a whole number in [0, 2³²).
        arm: its name, for the record.
        fold: 0, 1 or 2.
        **setting: the fields of `Arm`.

    Returns:
        What `judge` says, and the mean of the last ten losses.

    Raises:
        ValueError: if an argument is out of range.
    """
    encoder, history = train_encoder(Arm(**setting), seed, fold)
    last = history.loss[-10:]
    return {**judge(encoder, fold), "last_loss": float(last.mean()) if len(last) else None}
