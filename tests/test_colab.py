"""A chapter opened alone in Colab: an empty folder, torch at hand, and a first cell that fetches the helpers.

Its stand-in is a fresh environment that sees torch (through a `.pth` file) but no helpers, and a clone of this tree.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import bootstrap
import bundle
import nbformat
import numpy
import pytest
import torch
import yaml
from check_notebooks import tags
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
# This one runs to its end: it needs the packed pictures and a recorded study from the installed package. Of the others,
# which the build has run already, only the beginning is new here: install, import, settings; one kernel runs them all.
(WHOLE,) = [path for path in CHAPTERS if path.stem == "15-contrastive-learning-today"]
PACKAGE = "push-down-pull-up-helpers"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]

# Runs as the last cell: it reports what the chapter itself has imported.
PROBE = """\
import json
import sys
print("PROBE " + json.dumps({name: [sys.modules[name].__file__, getattr(sys.modules[name], "__version__", "")]
                             for name in ("helpers", "torch", "numpy")}))"""

pytestmark = pytest.mark.slow


def run(command: list[object], env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.run(list(map(str, command)), env=env, cwd=cwd, timeout=600, check=False, **pipes)


def checked(command: list[object], env: dict[str, str], cwd: Path) -> str:
    done = run(command, env, cwd)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Colab:
    python: Path
    packages: Path
    env: dict[str, str]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a bare clone of the working tree as it is now, with the branch that the bootstrap cell wants."""
    # Uncommitted work is tested too; and nothing is written into the repository's own .git.
    bare = tmp_path_factory.mktemp("remote") / "git"
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    there = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", f"--git-dir={bare}"]
    checked([*there, "init", "--quiet", "--bare", f"--initial-branch={CONFIG['branch']}"], env, ROOT)
    for command in (["add", "--all"], ["commit", "--quiet", "--message", "The working tree"]):
        checked([*there, f"--work-tree={ROOT}", *command], env, ROOT)
    return bare


def git_config(file: Path, remote: Path) -> Path:
    instead = f'[url "file://{remote}"]\n\tinsteadOf = {CONFIG["url"]}\n'
    file.write_text(f"{instead}[safe]\n\tdirectory = *\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> Colab:
    home = tmp_path_factory.mktemp("colab")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(git_config(home / "gitconfig", clone)),
        "GIT_CONFIG_NOSYSTEM": "1",
        "JUPYTER_PATH": str(home / "jupyter"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # Only git is asked. Pip reads the second variable upside down: 0 means "no build isolation", so that
        # it uses the setuptools that is there instead of fetching another one.
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PYTHONNOUSERSITE": "1",
    }
    checked([sys.executable, "-m", "venv", home / "venv"], env, home)
    python = home / "venv" / "bin" / "python"
    # Python 3.11 puts a setuptools of its own there, too old for torch; the test environment has a newer one.
    checked([python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"], env, home)
    where = checked([python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], env, home)
    packages = Path(where.strip())
    # A .pth line adds a folder, but .pth files inside that folder (an editable helpers is one) are not read.
    (packages / "colab.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    kernel = home / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": argv, "display_name": "Fresh", "language": "python"}))
    return Colab(python, packages, env)


@pytest.fixture
def colab(fresh: Colab, tmp_path: Path) -> Colab:
    """Hand out the environment without helpers, whatever an earlier chapter has installed."""
    for installed in (*fresh.packages.glob("helpers"), *fresh.packages.glob("push_down_pull_up*")):
        checked([fresh.python, "-m", "pip", "uninstall", "--quiet", "--yes", PACKAGE], fresh.env, tmp_path)
        assert not installed.exists(), f"{installed} is still there"
    search = "import importlib.util as u; print(u.find_spec('helpers'), u.find_spec('torch') is not None)"
    found = checked([fresh.python, "-c", search], fresh.env, tmp_path).split()
    # Were helpers visible, every test here would pass without the bootstrap cell having done anything.
    assert found == ["None", "True"], f"install helpers editable in the test environment (found: {found})"
    return fresh


def beginning(chapter: Path) -> list[NotebookNode]:
    cells = nbformat.read(chapter, as_version=4).cells
    (last,) = [number for number, cell in enumerate(cells) if "parameters" in tags(cell)]
    for cell in cells:
        cell.id = f"{chapter.stem[:2]}-{cell.id}"[:64]
    return cells[: last + 1]


def modules_of(colab: Colab, cells: list[NotebookNode], folder: Path, **env: str) -> dict[str, list[str]]:
    """Run some cells as a notebook in a folder; return file and version of the modules that they have imported."""
    notebook, out = nbformat.read(WHOLE, as_version=4), folder.parent / "out.ipynb"
    notebook.cells = [*cells, nbformat.v4.new_code_cell(PROBE, id="probe")]
    nbformat.write(notebook, folder / "alone.ipynb")
    limit = ["--execution-timeout", "240"]  # at which it looks again for an answer that it missed: see tools/kernels.py
    papermill = [colab.python, "-m", "papermill", "--no-progress-bar", *limit, "--cwd", folder]
    checked([*papermill, folder / "alone.ipynb", out], colab.env | env, folder)
    said = "".join(output.get("text", "") for output in nbformat.read(out, as_version=4).cells[-1].outputs)
    modules = json.loads(said.split("PROBE ", 1)[1])
    assert modules["helpers"][0] == str(colab.packages / "helpers" / "__init__.py")
    return modules


@pytest.mark.parametrize("whole", [True, False], ids=["one to its end", "the beginnings of all others"])
def test_chapters_run_alone(whole: bool, colab: Colab, tmp_path: Path) -> None:
    others = [cell for chapter in CHAPTERS if chapter != WHOLE for cell in beginning(chapter)]
    (tmp_path / "alone").mkdir()
    cells = nbformat.read(WHOLE, as_version=4).cells if whole else others
    modules = modules_of(colab, cells, tmp_path / "alone")
    for module in (torch, numpy):
        name = module.__name__
        assert modules[name][1] == module.__version__, f"the bootstrap cell has changed {name}"
        assert not (colab.packages / name).exists(), f"the bootstrap cell has installed {name} again"


def calls_of_pip(colab: Colab, folder: Path, *lines: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run some lines, in which `cell()` runs the bootstrap cell; print how often that has called pip."""
    start = "import subprocess\ncalls, real = [], subprocess.run"
    count = "subprocess.run = lambda *a, **k: (calls.append(a), real(*a, **k))[1]"
    run_cell = f"cell = lambda: exec({bootstrap.bootstrap_source()!r}, globals())"
    script = "\n".join([start, count, run_cell, *lines, "print(len(calls))"])
    return run([colab.python, "-c", script], colab.env | env, folder)


def test_bootstrap_cell_works_twice_and_fails_loudly(colab: Colab, tmp_path: Path) -> None:
    lost = git_config(tmp_path / "gitconfig", tmp_path / "gone.git")
    failed = calls_of_pip(colab, tmp_path, "cell()", GIT_CONFIG_GLOBAL=str(lost)).stderr
    assert "CalledProcessError" in failed and "gone.git" in failed
    done = calls_of_pip(colab, tmp_path, "cell()", "import helpers", "cell()", "import helpers.claims")
    assert done.stdout.strip() == "1", done.stderr
    # A second kernel in the same environment finds what the first one installed.
    assert calls_of_pip(colab, tmp_path, "cell()", "import helpers").stdout.strip() == "0"


@pytest.mark.parametrize("name", ["helpers.py", "helpers/data.py"])
def test_something_of_the_readers_own_that_is_called_helpers_is_named(colab: Colab, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine = 1")
    done = calls_of_pip(colab, tmp_path, "cell()")
    assert f"ImportError: {tmp_path / 'helpers'}" in done.stderr and "hides the course's helpers" in done.stderr


def test_bundle_runs_in_an_empty_folder_and_asks_nobody(colab: Colab, tmp_path: Path) -> None:
    tree, folder, chapter = tmp_path / "tree", tmp_path / "unpacked", CHAPTERS[0]
    (tree / "book").mkdir(parents=True)
    for name in bundle.IN_A_WHEEL:
        (tree / name).symlink_to(ROOT / name)
    (tree / "book" / chapter.name).symlink_to(chapter)
    (packed,) = bundle.pack_chapters(tree)
    assert packed.name == "push-down-pull-up-chapter-01.zip"
    shutil.unpack_archive(packed, folder)
    assert {path.suffix for path in folder.iterdir()} == {".ipynb", ".whl"}
    lost = git_config(tmp_path / "gitconfig", tmp_path / "gone.git")
    modules_of(colab, beginning(folder / chapter.name), folder, GIT_CONFIG_GLOBAL=str(lost))
