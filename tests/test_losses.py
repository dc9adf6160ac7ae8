"""Losses: each value is computed by another route."""

import itertools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import mse_loss, triplet_margin_loss

from helpers import losses

AGREE = {"rtol": 1e-5, "atol": 1e-5}


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return reproducible numbers, such as embeddings of lengths around √d."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def each(loss: Callable[[float], float], values: Tensor) -> float:
    """Return a mean that Python has taken."""
    return sum(map(loss, values.tolist())) / len(values)


# --- two players -----------------------------------------------------------------------------------


def test_the_gans_losses_are_the_papers_and_those_of_cross_entropies() -> None:
    real, fake = 4 * normal(13), 4 * normal(7, seed=1)
    paper = each(lambda p: -math.log(p), real.sigmoid()) + each(lambda p: -math.log(1 - p), fake.sigmoid())
    assert float(losses.gan_d_loss(real, fake)) == pytest.approx(paper)
    ones, zeros = torch.ones_like(fake), torch.zeros_like(fake)
    torch.testing.assert_close(losses.gan_d_loss(real, fake), bce(real, torch.ones_like(real)) + bce(fake, zeros))
    torch.testing.assert_close(losses.gan_g_loss(fake), bce(fake, ones))
    torch.testing.assert_close(losses.gan_g_loss(fake, saturating=True), -bce(fake, zeros))
    assert float(losses.gan_d_loss(torch.zeros(5), torch.zeros(3))) == pytest.approx(math.log(4))


def test_other_losses_on_outputs_are_their_formulas() -> None:
    real, fake = 2 * normal(13), 2 * normal(7, seed=1)
    squares = mse_loss(real, torch.ones_like(real)) + mse_loss(fake, torch.zeros_like(fake))
    torch.testing.assert_close(losses.least_squares_d_loss(real, fake), squares)
    torch.testing.assert_close(losses.least_squares_g_loss(fake), mse_loss(fake, torch.ones_like(fake)))
    hinges = each(lambda x: max(0, 1 - x), real) + each(lambda x: max(0, 1 + x), fake)
    assert float(losses.hinge_d_loss(real, fake)) == pytest.approx(hinges)
    assert float(losses.critic_g_loss(fake)) == pytest.approx(-each(float, fake))


def test_ebgans_losses_are_the_papers_with_a_hinge_for_each_sample() -> None:
    real, fake = normal(5).abs(), normal(7, seed=1).abs().requires_grad_()
    hinges = [max(0.0, 0.8 - energy) for energy in fake.tolist()]
    loss = losses.ebgan_d_loss(real, fake, 0.8)
    assert loss.item() == pytest.approx(each(float, real) + sum(hinges) / 7)
    loss.backward()
    assert fake.grad.tolist() == pytest.approx([-1 / 7 if hinge else 0 for hinge in hinges])
    assert 0 < hinges.count(0) < 7  # a hinge of the mean would open or close for all at once
    assert losses.ebgan_g_loss(fake).item() == pytest.approx(each(float, fake))


PLAYERS: list[Callable[..., Tensor]] = [
    losses.gan_d_loss,
    losses.least_squares_d_loss,
    losses.hinge_d_loss,
    lambda real, fake: losses.ebgan_d_loss(real, fake, 0.8),
    lambda real, fake: losses.contrastive_divergence(real, fake, 0.3),
    lambda real, fake: losses.gan_g_loss(fake),
    lambda real, fake: losses.gan_g_loss(fake, saturating=True),
    lambda real, fake: losses.least_squares_g_loss(fake),
    lambda real, fake: losses.critic_g_loss(fake) + losses.ebgan_g_loss(fake),
    lambda real, fake: losses.pull_away(torch.stack([real[..., :6], fake], -1)),
    lambda real, fake: losses.pull_away_unsquared(torch.stack([real[..., :6], fake], -1)),
]


@pytest.mark.parametrize("loss", PLAYERS)
def test_the_loss_of_several_runs_is_that_of_each(loss: Callable[..., Tensor]) -> None:
    real, fake = normal(4, 11), normal(4, 6, seed=1)
    loop = torch.stack([loss(r, f) for r, f in zip(real, fake, strict=True)])
    torch.testing.assert_close(loss(real, fake), loop)
    assert loss(real.float(), fake.float()).dtype == torch.float32


@pytest.mark.parametrize("size", [80.0, 1e4, 1e30])
def test_huge_logits_stay_finite(size: float) -> None:
    right, wrong = torch.tensor([size]), torch.tensor([-size])
    assert float(losses.gan_d_loss(right, wrong)) == pytest.approx(0, abs=1e-6)
    assert float(losses.gan_d_loss(wrong, right)) == pytest.approx(2 * size)
    assert float(losses.gan_g_loss(wrong)) == pytest.approx(size)
    assert float(losses.gan_g_loss(right, saturating=True)) == pytest.approx(-size)


def slope(loss: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Return the gradient of a loss at a point."""
    point = at.clone().requires_grad_()
    loss(point).sum().backward()
    return point.grad


@pytest.mark.parametrize("runs", [(), (4,)])
def test_r1_is_half_the_mean_squared_slope(runs: tuple[int, ...]) -> None:
    matrix, x = normal(3, 3), normal(*runs, 6, 3, seed=1).requires_grad_()
    logits = (x @ matrix * x).sum(-1)  # slope: (A + Aᵀ) x
    expected = ((x @ (matrix + matrix.T)) ** 2).sum(-1).mean(-1) / 2
    penalty = losses.r1_penalty(logits, x)
    torch.testing.assert_close(penalty, expected)
    assert penalty.shape == runs and penalty.requires_grad  # it is there to be trained on
    pictures = normal(2, 1, 3, 3).requires_grad_()
    flat = losses.r1_penalty((2 * pictures).flatten(1).sum(1), pictures)
    assert float(flat) == pytest.approx(2**2 * 9 / 2)


# --- codes -----------------------------------------------------------------------------------------


def cosines(codes: Tensor) -> list[float]:
    """Return the cosines of all ordered pairs of different codes."""
    pairs = itertools.permutations(range(len(codes)), 2)
    return [float(codes[i] @ codes[j] / (codes[i].norm() * codes[j].norm())) for i, j in pairs]


@pytest.mark.parametrize("count", [2, 7])
def test_pull_away_is_the_papers_double_sum(count: int) -> None:
    codes = normal(count, 3)
    between = cosines(codes)
    assert float(losses.pull_away(codes)) == pytest.approx(sum(c**2 for c in between) / len(between))
    assert float(losses.pull_away_unsquared(codes)) == pytest.approx(sum(between) / len(between))
    lengths = torch.logspace(-15, 6, count, dtype=torch.float64).unsqueeze(1)
    torch.testing.assert_close(losses.pull_away(lengths * codes), losses.pull_away(codes))
    torch.testing.assert_close(losses.pull_away_unsquared(lengths * codes), losses.pull_away_unsquared(codes))


@pytest.mark.parametrize(("count", "d"), [(4, 2), (64, 8), (9, 3)])
def test_more_codes_than_axes_cannot_all_be_at_right_angles(count: int, d: int) -> None:
    smallest = (count - d) / (d * (count - 1))
    assert float(losses.pull_away(torch.eye(d).double().repeat(count // d, 1))) == pytest.approx(smallest)
    assert all(float(losses.pull_away(normal(count, d, seed=seed))) > smallest for seed in range(20))
    assert float(losses.pull_away(torch.linalg.qr(normal(d, d))[0])) == pytest.approx(0, abs=1e-12)


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


# --- pairs and triplets ----------------------------------------------------------------------------


def test_the_pair_loss_pulls_to_zero_and_pushes_to_the_margin() -> None:
    distance = torch.tensor([0.0, 0.5, 3.0, 0.0, 0.5, 3.0])
    same = torch.tensor([1, 1, 1, 0, 0, 0])
    terms = [float(losses.pair_margin_loss(distance[i : i + 1], same[i : i + 1], 2.0)) for i in range(6)]
    assert terms == pytest.approx([0, 0.25, 9, 4, 2.25, 0])
    assert float(losses.pair_margin_loss(distance, same, 2.0)) == pytest.approx(sum(terms) / 6)
    assert losses.pair_margin_loss(distance, same.bool(), 2.0) == losses.pair_margin_loss(distance, same, 2.0)


def test_the_triplet_loss_by_loops_and_by_torch() -> None:
    rows = [normal(9, 3, seed=seed) for seed in range(3)]
    hinges = [math.dist(a, p) - math.dist(a, n) + 0.5 for a, p, n in zip(*map(Tensor.tolist, rows), strict=True)]
    assert 0 < sum(hinge < 0 for hinge in hinges) < 9
    assert float(losses.triplet_loss(*rows, 0.5)) == pytest.approx(sum(max(0, hinge) for hinge in hinges) / 9)
    theirs = triplet_margin_loss(*rows, margin=0.5)  # adds 1e-6 to each difference
    torch.testing.assert_close(losses.triplet_loss(*rows, 0.5), theirs, rtol=0, atol=1e-5)
    assert float(losses.triplet_loss(*[rows[0]] * 3, 0.5)) == pytest.approx(0.5)  # collapse pays the margin


@pytest.mark.parametrize(("scale", "bias"), [(1, 0), (7.0, -3.0)])
def test_cosine_bce_by_loops(scale: float, bias: float) -> None:
    a, b, same = normal(9, 3), normal(9, 3, seed=1), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 1])
    total = 0.0
    for x, y, label in zip(a, b, same.tolist(), strict=True):
        logit = scale * float(x @ y / (x.norm() * y.norm())) + bias
        total -= math.log(1 / (1 + math.exp(-logit if label else logit)))
    assert float(losses.cosine_bce(a, b, same, scale, bias)) == pytest.approx(total / 9)
    assert float(losses.cosine_bce(1e5 * a, 1e-5 * b, same.bool(), scale, bias)) == pytest.approx(total / 9)
    if (scale, bias) == (1, 0):  # as the study group had it: with a floor that no embedding gets below
        assert float(losses.cosine_bce(a, b, same)) == pytest.approx(total / 9)
        perfect = losses.cosine_bce(a, (2 * same - 1).unsqueeze(1) * a, same)  # cosine 1 if the same, −1 if not
        assert float(perfect) == pytest.approx(-math.log(1 / (1 + math.exp(-1)))) == pytest.approx(0.3133, abs=5e-5)
    learned = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (scale, bias)]
    loss = losses.cosine_bce(a, b, same, *learned)
    loss.backward()
    assert loss.item() == pytest.approx(total / 9) and all(value.grad.abs() > 0 for value in learned)


# --- many at once ----------------------------------------------------------------------------------


def contrast_by_loops(embeddings: Tensor, labels: list[int], temperature: float) -> float:
    """Return Khosla's L_out as it is written in the paper, one exponential at a time."""
    unit = [row / row.norm() for row in embeddings]
    terms = []
    for i, anchor in enumerate(unit):
        others = [j for j in range(len(unit)) if j != i]
        partners = [j for j in others if labels[j] == labels[i]]
        below = sum(math.exp(float(anchor @ unit[j]) / temperature) for j in others)
        each = [-math.log(math.exp(float(anchor @ unit[p]) / temperature) / below) for p in partners]
        terms += [sum(each) / len(each)] if each else []
    return sum(terms) / len(terms)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
@pytest.mark.parametrize("labels", [[0] * 6, [5, -1, 5, 5, -1, 9], [0, 1, 2, 3, 4, 0], [0, 1, 2, 0, 1, 2]])
def test_contrast_is_the_papers_double_loop(temperature: float, labels: list[int]) -> None:
    rows = normal(6, 4)
    expected = contrast_by_loops(rows, labels, temperature)
    assert float(losses.sup_con(rows, torch.tensor(labels), temperature)) == pytest.approx(expected)
    if labels == [0, 1, 2] * 2:  # a label for each pair of views
        assert float(losses.nt_xent(rows[:3], rows[3:], temperature)) == pytest.approx(expected)
        assert float(losses.nt_xent(rows[3:], rows[:3], temperature)) == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 50])
def test_contrast_of_collapsed_embeddings_is_the_logarithm_of_the_others(count: int) -> None:
    equal = normal(1, 5).repeat(count, 1)
    for temperature in (0.05, 1.0):
        assert float(losses.nt_xent(equal, equal, temperature)) == pytest.approx(math.log(2 * count - 1), abs=1e-12)
    labels = torch.zeros(2 * count, dtype=torch.long)
    assert float(losses.sup_con(equal.repeat(2, 1), labels, 0.1)) == pytest.approx(math.log(2 * count - 1), abs=1e-12)


def test_contrast_does_not_see_lengths_and_leaves_its_inputs_as_they_are() -> None:
    a, b, lengths = normal(6, 4), normal(6, 4, seed=1), torch.logspace(-15, 9, 6).unsqueeze(1)
    copies, labels = [a.clone(), b.clone()], torch.tensor([0, 1, 0, 1, 1, 2])
    torch.testing.assert_close(losses.nt_xent(lengths * a, 1e3 * b, 0.2), losses.nt_xent(a, b, 0.2))
    torch.testing.assert_close(losses.sup_con(lengths * a, labels, 0.2), losses.sup_con(a, labels, 0.2))
    assert torch.equal(a, copies[0]) and torch.equal(b, copies[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_contrast_in_half_precision_is_that_of_the_rounded_inputs(dtype: torch.dtype) -> None:
    a, b, labels = normal(32, 8, dtype=dtype), normal(32, 8, seed=1, dtype=dtype), torch.arange(32) % 5
    for temperature in (0.01, 0.5):  # exp(1/0.01) overflows even float32
        torch.testing.assert_close(losses.nt_xent(a, b, temperature), losses.nt_xent(a.float(), b.float(), temperature))
        theirs = losses.sup_con(a.float(), labels, temperature)
        torch.testing.assert_close(losses.sup_con(a, labels, temperature), theirs)
        assert theirs.isfinite()
    assert 0 < slope(lambda x: losses.nt_xent(x, b, 0.01), a).abs().max() < math.inf


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_losses_are_as_exact_under_autocast(dtype: torch.dtype) -> None:
    a, b = torch.eye(2), torch.tensor([[1, 0.1], [0.1, 1]])
    every = (
        lambda: losses.nt_xent(a, b, 0.1),
        lambda: losses.sup_con(torch.cat([a, b]), torch.tensor([0, 1, 0, 1]), 0.1),
        lambda: losses.pull_away(torch.cat([a, b])),
    )
    plain = [loss() for loss in every]
    assert float(plain[0]) == pytest.approx(0.000326, abs=1e-6)
    with torch.autocast("cpu", dtype):
        torch.testing.assert_close([loss() for loss in every], plain)


def test_gradients_are_those_of_finite_differences() -> None:
    a, b, c = (normal(5, 3, seed=seed).requires_grad_() for seed in range(3))
    same, labels, check = torch.tensor([0, 1, 1, 0, 1]), torch.tensor([0, 1, 1, 0, 2]), torch.autograd.gradcheck
    assert check(losses.pull_away, a) and check(losses.pull_away_unsquared, a)
    assert check(lambda x, y: losses.ebgan_d_loss(x[:, 0], y[:, 0], 0.8), (a, b))
    assert check(lambda x: losses.pair_margin_loss(x[:, 0].abs(), same, 0.8), a)
    assert check(lambda x, y, z: losses.triplet_loss(x, y, z, 1.0), (a, b, c))
    assert check(lambda x, y, z: losses.cosine_bce(x, y, same, z[0, 0], z[1, 1]), (a, b, c))
    assert check(lambda x, y: losses.nt_xent(x, y, 0.2), (a, b)) and check(lambda x: losses.sup_con(x, labels, 0.2), a)
    assert torch.autograd.gradgradcheck(lambda x, y: losses.nt_xent(x, y, 0.5), (a, b))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_losses_on_cuda_are_those_of_the_cpu() -> None:
    a, b, labels = normal(8, 4), normal(8, 4, seed=1), torch.tensor([0, 1, 0, 1, 2, 2, 3, 4])
    for loss in (
        lambda x, y, k: losses.ebgan_d_loss(x[:, 0], y[:, 0], 1.0) + losses.ebgan_g_loss(y[:, 1]) + losses.pull_away(x),
        lambda x, y, k: losses.pair_margin_loss(x[:, 0].abs(), k % 2, 1.0) + losses.triplet_loss(x, y, x.flip(0), 1.0),
        lambda x, y, k: losses.cosine_bce(x, y, k % 2) + losses.nt_xent(x, y, 0.2) + losses.sup_con(x, k, 0.2),
    ):
        there = loss(a.cuda(), b.cuda(), labels.cuda())
        assert there.is_cuda
        torch.testing.assert_close(there.cpu(), loss(a, b, labels))


# --- another library -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pml() -> ModuleType:
    """Return pytorch-metric-learning, which only the tests use."""
    import pytorch_metric_learning.distances
    import pytorch_metric_learning.losses
    import pytorch_metric_learning.reducers

    return pytorch_metric_learning


@pytest.mark.parametrize(("count", "classes", "temperature"), [(6, 3, 0.1), (32, 5, 0.5), (40, 30, 1.0)])
def test_contrast_agrees_with_pytorch_metric_learning(
    pml: ModuleType, count: int, classes: int, temperature: float
) -> None:
    rows = normal(count, 6, dtype=torch.float32)
    halves = torch.arange(count // 2).repeat(2)
    ours = losses.nt_xent(*rows.chunk(2), temperature)
    torch.testing.assert_close(ours, pml.losses.NTXentLoss(temperature)(rows, halves), **AGREE)
    torch.testing.assert_close(ours, pml.losses.SupConLoss(temperature)(rows, halves), **AGREE)
    labels = torch.randint(classes, (count,), generator=torch.Generator().manual_seed(0))
    assert classes < 30 or (labels.bincount() == 1).any()  # anchors without a partner are left out there, too
    theirs = pml.losses.SupConLoss(temperature)(rows, labels)
    torch.testing.assert_close(losses.sup_con(rows, labels, temperature), theirs, **AGREE)


def test_the_triplet_loss_agrees_with_pytorch_metric_learning(pml: ModuleType) -> None:
    rows = normal(24, 5, dtype=torch.float32)
    settings: dict[str, Any] = {"margin": 0.5, "distance": pml.distances.LpDistance(normalize_embeddings=False)}
    triplets, ours = torch.arange(24).reshape(3, 8).unbind(), losses.triplet_loss(*rows.split(8), 0.5)
    mean = pml.losses.TripletMarginLoss(**settings, reducer=pml.reducers.MeanReducer())
    torch.testing.assert_close(ours, mean(rows, indices_tuple=triplets), **AGREE)
    # Its default divides by the number of triplets with a loss above 0.
    default = pml.losses.TripletMarginLoss(**settings)(rows, indices_tuple=triplets)
    open_ones = sum(float(losses.triplet_loss(*(row[i : i + 1] for row in rows.split(8)), 0.5)) > 0 for i in range(8))
    assert 0 < open_ones < 8
    torch.testing.assert_close(default * open_ones / 8, ours, **AGREE)


def test_the_pair_loss_is_not_pytorch_metric_learnings(pml: ModuleType) -> None:
    a, b, same = normal(12, 3), normal(12, 3, seed=1), torch.arange(12) % 3 == 0
    distance, margin = (a - b).norm(dim=1), 2.5
    first, second = torch.arange(12), torch.arange(12, 24)
    pairs = (first[same], second[same], first[~same], second[~same])
    plain = pml.distances.LpDistance(normalize_embeddings=False)
    theirs = pml.losses.ContrastiveLoss(neg_margin=margin, distance=plain)(torch.cat([a, b]), indices_tuple=pairs)
    pull, push = distance[same], (margin - distance[~same]).clamp(min=0)
    # Neither is squared there, and the two kinds have means of their own, over the terms above 0.
    torch.testing.assert_close(theirs, pull.mean() + push[push > 0].mean(), **AGREE)
    ours = losses.pair_margin_loss(distance, same, margin)
    torch.testing.assert_close(ours, (pull.square().sum() + push.square().sum()) / 12)
    assert 0 < (push > 0).sum() < len(push) and (ours - theirs).abs() > 0.1
