"""The command line of all studies: `python -m helpers.studies stability --workers 2`; without a name, a list."""

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
    names = [info.name for info in pkgutil.iter_modules(studies.__path__) if info.name != "__main__"]
    modules = {name: importlib.import_module(f"helpers.studies.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "PARTS")}


def record(arguments: list[str] | None = None) -> None:
    """List the studies, or record what one of them lacks."""
    known = catalogue()
    parser = argparse.ArgumentParser("python -m helpers.studies", description="List the studies, or record one.")
    parser.add_argument("name", nargs="?", choices=list(known), metavar="NAME", help="of a study")
    parser.add_argument("--only", nargs="+", default=[], metavar="PART", help="of the study (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", metavar="SEED", help="(default: the study's)")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--cluster", help="address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="for a run; one that takes longer has failed")
    parser.add_argument("--retry-failed", action="store_true", help="run again what raised an error before")
    parser.add_argument("--store", type=Path, help="file to add to (default: the record that comes with the course)")
    options = parser.parse_args(arguments)
    if not options.name:
        lines = (f"{name:18} {study.__doc__.splitlines()[0]}\n{'':18} {study.COST}" for name, study in known.items())
        return print(*lines, sep="\n")
    study = known[options.name]
    store = options.store or getattr(study, "STORE", RESULTS / f"{options.name}.jsonl")
    if unknown := set(options.only) - set(study.PARTS):
        parser.error(f"no part {', '.join(unknown)} of {options.name}: {', '.join(study.PARTS)}")
    settings = [setting for part in options.only or study.PARTS for setting in study.PARTS[part]]
    how = {name: getattr(options, name) for name in ("workers", "cluster", "limit", "retry_failed")}
    sweep(study.run, settings, options.seeds or study.SEEDS, store, **how)


if __name__ == "__main__":
    record()
