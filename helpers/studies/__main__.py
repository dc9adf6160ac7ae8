"""The command line of all studies: `python -m helpers.studies stability --workers 2`; without a name, a list."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from helpers import studies
from helpers.studies.sweep import sweep

RESULTS = Path(__file__).parent / "results"


def catalogue() -> dict[str, ModuleType]:
    """Return the modules that record something: those that say which parts they have."""
    names = [info.name for info in pkgutil.iter_modules(studies.__path__) if not info.name.startswith("_")]
    modules = {name: importlib.import_module(f"helpers.studies.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "PARTS")}


def record(name: str, arguments: list[str]) -> None:
    """Sweep seed by seed, so that an unfinished record has every part."""
    study = catalogue()[name]
    parser = argparse.ArgumentParser(f"python -m helpers.studies {name}", description=study.__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(study.SEEDS))
    parser.add_argument("--only", nargs="+", choices=list(study.PARTS), default=list(study.PARTS), metavar="PART")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--cluster", help="address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    parser.add_argument("--retry-failed", action="store_true", help="run again what raised an error before")
    parser.add_argument("--store", type=Path, default=RESULTS / f"{name}.jsonl", help="file to add to")
    options = parser.parse_args(arguments)
    settings = [setting for part in options.only for setting in study.PARTS[part]]
    how = {"workers": options.workers, "cluster": options.cluster, "retry_failed": options.retry_failed}
    for seed in options.seeds:
        sweep(study.run, settings, [seed], options.store, label=f"seed {seed}", **how)


def main() -> None:
    """List the studies, or record one."""
    parser = argparse.ArgumentParser("python -m helpers.studies", description="Record what a study lacks.")
    parser.add_argument("name", nargs="?", choices=list(catalogue()), metavar="NAME", help="of a study")
    options, rest = parser.parse_known_args()
    if options.name:
        return record(options.name, rest)
    for name, study in catalogue().items():
        print(f"{name:18} {study.__doc__.splitlines()[0]}\n{'':18} {study.COST}")


if __name__ == "__main__":
    main()
