"""Are the course's contrastive losses as fast and as small as those of other libraries?

Prints, for each loss and batch, the time and the peak memory of forward and backward pass as ratios, library over
course: 2 means that the library takes twice as much. lightly takes part if it is installed. See README.md beside this
file.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # torch's profiler would report each start and stop

import torch
from _arguments import arguments
from pytorch_metric_learning import losses as pml
from torch.profiler import ProfilerActivity, profile

from helpers.losses import nt_xent, sup_con
from helpers.seed import seed_everything

try:
    from lightly.loss import NTXentLoss as LightlyLoss
except ModuleNotFoundError:
    LightlyLoss = None

SIZES = (128, 512, 2048)
WIDTH, CLASSES, TEMPERATURE = 128, 10, 0.5
# pytorch-metric-learning's NTXentLoss pairs every positive pair with every negative one: 4.3 GB for each of its
# tensors at N = 512, and 275 GB at N = 2,048.
LARGEST_PML_NT_XENT = 128
SMALLEST_RATIO = 1.0  # the course may take at most as much as a library

Loss = Callable[[], torch.Tensor]


def contestants(n: int) -> Iterator[tuple[str, dict[str, Loss]]]:
    """Yield for each loss what computes it, the course's own first, on two views of `n` pictures."""
    a, b = torch.randn(2, n, WIDTH).unbind()
    views = torch.cat([a, b]).requires_grad_()
    partners, classes = torch.arange(n).repeat(2), torch.arange(2 * n) % CLASSES
    large, small = pml.SupConLoss(TEMPERATURE), pml.NTXentLoss(TEMPERATURE)
    others: dict[str, Loss] = {"pytorch-metric-learning SupConLoss": lambda: large(views, partners)}
    if LightlyLoss is not None:
        lightly = LightlyLoss(TEMPERATURE)
        others["lightly NTXentLoss"] = lambda: lightly(*views.split(n))
    if n <= LARGEST_PML_NT_XENT:
        others["pytorch-metric-learning NTXentLoss"] = lambda: small(views, partners)
    yield "nt_xent", {"course": lambda: nt_xent(*views.split(n), TEMPERATURE), **others}
    yield (
        "sup_con",
        {
            "course": lambda: sup_con(views, classes, TEMPERATURE),
            "pytorch-metric-learning SupConLoss": lambda: large(views, classes),
        },
    )


def seconds(loss: Loss) -> float:
    """Return the time of one forward and backward pass."""
    start = time.perf_counter()
    loss().backward()
    return time.perf_counter() - start


def peak_bytes(loss: Loss) -> int:
    """Return how far the memory that torch holds rises above where it was, at the highest point of the two passes.

    torch's profiler notes every block that its allocator hands out or takes back, also the ones that live only inside
    an operation; their running sum is the memory that is held. What Python itself needs is not in it.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        loss().backward()
    with tempfile.TemporaryDirectory() as folder:
        record.export_chrome_trace(str(trace := Path(folder) / "trace.json"))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    blocks = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    held = highest = 0
    for _, size in blocks:
        held += size
        highest = max(highest, held)
    return highest


def measure(racers: dict[str, Loss], repeats: int) -> dict[str, tuple[float, int]]:
    """Return each one's median time and peak memory; they take turns, so that a busy moment slows all of them."""
    values = [float(loss().detach()) for loss in racers.values()]
    if max(values) - min(values) > 1e-4:
        raise ValueError(f"the losses disagree: {dict(zip(racers, values, strict=True))}")
    for loss in racers.values():
        seconds(loss)  # the first pass pays for the gradient's memory
    times = {name: [] for name in racers}
    for _ in range(repeats):
        for name, loss in racers.items():
            times[name].append(seconds(loss))
    return {name: (statistics.median(times[name]), peak_bytes(loss)) for name, loss in racers.items()}


def main() -> int:
    """Measure, print, and judge if asked to."""
    given = arguments(__doc__ or "", repeats=(5, "passes, of which the median counts"))
    seed_everything(0, threads=given.threads)
    print(f"torch {torch.__version__}, {given.threads} threads; embeddings of length {WIDTH}, two views each")
    print(f"{'loss':<8} {'N':>5}  {'compared with':<35} {'time':>7} {'memory':>7}")
    smallest = float("inf")
    for n in SIZES:
        for name, racers in contestants(n):
            table = measure(racers, given.repeats)
            our_time, our_peak = table.pop("course")
            for other, (their_time, their_peak) in table.items():
                ratios = their_time / our_time, their_peak / our_peak
                smallest = min(smallest, *ratios)
                print(f"{name:<8} {n:>5}  {other:<35} {ratios[0]:>7.2f} {ratios[1]:>7.2f}", flush=True)
    verdict = "met" if smallest >= SMALLEST_RATIO else "MISSED"
    print(f"target: no ratio below {SMALLEST_RATIO:g}; the smallest is {smallest:.2f}: {verdict}")
    return int(given.check and smallest < SMALLEST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
