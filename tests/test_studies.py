"""What all studies promise: complete records, cheap rows that come out again, runs that depend on their seed alone."""

import json
import tomllib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from torch import Tensor

from helpers.studies import kept, pull_away, sequences, stability
from helpers.studies.__main__ import RESULTS, catalogue, record
from helpers.studies.sweep import load, recorded, select

ROOT = Path(__file__).resolve().parents[1]
STUDIES = {name: study for name, study in catalogue().items() if name != "register"}  # which has a test of its own
Metrics = dict[str, Any]
pytestmark = pytest.mark.usefixtures("one_thread")


# They came after the limit of 1,800 lines.
NEW = {"energy_digits.py", "judging.py", "negatives.py", "register.py", "two_kinds.py", "without_negatives.py"}


def test_the_studies_stay_small() -> None:
    lengths = {path.name: path.read_text("utf-8").count("\n") for path in (ROOT / "helpers" / "studies").glob("*.py")}
    before = {name: length for name, length in lengths.items() if name not in NEW}
    assert len(before) > 10 and max(before.values()) <= 250 and sum(before.values()) <= 1800, before
    assert lengths.keys() >= NEW and max(lengths[name] for name in NEW) <= 120, lengths


def test_every_record_has_its_study_and_every_study_its_record_and_a_row_that_is_run_again() -> None:
    assert {path.stem for path in RESULTS.glob("*.jsonl")} == set(STUDIES) == {name for name, *_ in AGAIN}
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert package["package-data"]["helpers.studies"] == ["results/*"] and (RESULTS / "README.md").is_file()


@pytest.mark.parametrize("name", STUDIES)
def test_a_record_is_complete_and_without_errors(name: str) -> None:
    study, rows = STUDIES[name], recorded(name)
    assert {row["run"] for row in rows} == {f"helpers.studies.{name}.run"}
    assert [row["settings"] for row in rows if row["error"]] == []
    planned = [setting for part in study.PARTS.values() for setting in part]
    kept = list(getattr(study, "ABANDONED", {}).values())  # a first plan, whose rows are kept
    wanted = [(setting, seed) for setting in planned for seed in study.SEEDS]
    found = [(row["settings"], row["seed"]) for row in rows if row["settings"] not in kept]
    assert [run for run in wanted if run not in found] == [] == [run for run in found if run not in wanted]
    assert all(set(row["versions"]) == {"python", "torch", "numpy"} and row["cpu"] for row in rows)


def test_a_part_of_a_study_is_recorded_in_a_store_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "again.jsonl"
    options = ["--seeds", "0", "--workers", "1", "--limit", "600", "--retry-failed", "--store", str(store)]
    record(["ladder", "--only", "untrained", *options])
    (again,), (before,) = load(store), select(recorded("ladder"), rung="untrained", seed=0)
    assert again["settings"] == before["settings"]
    assert again["metrics"]["accuracy"] == pytest.approx(before["metrics"]["accuracy"], abs=2e-3)
    record([])  # without a name the studies are listed
    listing = capsys.readouterr().out
    assert all(study.COST in listing and study.__doc__.splitlines()[0] in listing for study in STUDIES.values())
    with pytest.raises(SystemExit):
        record(["ladder", "--only", "trained"])
    assert "no part trained of ladder: untrained, the group's run" in capsys.readouterr().err


def first_looks(metrics: Metrics) -> list[float]:
    """The Fréchet distance of each run after a third of the steps: rounding has not yet grown there."""
    return [looks[0] for looks in metrics["distance"]]


def starts(*names: str) -> Callable[[Metrics], list[float]]:
    return lambda metrics: torch.tensor([metrics[name][0] for name in names]).flatten().tolist()


def values(*names: str) -> Callable[[Metrics], list[float]]:
    return lambda metrics: torch.tensor([metrics[name] for name in names]).flatten().tolist()


def means_at_400(metrics: Metrics) -> list[float]:
    """Modes, in units of all 25, and precision: after so many steps rounding moves each run, but not their mean."""
    at = metrics["steps"].index(400)
    return [fmean(metrics["covered"][at]) / 25, fmean(metrics["precision"][at])]


LOOK, STEP = {"steps": 400, "looks": 1}, {"steps": 1}
JUDGED = values("accuracy", "at_zero", "validation", "low", "high")
EMBEDDED = values("unseen", "seen", "knn", "alignment", "uniformity")
WITHOUT_1 = {"held_out": 1, "seed": 0}
LEARNED = values("odd_autoencoder", "odd_classifier", "odd_logits", "fill_direct")
RESTORED = values(*("odd_ink", "odd_nearest", "fill_five", "fill_mean_label", "double_corrected_label"))
# Study, its row, settings that make it cheaper, what is compared, by how much another machine's rounding may move it.
AGAIN = [
    ("ladder", {"rung": "the group's run", "seed": 3}, {}, values("accuracy", "validation"), {"abs": 0.01}),
    ("ladder", {"rung": "margin", "seed": 1}, {}, values("accuracy", "at_zero"), {"abs": 0.01}),
    ("ladder", {"rung": "real data", "seed": 2}, {}, JUDGED, {"abs": 0.01}),
    ("ladder", {"rung": "supcon", "seed": 3}, {}, JUDGED, {"abs": 0.01}),
    ("ladder", {"rung": "signal and variety, 10 updates", "seed": 0}, {}, JUDGED, {"abs": 0.01}),
    ("ladder", {"rung": "+ batch norm", "seed": 1}, {}, JUDGED, {"abs": 0.03}),
    ("stability", {"method": "GAN", "depth": 1, "lr": 1e-3}, LOOK, first_looks, {"rel": 0.02}),
    ("stability", {"method": "GAN + R1", "depth": 1, "lr": 1e-3}, LOOK, first_looks, {"rel": 0.05}),
    ("stability", {"method": "EBGAN", "depth": 1, "lr": 1e-3}, LOOK, first_looks, {"rel": 0.25}),
    ("stability", {"method": "EBGAN + PT", "depth": 1, "lr": 1e-3}, LOOK, first_looks, {"rel": 0.25}),
    ("flexibility", {"name": "length", "norm": 0, "lr": 1e-3}, {}, first_looks, {"rel": 0.25}),
    ("pull_away", {"target": "ring", "weight": 1.0}, STEP, starts("covered", "fake_term", "real_term"), {"abs": 2e-3}),
    ("pull_away", {"target": "ring", "weight": 0.1}, {"steps": 400}, means_at_400, {"abs": 0.06}),
    ("pull_away", {"target": "ring", "squared": False, "weight": 1.0}, {"steps": 400}, means_at_400, {"abs": 0.06}),
    ("pull_away", {"target": "grid", "weight": 10.0}, STEP, starts("covered", "precision"), {"abs": 2e-3}),
    ("pull_away_digits", {"weight": 1.0, "seed": 4}, STEP, starts("classes", "sure", "recall"), {"abs": 5e-4}),
    ("ebgan_digits", {"arm": "GAN, short", "seed": 1}, {}, values("distances", "averaged"), {"rel": 0.01}),
    ("ebgan_digits", {"arm": "EBGAN, short", "seed": 2}, {}, values("distances", "averaged"), {"rel": 0.01}),
    ("energy_digits", {"arm": "short", "seed": 1}, {}, values("distances"), {"rel": 0.01}),
    ("energies_at_work", WITHOUT_1, {}, LEARNED, {"abs": 0.1}),
    ("energies_at_work", WITHOUT_1, {}, values("double_autoencoder"), {"abs": 0.003}),
    ("energies_at_work", WITHOUT_1, {}, RESTORED, {"abs": 0.003}),
    ("sequences", {"drawn": 1, "seed": 0}, {}, values("acceleration", "slow", "middle", "fast"), {"rel": 0.4}),
    ("syllables", {"arm": "untrained", "fold": 1, "seed": 2}, {}, EMBEDDED, {"abs": 0.01}),
    ("negatives", {"arm": "four of each, masked", "seed": 1}, {"pairs": 640}, values("first_loss"), {"abs": 1e-3}),
    ("negatives", {"arm": "hard", "seed": 1}, {"pairs": 640}, values("first_loss"), {"abs": 1e-3}),
    ("without_negatives", {"arm": "untrained", "seed": 1}, {}, values("unseen", "spread", "digits_knn"), {"abs": 0.01}),
    ("two_kinds", {"loss": "sigmoid", "seed": 1}, {"pairs": 640}, values("first_loss"), {"rel": 1e-3}),
    ("two_kinds", {"loss": "softmax", "seed": 1}, {"pairs": 640}, values("first_loss"), {"rel": 1e-3}),
]


@cache
def run_again(name: str, seed: int, settings: str) -> Metrics:
    return STUDIES[name].run(seed, **json.loads(settings))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "row", "cheaper", "look", "drift"), AGAIN)
def test_a_row_comes_out_again(
    name: str, row: Metrics, cheaper: Metrics, look: Callable[[Metrics], list[float]], drift: Metrics
) -> None:
    before = select(recorded(name), **row)[0]
    again = run_again(name, before["seed"], json.dumps(before["settings"] | cheaper))
    assert look(again) == pytest.approx(look(before["metrics"]), **drift)


def played(method: str, seeds: list[int]) -> Tensor:
    """Digits of a short game, one run per seed, whose scores must be those of the digits."""
    networks = {"depth": 1, "width": 8, "lr": 1e-3, "beta": 0.5, "norm": 1}
    game = {"method": method, "knob": stability.KNOBS[method][1], "steps": 4, "looks": 1}
    scores, rows = stability.train_and_score(seeds, **game, **networks)
    assert scores[-1] == [stability.score(rows[-1])]
    return rows


SIDE_BY_SIDE: dict[str, Callable[[list[int]], Tensor]] = {
    **{method: partial(played, method) for method in stability.METHODS},
    "in the plane": lambda seeds: pull_away.train_and_score("grid", seeds, 0.1, steps=6).samples,
    **{f"clips {arm}": lambda seeds, arm=arm: sequences.train_clips(seeds, *arm, 2)[0] for arm in sequences.ARMS},
}


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_a_run_alone_is_what_it_is_among_others(name: str) -> None:
    before = torch.get_rng_state()
    together, alone = (SIDE_BY_SIDE[name](seeds) for seeds in ([3, 7], [7]))
    torch.testing.assert_close(together[1], alone[0], atol=1e-4, rtol=1e-4)
    assert (together[0] - together[1]).abs().max() > 0.01 and torch.equal(torch.get_rng_state(), before)


def test_what_one_caller_changes_no_other_sees() -> None:
    ask = kept(lambda *sizes: (torch.ones(*sizes), list(sizes)))
    tensor, sizes = ask(3)
    tensor.zero_()
    sizes.clear()
    assert ask(3)[0].sum() == 3 and ask(3)[1] == [3] and ask.shared(3)[0] is ask.shared(3)[0]
