"""Chapter 16: two kinds of data. Code points and pictures of Hangul, brought together with softmax and with sigmoid.

A pair is a syllable's code point and a distorted picture of it, each with its own encoder. The settings were fixed
before anything was measured on test pictures.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, logsigmoid, normalize, one_hot

from helpers import data
from helpers.checks import Count, Finite, Int, Number, Seed, check_calls
from helpers.models import Encoder, mlp
from helpers.seed import rngs, torch_seed
from helpers.studies.syllables import HANGUL_FOLDS, Hangul, HangulSplit, hangul
from helpers.train import embed, fit_encoder

FIRST, COUNT = 0xAC00, 11_172  # the code point of 가, and how many syllables there are
Loss, Form = Literal["softmax", "sigmoid", "sigmoid, other start"], Literal["letters", "bits"]


def code_points(part: Hangul) -> Tensor:
    """Return the place of each syllable after 가, from 0 to 11,171: (N,)."""
    return torch.tensor([ord(syllable) - FIRST for syllable in part.syllables])


def letters(codes: Int("N")) -> Tensor:
    """Return first letter, vowel and last letter of each code point, as Unicode orders them (chapter 3.12): (N, 3)."""
    return torch.stack([codes // 588, codes // 28 % 21, codes % 28], 1)


def written(codes: Int("N"), form: Form) -> Tensor:
    """What the network reads: three letters, one of 19, 21 and 28 each, (N, 68); or the binary number, (N, 14)."""
    if form == "bits":
        return (codes.unsqueeze(1) >> torch.arange(14) & 1).float()
    return torch.cat([*map(one_hot, letters(codes).unbind(1), (19, 21, 28))], 1).float()


class TwoTowers(nn.Module):
    """A network for each kind of data, with a learned scale and bias of the cosines between them."""

    def __init__(self, form: Form, scale: Number, bias: Number) -> None:
        super().__init__()
        self.form = form
        self.pictures = Encoder(size=32, widths=(16, 32, 64), dim=128).to(memory_format=torch.channels_last)
        self.codes = mlp((68 if form == "letters" else 14, 256, 128), activation=nn.ReLU)
        self.log_scale = nn.Parameter(torch.tensor(float(scale)).log())
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def forward(self, pictures: Finite("N 1 32 32"), codes: Finite("N c")) -> Tensor:
        """Return the logit of each picture with each code point as it is `written`, (N, N)."""
        seen, read = self.pictures(pictures), self.codes(codes)
        return self.log_scale.exp() * normalize(seen, dim=-1) @ normalize(read, dim=-1).T + self.bias


def softmax_loss(logits: Finite("N N")) -> Tensor:
    """CLIP's loss: each picture must find its code point, and each code point its picture. Radford et al. (2021)."""
    return sum(cross_entropy(side, torch.arange(len(side))) for side in (logits, logits.T)) / 2


def sigmoid_loss(logits: Finite("N N")) -> Tensor:
    """SigLIP's loss: each of N² pairs is asked alone whether it belongs together. Zhai et al. (2023), section 3.2."""
    return -logsigmoid((2 * torch.eye(len(logits)) - 1) * logits).sum() / len(logits)


LOSSES = {"softmax": (softmax_loss, 1 / 0.07, 0.0), "sigmoid": (sigmoid_loss, 10.0, -10.0)}  # scale, bias at first
LOSSES["sigmoid, other start"] = (sigmoid_loss, 1 / 0.07, -4.84)  # −ln 127; added when the others had been seen


def train(seed: Seed, loss: Loss, batch: Count, form: Form, pairs: Count = 25_600) -> tuple[TwoTowers, Tensor]:
    """Train both networks on syllables and fonts of fold seed mod 3; return them with their losses."""
    shown, rng, (judge, *start) = hangul("train", seed % HANGUL_FOLDS), rngs([seed])[0], LOSSES[loss]
    codes, steps, lr = code_points(shown), pairs // batch, 2e-3 * (batch / 128) ** 0.5
    with torch_seed(seed):
        towers = TwoTowers(form, *start)

    def draw() -> tuple[Tensor, Tensor]:
        rows = torch.randperm(len(codes), generator=rng)[:batch]
        pictures = shown.images[rows, torch.randint(len(shown.fonts), (batch,), generator=rng)]
        return data.augment(pictures, rng), written(codes[rows], form)

    phases = {"steps": steps * 4 // 5, "finish": steps // 5, "lr": lr}
    return towers, fit_encoder(towers, lambda towers, *pair: judge(towers(*pair)), draw, **phases).loss


def read(towers: TwoTowers, split: HangulSplit, fold: int) -> dict[str, Any]:
    """Top-1 among the split's syllables, from picture to code and back, mean over the fonts; and how often the best of
    all 11,172 code points is the right one, or has the right first letter, vowel, last letter."""
    codes, every = code_points(part := hangul(split, fold)), torch.arange(COUNT)
    seen = normalize(embed(towers.pictures, part.images.flatten(0, 1)), dim=-1).unflatten(0, part.images.shape[:2])
    known = normalize(embed(towers.codes, written(every, towers.form), batch=None), dim=-1)  # (11172, 128)
    cosine, places = seen.transpose(0, 1) @ known.T, torch.arange(len(codes))  # (fonts, N, 11172)
    among, best = cosine[..., codes], cosine.argmax(-1)  # (fonts, N, N), (fonts, N)
    return {
        "to_code": float((among.argmax(2) == places).float().mean()),
        "to_picture": float((among.argmax(1) == places).float().mean()),
        "of_all": float((best == codes).float().mean()),
        "letters": (letters(best.flatten()) == letters(codes.repeat(len(best)))).float().mean(0).tolist(),
    }


def run(seed: Seed, loss: Loss, batch: Count, form: Form, pairs: Count = 25_600) -> dict[str, Any]:
    """Train, and read all splits."""
    towers, values = train(seed, loss, batch, form, pairs)
    return {
        **{split: read(towers, split, seed % HANGUL_FOLDS) for split in ("test", "test_seen_fonts", "validation")},
        **{"first_loss": float(values[0]), "scale": float(towers.log_scale.detach().exp())},
    }


SEEDS = range(5)
PARTS = {loss: [{"loss": loss, "batch": 128, "form": "letters"}] for loss in LOSSES}
PARTS["bits"] = [{"loss": "softmax", "batch": 128, "form": "bits"}]
PARTS["longer"] = [{"loss": loss, "batch": 128, "form": "letters", "pairs": 102_400} for loss in ("softmax", "sigmoid")]
COST = "about five minutes on one core"
check_calls(globals())
