"""Losses and energies: each value is computed by another route."""

import itertools
import math
from collections.abc import Callable
from statistics import fmean

import pytest
import torch
from pytorch_metric_learning import distances
from pytorch_metric_learning import losses as theirs
from torch import Tensor
from torch.autograd import gradcheck

from helpers import losses

Loss = Callable[..., Tensor]
Term = Callable[[float], float]


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def slope(loss: Loss, at: Tensor) -> Tensor:
    point = at.clone().requires_grad_()
    loss(point).sum().backward()
    return point.grad


def log_sigmoid(x: float) -> float:
    return math.log(1 / (1 + math.exp(-x)))


def of_fakes(loss: Loss, **settings: bool) -> Loss:
    return lambda real, fake: loss(fake, **settings)


# A loss of outputs or energies; what the paper takes the mean of, over real samples and over generated ones.
TERMS: list[tuple[Loss, Term, Term]] = [
    (losses.gan_d_loss, lambda x: -log_sigmoid(x), lambda x: -log_sigmoid(-x)),
    (of_fakes(losses.gan_g_loss), lambda x: 0, lambda x: -log_sigmoid(x)),
    (of_fakes(losses.gan_g_loss, saturating=True), lambda x: 0, lambda x: log_sigmoid(-x)),
    (losses.least_squares_d_loss, lambda x: (x - 1) ** 2, lambda x: x**2),
    (of_fakes(losses.least_squares_g_loss), lambda x: 0, lambda x: (x - 1) ** 2),
    (losses.hinge_d_loss, lambda x: max(0, 1 - x), lambda x: max(0, 1 + x)),
    (of_fakes(losses.critic_g_loss), lambda x: 0, lambda x: -x),
    (lambda real, fake: losses.ebgan_d_loss(real, fake, 0.8), lambda x: x, lambda x: max(0, 0.8 - x)),
    (of_fakes(losses.ebgan_g_loss), lambda x: 0, lambda x: x),
    (losses.contrastive_divergence, lambda x: x, lambda x: -x),
]


@pytest.mark.parametrize(("loss", "of_real", "of_fake"), TERMS)
def test_a_players_loss_is_the_mean_of_the_papers_terms_in_each_run(loss: Loss, of_real: Term, of_fake: Term) -> None:
    real, fake = 2 * normal(3, 13), 2 * normal(3, 7, seed=1)
    for value, r, f in zip(loss(real, fake).tolist(), real, fake, strict=True):
        expected = fmean(map(of_real, r.tolist())) + fmean(map(of_fake, f.tolist()))
        assert value == pytest.approx(expected) == loss(r, f).item()
    assert loss(real.float(), fake.float()).dtype == torch.float32
    assert gradcheck(loss, (real.requires_grad_(), fake.requires_grad_()))  # no part of it is cut off


@pytest.mark.parametrize("runs", [(), (4,)])
def test_r1_is_half_the_mean_squared_slope(runs: tuple[int, ...]) -> None:
    matrix, x = normal(3, 3), normal(*runs, 6, 3, seed=1).requires_grad_()
    penalty = losses.r1_penalty((x @ matrix * x).sum(-1), x)  # slope: (A + Aᵀ) x
    torch.testing.assert_close(penalty, ((x @ (matrix + matrix.T)) ** 2).sum(-1).mean(-1) / 2)
    assert penalty.shape == runs and penalty.requires_grad  # it is there to be trained on
    pictures = normal(2, 1, 3, 3).requires_grad_()
    flat = losses.r1_penalty((2 * pictures).flatten(1).sum(1), pictures)
    assert float(flat) == pytest.approx(2**2 * 9 / 2)


@pytest.mark.parametrize("shape", [(5, 4), (3, 5, 4), (3, 1, 4, 4)])
def test_the_energy_is_the_length_of_the_error_and_its_slope_flows_through_both_places_of_x(shape: list[int]) -> None:
    def projection(x: Tensor) -> Tensor:
        """Lose the last coordinate. Were x cut off in one of its two places, no slope would be left."""
        return x * torch.tensor([1.0, 1, 1, 0])

    x = normal(*shape)
    rows = x.flatten(2 if len(shape) == 3 else 1)  # three axes are runs of rows, four are pictures
    lost = (rows * (torch.arange(rows.shape[-1]) % 4 == 3)).square()
    torch.testing.assert_close(losses.reconstruction_energy(projection, x), lost.sum(-1).sqrt())
    torch.testing.assert_close(losses.reconstruction_energy(projection, x, "mse"), lost.mean(-1))
    for kind in ("norm", "mse"):
        assert gradcheck(lambda x: losses.reconstruction_energy(projection, x, kind), x.requires_grad_())  # noqa: B023
        still = slope(lambda x: losses.reconstruction_energy(lambda x: 2 * x, x, kind), torch.zeros(2, 3))  # noqa: B023
        assert still.isfinite().all()  # also where the error is zero


@pytest.mark.parametrize(("loss", "power"), [(losses.pull_away, 2), (losses.pull_away_unsquared, 1)])
@pytest.mark.parametrize("count", [2, 7])
def test_pull_away_is_the_papers_double_sum(loss: Loss, power: int, count: int) -> None:
    runs = normal(3, count, 3)
    for value, codes in zip(loss(runs), runs, strict=True):
        between = [float(a @ b / (a.norm() * b.norm())) for a, b in itertools.permutations(codes, 2)]
        assert value.item() == pytest.approx(fmean(c**power for c in between)) == loss(codes).item()
    lengths = torch.logspace(-15, 6, count, dtype=torch.float64).unsqueeze(1)
    torch.testing.assert_close(loss(lengths * runs), loss(runs))
    assert loss(torch.tensor([[1.0, 0.0], [0.0, 0.0]])) == 0  # a row of zeros is like no other
    assert gradcheck(loss, runs.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_row_of_zeros_stays_finite_also_in_the_gradient(dtype: torch.dtype) -> None:
    a, b, same = normal(6, 4, dtype=dtype), normal(6, 4, seed=1, dtype=dtype), torch.arange(6) % 2
    a[2] = 0
    for loss in (
        losses.pull_away,
        lambda x: losses.cosine_bce(x, b, same),
        lambda x: losses.nt_xent(x, b, 0.1),
        lambda x: losses.sup_con(x, same, 0.1),
        lambda x: losses.triplet_loss(x, x, b, 1.0),
    ):
        assert loss(a).isfinite()
        assert slope(loss, a).abs().max() < 100  # no division by a tiny number either


@pytest.mark.parametrize(("scale", "bias"), [(1, 0), (7.0, -3.0)])
def test_cosine_bce_by_loops(scale: float, bias: float) -> None:
    a, b, same = normal(9, 3), normal(9, 3, seed=1), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 1])
    logits = [scale * float(x @ y / (x.norm() * y.norm())) + bias for x, y in zip(a, b, strict=True)]
    signs = (2 * same - 1).tolist()
    expected = pytest.approx(-fmean(log_sigmoid(s * logit) for s, logit in zip(signs, logits, strict=True)))
    assert float(losses.cosine_bce(1e5 * a, 1e-5 * b, same.bool(), scale, bias)) == expected
    assert (losses.cosine_bce(a, b, same) == expected) == ((scale, bias) == (1, 0))  # the study group's
    learned = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (scale, bias)]
    assert losses.cosine_bce(a, b, same, *learned).item() == expected
    assert gradcheck(lambda *four: losses.cosine_bce(*four[:2], same, *four[2:]), (a.requires_grad_(), b, *learned))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_precision_is_not_decided_by_inputs_or_surroundings(dtype: torch.dtype) -> None:
    a, b, labels = normal(32, 8, dtype=dtype), normal(32, 8, seed=1, dtype=dtype), torch.arange(32) % 5
    for loss in (
        lambda x: losses.nt_xent(x, b.to(x), 0.01),  # exp(1/0.01) overflows even float32
        lambda x: losses.nt_xent(x, b.to(x), 0.5),
        lambda x: losses.sup_con(x, labels, 0.01),
        losses.pull_away,
    ):
        single = loss(a.float())
        torch.testing.assert_close(loss(a), single)
        with torch.autocast("cpu", dtype):
            torch.testing.assert_close(loss(a.float()), single)
        assert 0 < slope(loss, a).abs().max() < math.inf


def test_slopes_of_contrast_are_those_of_finite_differences_also_the_second_ones() -> None:
    a, b, labels = normal(5, 3).requires_grad_(), normal(5, 3, seed=1), torch.tensor([0, 1, 1, 0, 2])
    assert gradcheck(lambda x, y: losses.nt_xent(x, y, 0.2), (a, b))
    assert gradcheck(lambda x: losses.sup_con(x, labels, 0.2), a)
    assert torch.autograd.gradgradcheck(lambda x, y: losses.nt_xent(x, y, 0.5), (a, b))


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
@pytest.mark.parametrize(
    "labels", [[5, -1, 5, 5, -1, 9], [0, 1, 2, 3, 4, 0], [*range(3)] * 2, [*range(40), *range(10)]]
)
def test_contrast_agrees_with_pytorch_metric_learning(temperature: float, labels: list[int]) -> None:
    count = len(labels)
    rows, lengths = normal(count, 6), torch.logspace(-15, 9, count).unsqueeze(1)
    inputs, classes = lengths * rows, torch.tensor(labels)  # anchors without a partner are left out there, too
    before, expected = inputs.clone(), float(theirs.SupConLoss(temperature)(rows, classes))
    assert float(losses.sup_con(inputs, classes, temperature)) == pytest.approx(expected)
    if labels == [*range(count // 2)] * 2:  # a label for each pair of views
        first, second = inputs.chunk(2)
        expected = pytest.approx(float(theirs.NTXentLoss(temperature)(rows, classes)))
        assert float(losses.nt_xent(first, second, temperature)) == expected
        assert float(losses.nt_xent(second, first, temperature)) == expected
        assert float(losses.nt_xent(first[:1], second[:1], temperature)) == pytest.approx(0)  # none but its partner
    assert torch.equal(inputs, before)  # the work in place is on copies


def test_pytorch_metric_learning_squares_neither_pull_nor_push() -> None:
    distance, same = torch.tensor([0.5, 0.75, 2.0, 0.25]), torch.tensor([1, 0, 0, 0])
    there = theirs.ContrastiveLoss(neg_margin=1, distance=distances.LpDistance(normalize_embeddings=False))
    ends = torch.cat([torch.zeros(4), distance]).unsqueeze(1)
    of_both_kinds = tuple(torch.tensor(rows) for rows in ([0], [4], [1, 2, 3], [5, 6, 7]))
    # Nor do the two kinds share a mean, and only terms above 0 count.
    assert float(there(ends, indices_tuple=of_both_kinds)) == pytest.approx(0.5 + (0.25 + 0.75) / 2, abs=1e-5)
    assert float(losses.pair_margin_loss(distance, same, 1)) == pytest.approx((0.5**2 + 0.25**2 + 0.75**2) / 4)
