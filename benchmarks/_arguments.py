"""The command line that the benchmarks share."""

from __future__ import annotations

import argparse

from helpers.seed import THREADS


def arguments(description: str, **counts: tuple[int, str]) -> argparse.Namespace:
    """Read --check, --threads and some counts.

    Args:
        description: of the benchmark; its first line is shown by --help.
        **counts: the default of each count and what it counts.

    Returns:
        The arguments, by name.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    for name, (default, what) in counts.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{what} (default: {default})")
    parser.add_argument("--threads", type=int, default=THREADS, help=f"CPU threads of torch (default: {THREADS})")
    return parser.parse_args()
