"""Sweeps: stored run by run, resumed after anything, and the same numbers on this machine and on a cluster."""

import json
import math
import os
import platform
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError

from helpers.seed import THREADS
from helpers.studies import sweep as sweeps
from helpers.studies.sweep import grid, load, recorded, select, sweep

ROOT = Path(__file__).resolve().parents[1]
SEARCH = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])  # where other processes find this file and the helpers
PATIENCE = 60  # seconds until a test gives up waiting; a busy machine is slow to start processes


def wait_until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def rows_in(store: Path) -> int:
    return store.read_bytes().count(b"\n") if store.exists() else 0


# --- runs: at the top level, because other processes import them -------------------------------------


def draw(seed: int, width: int, log: str, pause: float = 0.0) -> dict[str, Any]:
    """Draw from the global sources of randomness, and note that a run was started, where and which."""
    first = torch.rand(width).tolist()
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {width} {seed}\n")
    time.sleep(pause)  # a second run in this process would now seed again
    later = [float(np.random.rand()), float(torch.rand(()))]  # not Python's: a Dask worker draws from that too
    return {"numbers": first + later, "threads": torch.get_num_threads(), "kind": "draw"}


def run_of(row: dict[str, Any]) -> tuple[int, int]:
    return row["settings"]["width"], row["seed"]


def started(log: Path) -> list[tuple[int, int, int]]:
    """Return process, width and seed of the runs that were started, in that order."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [tuple(map(int, line.split())) for line in text.splitlines()]


def times_started(log: Path) -> Counter[tuple[int, int]]:
    return Counter((width, seed) for _, width, seed in started(log))


def patient(seed: int, store: str) -> dict[str, int]:
    """Let the first run wait until three others are stored."""
    if seed == 0:
        wait_until(lambda: rows_in(Path(store)) >= 3, "three rows")
    return {}


def greedy(seed: int, sizes: list[int]) -> dict[str, int]:
    sizes.append(seed)
    return {"count": len(sizes)}


def deadly(seed: int, victim: int, pid: int = 0) -> dict[str, int]:
    if seed == victim:
        os.kill(pid or os.getpid(), signal.SIGKILL)
    return {"seed": seed}


def deadly_once(log: str, store: str, **arguments: int) -> dict[str, Any]:
    """Draw; the first time that the last of the runs comes so far, keep what the store has, and kill the process."""
    drawn, kept = draw(log=log, pause=0.3, **arguments), Path(f"{store}.kept")
    if arguments == {"width": 4, "seed": 2} and not kept.exists():
        kept.write_bytes(Path(store).read_bytes())
        os.kill(os.getpid(), signal.SIGKILL)
    return drawn


METRICS = {
    "good": {"a": 1, "b": [0.5, [1, "x"]], "c": "text", "d": None, "e": np.float64(2), "f": True},
    "nan": {"a": math.nan},
    "infinite": {"a": [1.0, -math.inf]},
    "tensor": {"a": torch.zeros(2)},
    "numpy": {"a": np.float32(1)},
    "tuple": {"a": (1, 2)},
    "nested": {"a": {"b": 1}},
    "number": 3.0,
    "key": {1: 2.0},
}


def returns(seed: int, kind: str, wants: str = "/") -> Any:
    """Return what is asked for, if a file is there that is wanted."""
    if not Path(wants).exists():
        raise FileNotFoundError(2, "No such file or directory", wants)
    if kind == "exit":
        sys.exit("enough")
    return METRICS[kind]


def test_a_grid_combines_everything_and_the_last_setting_changes_fastest() -> None:
    assert [tuple(setting.items()) for setting in grid(lr=[0.1, 0.2], width=range(2))] == [
        (("lr", lr), ("width", width)) for lr in (0.1, 0.2) for width in (0, 1)
    ]
    assert grid() == [{}]


def test_a_sweep_stores_a_row_for_each_run_and_a_seed_means_the_same_in_every_process(tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store.jsonl"
    settings = grid(width=[1, 2], log=[str(log)])
    rows = sweep(draw, settings, (5, 3), store)
    assert list(map(run_of, rows)) == [(1, 5), (1, 3), (2, 5), (2, 3)]
    assert os.getpid() not in {process for process, _, _ in started(log)}
    versions = {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}
    for row in rows:
        assert set(row) == {"run", "settings", "seed", "metrics", "error", "seconds", "versions", "cpu", "gpu"}
        assert row["run"] == "test_sweep.draw" and row["error"] is None and 0 <= row["seconds"] < PATIENCE
        assert len(row["metrics"]["numbers"]) == row["settings"]["width"] + 2
        assert row["metrics"]["threads"] == THREADS
        assert row["versions"] == versions and row["cpu"] and row["gpu"] is None
    assert rows[0]["metrics"] != rows[1]["metrics"], "two seeds gave the same numbers"
    text = store.read_text(encoding="utf-8")
    assert sorted(text.splitlines()) == sorted(map(json.dumps, rows)) == sorted(map(json.dumps, load(store)))
    assert socket.gethostname() not in text.replace(str(log), "") and str(ROOT) not in text
    here = sweep(draw, settings[::-1], (3, 5), tmp_path / "here.jsonl", workers=1)
    assert {process for process, _, _ in started(log)[4:]} == {os.getpid()}
    assert [row["metrics"] for row in here] == [row["metrics"] for row in rows[::-1]]


def test_what_is_in_the_store_is_not_run_again(tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store.jsonl"
    first = sweep(draw, grid(width=[1, 2], log=[str(log)]), [0], store, workers=1)
    before = store.read_bytes()
    assert sweep(draw, grid(width=[1, 2], log=[str(log)]), [0], store, cluster="tcp://127.0.0.1:1") == first
    assert store.read_bytes() == before
    turned = [{"log": str(log), "width": width} for width in (3, 2)]  # the order of arguments makes no difference
    more = sweep(draw, turned, [1, 0], store, workers=1)
    assert more[3] == first[1] and store.read_bytes().startswith(before)
    assert times_started(log) == Counter([(1, 0), (2, 0), (3, 1), (3, 0), (2, 1)])


def test_a_run_is_stored_at_once_and_waits_for_no_other(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    rows = sweep(patient, [{"store": str(store)}], range(4), store)
    assert [row["error"] for row in rows] == [None] * 4 and [*load(store)][-1]["seed"] == 0


def test_a_run_that_raises_is_stored_and_the_others_go_on(tmp_path: Path) -> None:
    store, missing = tmp_path / "store.jsonl", tmp_path / "folder" / "missing"
    settings = grid(kind=["good"], wants=[str(missing), str(tmp_path)])
    failed, fine = sweep(returns, settings, [0], store)
    assert fine["error"] is None and fine["metrics"] == METRICS["good"]
    message = "[Errno 2] No such file or directory: 'missing'"  # without its folder: that may tell whose machine it is
    assert failed["error"] == {"type": "FileNotFoundError", "message": message}
    assert failed["metrics"] == {} and failed["cpu"]
    # It is run again on request only, and then only itself.
    missing.mkdir(parents=True)
    assert sweep(returns, settings, [0], store) == [failed, fine]
    again = sweep(returns, settings, [0], store, retry_failed=True)
    assert [row["error"] for row in again] == [None, None] and again[1] == fine
    assert load(store) == again or load(store) == again[::-1]
    assert len(store.read_bytes().splitlines()) == 3, "the failed try stays in the file"


def test_metrics_that_cannot_be_stored_are_an_error_of_the_run(tmp_path: Path) -> None:
    rows = sweep(returns, grid(kind=[*METRICS, "exit"]), [0], tmp_path / "store.jsonl", workers=1)
    good, *bad, stopped = rows
    assert good["error"] is None and good["metrics"] == METRICS["good"]
    assert stopped["error"] == {"type": "SystemExit", "message": "enough"}
    for row in bad:
        assert row["metrics"] == {} and row["error"]["type"] == "ValueError", row
        assert re.match(r"metrics(\['a'\])?: got .+, expected a ", row["error"]["message"]), row
    assert "got nan" in bad[0]["error"]["message"]


def test_messages_keep_no_folders() -> None:
    messages = {
        "cannot open /srv/data/ann/x.npz or C:\\data\\ann\\y": "cannot open x.npz or y",
        "see https://example.org/a/b, shape 3/4/5, a/b ratio": "see https://example.org/a/b, shape 3/4/5, a/b ratio",
        "x" * 600: "x" * 500,
    }
    rows = [sweeps._row("a.run", {}, 0, ValueError(message)) for message in messages]
    assert [row["error"] for row in rows] == [{"type": "ValueError", "message": kept} for kept in messages.values()]


three_runs = partial(sweep, greedy, [{"sizes": [1]}], range(3), workers=1)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rows = three_runs(tmp_path / "store.jsonl")
    assert [row["metrics"]["count"] for row in rows] == [2, 2, 2], "a run may spoil its arguments"
    return tmp_path / "store.jsonl"


@pytest.mark.parametrize("left", [1, 9, 40, -1])
def test_a_torn_last_line_is_forgotten_and_repaired(store: Path, left: int) -> None:
    *kept, last = store.read_bytes().splitlines(keepends=True)
    store.write_bytes(b"".join(kept) + last[:left])
    assert [row["seed"] for row in load(store)] == [0, 1]
    assert store.read_bytes() == b"".join(kept) + last[:left], "reading must not write"
    assert [row["seed"] for row in three_runs(store)] == [row["seed"] for row in load(store)] == [0, 1, 2]
    assert store.read_bytes().splitlines(keepends=True)[:2] == kept


@pytest.mark.parametrize("damage", [b'{"run": "a.b", "se\n', b"\n", b"[1]\n", b'{"run": "a"}\n', b"\0\0\n", b"\xff\n"])
def test_other_damage_is_named(store: Path, damage: bytes) -> None:
    lines = store.read_bytes().splitlines(keepends=True)
    store.write_bytes(lines[0] + damage + lines[2])
    before = store.read_bytes()
    for use in (load, three_runs):
        with pytest.raises(ValueError, match=r"store\.jsonl, line 2: .+, expected one run as JSON"):
            use(store)
    assert store.read_bytes() == before


def test_a_file_that_is_no_store_is_not_cut_off(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ann, this took me a year to write.", encoding="utf-8")
    with pytest.raises(ValueError, match=r"letter\.txt, line 1: b'Dear Ann.+, expected the start of a run"):
        three_runs(letter)
    assert letter.read_text(encoding="utf-8").endswith("a year to write.")


# --- stopped in the middle ---------------------------------------------------------------------------

SCRIPT = """
import os, signal, time
from helpers.studies.sweep import grid, sweep

def run(seed, width, log):
    with open(log, "a") as file:
        file.write(f"{os.getpid()} {width} {seed}\\n")
    time.sleep(0.3)
    return {}

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started without
    sweep(run, grid(width=[1, 2], log=[os.path.abspath("log")]), range(5), "store.jsonl")
"""


def group_lives(group: int) -> bool:
    with suppress(ProcessLookupError):
        os.killpg(group, 0)
        return True
    return False


@pytest.mark.parametrize("way", ["killed", "Ctrl-C"])
def test_a_stopped_sweep_resumes(way: str, tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store.jsonl"
    (tmp_path / "margins.py").write_text(SCRIPT, encoding="utf-8")
    options = {"env": {**os.environ, "PYTHONPATH": SEARCH}, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    run = runpy.run_path(str(tmp_path / "margins.py"), run_name="margins")["run"]  # as an import would give it
    with subprocess.Popen([sys.executable, "margins.py"], start_new_session=True, **options) as process:
        try:
            wait_until(lambda: rows_in(store) >= 3 or process.poll() is not None, "three runs")
            assert process.poll() is None, process.stderr.read()
            if way == "killed":
                process.kill()  # its workers live on for a while
                process.wait()
            else:
                os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
                message = process.communicate(timeout=PATIENCE)[1]
                assert process.returncode != 0 and "KeyboardInterrupt" in message
                wait_until(lambda: not group_lives(process.pid), "the workers to end")
                assert store.read_bytes().endswith(b"\n")
            before = load(store)
            rows = sweep(run, grid(width=[1, 2], log=[str(log)]), range(5), store)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    counts = times_started(log)
    assert 3 <= len(before) < 10 and all(row in rows for row in before)
    assert len(rows) == 10 == rows_in(store) and not any(row["error"] for row in rows)
    assert {row["run"] for row in rows} == {"margins.run"}, "a script is a module, however it was started"
    assert set(counts) == set(map(run_of, rows))
    assert {counts[run_of(row)] for row in before} == {1}, "a finished run was repeated"


def test_a_run_that_kills_its_process_stops_the_sweep_but_loses_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    with pytest.raises(TerminatedWorkerError):
        sweep(deadly, [{"victim": 6}], range(12), store)
    kept = load(store)
    assert 4 <= len(kept) < 12 and 6 not in {row["seed"] for row in kept}
    rest = sweep(deadly, [{"victim": 6}], [seed for seed in range(12) if seed != 6], store)
    assert all(row in rest for row in kept) and len(rest) == rows_in(store) == 11


# --- a cluster -----------------------------------------------------------------------------------------


@contextmanager
def dask_cluster(folder: Path, *threads: int, **config: str) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and a worker per number of threads on this machine; give the address and the processes."""
    options = {f"DASK_DISTRIBUTED__{key}": value for key, value in config.items()}
    environment = {**os.environ, **options, "PYTHONPATH": SEARCH}
    file = folder / "scheduler.json"
    common = ["--host", "127.0.0.1", "--scheduler-file", str(file), "--no-dashboard"]
    worker = [*common, "--no-nanny", "--local-directory", str(folder), "--nthreads"]
    commands = [["scheduler", "--port", "0", *common], *(["worker", *worker, str(count)] for count in threads)]
    with (folder / "dask.log").open("wb") as log:
        start = partial(subprocess.Popen, env=environment, cwd=folder, stdout=log, stderr=log)
        processes = [start([sys.executable, "-m", "dask", *command]) for command in commands]
        try:
            wait_until(lambda: (folder / "dask.log").read_text().count("Registered to") >= len(threads), "Dask")
            yield json.loads(file.read_text(encoding="utf-8"))["address"], processes
        finally:
            for process in processes:
                process.kill()
                process.wait()


def patience_of_a_second() -> dask.config.set:
    return dask.config.set({"distributed.comm.timeouts.connect": "1s"})  # the default is 30


def test_a_cluster_gives_the_same_numbers_though_a_worker_dies(tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store.jsonl"
    settings = grid(width=[1, 2, 3, 4], log=[str(log)], store=[str(store)])
    # The second worker runs several at a time, as people may start them: they must not share random numbers.
    with dask_cluster(tmp_path, 1, 3) as (address, (_, *workers)):
        rows = sweep(deadly_once, settings, range(3), store, cluster=address)
        assert {process for process, _, _ in started(log)} == {worker.pid for worker in workers}
        wait_until(lambda: sorted(map(str, (worker.poll() for worker in workers))) == ["-9", "None"], "the one death")
    kept, counts = load(Path(f"{store}.kept")), times_started(log)
    assert len(set(map(run_of, rows))) == 12 == len(rows) == rows_in(store)
    assert kept and {counts[run_of(row)] for row in kept} == {1} and counts[4, 2] == 2, "a finished run was repeated"
    local = sweep(draw, grid(width=[1, 2, 3, 4], log=[str(log)]), range(3), tmp_path / "local.jsonl")
    assert [row["metrics"] for row in rows] == [row["metrics"] for row in local]
    assert [row["error"] for row in rows] == [None] * 12


def test_a_run_that_kills_its_workers_is_stored_and_a_lost_scheduler_is_named(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    with dask_cluster(tmp_path, 1, 1, SCHEDULER__ALLOWED_FAILURES="0") as (address, (scheduler, *_)):
        rows = sweep(deadly, [{"victim": 3}], range(12), store, cluster=address)
        assert [row["seed"] for row in rows] == list(range(12))
        assert rows[3]["error"] == {"type": "RuntimeError", "message": "the workers that ran it died"}
        assert sum(row["error"] is None for row in rows) >= 10  # with it may go the run that waited on that worker
        assert all(row["metrics"] == {"seed": row["seed"]} for row in rows if row["error"] is None)
        assert "127.0.0.1" not in store.read_text(encoding="utf-8")
        with patience_of_a_second(), pytest.raises(ConnectionError, match="lost the Dask scheduler at tcp"):
            sweep(deadly, [{"victim": 9, "pid": scheduler.pid}], range(20), store, cluster=address)
        assert 12 <= len(load(store)) < 32


def test_without_scheduler_or_dask_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = partial(three_runs, tmp_path / "store.jsonl", cluster="tcp://127.0.0.1:1")
    with patience_of_a_second(), pytest.raises(ConnectionError, match="no Dask scheduler answers at tcp"):
        nobody()
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match="pip install distributed"):
        nobody()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run": lambda seed: {}}, "run: got .+, expected a function defined at the top level"),
        ({"settings": []}, "settings: got .+, expected a sequence of at least one"),
        ({"settings": [{"seed": 1}]}, r"settings\[0\]: got .+ expected no 'seed'"),
        ({"settings": [{1: 2}]}, r"settings\[0\]: got .+ expected a dict from names to values"),
        ({"settings": [{"lr": math.nan}]}, r"settings\[0\]\['lr'\]: got nan, expected a finite number"),
        ({"settings": [{"sizes": [1]}] * 2}, "settings, seeds: got one of them twice"),
        ({"seeds": [0, 0]}, "settings, seeds: got one of them twice"),
        ({"seeds": [-1]}, "seeds: got .+, expected a whole number of at least 0"),
        ({"workers": 0}, "workers: got 0, expected a whole number of at least 1"),
        ({"cluster": "somewhere"}, "cluster: got .*somewhere.*, expected the address of a Dask scheduler"),
    ],
)
def test_bad_arguments_are_named_before_anything_runs(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    arguments = {"run": greedy, "settings": [{"sizes": [1]}], "seeds": [0], "store": tmp_path / "store.jsonl"}
    with pytest.raises(ValueError, match=message):
        sweep(**arguments | changes)
    assert not (tmp_path / "store.jsonl").exists()


def test_recorded_studies_are_found_by_name(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (store.parent / "results").mkdir()
    (store.parent / "results" / "margins.jsonl").write_bytes(store.read_bytes())
    monkeypatch.setattr(sweeps, "files", lambda package: store.parent)
    assert recorded("margins") == load(store)
    with pytest.raises(ValueError, match=r"name: got 'nowhere', expected a recorded study: margins"):
        recorded("nowhere")


def test_select_compares_settings_and_seeds() -> None:
    rows = [sweeps._row("a.run", {"method": method, "sizes": [1, 2]}, seed, {}) for method in "ab" for seed in (0, 1)]
    assert select(rows, method="b") == rows[2:]
    assert select(rows, method="a", seed=1) == [rows[1]]
    assert select(rows, sizes=[1, 2]) == select(rows) == rows
    assert select(rows, method="c") == select([], method="a") == []
    with pytest.raises(ValueError, match=r"lr: got 0\.1, expected .+ one of method, seed, sizes"):
        select(rows, lr=0.1)
