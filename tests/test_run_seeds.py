"""The report of `make report` says which claims held, which failed, and on what machine."""

from pathlib import Path

import run_seeds
from run_seeds import Run


def test_the_report_names_what_failed_and_the_machine() -> None:
    held, failed = {"text": "a", "holds": True, "measured": "1"}, {"text": "b | c", "holds": False, "measured": "2"}
    chapter = Path("book/01-two-networks-one-game.ipynb")
    runs = [(chapter, 0, Run(1.0, 500.0, [held, held], None)), (chapter, 7, Run(1.0, None, [held, failed], "cell x"))]
    lines = run_seeds.report(runs).splitlines()
    assert "3 of 4 claims that were reached held." in lines
    assert f"| {chapter.stem} | 0 | 2 |  |" in lines
    assert f"| {chapter.stem} | 7 | 1 | b / c (measured: 2) |" in lines
    assert any("torch " in line for line in lines) and any("Python 3" in line for line in lines)
    died = run_seeds.report([(chapter, 0, Run(1.0, None, [], "the kernel died: did it run out of memory?"))])
    assert "| 0 | the kernel died" in died and "0 of 0 claims" in died
