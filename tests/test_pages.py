"""Commands on the troubleshooting page run, or say that they are not tested."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from check_notebooks import tokens_of

ROOT = Path(__file__).resolve().parents[1]
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
