"""Chapter 16: each level is what the loss itself reads on equal outputs, and two public logs are decoded."""

import math

import pytest
import torch

from helpers import losses
from helpers.studies import levels


@pytest.fixture
def equal() -> torch.Tensor:
    """Twelve equal embeddings."""
    point = torch.randn(1, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return point.expand(12, 5)


def test_a_discriminator_that_says_one_half() -> None:
    assert levels.gan_d_loss() == pytest.approx(float(losses.gan_d_loss(torch.zeros(4), torch.zeros(3))))


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_a_classifier_that_does_not_choose(classes: int) -> None:
    logits = torch.full((7, classes), 1.7, dtype=torch.float64)
    truth = torch.arange(7) % classes
    assert levels.cross_entropy(classes) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, truth)))


@pytest.mark.parametrize("temperature", [0.07, 0.5, 10.0])
def test_contrastive_losses_of_equal_embeddings_at_any_temperature(equal: torch.Tensor, temperature: float) -> None:
    assert levels.nt_xent(12) == pytest.approx(float(losses.nt_xent(equal, equal, temperature)), abs=1e-5)
    for labels in (torch.arange(12) % 2, torch.arange(12) // 3, torch.zeros(12).long()):
        assert levels.sup_con(12) == pytest.approx(float(losses.sup_con(equal, labels, temperature)), abs=1e-5)


@pytest.mark.parametrize("margin", [0.2, 1.0, 3.0])
def test_margins(equal: torch.Tensor, margin: float) -> None:
    assert levels.triplet_loss(margin) == pytest.approx(float(losses.triplet_loss(equal, equal, equal, margin)))
    for ones in range(13):
        same = (torch.arange(12) < ones).long()
        expected = losses.pair_margin_loss((equal - equal).norm(dim=-1), same, margin)
        assert levels.pair_margin_loss(margin, ones / 12) == pytest.approx(float(expected))


@pytest.mark.parametrize(("scale", "bias"), [(1.0, 0.0), (10.0, -10.0), (800.0, 3.0), (-2.0, 0.5)])
@pytest.mark.parametrize("cosine", [1.0, 0.6, 0.0, -1.0])
def test_a_constant_cosine(scale: float, bias: float, cosine: float) -> None:
    a = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(8, 2)
    b = torch.tensor([[cosine, math.sqrt(1 - cosine**2)]], dtype=torch.float64).expand(8, 2)
    for ones in (0, 3, 8):
        same = (torch.arange(8) < ones).long()
        expected = losses.cosine_bce(a, b, same, scale, bias)
        assert levels.cosine_bce(cosine, ones / 8, scale, bias) == pytest.approx(float(expected), abs=1e-9)


def test_the_best_constant_answer() -> None:
    assert levels.accuracy(torch.tensor([0, 0, 0, 0, 1, 0, 0, 0])) == 7 / 8
    assert levels.accuracy(torch.arange(10).repeat(5)) == 0.1
    assert levels.accuracy(torch.tensor([True, False, True])) == 2 / 3


@pytest.mark.parametrize(("pictures", "reading"), [(256, 8.909), (64, 6.920)])
def test_public_logs_are_decoded(pictures: int, reading: float) -> None:
    # SupContrast issues 3 and 42: two views of each picture, temperature 0.1 over a base temperature of 0.07.
    assert round(levels.nt_xent(pictures, factor=0.1 / 0.07), 3) == reading
    assert round(levels.sup_con(2 * pictures, factor=0.1 / 0.07), 3) == reading
    assert abs(levels.nt_xent(pictures) - reading) > 1, "without the factor the reading is not explained"
    assert round(levels.cosine_bce(1.0, 7 / 16), 4) == 0.8758  # the study group's loss, at its default share
