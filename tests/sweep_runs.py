"""Runs that the tests of sweeps send to other processes: here, because those need not import what only tests need."""

import math
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

PATIENCE = 60  # seconds until a test gives up waiting; a busy machine is slow to start processes


def wait_until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def rows_in(store: Path) -> int:
    return store.read_bytes().count(b"\n") if store.exists() else 0


def draw(seed: int, width: int, log: str, pause: float = 0.0) -> dict[str, Any]:
    """Draw from the global sources of randomness, and note who started which process for which run."""
    first = torch.rand(width).tolist()
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{multiprocessing.parent_process().pid} {os.getpid()} {width} {seed}\n")
    time.sleep(pause)
    return {"numbers": [*first, float(np.random.rand()), float(torch.rand(()))], "threads": torch.get_num_threads()}


def draw_slowly(seed: int, width: int, log: str) -> dict[str, Any]:
    """Draw; while a file is there, the runs of the second setting last for long."""
    waits = width == 2 and Path(log).with_name("wait").exists()
    return draw(seed, width, log, 10 * PATIENCE if waits else 0.0)


def greedy(seed: int, sizes: list[int]) -> dict[str, int]:
    sizes.append(seed)
    return {"count": len(sizes)}


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


RETURNS = {
    "good": {"a": 1, "b": [0.5, [1, "x"]], "c": "text", "d": None, "e": np.float64(2), "f": True, "g": {"h": 1}},
    **{"nan": {"a": math.nan}, "infinite": {"a": [1.0, -math.inf]}, "huge": {"a": 10**5000}, "tuple": {"a": (1, 2)}},
    **{"tensor": {"a": torch.zeros(2)}, "numpy": {"a": np.float32(1)}, "number": 3.0, "key": {1: 2.0}},
}


def end(seed: int, kind: str, wants: str | None = None) -> Any:
    """End in the way that is asked for, if a file is there that is wanted."""
    if wants and not Path(wants).exists():
        raise FileNotFoundError(2, "No such file or directory", wants)
    while kind == "spin":
        pass
    if kind == "exit":
        sys.exit("enough")
    if kind == "mute":
        raise Mute
    if kind == "death":
        if not os.fork():  # an heir of all that is open
            time.sleep(5)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(PATIENCE if kind == "sleep" else 0)
    multiprocessing.Process(target=list).start()  # a run may have processes of its own
    return RETURNS[kind]
