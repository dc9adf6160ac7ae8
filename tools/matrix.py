"""Try the helpers on other versions: each Python that is there, with the oldest and the newest packages they allow.

    python tools/matrix.py                              # make matrix: about half an hour
    python tools/matrix.py --python 3.12 --packages oldest

In each environment run the helpers' own tests and three chapters. tools/matrix.json keeps what came out, and the status
page shows it. Environments are made by uv, which shares the files of packages that several have in common, and removed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bundle import build_wheel

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "tools" / "matrix.json"
PYTHONS = ("3.11", "3.12", "3.13")
PACKAGES = {"oldest": "lowest-direct", "newest": "highest"}
SHOWN = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "matplotlib", "ipywidgets")
SEARCHED = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
TESTERS = (
    "pytest",
    "beautifulsoup4",
    "papermill",
    "nbformat",
    "setuptools",
    "pytorch-metric-learning",
)
# Where widgets are of 2022, so is the kernel, as on Colab: beside version 7 an answer was lost in two of four runs.
KERNEL = {"oldest": "ipykernel<7", "newest": "ipykernel"}
TESTS = ("basics", "checks", "data", "figures", "losses", "metrics", "train")
CHAPTERS = ("03", "12", "15")  # an energy, the group's run, a recorded study


def run(command: list[object], **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the course's folder and return what it said."""
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    words = list(map(str, command))
    return subprocess.run(words, cwd=ROOT, env=env | more, capture_output=True, text=True, check=False)


def install(folder: Path, python: str, packages: str) -> str | None:
    """Make an environment with the helpers and what tests them; return what went wrong, if anything did."""
    uv = [shutil.which("uv", path=SEARCHED), "--quiet"]
    into = ["pip", "install", "--python", folder, "--only-binary", ":all:"]
    constraints = folder.with_suffix(".txt")
    steps = [
        [*uv, "venv", "--python", python, folder],
        # First what the course asks for, by name: of a wheel's own requirements "lowest-direct" takes the newest.
        [*uv, *into, "--resolution", PACKAGES[packages], "--requirements", ROOT / "pyproject.toml"],
        [*uv, *into, "--no-deps", build_wheel(ROOT, folder.parent)],
        [*uv, "pip", "freeze", "--python", folder],
        [*uv, *into, "--constraint", constraints, KERNEL[packages], *TESTERS],  # of the testers always the newest
    ]
    for step in steps:
        done = run(step)
        if done.returncode != 0:
            return f"{' '.join(map(str, step[1:]))}: {done.stderr.strip().splitlines()[-1]}"
        if "freeze" in step:
            pinned = [line for line in done.stdout.splitlines() if "==" in line and not line.startswith("ipykernel")]
            constraints.write_text("\n".join(pinned), encoding="utf-8")
    return None


def versions(python: Path) -> dict[str, str]:
    """Return the versions in an environment that results depend on."""
    code = (
        "import json, sys; from importlib.metadata import version as v; print(json.dumps([v(n) for n in sys.argv[1:]]))"
    )
    return dict(zip(SHOWN, json.loads(run([python, "-c", code, *SHOWN]).stdout), strict=True))


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last words of a command."""
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return lines[-1].strip("= ") if lines else f"nothing, exit status {done.returncode}"


def try_out(python: str, packages: str) -> dict[str, object]:
    """Make one environment, run tests and chapters in it, and return what came out."""
    row: dict[str, object] = {"python": python, "packages": packages, "date": datetime.now(UTC).date().isoformat()}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "env"
        if problem := install(folder, python, packages):
            return row | {"tests": f"not run: {problem}", "chapters": "not run", "passed": False}
        there = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        settings = {
            "OMP_NUM_THREADS": "1",
            "TQDM_DISABLE": "1",
            "PATH": f"{there.parent}{os.pathsep}{os.environ['PATH']}",
        }
        # No plug-ins and no promise about warnings: old and new packages have some that are not ours.
        pytest = [there, "-m", "pytest", "-q", "-o", "addopts=", "-o", "filterwarnings=default", "--confcutdir=tests"]
        tests = run([*pytest, *(f"tests/test_{name}.py" for name in TESTS)], **settings)
        chapters = run(
            [there, "tools/run_seeds.py", "--seeds", "0", "--budget-warns", "--chapters", *CHAPTERS], **settings
        )
        passed = tests.returncode == chapters.returncode == 0
        if not passed:
            print(tests.stdout[-4000:], chapters.stdout[-4000:], chapters.stderr[-2000:], sep="\n")
        return row | {"tests": last_line(tests), "chapters": last_line(chapters), "passed": passed} | versions(there)


def keep(row: dict[str, object]) -> None:
    """Put a row among the results in place of an older one of the same environment."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    same = ("python", "packages")
    rows = [old for old in rows if any(old[key] != row[key] for key in same)] + [row]
    text = json.dumps(sorted(rows, key=lambda one: [one[key] for key in same]), indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def main() -> int:
    """Read the arguments and try each environment; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--python", nargs="+", default=PYTHONS, help="versions (default: those of these that are there)"
    )
    parser.add_argument("--packages", nargs="+", choices=[*PACKAGES], default=[*PACKAGES])
    options = parser.parse_args()
    if shutil.which("uv", path=SEARCHED) is None:
        parser.error("uv, which makes the environments, is not there: pip install uv")
    missing = [python for python in options.python if shutil.which(f"python{python}") is None]
    print(*(f"no python{python} on the PATH: left out" for python in missing), sep="\n", end="\n" if missing else "")
    rows = []
    for python in (one for one in options.python if one not in missing):
        for packages in options.packages:
            rows.append(try_out(python, packages))
            keep(rows[-1])
            print(*rows[-1].values(), sep=" | ", flush=True)
    return 0 if rows and all(row["passed"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
