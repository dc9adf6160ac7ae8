"""Energies put to work: each job is what it says, the counts count, and the record can be reproduced."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from helpers import data, energies_at_work, metrics
from helpers.models import AutoEncoder, Encoder
from helpers.sweep import recorded

pytestmark = pytest.mark.usefixtures("one_thread")

COPY = AutoEncoder(nn.Identity(), nn.Identity())
PAPER = AutoEncoder(nn.Identity(), nn.Hardtanh(-1.0, -0.999))  # copies everything as nearly white paper


@pytest.fixture(scope="module")
def record():
    return recorded("energies_at_work")


# --- training --------------------------------------------------------------------------------------


def test_the_class_that_is_left_out_is_left_out():
    images, labels = energies_at_work.digits_without(3, "train")
    assert images.shape == (3600, 1, 28, 28)
    assert sorted(labels.unique().tolist()) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_the_filler_never_sees_the_hidden_pixels():
    seen, hole = [], energies_at_work.hole_mask()

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x):
            seen.append(x.detach() * hole)
            return self.scale * x

    energies_at_work.learn(Spy(), "fill", 0, 2, torch.Generator().manual_seed(0))
    mean = energies_at_work.digits_without(0, "train")[0].mean(0, keepdim=True) * hole
    assert all(torch.allclose(x, mean.expand_as(x), atol=1e-6) for x in seen)
    assert len(seen) == 2


@pytest.mark.parametrize("task", ["copy", "fill", "classify"])
def test_learning_lowers_the_loss_and_leaves_the_global_random_state_alone(task):
    torch.manual_seed(0)
    network = Encoder(widths=(8,), dim=10) if task == "classify" else energies_at_work.new_autoencoder()
    images, labels = energies_at_work.digits_without(1, "validation")
    blind = energies_at_work.paste(images)(energies_at_work.digits_without(1, "train")[0].mean(0, keepdim=True))

    @torch.no_grad()
    def badness():
        network.eval()
        if task == "classify":
            return 1 - metrics.accuracy(network(images).argmax(1), labels)
        return float(((network(blind if task == "fill" else images) - images) ** 2).mean())

    before, state = badness(), torch.get_rng_state()
    network.train()
    energies_at_work.learn(network, task, 1, 40, torch.Generator().manual_seed(0))
    assert badness() < 0.7 * before
    assert torch.equal(state, torch.get_rng_state())
    assert not network.training and not any(weight.requires_grad for weight in network.parameters())


def test_a_game_moves_both_networks_with_the_energy_of_the_study():
    game = energies_at_work.new_game("ebgan")
    before = [network.state_dict()[name].clone() for network, name in ((game.generator, "body.0.weight"),)]
    code = game.discriminator.encode[1].weight.clone()
    source = torch.Generator().manual_seed(0)
    seen = energies_at_work.play(
        game, lambda: energies_at_work.syllable_batch(64, source), 2, source, lambda _: 1, every=1
    )
    assert seen == [1, 1, 1]
    assert not torch.equal(before[0], game.generator.body[0].weight)
    assert not torch.equal(code, game.discriminator.encode[1].weight)


# --- what is strange -------------------------------------------------------------------------------


def test_rank_of_a_score_that_knows_and_of_one_that_does_not():
    known = {image.numpy().tobytes() for image in energies_at_work.digits_without(4, "test")[0]}

    def knows(x):
        return torch.tensor([float(image.numpy().tobytes() not in known) for image in x])

    assert energies_at_work.rank(knows, 4) == (1.0, 1.0)
    assert energies_at_work.rank(lambda x: -knows(x), 4) == (0.0, 0.0)
    assert energies_at_work.rank(lambda x: torch.zeros(len(x)), 4) == (0.5, 0.5)


def test_doubt_and_ink():
    sure = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
    nn.init.zeros_(sure[1].weight)
    sure[1].bias.data = torch.tensor([math.log(3.0), 0.0])
    x = torch.stack([torch.full((1, 28, 28), value) for value in (-1.0, 0.0, 0.5)])
    assert torch.allclose(energies_at_work.doubt(sure, x), torch.full((3,), 0.25))
    assert torch.allclose(energies_at_work.ink_surprise(x, x[1:2]), torch.tensor([1.0, 0.0, 0.5]))


# --- going downhill --------------------------------------------------------------------------------


def test_descent_lowers_the_energy_and_keeps_what_is_known():
    pictures = data.digits("test")[0][:6]
    put = energies_at_work.paste(pictures)
    start, *_, end = energies_at_work.descend(PAPER, torch.zeros_like(pictures), put, (0, 3, 20))
    height = [float(energies_at_work.energy(PAPER, x).mean()) for x in (start, end)]
    assert height[1] < height[0]
    outside = (1 - energies_at_work.hole_mask()).bool().expand_as(pictures)
    assert torch.equal(end[outside], pictures[outside])
    assert end[..., 8:20, 8:20].mean() < -0.9  # the hole has become white paper


def test_descent_in_parts_is_the_descent():
    pictures = data.digits("test")[0][:3]
    put, start = energies_at_work.paste(pictures), torch.zeros_like(pictures)
    whole = energies_at_work.descend(PAPER, start, put, (7,))[0]
    assert torch.equal(energies_at_work.descend(PAPER, start, put, (0, 2, 7))[-1], whole)


def test_agreement_has_the_known_means_and_moves_nothing_that_agrees():
    pictures = data.digits("test")[0][:4]
    correct = energies_at_work.agree(avg_pool2d(pictures, 2))
    other = correct(pictures.flip(3))
    assert torch.allclose(avg_pool2d(other, 2), avg_pool2d(pictures, 2), atol=1e-6)
    assert torch.allclose(correct(pictures), pictures, atol=1e-6)


def test_neighbours_look_at_the_mask_only():
    images = torch.stack([torch.full((1, 28, 28), value) for value in (-1.0, 0.0, 1.0)])
    x = torch.full((1, 1, 28, 28), 0.9)
    mask = 1 - energies_at_work.hole_mask()
    x[..., 8:20, 8:20] = -50.0
    assert torch.equal(energies_at_work.neighbours(x, images, 1, mask), images[2:])
    assert torch.allclose(energies_at_work.neighbours(x, images, 2, mask), torch.full((1, 1, 28, 28), 0.5))


def test_hidden_error_counts_the_hole_only():
    truth = torch.zeros(2, 1, 28, 28)
    assert energies_at_work.hidden_error(truth + 1 - energies_at_work.hole_mask(), truth) == 0
    assert energies_at_work.hidden_error(truth + 2 * energies_at_work.hole_mask(), truth) == 4


# --- styles ----------------------------------------------------------------------------------------


def test_clean_pictures_are_their_own_styles():
    cells = energies_at_work.hangul_cells()
    distance, cell = energies_at_work.styles(cells.flatten(0, 1), cells)
    assert cell.tolist() == list(range(88))
    assert distance.max() < 0.05


def test_effective_numbers_of_even_and_uneven_fonts():
    cells = energies_at_work.hangul_cells()
    real = energies_at_work.syllable_batch(200, torch.Generator().manual_seed(0))
    even = energies_at_work.style_report(cells[0], real)
    assert even["fonts"] == pytest.approx(11) and even["cells"] == pytest.approx(11) and even["near"] == 1
    assert energies_at_work.style_report(real, real)["near"] == pytest.approx(0.95, abs=0.01)
    uneven = energies_at_work.style_report(cells[:, 0][[0, 0, 0, 1]], real)
    shares = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert uneven["fonts"] == pytest.approx(1) and uneven["cells"] == pytest.approx(shares)
    assert uneven["font_counts"] == [4] + 10 * [0]


def test_batches_of_syllables_are_near_their_cells_and_differ():
    batch = energies_at_work.syllable_batch(100, torch.Generator().manual_seed(1))
    distance, _ = energies_at_work.styles(batch, energies_at_work.hangul_cells())
    assert batch.shape == (100, 1, 28, 28)
    assert 1 < distance.mean() < 14


# --- the record ------------------------------------------------------------------------------------


def test_record_is_whole(record):
    seeds = sorted({row["seed"] for row in record})
    parts = {(row["seed"], row["settings"].get("held_out", row["settings"].get("method"))) for row in record}
    assert len(seeds) >= 2
    assert parts == {(seed, part) for seed in seeds for part in [*range(10), "ebgan", "gan"]}
    assert all(row["error"] is None and row["settings"]["steps"] == 500 for row in record)


def test_what_needs_no_training_comes_out_again(record):
    row = next(row for row in record if row["settings"].get("held_out") == 7)
    images, _ = energies_at_work.digits_without(7, "train")
    truth, _ = energies_at_work.digits_without(7, "test")
    hole = energies_at_work.hole_mask()
    five = energies_at_work.neighbours(truth, images, 5, 1 - hole)
    assert energies_at_work.hidden_error(five, truth) == pytest.approx(row["metrics"]["fill_five"], abs=1e-4)
    odd, hangul = energies_at_work.rank(lambda x: energies_at_work.ink_surprise(x, images), 7)
    assert (odd, hangul) == pytest.approx((row["metrics"]["odd_ink"], row["metrics"]["hangul_ink"]), abs=1e-4)


@pytest.mark.slow
def test_a_row_comes_out_again(record):
    row = next(row for row in record if row["settings"].get("held_out") == 1 and row["seed"] == 0)
    again = energies_at_work.run(0, **row["settings"])
    for name, drift in (("odd_autoencoder", 0.1), ("hangul_autoencoder", 0.02), ("double_autoencoder", 0.003)):
        assert again[name] == pytest.approx(row["metrics"][name], abs=drift)
