"""Say where the course lives: one command sets the owner for good, in every file that names the address.

    python tools/address.py OWNER/NAME          # rewrites the files, says what is left to do
    python tools/address.py --check OWNER/NAME  # exit 1 if the course does not say that it lives there

Until then `_config.yml` names an owner that nobody can register (GitHub's names have no underscore), and the site
offers bundles to upload in place of links that would lead nowhere.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CONFIG = "_config.yml"
FILES = ("*.md", "*.ipynb", "*.yml", "*.cff", "*.toml")
OWNER, NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?", r"[A-Za-z0-9._-]{1,100}"
LEFT = """\
The course says now that it lives at https://github.com/{0}. What is left to do:
1. Look at the changes (git diff), run `make test`, commit them and push to https://github.com/{0}, branch main.
2. On GitHub, Settings, Pages: choose "GitHub Actions" as the source. The next push publishes {1}
3. Make a first release, so that a citation can name a version: version and date are in CITATION.cff."""


class Repository(NamedTuple):
    """A repository on GitHub."""

    owner: str
    name: str

    @property
    def known(self) -> bool:
        """Whether the owner can exist: the stand-in has an underscore."""
        return re.fullmatch(OWNER, self.owner) is not None

    @property
    def site(self) -> str:
        """Return the address of its Pages, without the scheme."""
        return f"{self.owner.lower() if self.known else self.owner}.github.io/{self.name}/"

    def __str__(self) -> str:
        """Return OWNER/NAME."""
        return f"{self.owner}/{self.name}"


def repository(root: Path = ROOT) -> Repository:
    """Return what `_config.yml` says; read as text, so that the publishing workflow can ask before it installs."""
    found = re.search(r"^  url: https://github\.com/([^/\s]+)/([^/\s]+)$", (root / CONFIG).read_text("utf-8"), re.M)
    if found is None:
        raise ValueError(f"{root / CONFIG}: `repository` needs the line `  url: https://github.com/OWNER/NAME`")
    return Repository(*found.groups())


def wanted(text: str) -> Repository:
    """Read OWNER/NAME as somebody has written it."""
    if re.fullmatch(f"{OWNER}/{NAME}", text) is None or text.endswith((".git", "/.", "/..")):
        raise ValueError(
            f"REPO: got {text!r}, expected OWNER/NAME of a repository on GitHub, such as octocat/push-down-pull-up"
        )
    return Repository(*text.split("/"))


def moved(text: str, old: Repository, new: Repository) -> str:
    """Return a file's text with the old address replaced by the new one, wherever it may stand."""
    text = text.replace(f"github.com/{old}", f"github.com/{new}").replace(old.site, new.site)
    text = re.sub(rf"^cd {re.escape(old.name)}$", f"cd {new.name}", text, flags=re.M)
    return text.replace(f"notfound_urls_prefix: /{old.name}/", f"notfound_urls_prefix: /{new.name}/")


def move(root: Path, new: Repository) -> list[str]:
    """Rewrite every file that git knows and that names the address; return their names."""
    old = repository(root)
    listing = subprocess.run(["git", "ls-files", "-z", *FILES], cwd=root, capture_output=True, text=True, check=True)
    changed = []
    for name in filter(None, listing.stdout.split("\0")):
        path = root / name
        before = path.read_text(encoding="utf-8")
        if (after := moved(before, old, new)) != before:
            path.write_text(after, encoding="utf-8")
            changed.append(name)
    return changed


def check(root: Path, here: Repository) -> str | None:
    """Return what is wrong if the course does not say that it lives in the repository that is asked for."""
    said = repository(root)
    how = f"run `make address REPO={here}` once, commit and push"
    if not said.known:
        return f"{CONFIG} still names the stand-in {said}, where nothing can be: {how}."
    return None if str(said).lower() == str(here).lower() else f"{CONFIG} names {said}, and this is {here}: {how}."


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", metavar="OWNER/NAME")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the course names another place")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the course")
    options = parser.parse_args(arguments)
    try:
        here = wanted(options.repository)
        problem = check(options.root, here) if options.check else None
        changed = [] if options.check else move(options.root, here)
    except ValueError as error:
        parser.error(str(error))
    if problem:
        print(problem, file=sys.stderr)
    elif not options.check:
        print(f"{len(changed)} files changed: {', '.join(changed)}\n" if changed else "Nothing had to be changed.\n")
        print(LEFT.format(here, f"https://{here.site}"))
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
