"""Does everything hold on other processors? Pretend to be one, by what PyTorch and oneDNN may use, and run all again.

    python tools/processors.py            # make processors: tests and chapters, five settings, more than an hour
    python tools/processors.py --tests tests/test_train.py --chapters 12

Prints what failed under which settings, and exits 1 if anything did.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from joblib import cpu_count

ROOT = Path(__file__).resolve().parents[1]
# ATEN_CPU_CAPABILITY for PyTorch's own loops, DNNL_MAX_CPU_ISA for oneDNN's convolutions, threads. Not each with each:
# every value comes once beside the plainest and once beside the fastest of the others.
SETTINGS = [
    ("default", "SSE41", "1"),
    ("default", "AVX2", "1"),
    ("avx2", "SSE41", "1"),
    ("avx2", "AVX2", "1"),
    ("avx2", "AVX2", "2"),
]


def failures(command: list[str], env: dict[str, str]) -> list[str]:
    """Run a command; return the lines that name what failed, or its last line if it failed without any."""
    done = subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    named = [line for line in lines if re.match(r"(FAILED|ERROR) ", line) or ", seed " in line]
    return named or ([] if done.returncode == 0 else [(done.stderr.splitlines() or lines or ["no output"])[-1]])


def chapters_fail(chosen: list[str], env: dict[str, str]) -> list[str]:
    """Run chapters, as many at once as there are cores; return the lines that name what failed."""
    command = [sys.executable, "tools/run_seeds.py", "--seeds", "0", "--budget-warns", "--chapters"]
    with ThreadPoolExecutor(cpu_count()) as pool:
        return [line for lines in pool.map(lambda name: failures([*command, name], env), chosen) for line in lines]


def main() -> int:
    """Read the arguments and run everything under each of the settings; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", nargs="*", default=["tests"], help="files of tests (default: all but the site's)")
    parser.add_argument("--chapters", nargs="*", default=[""], help="beginnings of file names (default: all)")
    options = parser.parse_args()
    every = [path.stem for path in sorted((ROOT / "book").glob("*.ipynb"))]
    if lost := [name for name in options.chapters if not any(stem.startswith(name) for stem in every)]:
        parser.error(f"--chapters: no chapter begins with {', '.join(lost)}; there are {', '.join(every)}")
    chosen, bad = [stem for stem in every if stem.startswith(tuple(options.chapters))], 0
    for aten, dnnl, threads in SETTINGS:
        env = {"ATEN_CPU_CAPABILITY": aten, "DNNL_MAX_CPU_ISA": dnnl, "OMP_NUM_THREADS": threads, "COURSE_WORKERS": "1"}
        python = [sys.executable, "-m"]
        tests = [*python, "pytest", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", *options.tests]
        found = failures(tests, env) if options.tests else []
        found += chapters_fail(chosen, env)
        said = f"PyTorch {aten}, oneDNN {dnnl}, {threads} threads: {len(found) or 'nothing'} failed"
        print(said, *found, sep="\n  ", flush=True)
        bad += len(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
