"""The command line that all studies share: which seeds, which parts, how many processes, which cluster."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from helpers.sweep import sweep


def record(
    script: str,
    description: str,
    run: Callable[..., dict[str, Any]],
    parts: dict[str, list[dict[str, Any]]],
    seeds: Iterable[int],
) -> None:
    """Read the arguments, then sweep seed by seed, so that an unfinished record has every part.

    Args:
        script: the study's `__file__`; studies/NAME.py records in helpers/results/NAME.jsonl.
        description: of the study; its first line is shown by --help.
        run: what `sweep` runs.
        parts: names that --only can choose, and the settings of each.
        seeds: of the whole study.
    """
    store = Path(script).parents[1] / "helpers" / "results" / f"{Path(script).stem}.jsonl"
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds))
    parser.add_argument("--only", nargs="+", choices=list(parts), default=list(parts), help="parts (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--cluster", help="address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    options = parser.parse_args()
    settings = [setting for part in options.only for setting in parts[part]]
    for seed in options.seeds:
        sweep(run, settings, [seed], store, workers=options.workers, cluster=options.cluster, label=f"seed {seed}")
