"""Where the runs of a sweep are done: each in a process of its own, on this machine or beside a worker of a cluster.

A run that dies, or is ended because it takes too long, harms no other. It ends as soon as what started it does.
"""

import json
import multiprocessing
import os
import platform
import re
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from functools import cache
from multiprocessing import connection
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import torch

from helpers.checks import describe, require
from helpers.seed import seed_everything

Run = Callable[..., dict[str, Any]]
Task = tuple[str, dict[str, Any], int]  # the function's name, a setting, a seed
Row = dict[str, Any]
PATIENCE = 60  # seconds that a cluster may be without a worker
_VERSIONS = {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}
_FOLDER = re.compile(r"(?<![\w.:/])(?:/|[A-Za-z]:\\)[^\s'\"]*[/\\]")


def do_runs(run: Run, tasks: list[Task], workers: int, cluster: str | None, limit: float | None) -> Iterator[Row]:
    """Do a run for each task; give each row as soon as it is there. A run that cannot start raises."""
    if cluster:
        from distributed import Client
    with Client(cluster, set_as_default=False) if cluster else nullcontext() as client:
        executor = client.get_executor(pure=False) if client else ThreadPoolExecutor(workers)
        function = cloudpickle.dumps(run)  # to be read by nobody on the way: only its process needs its module
        waiting = {executor.submit(_do, function, *task, limit) for task in tasks}
        try:
            while waiting:
                done, waiting = wait(waiting, 1, FIRST_COMPLETED)
                failed = {future for future in done if future.cancelled() or future.exception()}
                yield from (future.result() for future in [*(done - failed), *failed])
                if client:
                    client.wait_for_workers(1, PATIENCE)
        except (CancelledError, OSError) as error:  # Dask's: that there is no worker is one, too
            if not client:
                raise
            raise ConnectionError(f"{cluster}: {error or 'lost the scheduler'}; sweep again to resume") from error
        finally:
            for future in waiting:
                future.cancel()
            while not client and wait(waiting, 0.05).not_done:
                for process in multiprocessing.active_children():
                    if process.name == __name__:
                        process.kill()


def _do(function: bytes, name: str, setting: dict[str, Any], seed: int, limit: float | None) -> Row:
    """Do one run in a process of its own, which is ended after `limit` seconds."""
    multiprocessing.current_process().daemon = False  # as a Dask worker is: it could start no process
    context = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
    context.set_forkserver_preload(["helpers.studies.sweep"])  # torch is imported once
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, function, setting, seed), name=__name__, daemon=True)
    process.start()
    theirs.close()

    def receive(seconds: float | None) -> Any:
        if not connection.wait([ours, process.sentinel], seconds):
            return TimeoutError(f"not done after {seconds:g} s")
        with suppress(EOFError):
            if ours.poll():
                return ours.recv()
        return RuntimeError("its process died")

    problem, start = receive(None), time.perf_counter()
    outcome = problem or receive(limit)
    process.kill()
    if problem:
        raise RuntimeError(f"{name} could not start: {problem}")
    if isinstance(outcome, Exception):
        outcome = {"metrics": {}, "error": _told(outcome), "gpu": None}
    where = {"seconds": round(time.perf_counter() - start, 3), "versions": _VERSIONS, "cpu": _cpu()}
    return {"run": name, "settings": setting, "seed": seed, **where, **outcome}


def _send(end: connection.Connection, function: bytes, setting: dict[str, Any], seed: int) -> None:
    """Send what kept a run from starting, or `None` and then what came of it."""
    multiprocessing.current_process().daemon = False  # a run may start processes, too
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the sweep, which then ends this process
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    try:
        run = cloudpickle.loads(function)
    except Exception as error:
        return end.send(f"{type(error).__name__}: {error}")
    end.send(None)
    metrics, error = {}, None
    seed_everything(seed)
    try:
        metrics = check_storable("metrics", run(seed=seed, **setting))
    except BaseException as problem:  # what ends a process, such as SystemExit, too
        error = _told(problem)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_initialized() else None
    end.send({"metrics": metrics, "error": error, "gpu": gpu})


def check_storable(name: str, values: Any) -> dict[str, Any]:
    """Return settings or metrics as JSON gives them back, which must be just what they were."""
    require(isinstance(values, dict), name, values, "a dict from names to values")
    kept = {}
    for key, value in values.items():
        with suppress(TypeError, ValueError, RecursionError):
            kept |= json.loads(json.dumps({key: value}, allow_nan=False))
        good = key in kept and kept[key] == value
        expected = "a finite number, a text, None, or a list of these, under a name"
        require(good, f"{name}[{key!r}]", describe(value), expected)
    return kept


def _told(error: BaseException) -> dict[str, str]:
    """Return type and message without the names of folders: they may say whose machine it is."""
    message = "".join(traceback.format_exception_only(error)).partition(": ")[2].strip()  # `str` might raise
    return {"type": type(error).__name__, "message": _FOLDER.sub("", message)[:500]}


@cache
def _cpu() -> str:
    """Name the processor, not the machine."""
    info = Path("/proc/cpuinfo")  # Linux; elsewhere Python knows a name
    names = re.findall(r"model name\s*: (.+)", info.read_text(encoding="utf-8")) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()
