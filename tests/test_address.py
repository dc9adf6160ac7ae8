"""One command says where the course lives, everywhere; until then nothing is published under the stand-in."""

import subprocess
from pathlib import Path

import address
import pytest

ROOT = Path(__file__).resolve().parents[1]
NEW, STAND_IN = address.Repository("Octo-Cat", "my.course"), address.Repository("stand_in", "course")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Copy what git knows of the course, as a repository of its own."""
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
