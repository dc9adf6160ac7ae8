"""Commands: the environment is made once, an address everywhere, a report names what failed, troubleshooting runs."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import address
import install
import matrix
import pytest
import run_seeds
import zmq.asyncio
from check_notebooks import tokens_of
from jupyter_client.session import Session
from kernels import PatientChannel
from packaging.version import Version
from run_seeds import Run


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Let the tool work in an empty folder, and return what it asks of pip."""
    made: list[tuple[str, ...]] = []
    monkeypatch.setattr(install, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(install, "STAMP", tmp_path / ".installed")
    monkeypatch.setattr(install, "pip", lambda *words, verbose: made.append(words))
    monkeypatch.setattr(install.venv, "create", lambda *args, **options: None)
    for name in ("TORCH", "TORCH_INDEX", "V"):
        monkeypatch.delenv(name, raising=False)
    return made


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["install.py", *words])
    install.main()


def test_for_a_cpu_torch_comes_from_its_own_index_and_cuda_does_not_come(
    calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH", "cpu")
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/cpu")
    run(monkeypatch)
    assert calls[2] == ("--no-deps", "--no-build-isolation", "-e", ".")
    assert calls[0][:3] == ("--no-deps", "--index-url", "https://example.org/cpu")
    assert [re.sub("==.*", "", pin) for pin in calls[0][3:]] == ["torch", "torchvision"]
    assert calls[1] == ("-r", str(tmp_path / "requirements-cpu.txt"))
    left = (tmp_path / "requirements-cpu.txt").read_text(encoding="utf-8")
    assert not re.search(r"^(nvidia|cuda|triton)", left, re.MULTILINE) and "\nnumpy==" in left
    assert left.count("==") > 100
    monkeypatch.delenv("TORCH")
    run(monkeypatch)
    assert len(calls) == 3, "the choice made first holds where none is given"
    with pytest.raises(SystemExit, match=r"delete \.venv first"):
        run(monkeypatch, "--torch", "default")


ROOT = Path(__file__).resolve().parents[1]
NEW, STAND_IN = address.Repository("Octo-Cat", "my.course"), address.Repository("stand_in", "course")


def test_the_oldest_packages_that_were_tried_are_the_lower_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = {name: Version(bound) for name, bound in (line.split(">=") for line in project["dependencies"])}
    oldest = [row for row in json.loads(matrix.RESULTS.read_text("utf-8")) if row["packages"] == "oldest"]
    for name in matrix.SHOWN:
        tried = min(Version(row[name]) for row in oldest)  # a newer Python may have no wheel as old
        assert tried.release[: len(bounds[name].release)] == bounds[name].release, name


@pytest.fixture
def course(tmp_path: Path) -> Path:
    here, there = [f"--work-tree={ROOT}"], [f"--work-tree={tmp_path}"]
    for command in (["init", "--quiet"], [*here, "add", "--", *address.FILES], [*there, "checkout-index", "--all"]):
        subprocess.run(["git", f"--git-dir={tmp_path / '.git'}", *command], cwd=ROOT, check=True)
    return tmp_path


def texts(course: Path) -> str:
    return "\n".join(path.read_text() for path in course.rglob("*.*") if path.is_file() and ".git" not in path.parts)


def test_moving_leaves_no_trace_and_moves_again(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = address.repository(course)
    assert address.main([str(NEW), "--root", str(course)]) == 0
    said, everything = capsys.readouterr().out, texts(course)
    for file in ("_config.yml", "CITATION.cff", "README.md", "CONTRIBUTING.md", "book/how-to-use.md"):
        assert file in said
    assert "Settings, Pages" in said and "first release" in said
    assert old.site not in everything and f"github.com/{old}" not in everything
    assert f"git+https://github.com/{NEW}@main" in next(course.glob("book/16-*.ipynb")).read_text()
    config = (course / "_config.yml").read_text()
    assert "baseurl: https://octo-cat.github.io/my.course/\n" in config
    assert "notfound_urls_prefix: /my.course/\n" in config and "cd my.course\n" in everything
    assert address.repository(course) == NEW and address.check(course, NEW) is None
    before = texts(course)
    assert address.main([str(NEW), "--root", str(course)]) == 0  # a second time nothing changes
    assert texts(course) == before and "Nothing had to be changed" in capsys.readouterr().out


def test_nothing_is_published_under_another_address(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address.move(course, STAND_IN)
    assert not address.repository(course).known
    assert address.main([str(NEW), "--check", "--root", str(course)]) == 1
    assert f"run `make address REPO={NEW}` once" in capsys.readouterr().err
    address.move(course, NEW)
    other = address.Repository("someone", "my.course")
    assert "names Octo-Cat/my.course, and this is someone/my.course" in str(address.check(course, other))
    assert address.check(course, address.Repository("octo-cat", "My.Course")) is None  # GitHub sees no capitals
    workflow = (ROOT / ".github" / "workflows" / "publish.yml").read_text()
    assert workflow.index('tools/address.py --check "$GITHUB_REPOSITORY"') < workflow.index("setup-python")


@pytest.mark.parametrize("text", ["", "owner", "owner/", "/name", "a_b/name", "a/b/c", "a/b.git", "a/..", "a /b"])
def test_what_is_no_repository_changes_nothing(course: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = texts(course)
    with pytest.raises(SystemExit):
        address.main([f"{text}", "--root", str(course)])
    assert f"REPO: got {text!r}, expected OWNER/NAME" in capsys.readouterr().err
    assert texts(course) == before


def test_the_report_names_what_failed_and_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, failed = {"text": "a", "holds": True, "measured": "1"}, {"text": "b | c", "holds": False, "measured": "2"}
    chapter = Path("book/01-two-networks-one-game.ipynb")
    runs = [(chapter, 0, Run(1.0, 500.0, [held, held], None)), (chapter, 7, Run(1.0, None, [held, failed], "cell x"))]
    lines = run_seeds.report(runs).splitlines()
    rows = [f"| {chapter.stem} | 0 | 2 |  |", f"| {chapter.stem} | 7 | 1 | b / c (measured: 2) |"]
    assert {"3 of 4 claims that were reached held.", *rows} <= {*lines}
    assert any("torch " in line for line in lines) and any("Python 3" in line for line in lines)
    monkeypatch.setattr(run_seeds, "HANGS", 1)
    monkeypatch.setenv("COURSE_CLAIMS", "")  # what it was comes back afterwards
    source = (ROOT / chapter).read_text(encoding="utf-8").replace("SEED = 0", "while True: pass  #")
    (tmp_path / "99.ipynb").write_text(source, encoding="utf-8")
    hung = run_seeds.report([(tmp_path / "99.ipynb", 0, run_seeds.run_chapter(tmp_path / "99.ipynb", 0, tmp_path))])
    assert "| 0 | a cell did not end within 1 seconds" in hung and "0 of 0 claims" in hung


TROUBLE = (ROOT / "book" / "troubleshooting.md").read_text(encoding="utf-8")
UNTESTED = "# not tested here"
# Words that begin a command; in running text such a thing would be tested by nobody.
COMMAND = re.compile(r"(\./|\.venv/|(python3?|pip|make|git|jupyter|papermill|conda|brew|winget|source|py) )\S*")


def blocks(text: str) -> list[tuple[str, str]]:
    return [(token.info.strip(), token.content) for token in tokens_of(text) if token.type == "fence"]


def runnable(text: str) -> list[str]:
    return [content for _, content in blocks(text) if not content.startswith(UNTESTED)]


def run_block(content: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a reader would, in the course's folder and its environment; its files go to `home`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # No proxy answers at port 9, so a command that needs the network fails here.
    away = {name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
    env = os.environ | away | {"PATH": path, "HOME": str(home), "JUPYTER_DATA_DIR": str(home / "jupyter")}
    command = ["bash", "-euo", "pipefail", "-c", content]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_an_answer_that_comes_while_a_message_is_sent_is_found() -> None:
    async def answer() -> str:
        session, context = Session(key=b""), zmq.Context.instance()
        with context.socket(zmq.PAIR) as kernel, zmq.asyncio.Socket(context, zmq.PAIR) as client:
            kernel.bind("inproc://kernel")
            client.connect("inproc://kernel")
            waiting = asyncio.ensure_future((channel := PatientChannel(client, session)).get_msg())
            await asyncio.sleep(0.2)
            session.send(kernel, "execute_reply")
            channel.send(session.msg("comm_msg"))  # after which nothing tells of the reply any more
            return (await asyncio.wait_for(waiting, 9))["msg_type"]

    assert asyncio.run(answer()) == "execute_reply"


def test_commands_are_tested_or_say_that_they_are_not() -> None:
    assert {language for language, _ in blocks(TROUBLE)} == {"sh", "powershell"}
    assert all(content.startswith(UNTESTED) for language, content in blocks(TROUBLE) if language == "powershell")
    inline = [child for token in tokens_of(TROUBLE) for child in token.children or [] if child.type == "code_inline"]
    assert [child.content for child in inline if COMMAND.match(child.content)] == [], "in running text no test runs it"
    assert 8 <= len(runnable(TROUBLE)) < len(blocks(TROUBLE))


@pytest.mark.parametrize("content", runnable(TROUBLE))
def test_command_runs(content: str, tmp_path: Path) -> None:
    done = run_block(content, tmp_path)
    assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.strip() or done.stderr.strip(), f"{content}\nsays nothing"
