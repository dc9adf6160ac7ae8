"""Chapter 17: each level is what the loss itself reads on equal outputs, and two public logs are decoded."""

import json
import math
import random
import subprocess
from itertools import product
from pathlib import Path

import course_site
import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss, soft_margin_loss

from helpers import losses
from helpers.figures import levels

EQUAL = torch.randn(1, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64).expand(12, 5)
HALF, VALUE, NUMBERS = torch.zeros(5), torch.full((5,), 0.3), torch.arange(12)
FIRST = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(12, 2)
LOGITS = [(1.0, 0.0), (10.0, -10.0), (800.0, 3.0), (-2.0, 0.5)]  # scale and bias


def at_an_angle(cosine: float) -> torch.Tensor:
    return torch.tensor([[cosine, math.sqrt(1 - cosine**2)]], dtype=torch.float64).expand(12, 2)


# A level, and what the loss itself reads on outputs that are all equal.
LEVELS = [
    (levels.gan_d_loss(), losses.gan_d_loss(HALF, HALF[:3])),
    *((levels.gan_g_loss(), losses.gan_g_loss(HALF, saturating).abs()) for saturating in (False, True)),
    (levels.hinge_d_loss(), losses.hinge_d_loss(VALUE, VALUE)),
    (levels.ebgan_d_loss(1.5), losses.ebgan_d_loss(VALUE, VALUE, 1.5)),
    *((levels.cross_entropy(n), cross_entropy(torch.full((12, n), 1.7), NUMBERS % n)) for n in (2, 3, 10)),
    (levels.info_nce(12), cross_entropy(EQUAL @ EQUAL.T / 0.2, NUMBERS)),
    (levels.soft_margin_triplet_loss(), soft_margin_loss(torch.zeros(4), torch.ones(4))),
    *((levels.nt_xent(12), losses.nt_xent(EQUAL, EQUAL, t)) for t in (0.07, 0.5, 10.0)),
    *(
        (levels.sup_con(12), losses.sup_con(EQUAL, labels, t))
        for t, labels in product((0.07, 0.5, 10.0), (NUMBERS % 2, NUMBERS // 3, 0 * NUMBERS))
    ),
    *((levels.triplet_loss(m), losses.triplet_loss(EQUAL, EQUAL, EQUAL, m)) for m in (0.2, 1.0, 3.0)),
    *(
        (levels.pair_margin_loss(m, ones / 12), losses.pair_margin_loss(torch.zeros(12), ones > NUMBERS, m))
        for m, ones in product((0.2, 1.0, 3.0), range(13))
    ),
    *(
        (levels.cosine_bce(c, ones / 12, *logit), losses.cosine_bce(FIRST, at_an_angle(c), ones > NUMBERS, *logit))
        for logit, c, ones in product(LOGITS, (1.0, 0.6, 0.0, -1.0), (0, 4, 12))
    ),
    *(
        (levels.equal_distances(m, s), m**2 * mse_loss(torch.full((20,), s), (torch.arange(20) < 20 * s).float()))
        for m, s in product((0.5, 1.0), (0.25, 0.8))
    ),
]


@pytest.mark.parametrize(("level", "loss"), LEVELS)
def test_a_level_is_what_the_loss_reads_on_equal_outputs(level: float, loss: torch.Tensor) -> None:
    assert level == pytest.approx(loss.item(), abs=1e-6)


def test_levels_of_public_logs_and_the_groups_run_and_the_best_constant_answer() -> None:
    assert round(levels.cosine_bce(1.0, 7 / 16), 4) == 0.8758  # equal embeddings in the group's loss
    # SupContrast, issues 3 and 42: two views of each picture, temperature 0.1 over a base temperature of 0.07.
    assert [round(levels.sup_con(2 * n, 0.1 / 0.07), 3) for n in (256, 64)] == [8.909, 6.920]
    assert levels.accuracy(torch.tensor([0, 0, 0, 0, 1, 0, 0, 0])) == 7 / 8
    assert levels.accuracy(torch.arange(10).repeat(5)) == 0.1
    assert levels.accuracy(torch.tensor([True, False, True])) == 2 / 3


STATIC = Path(__file__).resolve().parents[1] / "book" / "static"
ASK = """
const { LEVELS, isClose } = await import("./levels.js");
const settings = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
const ask = s => Object.fromEntries(Object.entries(LEVELS).map(([name, level]) => [name, level(s)]));
const close = [[1.005, 1], [1.0051, 1], [-1, 1], [99.6, 100], [NaN, 1], [1, NaN]].map(pair => isClose(...pair));
console.log(JSON.stringify({ answers: settings.map(ask), close }));
"""


def by_python(s: dict[str, float]) -> dict[str, float]:
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
    command = [course_site.node_binary(), "--input-type=module", "-e", ASK]
    done = subprocess.run(
        command, input=json.dumps(settings), capture_output=True, text=True, check=True, cwd=STATIC / "lab"
    )
    said = json.loads(done.stdout)
    for setting, answers in zip(settings, said["answers"], strict=True):
        assert answers == pytest.approx(by_python(setting), rel=1e-12)
    assert said["close"] == [True, False, False, True, False, False]


def test_the_page_has_a_row_for_each_level_of_the_form() -> None:
    page = (STATIC.parent / "diagnosis.md").read_text(encoding="utf-8")
    rows = [line.split('"')[1] for line in page.splitlines() if line.startswith("|") and "<data " in line]
    assert sorted(rows) == sorted(
        by_python({"batch": 2, "classes": 2, "queue": 1, "temperature": 1, "margin": 1, "same": 0.5})
    )
