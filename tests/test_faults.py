"""Faults that public bug reports and attacks on the helpers have shown: each is one of a kind, named by its letter."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from helpers import data, losses, metrics, models, sampling, seed, train
from helpers.checks import Diverged
from helpers.figures import levels, plots
from helpers.studies import ebgan_digits, syllables

RNG, ROWS, LABELS = torch.Generator().manual_seed(0), torch.rand(6, 4), torch.tensor([0, 1, 0, 1, 0, 1])
DIGITS = data.digits("test")[0][::125]
NAN = torch.full((4, 2), math.nan)


def refused(call: Callable[[], Any], expected: str = "") -> None:
    with pytest.raises((ValueError, Diverged), match=expected):
        call()


@pytest.mark.parametrize("scale", [1e20, 1e30, 1e-24, 1e-38])
def test_n_embeddings_of_any_length_have_their_direction(scale: float) -> None:
    codes = torch.eye(2) + 0.3
    for loss in (losses.pull_away, losses.pull_away_unsquared, lambda x: losses.nt_xent(x, x, 0.5)):
        torch.testing.assert_close(loss(codes * scale), loss(codes))
    assert losses.pull_away(codes * scale).item() == pytest.approx(0.192, abs=5e-4)
    assert metrics.retrieval_accuracy(codes * scale, codes * scale) == 1
    assert metrics.knn_accuracy(ROWS * scale, LABELS, ROWS * scale, LABELS, 1) == 1


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_n_metrics_take_each_kind_of_float(kind: torch.dtype) -> None:
    rows = ROWS.to(kind)
    assert metrics.knn_accuracy(rows, LABELS, rows, LABELS, 1) == 1 and metrics.precision_recall(rows, rows) == (1, 1)
    assert metrics.linear_probe(rows, LABELS, rows, LABELS) == metrics.linear_probe(ROWS, LABELS, ROWS, LABELS)
    assert metrics.class_probabilities(torch.ones(2, 64, dtype=kind)).sum().item() == pytest.approx(2)
    assert metrics.nearest_mode(data.ring().centers.to(kind), data.ring()).tolist() == [*range(8)]


def test_n_guesses_are_classes_and_not_scores_or_signs() -> None:
    for guesses in (torch.tensor([0.9, 0.2]), torch.tensor([-1, 1]), torch.tensor([math.nan, 0]), torch.ones(2) * 1j):
        refused(lambda guesses=guesses: metrics.accuracy(guesses, torch.tensor([1, 0])), "predictions: got")
    assert metrics.accuracy(torch.tensor([1.0, 0.0]), torch.tensor([True, True])) == 0.5


@pytest.mark.parametrize("high", [1, 255])
def test_x_pictures_of_another_range_are_refused(high: float) -> None:
    pictures = (DIGITS + 1) / 2 * high
    for function in (metrics.digit_features, data.rgb32, lambda x: data.augment(x, RNG)):
        refused(lambda function=function: function(pictures), r"images: .* \(not \[0, 1\]\)")
    refused(lambda: plots.picture_grid(plots.figure()[1], pictures), "images: ")


def test_y_what_is_not_finite_does_not_pass() -> None:
    picture = torch.full((2, 1, 28, 28), math.nan)
    for network, x in (
        (models.mlp((2, 2)), NAN),
        (models.mlp((2, 2), [0]), NAN[None]),
        (models.Generator(2), NAN),
        *((network(), picture) for network in (models.Discriminator, models.Encoder, models.DigitClassifier)),
    ):
        refused(lambda network=network, x=x: network(x), "NaN or infinite")
    with pytest.raises(Diverged, match=r"^step 1: .*NaN or infinite"):
        train.fit_encoder(models.mlp((2, 2)), lambda e, x: e(x).square().mean(), lambda: [NAN], 2)
    with pytest.raises(Diverged, match=r"^step 1: a weight is NaN or infinite"):  # by a root's slope at 0
        train.fit_encoder(models.mlp((2, 2)), lambda e, x: (0 * e(x)).sum().sqrt(), lambda: [ROWS[:, :2]], 1)
    large = torch.full((4,), 300.0).half()
    refused(lambda: losses.least_squares_d_loss(large, large), "NaN or infinite")
    for number in (1e300, 10**400):
        refused(lambda n=number: losses.ebgan_d_loss(ROWS[0], ROWS[0], n), "margin: got .* no larger")
        refused(lambda n=number: losses.cosine_bce(ROWS, ROWS, LABELS, scale=n), "scale")
        refused(lambda n=number: levels.pair_margin_loss(n), "margin")


def test_z_nothing_is_ignored() -> None:
    refused(lambda: models.mlp((2, 2), seeds=[0, 0]), "seeds: ")
    network = models.mlp((2, 2))
    refused(lambda: train.make_game(nn.Sequential(network, nn.ReLU()), network), "discriminator: ")
    refused(lambda: seed.seed_everything(0, threads=10**6), "threads: ")
    refused(lambda: syllables.draw_pairs(syllables.Arm(batch=10**6), torch.zeros(4, 3, 1, 32, 32), RNG), "batch: ")
    refused(lambda: ebgan_digits.run(0, "a", "gan", 1, 0, 4, 0.2, pull_away=0.5), "pull_away: ")
    refused(lambda: models.mlp((2, 2, 2), activation=nn.ReLU()), "activation: ")


def test_errors_from_the_depths_of_torch_are_told_at_the_surface() -> None:
    network = models.mlp((4, 2))
    sparse, meta = ROWS.to_sparse(), ROWS.to("meta")
    for x in (None, ROWS.double(), ROWS.half(), ROWS[:, :3], ROWS.int(), sparse, meta, ROWS.cfloat()):
        refused(lambda x=x: network(x), "x: got")
    for x in (sparse, meta):
        refused(lambda x=x: losses.nt_xent(x, x, 0.5), "a: got")
        refused(lambda x=x: train.embed(network, x), "x: got")
        refused(lambda x=x: metrics.effective_number(x), "labels: got")
    with torch.no_grad():
        assert sampling.langevin(lambda x: x.square().sum(-1), ROWS, 1, 0.5, noise=0).abs().max() == 0
        refused(lambda: train.fit_encoder(network, lambda e, x: e(x).mean(), lambda: [ROWS], 1), "loss: .*gradient")
    refused(lambda: train.embed(network, ROWS[0, 0]), "x: got .*rows")
    game = train.make_game(models.mlp((2, 4)), models.mlp((4, 1), scalar=True))
    for draw in ("sample_real", "sample_noise"):
        sources = {"sample_real": lambda: ROWS, "sample_noise": lambda: ROWS[:, :2]}
        refused(lambda s=sources | {draw: list}: train.fit(game, train.gan(), steps=1, **s), f"{draw}: got .*tensor")
    assert models.ScaledEncoder(network, scale=1e-300).log_scale.isfinite()
    assert seed.seed_everything(np.int64(3)).initial_seed() == 3
    for energy in (lambda x: ROWS[:, 0], lambda x: 3.0):
        refused(lambda e=energy: sampling.langevin(e, ROWS, 1, 0.5, 0), "energy: ")
    refused(lambda: data.load("mnist", "train", None), "root: ")
