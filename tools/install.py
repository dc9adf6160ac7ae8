"""Make the environment in .venv and install everything pinned there, unless that was done before.

    python3 tools/install.py                # with PyTorch as it comes, on Linux with 4 GB of CUDA libraries
    python3 tools/install.py --torch cpu    # with PyTorch's own wheels for a CPU, and without CUDA
    python3 tools/install.py -v             # all that pip says

Needs nothing but Python 3.11 or newer, because it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / ".installed"
PINS = ROOT / "requirements.txt"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"  # PyTorch's own; TORCH_INDEX names another
CUDA = re.compile(r"^(nvidia-|cuda-|triton\b)")
SIZES = {"default": "about 6 GB on Linux, most of it CUDA libraries", "cpu": "about 2 GB"}


def python() -> Path:
    """Return the environment's Python."""
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pip(*words: str, verbose: bool) -> None:
    """Run pip in the environment; it says nothing but errors unless asked for more."""
    quiet = [] if verbose else ["--quiet", "--quiet"]
    command = [str(python()), "-m", "pip", "install", "--disable-pip-version-check", *quiet, *words]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        sys.exit(f"pip failed (its message is above): {' '.join(command)}")


def pins_without_cuda(pins: str) -> str:
    """Return the pinned packages without those that only a graphics card uses."""
    return "".join(line for line in pins.splitlines(keepends=True) if not CUDA.match(line))


def torch_pins(pins: str) -> list[str]:
    """Return the pins of PyTorch's own packages."""
    return re.findall(r"^(?:torch|torchvision)==[^\s;]+", pins, re.MULTILINE)


def install(variant: str, verbose: bool) -> None:
    """Install the pinned packages, then the course's own helpers so that an edit is seen at once."""
    pins = PINS
    if variant == "cpu":
        text = PINS.read_text(encoding="utf-8")
        # Without their dependencies: those are pinned too, and come from the usual index.
        index = os.environ.get("TORCH_INDEX") or CPU_INDEX
        pip("--no-deps", "--index-url", index, *torch_pins(text), verbose=verbose)
        pins = ENVIRONMENT / "requirements-cpu.txt"
        pins.write_text(pins_without_cuda(text), encoding="utf-8")
    pip("-r", str(pins), verbose=verbose)
    pip("--no-deps", "--no-build-isolation", "-e", ".", verbose=verbose)


def main() -> None:
    """Read the arguments and install what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", choices=SIZES, default=os.environ.get("TORCH") or None)
    parser.add_argument("-v", "--verbose", action="store_true", default=bool(os.environ.get("V")))
    options = parser.parse_args()
    before = STAMP.read_text(encoding="utf-8").split() if STAMP.is_file() else []
    variant = options.torch or (before[0] if before else "default")
    if variant not in SIZES:
        parser.error(f"TORCH is {variant!r}; {' or '.join(SIZES)} is wanted")
    now = [variant, hashlib.sha256(PINS.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()]
    if now == before:
        return
    if before and variant != before[0]:
        sys.exit(f".venv holds PyTorch's variant {before[0]!r}; for {variant!r} delete .venv first")
    start, count = time.monotonic(), len(re.findall(r"^\S+==", PINS.read_text(encoding="utf-8"), re.MULTILINE))
    print(f"installing {count} packages into .venv ({SIZES[variant]}); V=1 shows each", flush=True)
    venv.create(ENVIRONMENT, with_pip=True, symlinks=os.name != "nt")
    install(variant, options.verbose)
    STAMP.write_text("\n".join(now), encoding="utf-8")
    print(f"installed in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
