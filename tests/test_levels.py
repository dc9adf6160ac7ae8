"""Chapter 16: each level is what the loss itself reads on equal outputs, and two public logs are decoded."""

import json
import math
import random
import subprocess
from pathlib import Path

import course_site
import pytest
import torch

from helpers import losses
from helpers.figures import levels


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


@pytest.mark.parametrize("margin", [0.5, 2.0])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_the_best_equal_distance(margin: float, share: float) -> None:
    same = (torch.arange(20) < 20 * share).long()
    readings = [losses.pair_margin_loss(torch.full((20,), d), same, margin) for d in torch.linspace(0, margin, 101)]
    assert levels.equal_distances(margin, share) == pytest.approx(float(min(readings)), abs=1e-4)
    constant = torch.nn.functional.mse_loss(torch.full((20,), share), same.float())
    assert levels.equal_distances(1.0, share) == pytest.approx(float(constant))


def test_generators_hinges_and_energies_at_one_value() -> None:
    half, value = torch.zeros(5), torch.full((5,), 0.3)
    for saturating in (False, True):
        assert levels.gan_g_loss() == pytest.approx(abs(float(losses.gan_g_loss(half, saturating))))
    assert levels.hinge_d_loss() == pytest.approx(float(losses.hinge_d_loss(value, value)))
    assert levels.ebgan_d_loss(1.5) == pytest.approx(float(losses.ebgan_d_loss(value, value, 1.5)))


def test_candidates_of_equal_embeddings(equal: torch.Tensor) -> None:
    logits = equal @ equal.T / 0.2
    assert levels.info_nce(12) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, torch.arange(12))))
    distances = torch.zeros(4)
    assert levels.soft_margin_triplet_loss() == pytest.approx(
        float(torch.nn.functional.soft_margin_loss(distances, torch.ones(4)))
    )


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


SCRIPT = Path(__file__).resolve().parents[1] / "book" / "static" / "diagnosis.js"
ASK = f"""
const {{ LEVELS, isClose }} = require({json.dumps(str(SCRIPT))});
const settings = JSON.parse(require("fs").readFileSync(0, "utf8"));
const ask = s => Object.fromEntries(Object.entries(LEVELS).map(([name, level]) => [name, level(s)]));
const close = [[1.005, 1], [1.0051, 1], [-1, 1], [99.6, 100], [NaN, 1], [1, NaN]].map(pair => isClose(...pair));
console.log(JSON.stringify({{ answers: settings.map(ask), close }}));
"""


def by_python(s: dict[str, float]) -> dict[str, float]:
    """Return the levels that the page's form computes, from the helpers."""
    return {
        "gan_d_loss": levels.gan_d_loss(),
        "gan_g_loss": levels.gan_g_loss(),
        "hinge_d_loss": levels.hinge_d_loss(),
        "ebgan_d_loss": levels.ebgan_d_loss(s["margin"]),
        "cross_entropy": levels.cross_entropy(s["classes"]),
        "nt_xent": levels.nt_xent(s["batch"]),
        "scaled_sup_con": levels.sup_con(2 * s["batch"], s["temperature"] / 0.07),
        "info_nce": levels.info_nce(s["batch"]),
        "queue": levels.info_nce(s["queue"] + 1),
        "triplet_loss": levels.triplet_loss(s["margin"]),
        "soft_margin_triplet_loss": levels.soft_margin_triplet_loss(),
        "pair_margin_loss": levels.pair_margin_loss(s["margin"], s["same"]),
        "equal_distances": levels.equal_distances(s["margin"], s["same"]),
        "squared_error": levels.equal_distances(1.0, s["same"]),
        "cosine_bce": levels.cosine_bce(1.0, s["same"]),
        "cosine_bce_floor": levels.cosine_bce(1.0, 1.0),
        "clamp": float(torch.nn.functional.binary_cross_entropy(torch.ones(4), torch.zeros(4))),
        "clamp_half": float(torch.nn.functional.binary_cross_entropy(torch.ones(4), torch.tensor([0.0, 1, 0, 1]))),
        "clamp_1e12": -math.log(1e-12),
        "clamp_1e7": -math.log(1e-7),
    }


def test_the_form_computes_what_the_helpers_compute() -> None:
    rng = random.Random(5)
    wide = {"batch": (2, 9999), "classes": (2, 1000), "queue": (1, 65536)}
    settings = [
        {name: rng.randint(*ends) for name, ends in wide.items()}
        | {"temperature": rng.uniform(0.01, 2), "margin": rng.uniform(0.01, 50), "same": rng.random()}
        for _ in range(200)
    ]
    command = [course_site.node_binary(), "-e", ASK]
    done = subprocess.run(command, input=json.dumps(settings), capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    for setting, answers in zip(settings, said["answers"], strict=True):
        assert answers == pytest.approx(by_python(setting), rel=1e-12)
    assert said["close"] == [True, False, False, True, False, False]


def test_the_page_has_a_row_for_each_level_of_the_form() -> None:
    page = (SCRIPT.parents[1] / "diagnosis.md").read_text(encoding="utf-8")
    rows = [line.split('"')[1] for line in page.splitlines() if line.startswith("|") and "<data " in line]
    assert sorted(rows) == sorted(
        by_python({"batch": 2, "classes": 2, "queue": 1, "temperature": 1, "margin": 1, "same": 0.5})
    )


@pytest.mark.parametrize(("pictures", "reading"), [(256, 8.909), (64, 6.920)])
def test_public_logs_are_decoded(pictures: int, reading: float) -> None:
    # SupContrast issues 3 and 42: two views of each picture, temperature 0.1 over a base temperature of 0.07.
    assert round(levels.nt_xent(pictures, factor=0.1 / 0.07), 3) == reading
    assert round(levels.sup_con(2 * pictures, factor=0.1 / 0.07), 3) == reading
    assert abs(levels.nt_xent(pictures) - reading) > 1, "without the factor the reading is not explained"
    assert round(levels.cosine_bce(1.0, 7 / 16), 4) == 0.8758  # the study group's loss, at its default share
