"""How fast does the lab train in a browser, and does its page stay awake meanwhile?

    python benchmarks/lab_page.py            # needs the built site and Chromium on the PATH; a minute
    python benchmarks/lab_page.py --phone    # one run, in a browser that gets a quarter of the time
    python benchmarks/lab_page.py wgan_gp cd # only some methods

For each method: steps a second of each run while Play goes as fast as it can, on how many cores the whole browser
worked, its processor time for a step of all runs (a busy machine changes that less), the longest task of the page's
main thread, and how long the page takes to show that a button was pressed. Targets: eight runs (32 units, a batch of
64) at 25 steps a second on two cores, which is 80 ms of processor time for a step; no task above 50 ms; an answer
within 100 ms.

Chromium can slow a page's main thread only, and the lab trains in workers; so for a phone the processes that hold pages
and their workers are stopped for three quarters of the time, 18 of every 24 ms.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from site_server import serve  # noqa: E402  (the path above leads there)

METHODS = {
    "plane": ["gan", "gan_saturating", "wgan_gp", "ebgan", "ebgan_pt", "ebgan_pt_unsquared", "cd"],
    "contrast": ["bare_cosine", "scale_bias", "pair_margin", "triplet", "nt_xent", "sup_con"],
}
WARM, SECONDS = 1.5, 2.5  # of play, for each method: until its code is compiled, and what counts
TURN = 0.024  # seconds from one start of a slowed browser to the next
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
WATCH = """() => { window.longest = 0; window.answers = [];
  new PerformanceObserver(list => list.getEntries().forEach(task => longest = Math.max(longest, task.duration)))
    .observe({ type: "longtask" });
  new PerformanceObserver(list => list.getEntries().forEach(event => answers.push(event.duration)))
    .observe({ type: "event", durationThreshold: 16 }); }"""


def children(parent: int) -> list[int]:
    """Return the numbers of all processes below one, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                child = int(stat.parent.name)
                found += [child, *children(child)]
    return found


@contextlib.contextmanager
def slowed(share: float) -> Iterator[None]:
    """Let the browsers that this process started run for a share of the time only."""
    ended = threading.Event()
    pids = [pid for pid in children(os.getpid()) if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def send(number: int) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def turns() -> None:
        while not ended.is_set():
            send(signal.SIGSTOP)
            time.sleep(TURN * (1 - share))
            send(signal.SIGCONT)
            time.sleep(TURN * share)

    thread = threading.Thread(target=turns)
    if share < 1:
        thread.start()
    yield
    ended.set()
    if share < 1:
        thread.join()


def processor_time() -> float:
    """Return the seconds that the browsers of this process have worked."""
    total = 0
    for pid in children(os.getpid()):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def measure(page: Page) -> str:
    """Return what is printed of a method that the lab is about to play."""
    page.evaluate("() => { longest = 0; answers.length = 0; }")
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(1000 * WARM)
    now = "() => [lab.state().step, performance.now() / 1000]"
    before, start = page.evaluate(now)
    worked = processor_time()
    page.wait_for_timeout(1000 * SECONDS)
    after, end = page.evaluate(now)
    worked = processor_time() - worked
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(300)
    longest, answers = page.evaluate("() => [longest, answers]")
    rate, cores = (after - before) / (end - start), worked / (end - start)
    return (
        f"{rate:5.0f} steps a second on {cores:.2f} cores, {1000 * cores / max(rate, 0.1):5.1f} ms of work each, "
        f"longest task {longest or '< 50'} ms, "
        f"answers {max(answers, default='< 16')} ms"
    )


def main() -> None:
    """Print a line for each method."""
    phone, named = "--phone" in sys.argv, [name for name in sys.argv[1:] if name != "--phone"]
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    address = next(served := serve(ROOT / "_build" / "html"))  # `served` keeps the server
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=found, args=FLAGS) as browser:
        page = browser.new_page(viewport=PHONE if phone else DESKTOP)
        page.goto(f"{address}lab.html?speed=fast")
        page.wait_for_function("() => window.lab")
        page.evaluate(WATCH)
        seeds = "[0]" if phone else "[0, 1, 2, 3, 4, 5, 6, 7]"
        with slowed(0.25 if phone else 1):
            for view, methods in METHODS.items():
                for method in methods if not named else [name for name in named if name in methods]:
                    page.evaluate(f"() => lab.set({{ view: '{view}', method: '{method}', seeds: {seeds} }})")
                    print(f"{method:19}{measure(page)}", flush=True)
    served.close()


if __name__ == "__main__":
    main()
