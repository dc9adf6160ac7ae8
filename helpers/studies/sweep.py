"""All studies run through `sweep`: settings × seeds, on the cores of a machine or on a cluster, stored run by run.

A *run* is one training with one setting and one seed; what it returns are its *metrics*. Each run is written to the
*store*, a text file with one JSON object per line, as soon as it is done. A sweep that was stopped, by Ctrl-C or by a
power cut, is resumed by starting it again: what is in the store is not run a second time.

A row of the store is a dict: `run` (the function's name), `settings`, `seed`, `metrics` (empty if the run failed),
`error` (`None`, or a dict of `type` and `message`), `seconds`, `versions`, `cpu`, and `gpu` (`None` if none was used).
"""

from __future__ import annotations

import copy
import inspect
import itertools
import json
import math
import os
import platform
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed

from helpers.checks import Count, Seed, checked, fail, require
from helpers.seed import seed_everything
from helpers.train import progress

Row = dict[str, Any]
Run = Callable[..., dict[str, Any]]
Task = tuple[Run, str, dict[str, Any], int]  # the function, its name, a setting, a seed

_FIELDS = {"run", "settings", "seed", "metrics", "error", "seconds", "versions", "cpu", "gpu"}
_START = b'{"run": '  # how each line of a store begins
_FOLDER = re.compile(r"(?<![\w.:/])(?:/|[A-Za-z]:\\)[^\s'\"]*[/\\]")
_ONE_AT_A_TIME = threading.Lock()  # a cluster's worker may have several threads, but they share torch's random state


def grid(**lists: Iterable[Any]) -> list[dict[str, Any]]:
    """Combine every value of each setting with every value of the others; the last one changes fastest."""
    for name, values in lists.items():
        require(isinstance(values, list | tuple | range) and values, name, values, "a list of at least one value")
    return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]


@checked
def sweep(
    run: Run,
    settings: Sequence[dict],
    seeds: Sequence[Seed],
    store: str | Path,
    *,
    workers: Count = 2,
    cluster: str | None = None,
    retry_failed: bool = False,
    label: str | None = None,
) -> list[Row]:
    """Run every setting with every seed, except for what the store has already; return a row for each.

    `run(seed=seed, **setting)` is a function at the top level of a module; it returns a dict of finite numbers,
    texts, `None`, or lists of these, and settings are made of the same. Each run begins with `seed_everything`, so a
    seed gives the same metrics wherever it runs. (Only Python's own `random` is not safe on a cluster, where Dask
    draws from it too.) A run that raises is stored with its error, and the others go on; `retry_failed` runs it
    again. One that kills its process stops a sweep on this machine; on a cluster it is stored as failed after some
    tries. A run is known by its function's name, its setting and its seed: if you change its code, take a new store.
    Only one sweep at a time may write to a store.

    With `workers=1` all happens in this process. `cluster` is the address of a running Dask scheduler, such as
    "tcp://10.0.0.5:8786", whose workers need one thread each. `label` names a progress bar. Raises ConnectionError
    if the scheduler is lost: what was done is in the store.
    """
    name, tasks, store = _name(run), {}, Path(store)
    for number, setting in enumerate(settings):
        _check_storable(f"settings[{number}]", setting)
        require("seed" not in setting, f"settings[{number}]", setting, "no 'seed' among the arguments")
    for setting, seed in itertools.product(settings, seeds):
        tasks[_identity(name, setting, seed)] = (run, name, setting, seed)
    require(len(tasks) == len(settings) * len(seeds), "settings, seeds", "one of them twice", "each of them once")
    address = cluster is None or re.search(r":\d+$", cluster)
    require(address, "cluster", cluster, "the address of a Dask scheduler, such as 'tcp://10.0.0.5:8786'")
    rows = _resume(store)
    todo = [task for key, task in tasks.items() if key not in rows or (retry_failed and rows[key]["error"])]
    start = partial(_on_cluster, address=cluster) if cluster else partial(_on_this_machine, workers=workers)
    with store.open("ab") as file, closing(start(todo)) as results:
        for row in progress(results, label, total=len(todo)):
            line = json.dumps(row, allow_nan=False)
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())  # on the disk, not only on its way there
            rows[_identity(row["run"], row["settings"], row["seed"])] = json.loads(line)
    return [rows[key] for key in tasks]


def load(store: str | Path) -> list[Row]:
    """Read a store, whether or not its sweep has finished: one row per run, its last try if there were several."""
    return list(_read(Path(store)).values())


def recorded(name: str) -> list[Row]:
    """Read the results of a study that come with this package: helpers/studies/results/NAME.jsonl."""
    folder = files("helpers.studies") / "results"
    there = {file.name.removesuffix(".jsonl"): file for file in folder.iterdir() if file.name.endswith(".jsonl")}
    require(name in there, "name", repr(name), f"a recorded study: {', '.join(sorted(there)) or 'there is none'}")
    return load(there[name])


def select(rows: Iterable[Row], **where: Any) -> list[Row]:
    """Pick the rows with the given settings or seed: `select(rows, method="ebgan", seed=0)`."""
    flat = [(row, {**row["settings"], "seed": row["seed"]}) for row in rows]
    for name, value in where.items():
        if flat and not any(name in setting for _, setting in flat):
            known = sorted({known for _, setting in flat for known in setting})
            fail(name, value, f"the name of a setting of these rows: one of {', '.join(known)}")
    return [row for row, setting in flat if where.items() <= setting.items()]


def _on_this_machine(tasks: list[Task], workers: int) -> Iterator[Row]:
    """Run tasks in processes of this machine; give each row as soon as it is there."""
    parallel = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
    return parallel(delayed(_one)(*task) for task in tasks)


def _on_cluster(tasks: list[Task], address: str) -> Iterator[Row]:
    """Run tasks on a Dask cluster; give each row as soon as it is there.

    Not through joblib's Dask backend: there, a run whose workers keep dying stops all others.
    """
    try:
        from distributed import CancelledError, Client, KilledWorker, as_completed
    except ImportError as error:
        raise ImportError("a cluster needs Dask: pip install distributed") from error
    if not tasks:
        return
    try:
        client = Client(address, set_as_default=False)
    except OSError as error:
        raise ConnectionError(f"no Dask scheduler answers at {address}") from error
    with client:
        # Mapped, not submitted one by one: then the scheduler keeps what is waiting, and a dying worker takes little.
        futures = client.map(_one, *zip(*tasks, strict=True), pure=False)
        known = {future.key: task for future, task in zip(futures, tasks, strict=True)}
        done = as_completed(futures, loop=client.loop, with_results=True, raise_errors=False)
        for future, result in done:
            if isinstance(result, CancelledError):
                raise ConnectionError(f"lost the Dask scheduler at {address}; sweep again to resume")
            row = result
            if future.status == "error":  # a run that raises gives a row: this one's workers died or could not load it
                died = isinstance(result[1], KilledWorker)
                row = _row(*known[future.key][1:], RuntimeError("the workers that ran it died") if died else result[1])
            future.release()  # or Dask would run it again if the worker that holds its result dies later
            yield row


def _one(run: Run, name: str, setting: dict[str, Any], seed: int) -> Row:
    """Do one run, on whatever machine this is, and describe it."""
    with _ONE_AT_A_TIME:
        seed_everything(seed)
        start = time.perf_counter()
        try:
            outcome = _check_storable("metrics", run(seed=seed, **copy.deepcopy(setting)))
        except (Exception, SystemExit) as error:
            outcome = error
        seconds = round(time.perf_counter() - start, 3)
    versions = {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_initialized() else None
    return _row(name, setting, seed, outcome, seconds=seconds, versions=versions, cpu=_cpu(), gpu=gpu)


def _row(name: str, setting: dict[str, Any], seed: int, outcome: dict[str, Any] | BaseException, **where: Any) -> Row:
    """Put together what is stored. Names of folders are taken out of messages: they may say whose machine it is."""
    row = {"run": name, "settings": setting, "seed": seed, "metrics": outcome, "error": None}
    if isinstance(outcome, BaseException):
        message = _FOLDER.sub("", str(outcome))[:500]
        row |= {"metrics": {}, "error": {"type": type(outcome).__name__, "message": message}}
    return {**row, "seconds": None, "versions": {}, "cpu": None, "gpu": None, **where}


@cache
def _cpu() -> str:
    """Name the processor, not the machine."""
    info = Path("/proc/cpuinfo")  # Linux; elsewhere Python knows a name
    names = re.findall(r"model name\s*: (.+)", info.read_text(encoding="utf-8")) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def _identity(name: str, setting: dict[str, Any], seed: int) -> str:
    """Say which run it is, in the same way in every process and on every machine."""
    return json.dumps([name, setting, seed], sort_keys=True)


def _name(run: Run) -> str:
    """Return a function's name with its module; a script is a module too, however it was started."""
    top = inspect.isfunction(run) and "<" not in run.__qualname__
    require(top, "run", run, "a function defined at the top level of a module")
    module = run.__module__
    if module == "__main__":
        module = Path(getattr(sys.modules[module], "__file__", None) or module).stem
    return f"{module}.{run.__qualname__}"


def _storable(value: Any) -> bool:
    """Tell whether JSON gives back exactly this value."""
    if isinstance(value, list):
        return all(map(_storable, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _check_storable(name: str, values: Any) -> dict[str, Any]:
    """Return a dict of settings or metrics if it can be stored."""
    named = isinstance(values, dict) and all(isinstance(key, str) for key in values)
    require(named, name, values, "a dict from names to values")
    for key, value in values.items():
        require(_storable(value), f"{name}[{key!r}]", value, "a finite number, a text, None, or a list of these")
    return values


def _read(store: Path) -> dict[str, Row]:
    """Read the rows, each under its run's identity. Later rows replace earlier ones: they were tried again."""
    *lines, torn = store.read_bytes().split(b"\n")
    rows = {}
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or set(row) != _FIELDS:
            fail("store", f"{store}, line {number}: {line[:40]!r}", "one run as JSON, as sweep writes it")
        rows[_identity(row["run"], row["settings"], row["seed"])] = row
    if torn[: len(_START)] != _START[: len(torn)]:  # then this is no store at all, and nothing may be cut off
        fail("store", f"{store}, line {len(lines) + 1}: {torn[:40]!r}", "the start of a run as JSON, or nothing")
    return rows


def _resume(store: Path) -> dict[str, Row]:
    """Read the rows that are there, and cut off a last line that was torn when its writer was stopped."""
    if not store.exists():
        return {}
    rows = _read(store)
    os.truncate(store, store.read_bytes().rfind(b"\n") + 1)
    return rows
