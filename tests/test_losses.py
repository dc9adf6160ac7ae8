"""Losses: each value is computed by another route."""

import itertools
import math
from types import ModuleType

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from helpers.losses import (
    cosine_bce,
    ebgan_d_loss,
    ebgan_g_loss,
    gan_d_loss,
    gan_g_loss,
    nt_xent,
    pair_margin_loss,
    pull_away,
    sup_con,
    triplet_loss,
)


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


# --- energies and codes ----------------------------------------------------------------------------


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return reproducible embeddings, of lengths around √d."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def test_the_hinge_closes_sample_by_sample() -> None:
    fake = torch.tensor([0.0, 0.0, 0.0, 4.0], requires_grad=True)
    loss = ebgan_d_loss(torch.zeros(3), fake, margin=1)
    assert loss.item() == 0.75  # a hinge of the mean would give [1 − 1]₊ = 0
    loss.backward()
    assert fake.grad.tolist() == [-0.25, -0.25, -0.25, 0]


def test_ebgan_losses_are_the_papers_formulas() -> None:
    real, fake = normal(5).abs(), normal(7, seed=1).abs()
    hinges = [max(0.0, 0.8 - energy) for energy in fake.tolist()]
    assert 0 < sum(hinge == 0 for hinge in hinges) < 7  # some are beyond the margin, some are not
    expected = sum(real.tolist()) / 5 + sum(hinges) / 7
    assert float(ebgan_d_loss(real, fake, 0.8)) == pytest.approx(expected)
    assert float(ebgan_g_loss(fake)) == pytest.approx(sum(fake.tolist()) / 7)


def test_ebgan_losses_and_pull_away_of_universes_are_those_of_each() -> None:
    real, fake, codes = normal(4, 5).abs(), normal(4, 7, seed=1).abs(), normal(4, 6, 3, seed=2)
    loop = [ebgan_d_loss(r, f, 0.8) for r, f in zip(real, fake, strict=True)]
    torch.testing.assert_close(ebgan_d_loss(real, fake, 0.8), torch.stack(loop))
    torch.testing.assert_close(ebgan_g_loss(fake), torch.stack([ebgan_g_loss(f) for f in fake]))
    torch.testing.assert_close(pull_away(codes), torch.stack([pull_away(c) for c in codes]))


def test_pull_away_of_codes_on_one_line_is_one() -> None:
    equal = normal(1, 5).repeat(6, 1)
    assert float(pull_away(equal)) == pytest.approx(1)
    halves = equal * torch.tensor([1, -1, 1, -1, 1, -1]).unsqueeze(1)
    assert float(pull_away(halves)) == pytest.approx(1)  # the mean cosine without the square would be −0.2


def test_pull_away_of_codes_at_right_angles_is_zero() -> None:
    basis, _ = torch.linalg.qr(normal(6, 6))
    assert float(pull_away(basis[:4])) == pytest.approx(0, abs=1e-12)


def test_pull_away_is_the_papers_double_sum() -> None:
    codes = normal(7, 3)
    total = 0.0
    for i, j in itertools.permutations(range(7), 2):
        total += float(codes[i] @ codes[j] / (codes[i].norm() * codes[j].norm())) ** 2
    assert float(pull_away(codes)) == pytest.approx(total / (7 * 6))


def test_pull_away_does_not_see_lengths() -> None:
    codes = normal(6, 3)
    scaled = codes * torch.tensor([1, 1e-15, 7, 1e6, 0.3, 1]).unsqueeze(1)
    torch.testing.assert_close(pull_away(scaled), pull_away(codes))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_row_of_zeros_stays_finite_also_in_the_gradient(dtype: torch.dtype) -> None:
    a, b = normal(6, 4, dtype=dtype), normal(6, 4, seed=1, dtype=dtype)
    a[2] = 0
    same = torch.arange(6) % 2
    losses = [
        pull_away,
        lambda x: cosine_bce(x, b, same),
        lambda x: nt_xent(x, b, 0.1),
        lambda x: sup_con(x, same, 0.1),
        lambda x: triplet_loss(x, x, b, 1.0),
    ]
    for loss_of in losses:
        point = a.clone().requires_grad_()
        loss = loss_of(point)
        loss.backward()
        assert loss.isfinite() and point.grad.isfinite().all()
        assert point.grad.abs().max() < 100  # no division by a tiny number either


@pytest.mark.parametrize(("count", "d"), [(4, 2), (64, 8), (9, 3)])
def test_more_codes_than_axes_cannot_all_be_at_right_angles(count: int, d: int) -> None:
    smallest = (count - d) / (d * (count - 1))
    assert float(pull_away(torch.eye(d, dtype=torch.float64).repeat(count // d, 1))) == pytest.approx(smallest)
    for seed in range(20):
        assert float(pull_away(normal(count, d, seed=seed))) > smallest
    codes = normal(count, d).requires_grad_()
    optimizer = torch.optim.Adam([codes], lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        pull_away(codes).backward()
        optimizer.step()
    assert float(pull_away(codes.detach())) == pytest.approx(smallest, abs=1e-3)


# --- pairs and triplets ----------------------------------------------------------------------------


def test_the_pair_loss_pulls_to_zero_and_pushes_to_the_margin() -> None:
    distance = torch.tensor([0.0, 0.5, 3.0, 0.0, 0.5, 3.0])
    same = torch.tensor([1, 1, 1, 0, 0, 0])
    each = [float(pair_margin_loss(distance[i : i + 1], same[i : i + 1], 2.0)) for i in range(6)]
    assert each == pytest.approx([0, 0.25, 9, 4, 2.25, 0])
    assert float(pair_margin_loss(distance, same, 2.0)) == pytest.approx(sum(each) / 6)
    assert pair_margin_loss(distance, same.bool(), 2.0) == pair_margin_loss(distance, same, 2.0)


def test_the_triplet_loss_by_loops() -> None:
    anchor, positive, negative = normal(9, 3), normal(9, 3, seed=1), normal(9, 3, seed=2)
    total, closed = 0.0, 0
    for a, p, n in zip(anchor.tolist(), positive.tolist(), negative.tolist(), strict=True):
        hinge = math.dist(a, p) - math.dist(a, n) + 0.5
        total, closed = total + max(0.0, hinge), closed + (hinge < 0)
    assert 0 < closed < 9
    assert float(triplet_loss(anchor, positive, negative, 0.5)) == pytest.approx(total / 9)
    assert float(triplet_loss(anchor, anchor, anchor, 0.5)) == pytest.approx(0.5)  # collapse pays the margin


def test_the_triplet_loss_is_torchs() -> None:
    rows = [normal(9, 3, seed=seed) for seed in range(3)]
    theirs = torch.nn.functional.triplet_margin_loss(*rows, margin=0.5)  # adds 1e-6 to each difference
    torch.testing.assert_close(triplet_loss(*rows, 0.5), theirs, rtol=0, atol=1e-5)


def test_cosine_bce_by_loops() -> None:
    a, b, same = normal(9, 3), normal(9, 3, seed=1), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 1])
    for scale, bias in ((1.0, 0.0), (7.0, -3.0)):
        total = 0.0
        for x, y, label in zip(a, b, same.tolist(), strict=True):
            logit = scale * float(x @ y / (x.norm() * y.norm())) + bias
            total -= math.log(1 / (1 + math.exp(-logit if label else logit)))
        assert float(cosine_bce(a, b, same, scale, bias)) == pytest.approx(total / 9)
        torch.testing.assert_close(cosine_bce(1e5 * a, 1e-5 * b, same.bool(), scale, bias).item(), total / 9)


def test_the_groups_loss_has_a_floor_that_no_embedding_gets_below() -> None:
    a = normal(8, 3)
    sign = torch.tensor([1.0, -1.0]).repeat(4).unsqueeze(1).double()
    perfect = cosine_bce(a, sign * a, torch.tensor([1, 0]).repeat(4))  # cosine 1 if the same, −1 if not
    assert float(perfect) == pytest.approx(-math.log(1 / (1 + math.exp(-1))))
    assert float(perfect) == pytest.approx(0.3133, abs=5e-5)
    assert float(cosine_bce(a, sign * a, torch.tensor([1, 0]).repeat(4), scale=20)) < 1e-8


def test_scale_and_bias_can_be_learned() -> None:
    scale, bias = (torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (2.0, -1.0))
    cosine_bce(normal(8, 3), normal(8, 3, seed=1), torch.arange(8) % 2, scale, bias).backward()
    assert scale.grad.abs() > 0 and bias.grad.abs() > 0


# --- many at once ----------------------------------------------------------------------------------


def contrast_by_loops(embeddings: torch.Tensor, labels: list[int], temperature: float) -> float:
    """Return Khosla's L_out as it is written in the paper, one exponential at a time."""
    unit = [row / row.norm() for row in embeddings]
    losses = []
    for i, anchor in enumerate(unit):
        others = [j for j in range(len(unit)) if j != i]
        partners = [j for j in others if labels[j] == labels[i]]
        below = sum(math.exp(float(anchor @ unit[j]) / temperature) for j in others)
        each = [-math.log(math.exp(float(anchor @ unit[p]) / temperature) / below) for p in partners]
        losses += [sum(each) / len(each)] if each else []
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
def test_nt_xent_is_the_papers_double_loop(temperature: float) -> None:
    a, b = normal(6, 4), normal(6, 4, seed=1)
    expected = contrast_by_loops(torch.cat([a, b]), [*range(6), *range(6)], temperature)
    assert float(nt_xent(a, b, temperature)) == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 50])
def test_nt_xent_of_collapsed_embeddings_is_the_logarithm_of_the_others(count: int) -> None:
    equal = normal(1, 5).repeat(count, 1)
    for temperature in (0.05, 1.0):
        assert float(nt_xent(equal, equal, temperature)) == pytest.approx(math.log(2 * count - 1), abs=1e-12)
    labels = torch.zeros(count, dtype=torch.long)
    if count > 1:
        assert float(sup_con(equal, labels, 0.1)) == pytest.approx(math.log(count - 1), abs=1e-12)


def test_contrast_does_not_see_lengths_nor_which_view_is_which() -> None:
    a, b, lengths = normal(6, 4), normal(6, 4, seed=1), torch.logspace(-15, 9, 6).unsqueeze(1)
    loss = nt_xent(a, b, 0.2)
    torch.testing.assert_close(nt_xent(lengths * a, 1e3 * b, 0.2), loss)
    torch.testing.assert_close(nt_xent(b, a, 0.2), loss)
    labels = torch.tensor([0, 1, 0, 1, 1, 2])
    torch.testing.assert_close(sup_con(lengths * a, labels, 0.2), sup_con(a, labels, 0.2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_contrast_in_half_precision_is_that_of_the_rounded_inputs(dtype: torch.dtype) -> None:
    a, b = normal(32, 8, dtype=dtype), normal(32, 8, seed=1, dtype=dtype)
    labels = torch.arange(32) % 5
    for temperature in (0.01, 0.5):  # exp(1/0.01) overflows even float32
        torch.testing.assert_close(nt_xent(a, b, temperature), nt_xent(a.float(), b.float(), temperature))
        theirs = sup_con(a.float(), labels, temperature)
        torch.testing.assert_close(sup_con(a, labels, temperature), theirs)
        assert theirs.isfinite()
    a.requires_grad_()
    nt_xent(a, b, 0.01).backward()
    assert a.grad.isfinite().all() and a.grad.abs().max() > 0


def test_contrast_survives_autocast() -> None:
    a, b = normal(32, 8, dtype=torch.float32), normal(32, 8, seed=1, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert float(nt_xent(a, b, 0.1)) == pytest.approx(float(nt_xent(a.double(), b.double(), 0.1)), rel=0.01)


def test_contrast_leaves_its_inputs_as_they_are() -> None:
    a, b, labels = normal(6, 4), normal(6, 4, seed=1), torch.tensor([0, 1, 0, 1, 1, 2])
    copies = [tensor.clone() for tensor in (a, b, labels)]
    assert nt_xent(a, b, 0.2) == nt_xent(a, b, 0.2)
    assert sup_con(a, labels, 0.2) == sup_con(a, labels, 0.2)
    assert all(torch.equal(tensor, copy) for tensor, copy in zip((a, b, labels), copies, strict=True))


@pytest.mark.parametrize("labels", [[0, 0, 0, 0, 0, 0], [5, -1, 5, 5, -1, 9], [0, 1, 2, 3, 4, 0]])
def test_sup_con_is_the_papers_double_loop(labels: list[int]) -> None:
    rows = normal(6, 4)
    for temperature in (0.1, 1.0):
        expected = contrast_by_loops(rows, labels, temperature)
        assert float(sup_con(rows, torch.tensor(labels), temperature)) == pytest.approx(expected)


def test_sup_con_with_one_label_per_pair_is_nt_xent() -> None:
    a, b = normal(7, 4), normal(7, 4, seed=1)
    labels = torch.randperm(7, generator=torch.Generator().manual_seed(0)).repeat(2)
    torch.testing.assert_close(sup_con(torch.cat([a, b]), labels, 0.3), nt_xent(a, b, 0.3))


def test_sup_con_needs_a_partner_for_someone_only() -> None:
    rows = normal(4, 3)
    assert sup_con(rows, torch.tensor([0, 1, 2, 2]), 0.5).isfinite()
    with pytest.raises(ValueError, match=r"labels: got .*, all different, expected at least two samples"):
        sup_con(rows, torch.tensor([0, 1, 2, 3]), 0.5)


def test_a_lone_anchor_is_left_out_of_the_mean_but_still_pushes() -> None:
    rows = normal(5, 3).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1, 2])
    sup_con(rows, labels, 0.5).backward()
    assert rows.grad[4].abs().max() > 0
    assert sup_con(rows, labels, 0.5) > sup_con(rows[:4], labels[:4], 0.5)


def test_gradients_are_those_of_finite_differences() -> None:
    a, b, c = (normal(5, 3, seed=seed).requires_grad_() for seed in range(3))
    same, labels = torch.tensor([0, 1, 1, 0, 1]), torch.tensor([0, 1, 1, 0, 2])
    energies = [normal(6, seed=seed).abs().add(0.01).requires_grad_() for seed in (3, 4)]
    scale, bias = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (3.0, -1.0))
    check = torch.autograd.gradcheck
    assert check(lambda x, y: ebgan_d_loss(x, y, 0.8), energies)
    assert check(ebgan_g_loss, energies[:1])
    assert check(pull_away, a)
    assert check(lambda d: pair_margin_loss(d, torch.tensor([0, 1, 0, 1, 0, 0]), 0.8), energies[:1])
    assert check(lambda x, y, z: triplet_loss(x, y, z, 1.0), (a, b, c))
    assert check(lambda x, y, s, t: cosine_bce(x, y, same, s, t), (a, b, scale, bias))
    assert check(lambda x, y: nt_xent(x, y, 0.2), (a, b))
    assert check(lambda x: sup_con(x, labels, 0.2), a)
    assert torch.autograd.gradgradcheck(lambda x, y: nt_xent(x, y, 0.5), (a, b))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_losses_on_cuda_are_those_of_the_cpu() -> None:
    a, b, labels = normal(8, 4), normal(8, 4, seed=1), torch.tensor([0, 1, 0, 1, 2, 2, 3, 4])
    for loss_of in (
        lambda x, y, k: ebgan_d_loss(x[:, 0], y[:, 0], 1.0) + ebgan_g_loss(y[:, 1]) + pull_away(x),
        lambda x, y, k: pair_margin_loss(x[:, 0].abs(), k % 2, 1.0) + triplet_loss(x, y, x.flip(0), 1.0),
        lambda x, y, k: cosine_bce(x, y, k % 2) + nt_xent(x, y, 0.2) + sup_con(x, k, 0.2),
    ):
        there = loss_of(a.cuda(), b.cuda(), labels.cuda())
        assert there.is_cuda
        torch.testing.assert_close(there.cpu(), loss_of(a, b, labels))


# --- other libraries -------------------------------------------------------------------------------

AGREE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def pml() -> ModuleType:
    """Return pytorch-metric-learning, which only the tests use."""
    import pytorch_metric_learning.distances
    import pytorch_metric_learning.losses
    import pytorch_metric_learning.reducers

    return pytorch_metric_learning


@pytest.mark.parametrize(("count", "d", "temperature"), [(3, 5, 0.1), (16, 8, 0.5), (40, 4, 1.0)])
def test_nt_xent_agrees_with_two_libraries(pml: ModuleType, count: int, d: int, temperature: float) -> None:
    from lightly.loss import NTXentLoss

    a, b = normal(count, d, dtype=torch.float32), normal(count, d, seed=1, dtype=torch.float32)
    ours, views, labels = nt_xent(a, b, temperature), torch.cat([a, b]), torch.arange(count).repeat(2)
    torch.testing.assert_close(ours, NTXentLoss(temperature)(a, b), **AGREE)
    torch.testing.assert_close(ours, pml.losses.NTXentLoss(temperature)(views, labels), **AGREE)
    torch.testing.assert_close(ours, pml.losses.SupConLoss(temperature)(views, labels), **AGREE)


@pytest.mark.parametrize("classes", [2, 5, 30])
def test_sup_con_agrees_with_pytorch_metric_learning(pml: ModuleType, classes: int) -> None:
    rows = normal(40, 6, dtype=torch.float32)
    labels = torch.randint(classes, (40,), generator=torch.Generator().manual_seed(0))
    if classes == 30:
        assert (labels.bincount() == 1).any()  # anchors without a partner are left out there, too
    theirs = pml.losses.SupConLoss(0.2)(rows, labels)
    torch.testing.assert_close(sup_con(rows, labels, 0.2), theirs, **AGREE)


def test_sup_con_differs_where_all_samples_have_one_label(pml: ModuleType) -> None:
    rows, labels = normal(6, 4), torch.zeros(6, dtype=torch.long)
    assert float(pml.losses.SupConLoss(0.2)(rows, labels)) == 0  # there, no negative means no loss
    assert float(sup_con(rows, labels, 0.2)) == pytest.approx(contrast_by_loops(rows, [0] * 6, 0.2))
    assert float(sup_con(rows, labels, 0.2)) > 1


def test_sup_con_has_no_factor_of_two_temperatures() -> None:
    rows, labels = normal(8, 4), torch.tensor([0, 1, 2, 0, 1, 2, 2, 1])
    # SupContrast as it comes: the log probabilities of all pairs, a mask, and temperature/base_temperature before it.
    for temperature in (0.07, 0.5):
        logits = torch.nn.functional.normalize(rows, dim=1) @ torch.nn.functional.normalize(rows, dim=1).T
        log_prob = (logits / temperature).fill_diagonal_(-math.inf).log_softmax(1).fill_diagonal_(0)
        mask = (labels.unsqueeze(0) == labels.unsqueeze(1)).double().fill_diagonal_(0)
        theirs = -(temperature / 0.07) * ((mask * log_prob).sum(1) / mask.sum(1)).mean()
        torch.testing.assert_close(sup_con(rows, labels, temperature) * (temperature / 0.07), theirs)


def test_the_triplet_loss_agrees_with_pytorch_metric_learning(pml: ModuleType) -> None:
    rows = normal(24, 5, dtype=torch.float32)
    triplets = torch.arange(24).reshape(3, 8).unbind()
    plain = pml.distances.LpDistance(normalize_embeddings=False)
    settings = {"margin": 0.5, "distance": plain, "reducer": pml.reducers.MeanReducer()}
    ours = triplet_loss(*rows.split(8), 0.5)
    torch.testing.assert_close(
        ours, pml.losses.TripletMarginLoss(**settings)(rows, indices_tuple=triplets), **AGREE
    )
    # Its default divides by the number of triplets with a loss above 0.
    default = pml.losses.TripletMarginLoss(margin=0.5, distance=plain)(rows, indices_tuple=triplets)
    open_ones = sum(float(triplet_loss(*(row[i : i + 1] for row in rows.split(8)), 0.5)) > 0 for i in range(8))
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
    assert 0 < (push > 0).sum() < len(push)
    # Neither is squared there, and the two kinds have means of their own, over the terms above 0.
    torch.testing.assert_close(theirs, pull.mean() + push[push > 0].mean(), **AGREE)
    ours = pair_margin_loss(distance, same, margin)
    torch.testing.assert_close(ours, (pull.square().sum() + push.square().sum()) / 12)
    assert (ours - theirs).abs() > 0.1
