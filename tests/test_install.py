"""The environment is made once, and without CUDA for who asks for that; pip itself is not called here."""

import re
import sys
from pathlib import Path

import install
import pytest


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


def test_a_second_call_does_nothing(
    calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch)
    assert calls == [("-r", str(install.PINS)), ("--no-deps", "--no-build-isolation", "-e", ".")]
    first, second = capsys.readouterr().out.splitlines()
    assert re.match(r"installing \d{3} packages into .venv \(about 6 GB", first) and second.startswith("installed in")
    run(monkeypatch)
    assert len(calls) == 2 and capsys.readouterr().out == ""


def test_for_a_cpu_torch_comes_from_its_own_index_and_cuda_does_not_come(
    calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH", "cpu")
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/cpu")
    run(monkeypatch)
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
