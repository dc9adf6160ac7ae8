"""What the lab's page says is so: its Python runs, links keep settings, presets fit, intervals are right."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from course_site import node_binary
from lists import presets_of

from helpers.metrics import t_interval

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
