"""All studies run through `sweep`: settings × seeds, on the cores of a machine or on a cluster, stored run by run.

A *run* is one training with a setting and a seed; what it returns are its *metrics*. Each is written to the *store*,
a text file with one JSON object per line, as soon as it is done: a sweep that was stopped is resumed by starting it
again. A row is a dict: `run` (the function's name), `settings`, `seed`, `metrics` (empty if the run failed), `error`
(`None`, or a dict of `type` and `message`), `seconds`, `versions`, `cpu`, and `gpu` (`None` if none was used).
"""

from __future__ import annotations

import inspect
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from helpers.checks import Count, Positive, Seed, checked, fail, require
from helpers.studies.runs import Row, Run, Task, check_storable, do_runs
from helpers.train import progress


@checked
def sweep(
    run: Run,
    settings: Sequence[dict],
    seeds: Sequence[Seed],
    store: str | Path,
    *,
    workers: Count = 2,
    cluster: str | None = None,
    limit: Positive | None = None,
    retry_failed: bool = False,
) -> list[Row]:
    """Run every setting with every seed, except for what the store has already; return a row for each.

    `run(seed=seed, **setting)` is a function at the top level of a module; it returns a dict of finite numbers,
    texts, `None`, or lists of these, and settings are made of the same. Each begins with `seed_everything` in a process
    of its own. It is known by its function's name, its setting and its seed: if you change its code, take a new store.

    A run that raises, dies, or takes longer than `limit` seconds is stored with its error; `retry_failed` runs it
    again. One that cannot start (a worker lacks its module) is no result: it stops the sweep. `cluster` is the address
    of a Dask scheduler, such as "tcp://10.0.0.5:8786". One sweep at a time can hold a store.
    """
    name, store = _name(run, settings), Path(store)
    tasks = {_identity(name, setting, seed): (name, setting, seed) for seed in seeds for setting in settings}
    require(len(tasks) == len(settings) * len(seeds), "settings, seeds", "one of them twice", "each of them once")
    require(cluster is None or re.search(r":\d+$", cluster), "cluster", cluster, "one such as 'tcp://10.0.0.5:8786'")

    def look() -> tuple[dict[str, Row], bytes, list[Task]]:
        rows, sound = _read(store) if store.exists() else ({}, b"")
        done = {key for key, row in rows.items() if not (retry_failed and row["error"])}
        return rows, sound, [task for key, task in tasks.items() if key not in done]

    if look()[2]:  # else nothing is written: the store may be read-only
        with _held(store), store.open("ab") as file:
            _, sound, todo = look()
            file.truncate(len(sound))
            file.write(b"\n" if sound[-1:] not in b"\r\n" else b"")
            with closing(do_runs(run, todo, workers, cluster, limit)) as results:
                for row in progress(results, store.stem, total=len(todo)):
                    file.write(json.dumps(_row(**row), allow_nan=False).encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())  # on the disk, not only on its way there
    rows, _, _ = look()
    return [rows[_identity(name, setting, seed)] for setting in settings for seed in seeds]


def load(store: str | Path) -> list[Row]:
    """Read a store, whether or not its sweep has finished: one row per run, its last try if there were several."""
    return list(_read(Path(store))[0].values())


def recorded(name: str) -> list[Row]:
    """Read the results of a study that come with this package: helpers/studies/results/NAME.jsonl."""
    folder = files("helpers.studies") / "results"
    there = {file.name.removesuffix(".jsonl"): file for file in folder.iterdir() if file.name.endswith(".jsonl")}
    require(name in there, "name", repr(name), f"a recorded study: {', '.join(sorted(there)) or 'there is none'}")
    return list(_read(there[name])[0].values())


def select(rows: Iterable[Row], **where: Any) -> list[Row]:
    """Pick the rows with the given settings or seed: `select(rows, method="ebgan", seed=0)`."""
    flat = [(row, {**row["settings"], "seed": row["seed"]}) for row in rows]
    for name, value in where.items():
        if flat and not any(name in setting for _, setting in flat):
            known = sorted({known for _, setting in flat for known in setting})
            fail(name, value, f"the name of a setting of these rows: one of {', '.join(known)}")
    return [row for row, setting in flat if where.items() <= setting.items()]


def _identity(name: str, setting: dict[str, Any], seed: int) -> str:
    """Say which run it is, in the same way in every process and on every machine."""
    return json.dumps([name, setting, seed], sort_keys=True)


def _name(run: Run, settings: Sequence[dict]) -> str:
    """Return a function's name with that of its module, after a look at the settings that it is to be called with."""
    require(inspect.isfunction(run) and "<" not in run.__qualname__, "run", run, "a function of a module's top level")
    name = f"{run.__module__}.{run.__qualname__}"
    for number, setting in enumerate(settings):
        check_storable(f"settings[{number}]", setting)
        try:
            inspect.signature(run).bind(seed=0, **setting)
        except TypeError as error:
            fail(f"settings[{number}]", setting, f"what {name} takes, without the seed ({error})")
    return name


@checked
def _row(run: str, settings: dict, seed: Seed, metrics: dict, error: dict | None, **how: Any) -> Row:
    require(error is None or set(error) == {"type", "message"}, "error", error, "a dict of type and message")
    require(set(how) == {"seconds", "versions", "cpu", "gpu"}, "how it ran", how, "seconds, versions, cpu and gpu")
    return {"run": run, "settings": settings, "seed": seed, "metrics": metrics, "error": error, **how}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    require(len(dict(pairs)) == len(pairs), "names", [name for name, _ in pairs], "each of them once")
    return dict(pairs)


def _read(store: Path) -> tuple[dict[str, Row], bytes]:
    """Return rows by their run's identity, the last try of each, and the sound part of the file: all but a torn end."""
    rows, sound = {}, b""
    lines = store.read_bytes().rstrip(b"\0").splitlines(keepends=True)  # a power cut may leave zeros at the end
    for number, line in enumerate(lines, 1):
        try:
            row = _row(**json.loads(line, object_pairs_hook=_once))
            json.dumps(row, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            torn = isinstance(error, json.JSONDecodeError) and line[:8] == b'{"run": '[: len(line)]
            if torn and number == len(lines) and re.fullmatch(rb"[ -~]*", line):
                break
            fail("store", f"{store}, line {number}: {line[:40]!r}", f"one run as JSON, as sweep writes it ({error})")
        rows[_identity(row["run"], row["settings"], row["seed"])] = row
        sound += line
    return rows, sound


@contextmanager
def _held(store: Path) -> Iterator[None]:
    """Hold a store: two sweeps at once would lose runs. A second file names the holder: Windows lets none read it."""
    path, owner = (store.resolve().with_name(f"{store.name}.{end}") for end in ("lock", "owner"))
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        holder = owner.read_text(encoding="utf-8") if owner.exists() else "since now"
        raise RuntimeError(f"{store}: another sweep holds it ({holder})") from None
    try:
        owner.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
        yield
    finally:
        for file in (owner, path):
            with suppress(PermissionError):  # Windows keeps what is locked; there `release` removes it
                file.unlink(missing_ok=True)
        lock.release()
