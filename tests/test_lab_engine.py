"""The lab's engine (book/static/lab), run in Node: it computes what the helpers compute, and finds what they find."""

from __future__ import annotations

import json
import math
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lab_parity
import pytest
import torch
from course_site import node_binary
from lab_parity import KINDS, PLANE
from torch import Tensor

from helpers import metrics

DRIVER = Path(__file__).parent / "lab_driver.mjs"


def lab(*jobs: tuple[str, dict]) -> list:
    done = subprocess.run([node_binary(), DRIVER], input=json.dumps(jobs), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", PLANE)
def test_the_plane_computes_what_the_helpers_compute(name):
    lab_parity.check_plane(lab, name)


def test_contrastive_divergence_is_the_helpers():
    lab_parity.check_chains(lab)


@pytest.mark.parametrize("kind", KINDS)
def test_contrast_computes_what_the_helpers_compute(kind):
    lab_parity.check_pairs(lab, kind)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"methods": "gan"}, 'methods: given "gan", expected one of the settings view, method'),
        ({"method": "nt_xent"}, 'method: given "nt_xent", expected one of gan, .* in the view plane'),
        ({"units": 2.5}, "units: given 2.5, expected a whole number from 2 to 128"),
        ({"margin": -1, "method": "ebgan"}, "margin: given -1, expected a number from 0.001 to 100"),
        ({"data": "drawn", "points": [[0]]}, "points: given \\[\\[0\\]\\], expected a list of \\[x, y\\]"),
        ({"break": "frozen_d", "method": "cd"}, 'break: given "frozen_d", expected one of none, lr_tenth, lr_ten with'),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings, said):
    (answer,) = lab(("refused", settings))
    assert isinstance(answer, str)
    assert re.match(said, answer), answer


SEEDS = list(range(16))
PAIRS = {"view": "contrast", "test": 256}
MANY = "many, bare_cosine", "many, scale_bias"
ARMS = {
    "gan": ({}, 800),
    "one": ({"break": "one_optimizer"}, 300),
    "saturating": ({"method": "gan_saturating"}, 800),
    "few, bare_cosine": (PAIRS | {"method": "bare_cosine"}, 300),
    # The second half runs beside the first.
    "ebgan": ({"method": "ebgan"}, 800),
    "detached": ({"method": "ebgan", "break": "detached"}, 300),
    "cd": ({"method": "cd", "units": 16}, 240),
    **{f"coins, {kind}": (PAIRS | {"method": kind, "labels": "coins", "units": 16}, 100) for kind in KINDS},
    **{name: (PAIRS | {"method": name.split()[1], "pairs": 64}, 300) for name in MANY},
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[dict]]:
    jobs = [
        ("findings", {"settings": settings, "seeds": SEEDS, "turns": [[count, "both"]]})
        for settings, count in ARMS.values()
    ]
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(lambda part: lab(*part), (jobs[:4], jobs[4:])))
    return {name: [run[-1] for run in runs] for name, runs in zip(ARMS, halves[0] + halves[1], strict=True)}


def column(runs: list[dict], name: str) -> Tensor:
    return torch.tensor([run[name] for run in runs], dtype=torch.double)


def late_loss(runs: list[dict]) -> Tensor:
    return column(runs, "losses")[:, -200:].mean(1)


@pytest.mark.slow
def test_gans_of_the_lab_do_what_the_chapters_say(found):
    gan, saturating, one = found["gan"], found["saturating"], found["one"]
    assert column(gan, "covered").mean() > 4
    assert column(gan, "precision").max() < 0.9
    assert ((late_loss(gan) > 1.1) & (late_loss(gan) < math.log(4))).all()
    assert column(saturating, "covered").mean() > 4
    assert column(one, "losses")[:, -1].max() < 0.01, "with one optimiser the loss vanishes"
    assert column(one, "precision").max() == 0, "and no sample is at a mode"


@pytest.mark.slow
def test_energies_of_the_lab_do_what_the_chapters_say(found):
    low, high = metrics.t_interval(column(found["ebgan"], "covered") - column(found["gan"], "covered"))
    assert metrics.verdict(low, high) != "supported"
    assert ((late_loss(found["ebgan"]) > 0.65) & (late_loss(found["ebgan"]) < 1.2)).all(), "near the margin"
    points = column(found["detached"], "points").unflatten(1, (-1, 2))
    assert points.norm(dim=-1).median(1).values.min() > 10, "with a detached target the samples fly away"
    assert column(found["detached"], "precision").max() == 0
    assert column(found["cd"], "precision").mean() > 0.9
    assert (column(found["cd"], "covered") == 8).all()


@pytest.mark.slow
def test_contrasts_of_the_lab_do_what_the_chapters_say(found):
    right = torch.stack([column(found[f"coins, {kind}"], "accuracy") for kind in KINDS])
    assert ((right.mean(1) - 0.5).abs() < 0.03).all()  # 4,096 coins each: three standard errors are 0.023
    heart = torch.stack([column(found[f"coins, {kind}"], "train_accuracy") for kind in KINDS])
    assert (heart.mean(1) > 0.6).all()
    floor = math.log1p(math.exp(-1))
    assert min(column(runs, "losses").min() for name, runs in found.items() if name.endswith("bare_cosine")) > floor
    assert column(found["many, scale_bias"], "losses")[:, -1].mean() < floor
    few, many, scaled = (column(found[name], "accuracy") for name in ("few, bare_cosine", *MANY))
    assert metrics.t_interval(many - few)[0] > 0, "more pairs with a signal are right more often"
    assert metrics.t_interval(scaled - many)[0] > 0


ENGINE = DRIVER.parents[1] / "book" / "static" / "lab" / "engine"


def test_the_engine_is_short_written_to_be_read_and_stands_alone():
    lines = [line.rstrip() for path in sorted(ENGINE.glob("*.js")) for line in path.read_text("utf-8").splitlines()]
    assert len([line for line in lines if line]) <= 500
    assert max(map(len, lines)) <= 100
    assert not [line for line in lines if re.search(r";\s*\S", line.partition("//")[0]) and "for (" not in line]
    imports = re.findall(r'from "([^"]+)"', "\n".join(lines))
    assert imports and all(re.fullmatch(r"\./\w+\.js", path) for path in imports), "what is beside it is no part of it"
