"""What the build makes for the meeting room and the predictions out of guides and chapters."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from exercise_index import slug
from meeting import shown_by, write_meetings
from predictions import CHOICES, check_choice, predictions_of
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[1]
GUIDE = """<title>Guide</title><section><h1>Meeting 3. Energy<a class="headerlink">#</a></h1>
<section id="goal"><p>Aim.</p></section><section id="before-you-meet"><ul><li>Read.</li></ul></section>
<section id="the-plan"><table><tbody><tr><td>0</td><td>9</td><td><p>Prompt 1, then talk about question 1 <a href="../03-energy.html#deeper">below</a>.</p></td></tr></tbody></table><p><em>On the screen:</em> <a href="../03-energy.html#deeper">it</a>.</p></section>
<section id="predict-then-run"><section id="p"><h3>Prompt 1. Two valleys</h3>
<blockquote><p><strong>Predict.</strong> How deep?</p></blockquote>
<p><em>Guess:</em> how deep, 0 to 9; then (<code>up</code>, <code>down</code>); later (the same).</p>
<p>Then run <a href="../03-energy.html#low">it</a>.</p>
<details><summary>Notes on prompt 1</summary><p>Deep. <a href="index.html">Roles</a></p><p><em>Counts:</em> at least 4; up; –.</p></details></section></section>
<section id="talk-about-it"><p><strong>Question 1.</strong> Why?</p><p><em>Bets:</em> 1 up; 2 down.</p><details><summary>Notes</summary><p>So.</p><p><em>Shows:</em> <a href="../03-energy.html#deeper">it</a>.</p><p><em>Pays:</em> helps.</p></details></section>
<section id="to-take-home"><p>Task.</p></section>
<section id="if-you-have-only-20-minutes"><table><tbody><tr><td>0</td><td>5</td><td><p>Prompt 1.</p></td></tr></tbody></table></section></section>"""  # noqa: E501
CHAPTER = """<h1>Energy</h1><section id="low"><p>Text</p><div class="cell"><div class="cell_output">before</div></div>
<blockquote class="callout callout-predict"><p>Predict. Is it?</p></blockquote><div class="cell"><div class="cell_input">code</div>
<div class="cell_output"><div class="claim" id="c"><b>✓</b><div>It is deep <a class="headerlink">#</a><div class="measured">4.5 of 9</div></div></div></div></div>
<details><summary>Diagnosis</summary><p>folded</p></details>
<div class="cell tag_solution"><div class="cell_output">solution</div></div>
<section id="deeper"><div class="cell"><div class="cell_output">another</div><div class="cell_output"><table>Verdicts</table></div></div></section></section>"""  # noqa: E501


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "03-energy.html").write_text(GUIDE, encoding="utf-8")
    (tmp_path / "03-energy.html").write_text(CHAPTER, encoding="utf-8")
    (tmp_path / "meet.html").write_text('<script id="meetings">MEETINGS</script>', encoding="utf-8")
    return tmp_path


def test_a_guide_becomes_a_script_of_its_meeting(site: Path) -> None:
    write_meetings(site)
    assert "MEETINGS" not in (site / "meet.html").read_text() and '{"3": "Energy"}' in (site / "meet.html").read_text()
    script = (site / "meet" / "03.js").read_text(encoding="utf-8")
    meeting = json.loads(re.fullmatch(r"\(window\.meetings \?\?= \{\}\)\[3\] = (.*);\n", script)[1])
    (row,), table = meeting["plans"]["40"], '<div class="cell_output"><table>Verdicts</table></div>'
    assert [*row.values()] == [9, row["html"], ["P1", "Q1"], [], table] and not meeting["plans"]["20"][0]["screen"]
    (prompt,) = meeting["prompts"]
    assert prompt["id"] == "M3P1" and prompt["title"] == "Two valleys"
    assert prompt["counts"] == [{"low": 4.0, "high": None}, {"word": "up"}, None]
    numbers, two = {"low": 0.0, "high": 9.0, "whole": False}, ["up", "down"]
    fields = [("how deep, 0 to 9", [], numbers), ("then", two, None), ("later", two, None)]
    assert [tuple(field.values()) for field in prompt["fields"]] == fields
    assert [one["address"] for one in prompt["shows"]] == ["03-energy.html#low"]
    assert 'href="sessions/index.html"' in prompt["notes"] and "Guess:" not in prompt["how"] + prompt["ask"]
    answer = {"notes": "<p>So.</p>", "shows": [{"address": "03-energy.html#deeper", "html": table}], "pays": "helps"}
    question = answer | {"id": "Q1", "html": "<p><strong>Question 1.</strong> Why?</p>"}
    assert (meeting["questions"], meeting["bets"]) == ([question], ["1 up", "2 down"])


def test_what_a_prompt_reveals_is_its_own_and_a_solution_only_where_the_guide_says_diagnoses(site: Path) -> None:
    first, shown = shown_by(site, "03-energy.html#low")
    assert first == "" and "It is deep" in shown
    assert not any(word in shown for word in ("before", "solution", "another", "code", "id="))
    first, shown = shown_by(site, "03-energy.html#low", "diagnoses")
    assert "before" in first and "code" not in shown
    assert all(word in shown for word in ("It is deep", "solution", "folded"))
    for how, words in (("pictures", "wanted is claims"), ("what comes after prediction 2", "there are 1 predictions")):
        with pytest.raises(ExtensionError, match=words):
            shown_by(site, "03-energy.html#low", how)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("#low", "#none", "looks for #none"),
        ("../03-energy.html#low", "https://example.org", "it reveals nothing"),
        ("Guess:", "Think:", "has no line"),
        ("at least 4; up; –", "at least 4; up", "a guess has 3 parts, what counts has 2"),
        ("at least 4", "within a few", "'A to B', 'at least A', 'at most A' or 'within A of your own count'"),
        ("#deeper", "#low", "a guide shows its table, and it prints none"),
    ],
)
def test_a_prompt_without_guess_rule_or_anything_to_reveal_stops_the_build(
    site: Path, old: str, new: str, words: str
) -> None:
    guide = site / "sessions" / "03-energy.html"
    guide.write_text(guide.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ExtensionError, match=re.escape(words)):
        write_meetings(site)


def test_a_choice_is_held_against_the_claim_that_measures_it() -> None:
    (found,) = predictions_of(BeautifulSoup(CHAPTER, "html.parser"), "03-energy")
    assert found["key"] == "03-energy#low" and found["claims"] == ["It is deep [4.5 of 9]"]
    choice = {"choices": ["yes", "no"], "right": "yes", "checks": [["It is deep", r"([\d.]+) of", 4, 5]]}
    check_choice(found, choice)
    wrong = (
        ({"right": "maybe"}, "a right answer among the choices"),
        ({"checks": []}, "and its checks"),
        ({"checks": [["It is flat", r"([\d.]+) of", 4, 5]]}, "has no claim"),
        ({"checks": [["It is deep", r"([\d.]+) to", 4, 5]]}, "from 4 to 5"),
        ({"checks": [["It is deep", r"([\d.]+) of", 5, 6]]}, "from 5 to 6"),
    )
    for change, words in wrong:
        with pytest.raises(ExtensionError, match=words):
            check_choice(found, choice | change)


def said_in(page: str) -> Iterator[tuple[str, str]]:
    """Yield what a chapter claims, each sentence with the heading that it is under."""
    heading = ""
    for cell in nbformat.read(ROOT / "book" / f"{page}.ipynb", as_version=4).cells:
        if cell.cell_type == "markdown":
            heading = ([heading, *re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)])[-1]
        elif "claim(" in cell.source:
            calls = (node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call))
            yield from (
                (heading, ast.literal_eval(call.args[0]))
                for call in calls
                if getattr(call.func, "id", "") == "claim" and isinstance(call.args[0], ast.Constant)
            )


def test_every_check_of_a_choice_names_a_claim_of_its_section() -> None:
    for key, choice in tomllib.loads(CHOICES.read_text(encoding="utf-8")).items():
        page, anchor = key.split("#")
        said = [text for heading, text in said_in(page) if slug(heading) == anchor.split("/")[0]]
        for words, *_ in choice["checks"]:
            assert any(words in text for text in said), (key, words, said)


def test_every_string_is_there_in_english_and_korean() -> None:
    text = (ROOT / "book" / "static" / "meet" / "strings.js").read_text(encoding="utf-8")
    rows = re.findall(r'(\w+): \[\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)",?\s*\]', text)
    assert len(rows) > 100 and len(rows) == len(re.findall(r"\w+: \[\s*\"", text))
    for name, english, korean in rows:
        assert set(re.findall(r"\{\d\}", english)) == set(re.findall(r"\{\d\}", korean)), name
