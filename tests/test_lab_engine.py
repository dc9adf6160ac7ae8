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
    """Results of some jobs of lab_jobs.mjs."""
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


# -------------------------------------------------------------------------------------------- settings and runs
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"methods": "gan"}, 'methods: given "gan", expected one of the settings view, method'),
        ({"method": "vae"}, 'method: given "vae", expected one of gan, gan_saturating'),
        ({"method": "nt_xent"}, 'method: given "nt_xent", expected one of gan, .* in the view plane'),
        ({"view": "contrast"}, 'method: given "gan", expected one of bare_cosine, .* in the view contrast'),
        ({"units": 2.5}, "units: given 2.5, expected a whole number from 2 to 128"),
        ({"units": "32"}, 'units: given "32", expected a whole number'),
        ({"lr": 0}, "lr: given 0, expected a number from 0.000001 to 1"),
        ({"margin": -1, "method": "ebgan"}, "margin: given -1, expected a number from 0.001 to 100"),
        ({"data": "drawn"}, "points: given \\[\\], expected a list of \\[x, y\\]"),
        ({"data": "drawn", "points": [[0]]}, "points: given \\[\\[0\\]\\], expected a list of \\[x, y\\]"),
        ({"break": "detached"}, 'break: given "detached", expected one of none, .* with the method gan'),
        ({"break": "frozen_d", "method": "cd"}, 'break: given "frozen_d", expected one of none, lr_tenth, lr_ten with'),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings, said):
    (answer,) = lab(("refused", settings))
    assert isinstance(answer, str)
    assert re.match(said, answer), answer


EVERY = {
    "plane": ["gan", "gan_saturating", "wgan_gp", "ebgan", "ebgan_pt", "ebgan_pt_unsquared", "cd"],
    "contrast": KINDS,
}
SHORT = {"units": 8, "batch": 8, "pairs": 8}


def test_a_seed_means_the_same_run_whoever_runs_beside_it_and_another_seed_another():
    arms = [{"view": view, "method": method, **SHORT} for view, methods in EVERY.items() for method in methods]
    together, again = (
        [("findings", {"settings": arm, "seeds": seeds, "turns": [[20, "both"]]}) for arm in arms]
        for seeds in ([1, 2], [2])
    )
    for arm, (first, second), (alone,) in zip(arms, lab(*together), lab(*again), strict=True):
        assert second == alone, arm
        assert first != second, arm


@pytest.mark.parametrize("view", EVERY)
def test_a_run_that_diverges_says_so_and_stops_alone(view):
    settings = {"view": view, "method": EVERY[view][0], **SHORT}
    job = {"settings": settings, "seeds": [0, 1], "poisoned": [0], "turns": [[20, "both"]]}
    (((bad,), (good,)),) = lab(("findings", job))
    assert bad["error"] == "step 1: the discriminator's loss is not finite"
    assert bad["steps"] == 1
    assert good["error"] is None
    assert good["steps"] == 20


# --------------------------------------------------------------- the chapters' findings, over 16 seeds of the lab
SEEDS = list(range(16))
PAIRS = {"view": "contrast", "test": 256}
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
    **{f"many, {kind}": (PAIRS | {"method": kind, "pairs": 64}, 300) for kind in ("bare_cosine", "scale_bias")},
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[dict]]:
    """The end of each run of each arm, with the losses on the way."""
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
def test_a_gan_covers_more_than_half_of_the_ring_and_no_run_is_precise(found):
    assert column(found["gan"], "covered").mean() > 4
    assert column(found["gan"], "precision").max() < 0.9


@pytest.mark.slow
def test_a_gans_discriminator_ends_between_1_1_and_ln_4(found):
    assert (late_loss(found["gan"]) > 1.1).all()
    assert (late_loss(found["gan"]) < math.log(4)).all()


@pytest.mark.slow
def test_the_saturating_loss_works_on_the_ring_too(found):
    assert column(found["saturating"], "covered").mean() > 4


@pytest.mark.slow
def test_with_one_optimiser_the_loss_vanishes_and_no_sample_is_at_a_mode(found):
    assert column(found["one"], "losses")[:, -1].max() < 0.01
    assert column(found["one"], "precision").max() == 0


@pytest.mark.slow
def test_an_ebgan_is_not_shown_to_cover_more_than_a_gan_and_its_loss_is_near_the_margin(found):
    low, high = metrics.t_interval(column(found["ebgan"], "covered") - column(found["gan"], "covered"))
    assert metrics.verdict(low, high) != "supported"
    assert ((late_loss(found["ebgan"]) > 0.65) & (late_loss(found["ebgan"]) < 1.2)).all()


@pytest.mark.slow
def test_with_a_detached_target_no_sample_arrives(found):
    assert column(found["detached"], "precision").max() == 0
    points = column(found["detached"], "points").unflatten(1, (-1, 2))
    assert points.norm(dim=-1).median(1).values.min() > 10


@pytest.mark.slow
def test_contrastive_divergence_finds_all_modes(found):
    assert column(found["cd"], "precision").mean() > 0.9
    assert (column(found["cd"], "covered") == 8).all()


@pytest.mark.slow
def test_nothing_is_learned_from_coins_whatever_the_loss(found):
    right = torch.stack([column(found[f"coins, {kind}"], "accuracy") for kind in KINDS])
    assert ((right.mean(1) - 0.5).abs() < 0.03).all()  # 4,096 coins each: three standard errors are 0.023
    heart = torch.stack([column(found[f"coins, {kind}"], "train_accuracy") for kind in KINDS])
    assert (heart.mean(1) > 0.6).all()


@pytest.mark.slow
def test_a_bare_cosine_has_a_floor_and_a_learned_scale_and_bias_go_below_it(found):
    floor = math.log1p(math.exp(-1))
    names = [name for name in ARMS if name.endswith("bare_cosine")]
    assert min(column(found[name], "losses").min() for name in names) > floor
    assert column(found["many, scale_bias"], "losses")[:, -1].mean() < floor


@pytest.mark.slow
def test_more_pairs_with_a_signal_are_right_more_often(found):
    gain = column(found["many, bare_cosine"], "accuracy") - column(found["few, bare_cosine"], "accuracy")
    assert metrics.t_interval(gain)[0] > 0
    better = column(found["many, scale_bias"], "accuracy") - column(found["many, bare_cosine"], "accuracy")
    assert metrics.t_interval(better)[0] > 0


@pytest.mark.slow
def test_fresh_generators_shrink_against_a_frozen_energy_and_a_heavy_term_spreads_them():
    job = {"settings": {"method": "ebgan_pt", "units": 16}, "seeds": SEEDS, "weights": [0, 0.1, 1]}
    (spread,) = lab(("frozen", job))
    assert sum(value < 0.1 for value in spread["0"]) >= 12
    assert sum(value < 0.1 for value in spread["0.1"]) > 8
    assert sum(spread["1"]) / len(SEEDS) > 0.3
    assert min(spread["game"]) > 0.3


def test_the_group_test_of_eight_is_right_once_as_often_as_eight_coins_say():
    job = {"settings": {"view": "contrast", "method": "bare_cosine", "labels": "coins", "lr": 0.001},
           "seeds": list(range(512)), "turns": [[10, "both"]]}  # fmt: skip
    (runs,) = lab(("findings", job))
    hits = sum(run[0]["accuracy"] == 1 / 8 for run in runs)
    low, high = metrics.wilson_interval(hits, 512, 0.99)
    assert low < 1 / 32 < high, hits
    whole = torch.tensor([run[0]["accuracy"] for run in runs]).mean()
    assert abs(whole - 0.5) < 0.02


ENGINE = DRIVER.parents[1] / "book" / "static" / "lab" / "engine"


def test_the_engine_is_short_written_to_be_read_and_stands_alone():
    lines = [line.rstrip() for path in sorted(ENGINE.glob("*.js")) for line in path.read_text("utf-8").splitlines()]
    assert len([line for line in lines if line]) <= 500
    assert max(map(len, lines)) <= 100
    assert not [line for line in lines if re.search(r";\s*\S", line.partition("//")[0]) and "for (" not in line]
    imports = re.findall(r'from "([^"]+)"', "\n".join(lines))
    assert imports and all(re.fullmatch(r"\./\w+\.js", path) for path in imports), "what is beside it is no part of it"
