"""Sweeps: each run in a process of its own, stored at once, resumed after anything, the same numbers on a cluster."""

import json
import math
import multiprocessing
import os
import platform
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import types
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from sweep_runs import PATIENCE, RETURNS, draw, draw_slowly, end, greedy, rows_in, wait_until

from helpers.seed import THREADS, seed_everything
from helpers.studies import grid
from helpers.studies import sweep as sweeps
from helpers.studies.sweep import load, recorded, select, sweep

ROOT = Path(__file__).resolve().parents[1]
SEARCH = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])  # where other processes find this file and the helpers
ANSWER = r"metrics\['a'\]: got .+, expected a finite number, a text, .+"
FAILS = {  # how a run ends: the type and message of its error
    "exit": ("SystemExit", "enough"),
    "mute": ("Mute", r"<exception str\(\) failed>"),
    "death": ("RuntimeError", "its process died"),
    **dict.fromkeys(("sleep", "spin"), ("TimeoutError", "not done after 6 s")),
    **dict.fromkeys(("nan", "infinite", "huge", "tuple", "tensor", "numpy"), ("ValueError", ANSWER)),
    "number": ("ValueError", "metrics: got 3.0, expected a dict.+"),
    "key": ("ValueError", r"metrics\[1\]: got 2.0, .+ under a name"),
}


def run_of(row: dict[str, Any]) -> tuple[int, int]:
    return row["settings"]["width"], row["seed"]


def started(log: Path) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return who started which process for which run (width, seed), in that order."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [(starter, process, tuple(run)) for starter, process, *run in (map(int, line.split()) for line in lines)]


def times_started(log: Path) -> Counter[tuple[int, ...]]:
    return Counter(run for *_, run in started(log))


def test_a_sweep_returns_and_stores_a_row_for_each_run(tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store.jsonl"
    rows = sweep(draw, grid(width=[1, 2], log=[str(log)]), (5, 3), store, workers=1)
    assert list(map(run_of, rows)) == [(1, 5), (1, 3), (2, 5), (2, 3)]
    assert [run for *_, run in started(log)] == [(1, 5), (2, 5), (1, 3), (2, 3)], "first all with one seed"
    assert len({process for _, process, _ in started(log)}) == 4, "a process for each run"
    for row in rows:
        assert list(row) == ["run", "settings", "seed", "metrics", "error", "seconds", "versions", "cpu", "gpu"]
        assert row["run"] == "sweep_runs.draw" and row["error"] is None and 0 <= row["seconds"] < PATIENCE
        seed_everything(row["seed"])
        first = torch.rand(row["settings"]["width"]).tolist()
        numbers = [*first, float(np.random.rand()), float(torch.rand(()))]
        assert row["metrics"] == {"numbers": numbers, "threads": THREADS}
        versions = {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}
        assert row["versions"] == versions and row["cpu"] and row["gpu"] is None
    assert {path.name for path in tmp_path.iterdir()} == {"log", "store.jsonl"}, "a lock is left"
    text = store.read_text(encoding="utf-8")
    assert sorted(text.splitlines()) == sorted(map(json.dumps, rows)) == sorted(map(json.dumps, load(store)))
    assert socket.gethostname() not in text and str(ROOT) not in text.replace(str(log), "")


def test_what_is_in_the_store_is_not_run_again(tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store.jsonl"
    first = sweep(draw, grid(width=[1, 2], log=[str(log)]), [0], store)
    before = store.read_bytes()
    assert sweep(draw, grid(width=[1, 2], log=[str(log)]), [0], store, cluster="tcp://127.0.0.1:1") == first
    assert store.read_bytes() == before
    more = sweep(draw, [{"log": str(log), "width": width} for width in (3, 2)], [1, 0], store)  # arguments turned
    assert more[3] == first[1] and store.read_bytes().startswith(before)
    assert times_started(log) == Counter([(1, 0), (2, 0), (3, 1), (3, 0), (2, 1)])


def test_every_way_to_fail_is_stored_and_the_others_go_on(tmp_path: Path) -> None:
    store, missing, rest = tmp_path / "store.jsonl", tmp_path / "folder" / "missing", multiprocessing.active_children()
    settings = [{"kind": kind} for kind in FAILS] + grid(kind=["good"], wants=[str(tmp_path), str(missing)])
    *failed, good, lacking = sweep(end, settings, [0], store, limit=6)  # a busy machine is slow
    wait_until(lambda: {*multiprocessing.active_children()} <= {*rest}, "those that took too long to end", patience=5)
    for row, (name, message) in zip(failed, FAILS.values(), strict=True):
        assert row["metrics"] == {} and row["error"]["type"] == name and row["cpu"] and row["seconds"] < 20, row
        assert re.fullmatch(message, row["error"]["message"]), row
    assert good["error"] is None and good["metrics"] == RETURNS["good"]
    message = "[Errno 2] No such file or directory: 'missing'"  # without its folder: that may tell whose machine it is
    assert lacking["error"] == {"type": "FileNotFoundError", "message": message}
    # It is run again on request only, and then only itself.
    missing.mkdir(parents=True)
    assert sweep(end, settings[-2:], [0], store) == [good, lacking]
    again = sweep(end, settings[-2:], [0], store, retry_failed=True)
    assert again[0] == good and again[1]["error"] is None and again[1] in load(store)
    assert len(load(store)) == len(settings) == rows_in(store) - 1, "the failed try stays in the file"


def test_a_run_that_cannot_start_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "margins", module := types.ModuleType("margins"))  # which no other process knows
    exec("def run(seed):\n    return {}", vars(module))
    with pytest.raises(RuntimeError, match=r"margins\.run could not start: ModuleNotFoundError: .*'margins'"):
        sweep(module.run, [{}], range(9), tmp_path / "store.jsonl")
    assert rows_in(tmp_path / "store.jsonl") == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run": lambda seed: {}}, "run: got .+, expected a function of a module's top level"),
        ({"settings": [{"seed": 1}]}, r"settings\[0\]: got .+ takes, without the seed .*multiple values"),
        ({"settings": [{}]}, r"settings\[0\]: got {}, .*missing a required argument: 'sizes'"),
        ({"settings": [{"sizes": [1], "size": 2}]}, r"settings\[0\]: got .+ unexpected keyword argument 'size'"),
        ({"settings": [{"lr": math.nan}]}, r"settings\[0\]\['lr'\]: got nan, expected a finite number"),
        ({"seeds": [0, 0]}, "settings, seeds: got one of them twice"),
        ({"limit": 0}, "limit: got 0, expected a finite number above 0"),
        ({"cluster": "somewhere"}, "cluster: got .*somewhere.*, expected one such as"),
    ],
)
def test_bad_arguments_are_named_before_anything_runs(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    arguments = {"run": greedy, "settings": [{"sizes": [1]}], "seeds": [0], "store": tmp_path / "store.jsonl"}
    with pytest.raises(ValueError, match=message):
        sweep(**arguments | changes)
    assert not any(tmp_path.iterdir())


three_runs = partial(sweep, greedy, [{"sizes": [1]}], range(3))
HOW = {"seconds": 0.1, "versions": {}, "cpu": "cpu", "gpu": None}
ROWS = [sweeps._row("sweep_runs.greedy", {"sizes": [1]}, seed, {"count": 2}, None, **HOW) for seed in range(3)]
FIRST, SECOND, LAST = LINES = [json.dumps(row).encode() + b"\n" for row in ROWS]


@pytest.mark.parametrize(
    "tail", [LAST[:1], LAST[:5], LAST[:9], LAST[:40], LAST[:-9], b"\0" * 50, LAST[:40] + b"\0" * 50]
)
def test_a_torn_last_line_is_forgotten_and_repaired(tmp_path: Path, tail: bytes) -> None:
    store = tmp_path / "store.jsonl"
    store.write_bytes(FIRST + SECOND + tail)
    assert load(store) == ROWS[:2] and store.read_bytes() == FIRST + SECOND + tail, "reading must not write"
    assert three_runs(store)[:2] == ROWS[:2]
    assert store.read_bytes().startswith(FIRST + SECOND) and len(load(store)) == rows_in(store) == 3


@pytest.mark.parametrize("end_of_line", [b"\r", b"\r\n"])
def test_a_store_may_have_other_line_ends(tmp_path: Path, end_of_line: bytes) -> None:
    store = tmp_path / "store.jsonl"
    store.write_bytes(end_of_line.join(line.rstrip() for line in LINES))  # and lack the last one
    assert load(store) == ROWS == three_runs(store)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        *((bad, "") for bad in (b'{"run": "a.b", "se\n', b"\n", b"[1]\n", b'{"run": "a"}\n', b"\0\0\n", b"\xff\n")),
        (SECOND.replace(b'"seed": 1', b'"seed": true'), "seed: got True, expected a whole number"),
        (SECOND.replace(b'{"sizes": [1]}', b"[1]"), r"settings: got \[1\], expected a dict"),
        *((SECOND.replace(b": 2}", b": " + bad + b"}"), "JSON compliant") for bad in (b"NaN", b"-Infinity", b"1e999")),
        (SECOND.replace(b": 2}", b": " + b"9" * 5000 + b"}"), "Exceeds the limit"),
        *((SECOND[:-2] + twice, "names: got") for twice in (b', "seed": 2}\n', b', "seed": 2}')),
        (SECOND.replace(b'{"count"', b'{"count": 3, "count"'), "names: got"),
        (SECOND.replace(b": null, ", b": {}, ", 1), "error: got {}, expected a dict of type and message"),
        (b"Dear Ann, this took me a year to write.", "Expecting value"),  # a letter, and no torn line of a store
    ],
)
def test_other_damage_is_named(tmp_path: Path, damage: bytes, reason: str) -> None:
    store, content = tmp_path / "store.jsonl", FIRST + damage + (LAST if damage.endswith(b"\n") else b"")
    store.write_bytes(content)
    for use in (load, three_runs):
        with pytest.raises(ValueError, match=rf"store\.jsonl, line 2: .+, expected one run as JSON.+\(.*{reason}"):
            use(store)
    assert store.read_bytes() == content


SCRIPT = """
import signal, sys
from helpers.studies import grid
from helpers.studies.sweep import sweep
from sweep_runs import draw_slowly
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started without
sweep(draw_slowly, grid(width=[1, 2], log=[sys.argv[1]]), range(5), sys.argv[2])
"""


def group_lives(group: int) -> bool:
    with suppress(ProcessLookupError):
        os.killpg(group, 0)
        return True
    return False


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_sweep_leaves_no_process_and_resumes(way: signal.Signals, tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store.jsonl"
    (tmp_path / "wait").touch()
    command = [sys.executable, "-c", SCRIPT, str(log), str(store)]
    options = {"env": {**os.environ, "PYTHONPATH": SEARCH}, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            wait_until(lambda: len(started(log)) >= 4 or process.poll() is not None, "two runs that last")
            assert process.poll() is None, process.stderr.read()
            with pytest.raises(RuntimeError, match=rf"another sweep holds it \(process {process.pid} on "):
                sweep(draw_slowly, grid(width=[1, 2], log=[str(log)]), range(5), store)
            (os.killpg if way == signal.SIGINT else os.kill)(process.pid, way)  # a terminal sends Ctrl-C to the group
            message = process.communicate(timeout=PATIENCE)[1]
            assert way != signal.SIGINT or message.count("KeyboardInterrupt") == 1
            wait_until(lambda: not group_lives(process.pid), "the runs to end", patience=10)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    before = load(store)  # what was done while the other two went on
    assert set(map(run_of, before)) == {(1, 0), (1, 1)} and store.read_bytes().endswith(b"\n")
    (tmp_path / "wait").unlink()
    rows = sweep(draw_slowly, grid(width=[1, 2], log=[str(log)]), range(5), store)
    assert all(row in rows for row in before)
    assert len(rows) == 10 == rows_in(store) and not any(row["error"] for row in rows)
    assert times_started(log) == Counter({**dict.fromkeys(map(run_of, rows), 1), (2, 0): 2, (2, 1): 2})


def documented(kind: str) -> list[str]:
    """Return a command of CONTRIBUTING.md that starts a part of a cluster, for an address of this machine."""
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    (command,) = re.findall(rf"`(dask {kind} [^`]+)`", text)
    return ["-m", *shlex.split(command.replace("ADDRESS", "127.0.0.1").replace("HERE", "127.0.0.1"))]


@contextmanager
def dask_cluster(folder: Path, *threads: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and a worker per number of threads on this machine; give the address and the processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    scheduler = [part.replace(":8787", ":0") for part in documented("scheduler")] + ["--port", port]
    worker = [part.replace(":8786", f":{port}") for part in documented("worker")] + ["--no-nanny", "--nthreads"]
    commands = [scheduler, *([*worker, str(count)] for count in threads)]
    with (folder / "dask.log").open("wb") as log:
        start = partial(subprocess.Popen, env={**os.environ, "PYTHONPATH": SEARCH}, cwd=folder, stdout=log, stderr=log)
        processes = [start([sys.executable, *command]) for command in commands]
        try:
            wait_until(lambda: (folder / "dask.log").read_text().count("Registered to") >= len(threads), "Dask")
            yield f"tcp://127.0.0.1:{port}", processes
        finally:
            for process in processes:
                process.kill()
                process.wait()


def test_a_cluster_gives_the_same_numbers_and_listens_to_no_stranger(tmp_path: Path) -> None:
    settings = grid(width=[1, 2], log=[str(tmp_path / "log")])
    with dask_cluster(tmp_path, 1, 2) as (address, processes):
        sockets = [one for process in processes for one in psutil.Process(process.pid).net_connections("inet")]
        assert {one.laddr.ip for one in sockets if one.status == "LISTEN"} == {"127.0.0.1"}
        rows = sweep(draw, settings, range(3), tmp_path / "store.jsonl", cluster=address)
        assert {starter for starter, *_ in started(tmp_path / "log")} <= {process.pid for process in processes[1:]}
    local = sweep(draw, settings, range(3), tmp_path / "local.jsonl")
    assert [row["metrics"] for row in rows] == [row["metrics"] for row in local]


def test_on_a_cluster_too_a_run_that_dies_is_stored_and_a_lost_scheduler_is_named(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    with dask_cluster(tmp_path, 2) as (address, (scheduler, _)):
        (row,) = sweep(end, [{"kind": "death"}], [0], store, cluster=address)
        assert row["error"]["type"] == "RuntimeError" and "127.0.0.1" not in store.read_text(encoding="utf-8")
        threading.Timer(6, scheduler.kill).start()  # by then it is connected, on a busy machine too
        with pytest.raises(ConnectionError, match=f"{address}: (lost the scheduler|.+closed)"):
            sweep(end, [{"kind": "sleep"}], [0], store, cluster=address)


def test_recorded_studies_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "margins.jsonl").write_bytes(b"".join(LINES))
    monkeypatch.setattr(sweeps, "files", lambda package: tmp_path)
    assert recorded("margins") == ROWS
    with pytest.raises(ValueError, match=r"name: got 'nowhere', expected a recorded study: margins"):
        recorded("nowhere")


def test_select_compares_settings_and_seeds() -> None:
    rows = [{"settings": {"method": method, "sizes": [1, 2]}, "seed": seed} for method in "ab" for seed in (0, 1)]
    assert select(rows, method="b") == rows[2:]
    assert select(rows, method="a", seed=1) == [rows[1]]
    assert select(rows, sizes=[1, 2]) == select(rows) == rows
    assert select(rows, method="c") == select([], method="a") == []
    with pytest.raises(ValueError, match=r"lr: got 0\.1, expected .+ one of method, seed, sizes"):
        select(rows, lr=0.1)
