"""What all recorded studies promise: complete, without errors, and a cheap row of each comes out again."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.seed import THREADS
from helpers.studies.__main__ import RESULTS, catalogue, record
from helpers.studies.sweep import load, recorded, select

ROOT = Path(__file__).resolve().parents[1]
STUDIES = catalogue()
Metrics = dict[str, Any]


def planned(name: str) -> list[dict[str, Any]]:
    """Return the settings of all parts of a study."""
    return [setting for part in STUDIES[name].PARTS.values() for setting in part]


def test_every_record_has_its_study_and_every_study_its_record() -> None:
    assert {path.stem for path in RESULTS.glob("*.jsonl")} == set(STUDIES)
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert package["package-data"]["helpers.studies"] == ["results/*"]
    assert (RESULTS / "README.md").is_file()


@pytest.mark.parametrize("name", STUDIES)
def test_a_record_is_complete_and_without_errors(name: str) -> None:
    study, rows = STUDIES[name], recorded(name)
    assert {row["run"] for row in rows} == {f"helpers.studies.{name}.run"}
    assert [row["settings"] for row in rows if row["error"]] == []
    kept = list(getattr(study, "ABANDONED", {}).values())  # a first plan, whose rows are kept
    wanted = [(setting, seed) for setting in planned(name) for seed in study.SEEDS]
    found = [(row["settings"], row["seed"]) for row in rows if row["settings"] not in kept]
    assert [run for run in wanted if run not in found] == []
    assert [run for run in found if run not in wanted] == []
    assert all(set(row["versions"]) == {"python", "torch", "numpy"} and row["cpu"] for row in rows)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_its_chapter_and_its_cost(name: str) -> None:
    first = STUDIES[name].__doc__.splitlines()[0]
    assert "hapter" in first
    assert STUDIES[name].COST.strip()


def test_without_a_name_the_studies_are_listed_with_their_cost() -> None:
    command = [sys.executable, "-m", "helpers.studies"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name, study in STUDIES.items():
        assert name in listing
        assert study.COST in listing


def test_a_part_of_a_study_is_recorded_in_a_store_of_its_own(tmp_path: Path) -> None:
    store = tmp_path / "again.jsonl"
    record("ladder", ["--only", "untrained", "--seeds", "0", "--workers", "1", "--store", str(store)])
    (again,) = load(store)
    (before,) = select(recorded("ladder"), rung="untrained", seed=0)
    assert again["settings"] == before["settings"]
    assert again["metrics"]["accuracy"] == pytest.approx(before["metrics"]["accuracy"], abs=2e-3)


def first_looks(metrics: Metrics) -> list[float]:
    """The Fréchet distance of each run after a third of the steps: rounding has not yet grown there."""
    return [looks[0] for looks in metrics["distance"]]


def starts(*names: str) -> Callable[[Metrics], list[float]]:
    """The named series before the first step."""
    return lambda metrics: torch.tensor([metrics[name][0] for name in names]).flatten().tolist()


def values(*names: str) -> Callable[[Metrics], list[float]]:
    """The named numbers."""
    return lambda metrics: torch.tensor([metrics[name] for name in names]).flatten().tolist()


# Study, its row, settings that make it cheaper, what is compared, by how much another machine's rounding may move it.
AGAIN = [
    ("ladder", {"rung": "the group's run", "seed": 3}, {}, values("accuracy", "validation"), {"abs": 0.01}),
    ("ladder", {"rung": "margin", "seed": 1}, {}, values("accuracy", "at_zero"), {"abs": 0.01}),
    ("ladder", {"rung": "real data", "seed": 2}, {}, values("accuracy", "at_zero", "validation"), {"abs": 0.01}),
    ("ladder", {"rung": "supcon", "seed": 3}, {}, values("accuracy", "at_zero", "validation"), {"abs": 0.01}),
    ("ladder", {"rung": "scale and bias", "seed": 4}, {}, values("first_loss"), {"abs": 1e-4}),
    (
        "ladder",
        {"rung": "signal and variety, 10 updates", "seed": 0},
        {},
        values("accuracy", "validation"),
        {"abs": 0.01},
    ),
    ("ladder", {"rung": "+ batch norm", "seed": 1}, {}, values("accuracy", "at_zero", "validation"), {"abs": 0.03}),
    ("stability", {"method": "GAN", "depth": 1, "lr": 1e-3}, {"steps": 400, "looks": 1}, first_looks, {"rel": 0.02}),
    (
        "stability",
        {"method": "GAN + R1", "depth": 1, "lr": 1e-3},
        {"steps": 400, "looks": 1},
        first_looks,
        {"rel": 0.05},
    ),
    ("stability", {"method": "EBGAN", "depth": 1, "lr": 1e-3}, {"steps": 400, "looks": 1}, first_looks, {"rel": 0.25}),
    ("flexibility", {"name": "length", "norm": 0, "lr": 1e-3}, {}, first_looks, {"rel": 0.25}),
    (
        "pull_away",
        {"target": "ring", "weight": 1.0},
        {"steps": 1},
        starts("covered", "fake_term", "real_term"),
        {"abs": 2e-3},
    ),
    ("pull_away", {"target": "grid", "weight": 10.0}, {"steps": 1}, starts("covered", "precision"), {"abs": 2e-3}),
    ("pull_away_digits", {"weight": 1.0, "seed": 4}, {"steps": 1}, starts("classes", "sure", "recall"), {"abs": 5e-4}),
    ("ebgan_digits", {"arm": "GAN, short", "seed": 1}, {}, values("distances", "averaged"), {"rel": 0.01}),
    ("ebgan_digits", {"arm": "EBGAN, short", "seed": 2}, {}, values("distances", "averaged"), {"rel": 0.01}),
    ("energies_at_work", {"held_out": 1, "seed": 0}, {}, values("odd_autoencoder"), {"abs": 0.1}),
    ("energies_at_work", {"held_out": 1, "seed": 0}, {}, values("double_autoencoder"), {"abs": 0.003}),
    ("sequences", {"drawn": 1, "seed": 0}, {}, values("acceleration", "slow", "middle", "fast"), {"rel": 0.4}),
    ("syllables", {"arm": "untrained", "fold": 1, "seed": 2}, {}, values("unseen", "seen", "knn"), {"abs": 0.01}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "row", "cheaper", "look", "drift"), AGAIN)
def test_a_row_comes_out_again(
    name: str, row: Metrics, cheaper: Metrics, look: Callable[[Metrics], list[float]], drift: Metrics
) -> None:
    before = select(recorded(name), **row)[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    again = STUDIES[name].run(before["seed"], **before["settings"] | cheaper)
    torch.set_num_threads(threads)
    assert look(again) == pytest.approx(look(before["metrics"]), **drift)


def test_every_study_has_a_row_that_is_run_again() -> None:
    assert {name for name, *_ in AGAIN} == set(STUDIES)
