"""Build the website: execute the chapters that need it, then write the pages.

    python tools/build.py              # a line for each chapter, failures in full, the address
    python tools/build.py --jobs 4     # four chapters at once; JOBS=4 does the same
    python tools/build.py -v           # every claim as it is made, and all that Sphinx says

Exits 1 if a cell, a claim, a link or a page is not as it should be.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from bundle import BUNDLES, pack_chapters
from edition import EDITION, write_edition
from execute import ROOT, execute_book
from joblib import cpu_count
from jupyter_book.sphinx import build_sphinx
from korean import LOCALES
from speech import SPOKEN, Language, speak

BUILD = ROOT / "_build"
STAMP = BUILD / ".site"  # what the site was built from; missing after a build that failed
KOREAN = BUILD / "html" / "ko"
GENERATED = {"__pycache__", "node_modules", "vendor", ".ipynb_checkpoints", "locales"}


def files_in(folder: Path) -> list[Path]:
    """Return the files below a folder that somebody wrote, in order."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not GENERATED & set(path.relative_to(folder).parts))


def digest(paths: Iterable[Path], *more: str) -> str:
    """Hash files with their names, and whatever else."""
    found = hashlib.sha256(repr(more).encode())
    for path in paths:
        found.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def machinery() -> str:
    """Hash what every page depends on."""
    settings = (ROOT / name for name in ("_config.yml", "_toc.yml", "requirements.txt"))
    return digest([*files_in(ROOT / "tools"), *files_in(ROOT / "tools" / "vendor"), *settings])


def contents() -> str:
    """Hash what the pages are made from; the last commit gives them their dates."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    folders = (ROOT / "book", ROOT / "helpers", BUILD / "executed", BUILD / "pdf", BUILD / "bundles")
    return digest([path for folder in folders for path in files_in(folder)], head)


def overrides(root: Path) -> dict[str, Any]:
    """Return the settings that are not in _config.yml: those of the build, and those of an edition's language."""
    found = {"external_toc_path": str(root / "_toc.yml"), "nitpicky": True, "latex_individualpages": False}
    if SPOKEN.name == "en":
        return found
    home = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"] + f"{SPOKEN.name}/"
    found |= {"html_baseurl": home, "ogp_site_url": home, "ogp_image": f"{home}_static/social.png"}
    return found | {"language": SPOKEN.name, "locale_dirs": [str(root / "locales")]}


def build_pages(builder: str, fresh: bool, verbose: bool, root: Path = ROOT) -> bool:
    """Let Sphinx write the pages; tell whether it found nothing to complain about."""
    # The extension for the contents looks at every object in memory, and one of torch's is out of date.
    warnings.filterwarnings("ignore", "`torch.distributed.reduce_op` is deprecated", FutureWarning)
    # Unchanged pages are not read again, yet all are written: a link is looked up while its page is written.
    result = build_sphinx(
        str(root / "book"),
        str(root / "_build" / builder),
        path_config=str(ROOT / "_config.yml"),
        noconfig=True,
        confoverrides=overrides(root),
        builder=builder,
        force_all=True,
        freshenv=fresh,
        warningiserror=True,
        keep_going=True,
        quiet=not verbose,
    )
    return result == 0


def share_pictures(site: Path, edition: Path) -> None:
    """Let an edition show the pictures of the English site, and drop its own copies of them."""
    shared = {path.name for path in (edition / "_images").glob("*") if (site / "_images" / path.name).is_file()}
    shown = re.compile(r"_images/([\w.-]+)")
    for path in (path for path in edition.rglob("*.*") if path.suffix in {".html", ".js"} and path.is_file()):
        text = path.read_text(encoding="utf-8")
        new = shown.sub(lambda found: f"../{found[0]}" if found[1] in shared else found[0], text)
        if new != text:
            path.write_text(new, encoding="utf-8")
    for name in shared:
        (edition / "_images" / name).unlink()


def build_edition(verbose: bool) -> bool:
    """Write the Korean edition beside the English site; tell whether all is well. It executes nothing."""
    start, stamp = time.monotonic(), EDITION / ".site"
    now = [machinery(), digest(sorted(LOCALES.rglob("*.po")), contents())]
    before = stamp.read_text(encoding="utf-8").split() if stamp.is_file() else []
    if now == before and (KOREAN / "index.html").is_file():
        print("Korean edition: nothing has changed")
        return True
    fresh = before[:1] != now[:1]
    stamp.unlink(missing_ok=True)
    if fresh:
        shutil.rmtree(EDITION / "_build", ignore_errors=True)
    speak(write_edition())
    try:
        well = build_pages("html", fresh, verbose, EDITION)
    finally:
        speak(Language())
    if not well:
        print("Korean edition: FAILED, see above")
        return False
    shutil.rmtree(KOREAN, ignore_errors=True)
    shutil.copytree(EDITION / "_build" / "html", KOREAN)
    share_pictures(KOREAN.parent, KOREAN)
    stamp.write_text("\n".join(now), encoding="utf-8")
    print(f"Korean edition: {time.monotonic() - start:.0f} s, nothing executed")
    return True


def build_site(builder: str, verbose: bool) -> bool:
    """Write the pages unless nothing has changed since they were written; tell whether all is well."""
    start, now = time.monotonic(), [machinery(), contents()]
    before = STAMP.read_text(encoding="utf-8").split() if STAMP.is_file() else []
    if builder == "html" and now == before and (BUILD / "html" / "index.html").is_file():
        print("pages: nothing has changed")
        return True
    # Sphinx complains about a page when it reads it: after a failure, and with other tools, it reads all of them.
    fresh = before[:1] != now[:1]
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(KOREAN, ignore_errors=True)  # the English site is made alone, and the edition put beside it again
    for folder in (BUILD / builder, BUILD / "jupyter_execute") if fresh else ():
        shutil.rmtree(folder, ignore_errors=True)  # or pages that have left the book would stay
    print(f"pages: {'writing all of them' if fresh else 'writing what has changed'}", flush=True)
    if not build_pages(builder, fresh, verbose):
        print("pages: FAILED, see above")
        return False
    print(f"pages: {time.monotonic() - start:.0f} s")
    STAMP.write_text("\n".join(now if builder == "html" else before), encoding="utf-8")
    return True


def build_bundles() -> None:
    """Pack each chapter with the helpers, unless nothing in them has changed since."""
    stamp, files = ROOT / BUNDLES.parent / ".bundles", [ROOT / "pyproject.toml", *files_in(ROOT / "helpers")]
    now = digest([*files, *sorted((ROOT / "book").glob("*.ipynb"))])
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == now and (ROOT / BUNDLES).is_dir()):
        pack_chapters()
        stamp.write_text(now, encoding="utf-8")


def tell_failures(failures: list[str]) -> None:
    """Print what went wrong in chapters, as the last words of a build."""
    for failure in failures:
        print(f"\nA chapter failed: {failure}", file=sys.stderr)


def main() -> int:
    """Read the arguments and build; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    jobs = os.environ.get("JOBS") or cpu_count()
    parser.add_argument("--jobs", type=int, default=jobs, help="chapters at once (default: one for each core)")
    parser.add_argument("--builder", default="html", choices=["html", "singlehtml"])
    parser.add_argument("-v", "--verbose", action="store_true", default=bool(os.environ.get("V")))
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}; at least 1 is wanted")
    start = time.monotonic()
    failures = execute_book(options.jobs, options.verbose)
    if failures:
        tell_failures(failures)
        return 1
    build_bundles()
    if not build_site(options.builder, options.verbose):
        return 1
    if options.builder == "html" and LOCALES.is_dir() and not build_edition(options.verbose):
        return 1
    print(f"total: {time.monotonic() - start:.0f} s. Open: {(BUILD / options.builder / 'index.html').as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
