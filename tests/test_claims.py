"""Claims: a tidy line when they hold, an error with the numbers when they do not, a record either way."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from helpers.claims import claim

ON_A_PAGE = """\
from helpers.claims import claim

print("before")
claim("<b>Real</b> & fake", True, '"30" of 32')
claim("σ grows", True, "−0.5 to 2")"""


def outputs_of(code: str) -> list[nbformat.NotebookNode]:
    notebook = new_notebook(cells=[new_code_cell(code)])
    NotebookClient(notebook, extra_arguments=["--IPKernelApp.log_level=40"]).execute()
    return notebook.cells[0].outputs


def test_on_a_page_claims_are_blocks_with_addresses_and_a_line_as_their_text() -> None:
    said, first, second = outputs_of(ON_A_PAGE)
    assert said.text == "before\n" and first.output_type == "display_data"
    assert first.data["text/plain"] == '✓ <b>Real</b> & fake ("30" of 32)'
    assert second.data["text/plain"] == "✓ σ grows (−0.5 to 2)"
    block = BeautifulSoup(first.data["text/html"], "html.parser").div
    assert block["class"] == ["claim"] and not block.find("b", string="Real")
    assert block.get_text("|", strip=True) == '✓|<b>Real</b> & fake|"30" of 32'
    # Of the sentence alone, and for ever: others link to it.
    assert block["id"] == "claim-e3ec0770" and "claim-e3ec0770" not in second.data["text/html"]


def test_a_terminal_without_a_tick_gets_a_substitute() -> None:
    code = "from helpers.claims import claim; claim('a – σ', True, 'b')"
    for coding, line in (("utf-8", "✓ a – σ (b)"), ("cp949", "OK a ? σ (b)"), ("ascii", "OK a ? ? (b)")):
        env = os.environ | {"PYTHONIOENCODING": coding}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
        assert done.stdout.decode(coding).strip() == line


def test_a_claim_that_does_not_hold_stops_with_the_measured_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match=r"Most runs cover all modes \(measured: 3 of 32\)"):
        claim("Most runs cover all modes", False, "3 of 32")
    assert capsys.readouterr().out == ""


def test_claims_are_appended_to_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "claims.jsonl"
    monkeypatch.setenv("COURSE_CLAIMS", str(record))
    claim("Real ≠ fake", True, "σ = 0.5")
    with pytest.raises(AssertionError):
        claim("second", np.bool_(False), "2")
    text = record.read_text(encoding="utf-8")
    assert "Real ≠ fake" in text and text.endswith("\n")  # readable as it stands, and ready for the next line
    assert [json.loads(line) for line in text.splitlines()] == [
        {"text": "Real ≠ fake", "holds": True, "measured": "σ = 0.5"},
        {"text": "second", "holds": False, "measured": "2"},
    ]


FORGED = [(f"a{character}b", "c") for character in "\n\r\x1b\x00\u2028"] + [("a", "b)\n✓ c (d")]


@pytest.mark.parametrize(("text", "measured"), [("", "b"), (" ", "b"), ("a", ""), (None, "b"), ("a", 0.3), *FORGED])
def test_a_claim_says_what_and_how_much(text: Any, measured: Any) -> None:
    with pytest.raises(ValueError, match=r"^(text|measured): got .+, expected a (sentence|str)"):
        claim(text, True, measured)


@pytest.mark.parametrize("wrap", [bool, np.bool_, torch.tensor, np.array])
def test_numpys_and_torchs_truth_values_are_fine(wrap: Any) -> None:
    claim("a", wrap(True), "b")
    with pytest.raises(AssertionError):
        claim("a", wrap(False), "b")


@pytest.mark.parametrize(
    "holds", [1, "0.9 > 0.8", None, [True], np.array([True]), torch.tensor([True]), torch.tensor(1)]
)
def test_anything_else_is_refused(holds: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_CLAIMS", str(tmp_path / "record"))
    with pytest.raises(ValueError, match=r"^holds: got .*, expected one truth value"):
        claim("a", holds, "b")  # a text would be true for ever
    assert not (tmp_path / "record").exists()
