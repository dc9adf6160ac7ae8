"""Run chapters with other seeds: their claims must hold for each, not for a lucky one.

    python tools/run_seeds.py                                      # every chapter, seeds 0 to 4
    python tools/run_seeds.py --seeds 7 8 --chapters 01 --no-network
    python tools/run_seeds.py --seeds 0 --report claims.md         # does it hold on this machine? (make report)

Prints one line per chapter and seed: seconds, peak memory of the kernel, claims that held. Exits 1 if a claim
or a cell fails or the budget is exceeded, 2 if the network should be cut and cannot be.
"""

import argparse
import fcntl
import json
import os
import platform
import shutil
import socket
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import papermill
import torch
from kernels import PatientManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

ROOT = Path(__file__).resolve().parents[1]
MAX_SECONDS, MAX_TOTAL_SECONDS, MAX_MB = 60, 600, 2000
HANGS = 600  # seconds; a cell that takes longer hangs, such as when a kernel's answer is lost
CUT = "COURSE_NETWORK_IS_CUT"

# Runs as a last cell. VmHWM is this process's own peak; getrusage also counts the one it was forked from.
PROBE = """\
from pathlib import Path as _Path
_status = _Path("/proc/self/status").read_text()
print("PEAK", int(_status.split("VmHWM:")[1].split()[0]) / 1024)"""


@dataclass(frozen=True)
class Run:
    """What one run of a chapter took, and how it ended."""

    seconds: float
    peak_mb: float | None
    claims: list[dict[str, Any]]
    error: str | None

    @property
    def held(self) -> int:
        """How many claims held."""
        return sum(bool(record["holds"]) for record in self.claims)

    @property
    def over_budget(self) -> bool:
        """Whether it took more time or memory than a chapter may."""
        return self.seconds > MAX_SECONDS or (self.peak_mb or 0) > MAX_MB


def run_chapter(chapter: Path, seed: int, folder: Path) -> Run:
    """Run a copy of `chapter` with SEED set to `seed`."""
    notebook = nbformat.read(chapter, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE, id="probe"))
    copy, out, claims = folder / chapter.name, folder / "out.ipynb", folder / "claims.jsonl"
    nbformat.write(notebook, copy)
    claims.write_text("", encoding="utf-8")
    os.environ["COURSE_CLAIMS"] = str(claims)
    error, peak, start = None, None, time.perf_counter()
    try:
        # In the folder of the chapter, as in Jupyter; nothing is written there.
        how = {"execution_timeout": HANGS, "kernel_manager_class": PatientManager, "progress_bar": False}
        done = papermill.execute_notebook(str(copy), str(out), {"SEED": seed}, cwd=str(chapter.parent), **how)
        peak = float("".join(o.get("text", "") for o in done.cells[-1].outputs).split("PEAK", 1)[1])
    except PapermillExecutionError as failure:
        # The id, not papermill's number: that counts in the run copy, which has one cell more.
        error = f"cell {cell_id(out)}: {failure.ename}: {failure.evalue}"
    except CellTimeoutError:
        error = f"a cell did not end within {HANGS} seconds"
    except DeadKernelError:
        error = "the kernel died: did it run out of memory?"
    seconds = time.perf_counter() - start
    records = [json.loads(line) for line in claims.read_text(encoding="utf-8").splitlines()]
    return Run(seconds, peak, records, error)


def cell_id(out: Path) -> str:
    """Return the id of the cell that failed in an executed notebook."""
    for cell in nbformat.read(out, as_version=4).cells:
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return str(cell.id)
    return "unknown"


def line(chapter: Path, seed: int, run: Run) -> str:
    """Describe a run in one line, beside the budget."""
    peak = "     ?" if run.peak_mb is None else f"{run.peak_mb:6.0f}"
    state = "FAILED" if run.error else "OVER BUDGET" if run.over_budget else "ok"
    return (
        f"{chapter.stem:<34} seed {seed:<3} {run.seconds:6.1f} s of {MAX_SECONDS}  "
        f"{peak} MB of {MAX_MB}  {run.held:3} claims held  {state}"
    )


def machine() -> list[str]:
    """Describe what results may depend on: versions, processor, threads."""
    packages = (f"{name} {version(name)}" for name in ("torch", "torchvision", "numpy", "scipy", "scikit-learn"))
    python = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    cuda = f"CUDA {torch.version.cuda}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "no CUDA"
    vectors = torch.backends.cpu.get_cpu_capability()
    return [python, ", ".join(packages), f"{vectors}, {torch.get_num_threads()} threads, {cuda}"]


def report(runs: list[tuple[Path, int, Run]]) -> str:
    """Write up which claims held and which did not, ready to be pasted into an issue."""
    held, total = sum(run.held for _, _, run in runs), sum(len(run.claims) for _, _, run in runs)
    lines = ["# Do the claims hold here?", "", f"{held} of {total} claims that were reached held.", ""]
    lines += [f"- {line}" for line in machine()]
    lines += ["", "| chapter | seed | claims held | what failed |", "| --- | --- | --- | --- |"]
    for chapter, seed, run in runs:
        failed = [f"{record['text']} (measured: {record['measured']})" for record in run.claims if not record["holds"]]
        what = "; ".join(failed) or run.error or ""
        lines.append(f"| {chapter.stem} | {seed} | {run.held} | {what.replace('|', '/')} |")
    return "\n".join([*lines, "", "A chapter stops at its first claim that fails.", ""])


def run_all(chapters: list[Path], seeds: list[int], budget_warns: bool, write_up: Path | None = None) -> int:
    """Run every chapter with every seed, and write the report if one is wanted; return the exit status."""
    failures: list[str] = []
    runs: list[tuple[Path, int, Run]] = []
    for seed in seeds:
        total = 0.0
        for chapter in chapters:
            with tempfile.TemporaryDirectory() as folder:
                run = run_chapter(chapter, seed, Path(folder))
            runs.append((chapter, seed, run))
            total += run.seconds
            print(line(chapter, seed, run), flush=True)
            if run.error:
                failures.append(f"{chapter.name}, seed {seed}, {run.error}")
            elif run.over_budget and not budget_warns:
                failures.append(f"{chapter.name}, seed {seed}: over the budget")
        print(f"{'all':<34} seed {seed:<3} {total:6.1f} s of {MAX_TOTAL_SECONDS}", flush=True)
        if total > MAX_TOTAL_SECONDS and not budget_warns:
            failures.append(f"all chapters, seed {seed}: over the budget")
    if write_up is not None:
        write_up.parent.mkdir(parents=True, exist_ok=True)
        write_up.write_text(report(runs), encoding="utf-8")
        print(f"{write_up}: ready to be pasted into an issue")
    print("\n".join(["", *failures]) if failures else "every claim held")
    return 1 if failures else 0


def cut_network() -> None:
    """Start this program again where there is no network, or exit 2 where that is not permitted."""
    unshare = shutil.which("unshare")
    # Root may unshare the network at once; others need a user namespace, which some systems forbid.
    flags = ["--net"] if os.geteuid() == 0 else ["--net", "--map-root-user"]
    if unshare is None or os.spawnv(os.P_WAIT, unshare, [unshare, *flags, "true"]) != 0:
        print("the network cannot be cut here (unshare --net is missing or not permitted); nothing was run")
        sys.exit(2)
    os.environ[CUT] = "1"
    sys.stdout.flush()
    os.execv(unshare, [unshare, *flags, sys.executable, *sys.argv])


def bring_up_loopback() -> None:
    """Switch on 127.0.0.1, over which a kernel talks to us; fail if anything else is there."""
    others = [name for _, name in socket.if_nameindex() if name != "lo" and interface_is_up(name)]
    if others:
        print(f"the network should be cut, but {others} are up; nothing was run")
        sys.exit(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        siocsifflags, iff_up = 0x8914, 0x1
        fcntl.ioctl(link, siocsifflags, struct.pack("16sh", b"lo", iff_up))
    print("the network is cut: only 127.0.0.1 is left")


def interface_is_up(name: str) -> bool:
    """Tell whether a network interface is switched on (some kernels list idle tunnels in every namespace)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        siocgifflags, iff_up = 0x8913, 0x1
        answer = fcntl.ioctl(link, siocgifflags, struct.pack("16sh", name.encode(), 0) + bytes(14))
    return bool(struct.unpack("16sh", answer[:18])[1] & iff_up)


def main() -> int:
    """Read the arguments and run the chapters."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--chapters", nargs="+", help="beginnings of file names, such as 01 (default: all)")
    parser.add_argument("--no-network", action="store_true", help="run where only 127.0.0.1 can be reached")
    parser.add_argument("--report", type=Path, help="file for a report of the claims, with versions (Markdown)")
    parser.add_argument("--budget-warns", action="store_true", help="show what is over the budget, exit 0")
    options = parser.parse_args()
    if options.no_network and CUT not in os.environ:
        cut_network()
    if options.no_network:
        bring_up_loopback()
    every = sorted((ROOT / "book").glob("*.ipynb"))
    wanted = tuple(Path(name).stem for name in options.chapters or [""])
    chapters = [path for path in every if path.stem.startswith(wanted)]
    if not chapters:
        parser.error(f"no chapter begins with {options.chapters}; there are {[path.stem for path in every]}")
    return run_all(chapters, options.seeds, options.budget_warns, options.report)


if __name__ == "__main__":
    sys.exit(main())
