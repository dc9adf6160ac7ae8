"""Chapters 09 and 10: each job of an energy is what it says, counts count, digits move, and words follow their rule."""

import itertools
import math
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from scipy.special import logsumexp
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from helpers import data, metrics, train
from helpers.models import AutoEncoder, Encoder
from helpers.studies import energies_at_work as work
from helpers.studies import sequences, syllables

PAGE = Path(__file__).resolve().parents[1] / "book" / "10-energies-of-film-and-words.ipynb"
PAPER = AutoEncoder(nn.Identity(), nn.Hardtanh(-1.0, -0.999))  # copies everything as nearly white paper
pytestmark = pytest.mark.usefixtures("one_thread")


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def uniform(*values: float) -> Tensor:
    """Pictures of one grey each."""
    return torch.stack([torch.full((1, 28, 28), value) for value in values])


def test_the_filler_never_sees_the_hidden_pixels() -> None:
    seen = []

    class Spy(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.detach() * work.HIDDEN)
            return super().forward(x)

    work.train_network(Spy(28, 28), "fill", 0, 2, source())
    mean = work.digits_without(0, "train")[0].mean(0, keepdim=True) * work.HIDDEN
    assert len(seen) == 2 and all(torch.allclose(x, mean.expand_as(x), atol=1e-6) for x in seen)


@pytest.mark.parametrize("task", ["copy", "fill", "classify"])
def test_learning_lowers_the_error_on_the_classes_that_are_left(task: work.Task) -> None:
    torch.manual_seed(0)
    network = Encoder(widths=(8,), dim=10) if task == "classify" else work.new_autoencoder()
    images, labels = work.digits_without(1, "validation")
    mean = work.digits_without(1, "train")[0].mean(0, keepdim=True)
    assert labels.unique().tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 9]

    def error() -> float:
        out = train.embed(network, work.paste(images)(mean) if task == "fill" else images)
        return (
            1 - metrics.accuracy(out.argmax(1), labels) if task == "classify" else float(((out - images) ** 2).mean())
        )

    before = error()
    work.train_network(network, task, 1, 40, source())
    assert error() < 0.7 * before
    assert not network.training and not any(weight.requires_grad for weight in network.parameters())


def test_auroc_of_a_score_that_knows_and_of_one_that_does_not() -> None:
    known = {image.numpy().tobytes() for image in work.digits_without(4, "test")[0]}

    def knows(x: Tensor) -> Tensor:
        return torch.tensor([float(image.numpy().tobytes() not in known) for image in x])

    assert work.aurocs(knows, 4) == (1.0, 1.0)
    assert work.aurocs(lambda x: -knows(x), 4) == (0.0, 0.0)
    assert work.aurocs(lambda x: torch.zeros(len(x)), 4) == (0.5, 0.5)


def test_confidence_and_ink() -> None:
    sure = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
    nn.init.zeros_(sure[1].weight)
    sure[1].bias.data = torch.tensor([math.log(3.0), 0.0])
    x = uniform(-1.0, 0.0, 0.5)
    assert torch.allclose(work.max_probability_score(sure, x), torch.full((3,), 0.25))
    assert torch.allclose(work.logit_energy(sure, x), torch.full((3,), -math.log(4.0)))
    assert torch.allclose(work.ink_distance(x, x[1:2]), torch.tensor([1.0, 0.0, 0.5]))


def test_the_energy_in_the_logits_by_another_route() -> None:
    torch.manual_seed(0)
    network, x = Encoder(widths=(8,), dim=10).eval(), data.digits("test")[0][:20]
    logits = train.embed(network, x).double()
    energy = work.logit_energy(network, x).double()
    assert torch.allclose(energy, -torch.from_numpy(logsumexp(logits.numpy(), axis=1)), atol=1e-5)
    # Doubt is what is left of it without the largest logit: log max p = E + max f.
    sure = 1 - work.max_probability_score(network, x).double()
    assert torch.allclose(sure.log(), energy + logits.amax(1), atol=1e-5)


def test_descent_follows_the_slope_of_the_summed_square_error() -> None:
    pictures, x = data.digits("test")[0][:3], torch.zeros(3, 1, 28, 28)
    assert work.hidden_error(pictures + 2 * work.HIDDEN, pictures) == 4  # and outside nothing counts:
    assert work.hidden_error(pictures + 1 - work.HIDDEN, pictures) == 0
    seen = work.descend(PAPER, x, work.paste(pictures), (0, 2, 7))
    for step in range(8):
        if step in (0, 2, 7):
            assert torch.allclose(seen.pop(0), (pictures + work.HIDDEN * (x - pictures)).clamp(-1, 1), atol=1e-6)
        x = x - 0.1 * work.HIDDEN * 2 * (x - x.clamp(-1, -0.999))  # outside its range the copy has no slope
    assert not seen


def test_correction_has_the_known_means_and_moves_nothing_that_has_them() -> None:
    pictures = data.digits("test")[0][:4]
    correct = work.keep_means(avg_pool2d(pictures, 2))
    assert torch.allclose(avg_pool2d(correct(pictures.flip(3)), 2), avg_pool2d(pictures, 2), atol=1e-6)
    assert torch.allclose(correct(pictures), pictures, atol=1e-6)


def test_neighbours_look_at_the_mask_only() -> None:
    images, x, mask = uniform(-1.0, 0.0, 1.0), uniform(0.9), 1 - work.HIDDEN
    x[..., 8:20, 8:20] = -50.0
    assert torch.equal(work.mean_neighbour(x, images, 1, mask), images[2:])
    assert torch.allclose(work.mean_neighbour(x, images, 2, mask), uniform(0.5))


def test_looks_know_the_class_and_see_averages_as_unlike_digits() -> None:
    truth, labels = (part[:300] for part in data.digits("test"))
    same, other = work.looks(truth, truth, labels), work.looks(truth, truth, (labels + 1) % 10)
    assert same["label"] > 0.9 and other["label"] < 0.1 and same["frechet"] == pytest.approx(0, abs=1e-3)
    grey = work.looks(truth.mean(0, keepdim=True).expand_as(truth), truth, labels)
    assert grey["label"] < 0.3 and grey["frechet"] > 100


def test_effective_numbers_of_even_and_uneven_fonts() -> None:
    cells = work.small_hangul("train", syllables.SYLLABLES)
    real = work.syllable_batch(200, source())
    every, even = (work.style_report(some, real) for some in (cells.flatten(0, 1), cells[0]))
    assert every["cells"] == pytest.approx(88) and every["font_counts"] == 11 * [8]  # each is its own cell
    assert (even["fonts"], even["cells"]) == pytest.approx((11, 11)) and even["near"] == 1
    assert work.style_report(real, real)["near"] == pytest.approx(0.95, abs=0.01)
    uneven = work.style_report(cells[:, 0][[0, 0, 0, 1]], real)
    shares = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert uneven["fonts"] == pytest.approx(1) and uneven["cells"] == pytest.approx(shares)
    assert uneven["font_counts"] == [4] + 10 * [0]


def test_digits_move_straight_at_a_constant_speed_and_stay_in_the_frame() -> None:
    clips = sequences.moving_digits(data.digits("test")[0], 400, source())
    assert clips.shape == (400, 4, 12, 12) and clips.min() >= -1 and clips.max() <= 1
    ink = (clips + 1).sum((2, 3))  # (n, FRAMES)
    assert (ink.amin(1) / ink.amax(1) > 0.9).float().mean() > 0.95
    steps = sequences.centre_of_mass(clips).diff(dim=1)  # (n, 3, 2)
    assert steps.diff(dim=1).norm(dim=-1).mean() < 0.03
    speed = steps.norm(dim=-1).mean(1)
    assert speed.min() > sequences.SLOWEST - 0.15 and speed.max() < sequences.FASTEST + 0.1
    assert speed.mean() == pytest.approx(1, abs=0.06)
    quarters = torch.histc(torch.atan2(*steps.mean(1).T), 4, -torch.pi, torch.pi)
    assert quarters.min() > 70  # all directions, 100 expected in each quarter


def test_centre_of_mass_of_one_dot_and_of_nothing() -> None:
    clip = torch.full((2, 5, 7), -1.0)
    clip[0, 3, 6] = 1
    assert torch.allclose(sequences.centre_of_mass(clip), torch.tensor([[6.0, 3.0], [3.0, 2.0]]), atol=1e-3)


def test_report_of_stills_of_real_clips_and_of_jumps() -> None:
    learn, compare = sequences.moving_threes()
    still = sequences.clip_report(learn[:250, :1].expand(-1, 4, -1, -1))
    assert max(still["acceleration"], still["fast"]) < 1e-4
    same, other = sequences.clip_report(compare), sequences.clip_report(learn[:250])
    assert same["frechet"] == pytest.approx(0, abs=1e-3)
    assert 0.05 < other["frechet"] < still["frechet"] < 3
    assert other["slow"] < other["middle"] < other["fast"]
    total, jumps = 0.0, learn[:250].roll(1, dims=1)  # the last frame first
    for clip in jumps:
        a, b, c, d = sequences.centre_of_mass(clip)
        total += float(((c - b) - (b - a)).norm() + ((d - c) - (c - b)).norm()) / 2
    assert sequences.clip_report(jumps)["acceleration"] == pytest.approx(total / 250, rel=1e-4)


def test_interpolated_clips_start_and_end_at_noise_of_their_own() -> None:
    with pytest.raises(ValueError, match="judged, drawn"):  # frames drawn alone cannot be judged together
        sequences.train_clips([0], 4, 1, 1)
    _, generator = sequences.train_clips([3, 4], 1, 1, 2)
    clips = sequences.interpolated_clips(generator, [source(1), source(2)])
    sources = [source(1), source(2)]
    for frame in (0, 3):
        expected = generator(data.noise(250, 16, sources))
        assert torch.allclose(clips[:, :, frame].flatten(2), expected, atol=1e-5)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """Run the ideas of chapter 10, without its trainings."""
    names: dict[str, Any] = {"SEED": 0, "CLIP_STEPS": 3, "WORD_STEPS": 3}
    trained = ("generators = {}", "written = {", "texts |=", "softened = {")  # and what needs it
    for cell in nbformat.read(PAGE, as_version=4).cells:
        if {"setup", "idea"} & set(cell.metadata.get("tags", [])) and not any(map(cell.source.count, trained)):
            exec(cell.source, names)
    return names


def test_the_pages_clips_are_those_of_the_study(page: dict[str, Any]) -> None:
    for judged, drawn in sequences.ARMS:
        film, _ = page["shoot"](judged, drawn)
        expected, _ = sequences.train_clips(page["RUNS"], judged, drawn, 3)
        assert torch.equal(film, expected)


def follows_the_rule(text: str, page: dict[str, Any]) -> bool:
    """Another way to the same answer: list the only two ways to fill six places, and try both vowel sets."""
    consonants, finals = page["CONSONANTS"], page["FINALS"]
    return len(text) == 6 and any(
        all(letter in slot for letter, slot in zip(text, slots, strict=True))
        for vowels in ("aoi", "eui")
        for slots in ([consonants, vowels, finals] * 2, [consonants, vowels] * 3)
    )


def test_the_rule_agrees_with_a_list_of_all_shapes(page: dict[str, Any]) -> None:
    some = map("".join, itertools.product("gkaei", repeat=6))  # a final, one that is none, a vowel of each kind
    verdicts = {text: page["is_word"](text) for text in some}
    assert verdicts == {text: follows_the_rule(text, page) for text in verdicts}
    assert 50 < sum(verdicts.values()) < len(verdicts) - 50
    others = ["hanga", "hanganga", "hangax", "hangan\n", ""]
    assert not any(map(page["is_word"], others)) and page["is_word"]("hangan")


def test_drawn_words_follow_the_rule_vary_and_can_be_written_and_read(page: dict[str, Any]) -> None:
    assert all(map(page["is_word"], page["known_words"] + page["fresh"]))
    assert len(set(page["known_words"])) > 1900
    assert {letter for word in page["known_words"] for letter in word} == set(page["LETTERS"])
    closed = sum(word[3] in page["CONSONANTS"] for word in page["known_words"])
    assert closed / 2000 == pytest.approx(0.5, abs=0.06)
    x = page["encode"](page["fresh"])
    assert x.shape == (1000, 90) and torch.equal(x.unflatten(1, (6, 15)).sum(-1), torch.ones(1000, 6))
    assert page["decode"](x) == page["decode"](0.4 * x + 0.6 / 15) == page["fresh"]
