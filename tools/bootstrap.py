"""Keep the first code cell of every chapter in step with `repository` in `_config.yml`.

A chapter opened alone in Colab has no `helpers`; its first code cell installs those of this repository. The
address is written in one place, `_config.yml`, and this tool copies it into the notebooks:

    python tools/bootstrap.py            # write the cell into every notebook in book/
    python tools/bootstrap.py --check    # exit 1 and name the notebooks that differ
"""

import argparse
import sys
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
TAGS = ["bootstrap", "hide-cell"]

# find_spec and not try/except: an error inside helpers must show, not start an installation. The dependencies
# are not named, so pip leaves the ones that Colab has as they are. A file or folder of the reader's own that is called
# helpers would hide the course's: it is named, as the imports below would only say what they miss.
TEMPLATE = """\
# Colab starts without this course's helpers: install exactly those, from the wheel beside this
# notebook if there is one. Where they are present, do nothing.
import importlib.util
import subprocess
import sys
from pathlib import Path

found = importlib.util.find_spec("helpers")
places = list(found.submodule_search_locations or [found.origin]) if found else []
if found is None:
    beside = map(str, sorted(Path.cwd().glob("push_down_pull_up_helpers-*.whl"))[-1:])
    source = next(beside, "git+{url}@{branch}")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)
    importlib.invalidate_caches()  # or Python would not see what pip has just written
elif not any(Path(place, "claims.py").is_file() for place in places):
    raise ImportError(f"{{places[0]}} hides the course's helpers: rename it, then restart the kernel")"""


def bootstrap_source(config: Path = ROOT / "_config.yml") -> str:
    """Return the source of the bootstrap cell for the repository named in `config`."""
    repository = yaml.safe_load(config.read_text(encoding="utf-8")).get("repository") or {}
    missing = [key for key in ("url", "branch") if not repository.get(key)]
    if missing:
        raise ValueError(f"{config}: `repository` needs {' and '.join(missing)} for the bootstrap cell")
    # pip takes the address as it stands; a trailing slash would make another address out of it.
    return TEMPLATE.format(url=repository["url"].rstrip("/"), branch=repository["branch"])


def first_code_cell(notebook: NotebookNode) -> int | None:
    """Return the index of the first code cell, or None where there is none."""
    return next((i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"), None)


def is_bootstrap(cell: NotebookNode) -> bool:
    """Tell whether `cell` is meant as a bootstrap cell (whatever its source)."""
    return "bootstrap" in cell.metadata.get("tags", [])


def in_step(notebook: NotebookNode, source: str) -> bool:
    """Tell whether the first code cell is the bootstrap cell with this very source and tags."""
    index = first_code_cell(notebook)
    if index is None:
        return False
    cell = notebook.cells[index]
    return cell.source == source and cell.metadata.get("tags", []) == TAGS


def put(notebook: NotebookNode, source: str) -> None:
    """Replace the bootstrap cell of `notebook`, or insert one before the first code cell."""
    index = first_code_cell(notebook)
    if index is not None and is_bootstrap(notebook.cells[index]):
        cell = notebook.cells[index]
        cell.source = source
        cell.metadata["tags"] = list(TAGS)
        return
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(TAGS)}, id="bootstrap")
    notebook.cells.insert(len(notebook.cells) if index is None else index, cell)


def main(arguments: list[str] | None = None) -> int:
    """Write or check the bootstrap cells; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a notebook differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder that holds _config.yml and book/")
    options = parser.parse_args(arguments)
    source = bootstrap_source(options.root / "_config.yml")
    status = 0
    for path in sorted((options.root / "book").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if in_step(notebook, source):
            continue
        if options.check:
            print(f"{path}: the bootstrap cell is not that of _config.yml; run tools/bootstrap.py")
            status = 1
        else:
            put(notebook, source)
            nbformat.write(notebook, path)
            print(f"{path}: bootstrap cell written")
    return status


if __name__ == "__main__":
    sys.exit(main())
