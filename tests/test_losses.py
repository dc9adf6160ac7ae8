"""Losses: each value is computed by another route."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from helpers.losses import gan_d_loss, gan_g_loss


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return reproducible logits of either sign, some of them large."""
    return 4 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_discriminators_loss_is_two_cross_entropies() -> None:
    real, fake = logits(13), logits(7, seed=1)
    expected = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(gan_d_loss(real, fake), expected)


def test_the_discriminators_loss_is_the_papers_formula() -> None:
    real, fake = logits(13), logits(7, seed=1)
    value = -sum(math.log(p) for p in real.sigmoid().tolist()) / 13
    value -= sum(math.log(1 - p) for p in fake.sigmoid().tolist()) / 7
    assert float(gan_d_loss(real, fake)) == pytest.approx(value)


def test_a_discriminator_that_answers_one_half_pays_log_4() -> None:
    assert float(gan_d_loss(torch.zeros(5), torch.zeros(3))) == pytest.approx(math.log(4))
    assert float(gan_g_loss(torch.zeros(3))) == pytest.approx(math.log(2))
    assert float(gan_g_loss(torch.zeros(3), saturating=True)) == pytest.approx(-math.log(2))


def test_the_generators_two_losses_are_cross_entropies() -> None:
    fake = logits(9)
    torch.testing.assert_close(gan_g_loss(fake), bce(fake, torch.ones_like(fake)))
    torch.testing.assert_close(gan_g_loss(fake, saturating=True), -bce(fake, torch.zeros_like(fake)))


def test_the_universe_axis_equals_a_loop() -> None:
    real, fake = logits(4, 11), logits(4, 6, seed=1)
    loop = [gan_d_loss(r, f) for r, f in zip(real, fake, strict=True)]
    torch.testing.assert_close(gan_d_loss(real, fake), torch.stack(loop))
    for saturating in (False, True):
        loop = [gan_g_loss(f, saturating) for f in fake]
        torch.testing.assert_close(gan_g_loss(fake, saturating), torch.stack(loop))


@pytest.mark.parametrize("size", [80.0, 1e4, 1e30])
def test_huge_logits_stay_finite(size: float) -> None:
    right, wrong = torch.tensor([size]), torch.tensor([-size])
    assert float(gan_d_loss(right, wrong)) == pytest.approx(0, abs=1e-6)
    assert float(gan_d_loss(wrong, right)) == pytest.approx(2 * size)
    assert float(gan_g_loss(wrong)) == pytest.approx(size)
    assert float(gan_g_loss(right, saturating=True)) == pytest.approx(-size)


def gradient(loss_of: object, at: torch.Tensor) -> torch.Tensor:
    """Return the gradient of a loss at a point."""
    point = at.clone().requires_grad_()
    loss_of(point).sum().backward()
    return point.grad


def test_the_discriminator_pushes_real_up_and_fake_down() -> None:
    real, fake = logits(9), logits(9, seed=1)
    assert (gradient(lambda x: gan_d_loss(x, fake), real) < 0).all()  # descent raises the logits of the real
    assert (gradient(lambda x: gan_d_loss(real, x), fake) > 0).all()


def test_both_generator_losses_push_fake_up() -> None:
    fake = logits(9)
    for saturating in (False, True):
        assert (gradient(lambda x, s=saturating: gan_g_loss(x, s), fake) < 0).all()


def test_only_the_saturating_gradient_vanishes_against_a_sure_discriminator() -> None:
    sure = torch.tensor([-20.0])
    assert gradient(gan_g_loss, sure).item() == pytest.approx(-1)
    assert gradient(lambda x: gan_g_loss(x, saturating=True), sure).item() == pytest.approx(0, abs=1e-8)
    # Where the discriminator is undecided, the two pull equally hard.
    undecided = torch.zeros(1)
    assert gradient(gan_g_loss, undecided) == gradient(lambda x: gan_g_loss(x, saturating=True), undecided)


def test_losses_keep_the_type_of_their_inputs() -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        assert gan_d_loss(torch.zeros(3, dtype=dtype), torch.zeros(3, dtype=dtype)).dtype == dtype
        assert gan_g_loss(torch.zeros(3, dtype=dtype)).dtype == dtype
