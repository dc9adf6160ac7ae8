"""The study-group kit: plans fit the call, prompts lead somewhere, notes are hidden, chapters have their exercises."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from check_notebooks import exercises_of, inline_groups, tags
from exercise_index import asks_why, predicts
from test_notebooks import CHAPTERS, each_chapter

ROOT = Path(__file__).resolve().parents[1]
SESSIONS = ROOT / "book" / "sessions"
GUIDES = {path.name: path.read_text(encoding="utf-8") for path in sorted(SESSIONS.glob("[0-9][0-9]-*.md"))}
each_guide = pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)

PLAN, SHORT, PROMPTS, TALK = "The plan", "If you have only 20 minutes", "Predict, then run", "Talk about it"
LONGEST = {PLAN: 40, SHORT: 20}  # minutes; free calls end after 40
HEADINGS = ["Goal", "Before you meet", PLAN, PROMPTS, TALK, "To take home", SHORT]
NOTES = re.compile(r"<details><summary>Notes on (prompt|question) (\d+)</summary>\n(.*?)\n</details>", re.DOTALL)


def links(text: str) -> list[str]:
    opened = (token for group in inline_groups(text) for token in group if token.type == "link_open")
    return [str(token.attrs["href"]) for token in opened if not urlsplit(str(token.attrs["href"])).scheme]


def chapter_of(link: str) -> str | None:
    """Return the chapter of whose sections a link names one, if it does."""
    parts = urlsplit(link)
    return Path(parts.path).stem if parts.path.endswith(".ipynb") and parts.fragment else None


def split(text: str, mark: str) -> dict[str, str]:
    """Return what stands below each heading that begins with a mark; deeper headings belong to it."""
    pieces = re.split(rf"^{mark} (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def prompts_of(text: str) -> dict[str, str]:
    return split(NOTES.sub("", split(text, "##").get(PROMPTS, "")), "###")


def table_of(text: str) -> list[list[str]]:
    """Return the cells of the first table in Markdown, row by row, without the head."""
    body = re.search(r"^\| --- .*\n((?:\|.*\n?)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in body[1].splitlines()] if body else []


@each_guide
def test_minutes_add_up_to_the_clock_and_fit_the_call_and_every_prompt_has_its_row(guide: str) -> None:
    assert list(split(guide, "##")) == HEADINGS
    plans = {heading: table_of(split(guide, "##")[heading]) for heading in LONGEST}
    for heading, rows in plans.items():
        clock = 0
        for begin, minutes, what in rows:
            assert begin == str(clock) and re.fullmatch(r"[1-9]\d*", minutes), f"{heading}: {what}"
            clock += int(minutes)
        assert 0 < clock <= LONGEST[heading], heading
    planned = " ".join(what for *_, what in plans[PLAN])
    assert all(heading.split(".")[0] in planned for heading in prompts_of(guide))


@each_guide
def test_two_or_three_prompts_ask_for_a_prediction_and_lead_to_a_section_of_a_chapter(guide: str) -> None:
    found = prompts_of(guide)
    assert len(found) in {2, 3}
    for number, (heading, piece) in enumerate(found.items(), 1):
        assert heading.startswith(f"Prompt {number}. ")
        assert re.search(r"^> \*\*Predict\.\*\* ", piece, re.MULTILINE), heading
        assert any(map(chapter_of, links(piece))), heading


@each_guide
def test_every_prompt_asks_for_a_guess_in_parts_and_its_notes_say_what_counts_for_each(guide: str) -> None:
    notes = {int(number): note for kind, number, note in NOTES.findall(guide) if kind == "prompt"}
    for number, piece in enumerate(prompts_of(guide).values(), 1):
        parts = [
            re.findall(rf"^\*{word}:\* (.+?)\.$", text, re.MULTILINE | re.DOTALL)
            for word, text in (("Guess", piece), ("Counts", notes[number]))
        ]
        assert [len(found) for found in parts] == [1, 1], number
        assert len({found[0].count(";") for found in parts}) == 1, number


@each_guide
def test_prompts_and_questions_have_hidden_notes_that_name_where_a_chapter_measures_what_they_say(guide: str) -> None:
    questions = re.findall(r"^\*\*Question (\d+)\.\*\*", split(guide, "##")[TALK], re.MULTILINE)
    assert len(questions) >= 2
    wanted = [("prompt", str(number + 1)) for number in range(len(prompts_of(guide)))]
    wanted += [("question", number) for number in questions]
    notes = {(kind, number): note for kind, number, note in NOTES.findall(guide)}
    assert list(notes) == wanted and len(notes) == guide.count("<details")
    assert [one for one, note in notes.items() if not any(map(chapter_of, links(note)))] == []


def test_the_example_of_a_guess_is_no_answer() -> None:
    index = (SESSIONS / "index.md").read_text(encoding="utf-8")
    for meeting, prompt, values in re.findall(r"`M(\d+)P(\d+);\w+;([^`]+)`", index):
        guide = next(text for name, text in GUIDES.items() if name.startswith(f"{meeting:0>2}-"))
        note = next(note for kind, number, note in NOTES.findall(guide) if (kind, number) == ("prompt", prompt))
        counts = re.search(r"^\*Counts:\* (.+?)\.$", note, re.MULTILINE)[1]
        assert not set(values.split(";")) & set(re.split(r"; | to ", counts)), (values, counts)


def test_every_chapter_is_covered_by_a_session() -> None:
    prompts = (prompt for guide in GUIDES.values() for prompt in prompts_of(guide).values())
    covered = {chapter_of(link) for prompt in prompts for link in links(prompt)}
    uncovered = {path.stem for path in CHAPTERS} - covered
    assert not uncovered, f"no session has a prompt on {sorted(uncovered)}"


@each_chapter
def test_exercises_have_hints_and_executed_solutions_and_ask_to_predict_and_to_find_out_why(chapter: Path) -> None:
    # Their number, and that each has a solution, is a rule of tools/check_notebooks.py: see test_notebooks.py.
    found = exercises_of(nbformat.read(chapter, as_version=4))
    for exercise in found:
        assert re.search(r"^<details><summary>Hint</summary>$", exercise.text, re.MULTILINE), exercise.title
        skipped = [{"skip-execution", "nbval-skip"} & set(tags(cell)) for cell in exercise.solution]
        assert not any(skipped), exercise.title
    assert any(map(predicts, found)) and any(map(asks_why, found))
