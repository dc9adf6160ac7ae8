"""The lab (book/static/lab) in Node: its engine computes and finds what the helpers do; its Python, its links."""

from __future__ import annotations

import json
import math
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lab_parity
import pytest
import torch
from course_site import node_binary
from lab_parity import KINDS, PLANE
from lists import presets_of
from torch import Tensor

from helpers import metrics
from helpers.metrics import t_interval

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
    assert re.match(said, answer), answer


PAIRS = {"view": "contrast", "test": 256}
MANY = "many, bare_cosine", "many, scale_bias"
ARMS = {
    "gan": ({}, 800),
    "one": ({"break": "one_optimizer"}, 300),
    "saturating": ({"method": "gan_saturating"}, 800),
    "few, bare_cosine": (PAIRS | {"method": "bare_cosine"}, 300),
    "ebgan": ({"method": "ebgan"}, 800),  # what follows runs beside the first four
    "frozen": ({"method": "ebgan", "break": "frozen_d", "freeze": 800}, 1600),
    "detached": ({"method": "ebgan", "break": "detached"}, 300),
    "cd": ({"method": "cd", "units": 16}, 240),
    **{f"coins, {kind}": (PAIRS | {"method": kind, "labels": "coins", "units": 16}, 100) for kind in KINDS},
    **{name: (PAIRS | {"method": name.split()[1], "pairs": 64}, 300) for name in MANY},
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[dict]]:
    jobs = [
        ("findings", {"settings": settings, "seeds": [*range(16)], "turns": [[count, "both"]]})
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
    covered, frozen, gan = (column(found[name], "covered") for name in ("ebgan", "frozen", "gan"))
    assert metrics.t_interval(covered - gan)[0] <= 0, "a gain over the GAN is not supported"
    assert metrics.t_interval(covered - frozen)[0] > 0, "against a frozen energy modes are lost"
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


ROOT = Path(__file__).resolve().parents[1]
LAB = ROOT / "book" / "static" / "lab"


def node(script: str) -> Any:
    """Run a script beside the lab's modules; return what it puts into `out`."""
    code = f"let out; {script}; process.stdout.write(JSON.stringify(out));"
    command = [node_binary(), "--input-type=module"]
    done = subprocess.run(command, input=code, cwd=LAB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


ALL = """
const { METHODS } = await import("./facts.js"), { breaks, check } = await import("./settings.js");
const { python } = await import("./python.js");
const small = { units: 8, batch: 16, pairs: 16 };
out = {};
for (const view of ["plane", "contrast"]) for (const method of METHODS[view]) for (const fault of breaks(method))
  out[`${method}-${fault}`] = python(check({ view, method, break: fault, freeze: 2, ...small }), [0, 1], 4);
for (const data of ["grid", "moons", "spiral", "blob", "drawn"])
  out[data] = python(check({ data, points: [[0, 0.5], [1, 1]], ...small }), [3], 2);
out.coins = python(check({ view: "contrast", method: "scale_bias", labels: "coins", ...small }), [3], 2);
"""


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    """Return the lab's Python for every method with every fault it can have, and for all data."""
    return node(ALL)


def test_python_of_every_setting_runs_with_the_helpers(cells: dict[str, str], capsys: pytest.CaptureFixture) -> None:
    assert len(cells) > 40
    for name, cell in cells.items():
        scope: dict[str, Any] = {}
        exec(compile(cell, name, "exec"), scope)
        said = capsys.readouterr().out
        assert ("covered" in said and "precision" in said) or said.count("accuracy") in {1, 2}, f"{name}: {said}"


@pytest.mark.parametrize(
    "given",
    [
        {"method": "cd", "data": "drawn", "points": [[0.25, -1], [1, 2]], "chain": 20, "break": "lr_ten"},
        {"method": "ebgan", "break": "frozen_d", "freeze": 100, "margin": 0.3},
        {"view": "contrast", "method": "triplet", "spread": 0.2, "weight": 3},
    ],
)
def test_links_keep_every_setting_and_seed(given: dict[str, Any]) -> None:
    script = f"""
    const {{ readAddress, writeAddress }} = await import("./address.js"), {{ check }} = await import("./settings.js");
    const settings = check({json.dumps(given)});
    const read = readAddress(writeAddress(settings, [4, 5, 6], "a", {{ speed: "fast", stop: 800 }}), [{{ id: "a" }}]);
    const same = JSON.stringify(read.settings) === JSON.stringify(settings);
    out = {{ same, seeds: read.seeds, preset: read.preset.id, ...read.pace }}
    """
    assert node(script) == {"same": True, "seeds": [4, 5, 6], "preset": "a", "speed": "fast", "stop": 800}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("speed=quick", "speed: got “quick”, wanted one of slow, normal, fast"),
        ("stop=-1", "stop: got “-1”, wanted a whole number"),
        ("stop=2.5", "stop: got “2.5”, wanted a whole number"),
    ],
)
def test_a_pace_that_is_none_is_refused(query: str, said: str) -> None:
    script = f"""const {{ readAddress }} = await import("./address.js");
    try {{ out = readAddress({json.dumps(query)}, []) }} catch (error) {{ out = error.message }}"""
    assert said in node(script)


def test_intervals_are_those_of_the_helpers() -> None:
    values = [3.0, 7.5, 4.0, 8.0, 6.25, 5.0, 7.0, 1.0]
    summaries = node(f"""const {{ summary }} = await import("./statistics.js"), all = {values};
    out = [2, 3, 4, 5, 6, 7, 8].map(n => summary(all.slice(0, n)))""")
    for n, found in enumerate(summaries, 2):
        low, high = t_interval(torch.tensor(values[:n]))
        assert found["n"] == n and [found["low"], found["high"]] == pytest.approx([low, high], rel=1e-4)
    alone, none = node("""const { summary } = await import("./statistics.js");
    out = [summary([2, NaN, null]), summary([null])]""")
    assert alone == {"n": 1, "mean": 2, "low": None, "high": None} and none is None


def test_presets_are_settings_that_the_engine_takes_and_ask_about_chapters() -> None:
    presets = presets_of(ROOT / "book")
    settings = json.dumps([preset["settings"] for preset in presets])
    taken = node(f'const {{ check }} = await import("./settings.js"); out = {settings}.map(check).length')
    assert taken == len(presets)
    chapters = {path.name[:2] for path in (ROOT / "book").glob("[0-9][0-9]-*.ipynb")}
    asked = {preset["id"][:2] for preset in presets}
    assert asked <= chapters and len(asked) >= 16, "nearly every chapter has one"
    for preset in presets:
        bounds = [answer.get("below", float("inf")) for answer in preset["ask"]["answers"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf") and 2 <= len(bounds) <= 4, preset["id"]
