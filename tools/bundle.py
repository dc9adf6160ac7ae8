"""Pack what works without a network: each chapter with the helpers beside it, and the whole course in one file.

    python tools/bundle.py             # after tools/build.py: writes _build/push-down-pull-up.zip
    python tools/bundle.py --chapters  # the chapters' bundles, in _build/bundles; the build does this by itself

The first cell of a chapter installs the wheel that lies beside it, wherever that is: a folder here, or Colab.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "push-down-pull-up"
BUNDLES = Path("_build") / "bundles"
BIRTH = (1980, 1, 1, 0, 0, 0)  # the same contents give the same file
IN_A_WHEEL = ("helpers", "pyproject.toml", "README.md", "LICENSE")
START = """\
Push Down, Pull Up, to take along
=================================

Read    python -m http.server --directory site
        then open http://127.0.0.1:8000 (no network is needed)
Run     open a notebook of the folder `notebooks` in Jupyter; its first cell installs the helpers that lie beside it
"""


def bundle_of(chapter: str) -> str:
    """Return the file name of a chapter's bundle: `01-two-networks-one-game` gives push-down-pull-up-chapter-01.zip."""
    return f"{NAME}-chapter-{chapter[:2]}.zip"


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the helpers' wheel from a copy, as setuptools leaves its traces where it works; return its path."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        for name in IN_A_WHEEL:
            source = root / name
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / name, ignore=ignored) if source.is_dir() else shutil.copy(source, copy)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        env = os.environ | {"SOURCE_DATE_EPOCH": "315532800", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        command += ["--wheel-dir", str(folder), str(copy)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the helpers' wheel could not be built:\n{done.stdout}{done.stderr}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def pack(target: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Write a zip of files under the names they shall have in it."""
    unfinished = target.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, BIRTH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    unfinished.replace(target)


def pack_chapters(root: Path = ROOT) -> list[Path]:
    """Write the bundle of each chapter, and drop those of chapters that are gone; return their paths."""
    folder = root / BUNDLES
    folder.mkdir(parents=True, exist_ok=True)
    bundles = []
    with tempfile.TemporaryDirectory() as place:
        wheel = build_wheel(root, Path(place))
        for chapter in sorted((root / "book").glob("[0-9][0-9]-*.ipynb")):
            bundles.append(folder / bundle_of(chapter.stem))
            pack(bundles[-1], [(chapter.name, chapter), (wheel.name, wheel)])
    for old in set(folder.iterdir()) - set(bundles):
        old.unlink()
    return bundles


def pack_translated(notebook: Path, bundles: Path, folder: Path) -> None:
    """Write the bundle of a translated chapter, with the wheel of the English one."""
    name = bundle_of(notebook.stem)
    with zipfile.ZipFile(bundles / name) as english, tempfile.TemporaryDirectory() as place:
        wheel = next(inside for inside in english.namelist() if inside.endswith(".whl"))
        folder.mkdir(parents=True, exist_ok=True)
        pack(folder / name, [(notebook.name, notebook), (wheel, Path(english.extract(wheel, place)))])


def pack_course(root: Path = ROOT) -> Path:
    """Write the site, the notebooks with the helpers' wheel, and a page that says how to begin; return the path."""
    build = root / "_build"
    site = build / "html"
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"{site / 'index.html'} is missing: build the site first (python tools/build.py)")
    with tempfile.TemporaryDirectory() as place:
        wheel, start = build_wheel(root, Path(place)), Path(place) / "START.txt"
        start.write_text(START, encoding="utf-8")
        files = [("START.txt", start), (f"notebooks/{wheel.name}", wheel)]
        files += [(f"notebooks/{path.name}", path) for path in sorted((root / "book").glob("[0-9][0-9]-*.ipynb"))]
        files += [(f"site/{path.relative_to(site)}", path) for path in sorted(site.rglob("*")) if path.is_file()]
        pack(build / f"{NAME}.zip", files)
    return build / f"{NAME}.zip"


def main(arguments: list[str] | None = None) -> int:
    """Pack what the arguments ask for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chapters", action="store_true", help="only each chapter with the helpers beside it")
    if parser.parse_args(arguments).chapters:
        print(f"{len(pack_chapters())} bundles in {BUNDLES}")
        return 0
    path = pack_course()
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.0f} MB, with everything that works offline")
    return 0


if __name__ == "__main__":
    sys.exit(main())
