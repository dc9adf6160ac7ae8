"""The study-group kit: plans fit the call, prompts lead somewhere, notes are hidden, chapters have their exercises."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from check_notebooks import exercises_of, inline_groups, tags
from exercise_index import all_exercises, asks_why, predicts
from test_notebooks import CHAPTERS, cell, each_chapter, good_notebook, replace

ROOT = Path(__file__).resolve().parents[1]
SESSIONS = ROOT / "book" / "sessions"
GUIDES = {path.name: path.read_text(encoding="utf-8") for path in sorted(SESSIONS.glob("[0-9][0-9]-*.md"))}
each_guide = pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)

PLAN, SHORT, PROMPTS, TALK = "The plan", "If you have only 20 minutes", "Predict, then run", "Talk about it"
LONGEST = {PLAN: 40, SHORT: 20}  # minutes; free calls end after 40
HEADINGS = ["Goal", "Before you meet", PLAN, PROMPTS, TALK, "To take home", SHORT]
NOTES = re.compile(r"<details><summary>Notes on (prompt|question) (\d+)</summary>\n(.*?)\n</details>", re.DOTALL)


def links(text: str) -> list[str]:
    """Return the targets of all links in Markdown that stay within the book."""
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
    """Return heading and text, without the notes, of each prompt of a guide."""
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


def test_overview_leads_to_every_guide_and_to_the_minutes_which_give_away_the_template_that_they_show() -> None:
    index = (SESSIONS / "index.md").read_text(encoding="utf-8")
    assert {*GUIDES, "minutes.md"} <= set(links(index))
    page = (SESSIONS / "minutes.md").read_text(encoding="utf-8")
    (download,) = re.findall(r"\{download\}`[^`<]+<([^`>]+)>`", page)
    assert re.findall(r"```\{literalinclude\} (\S+)", page) == [download] and (SESSIONS / download).is_file()


@each_chapter
def test_exercises_have_hints_and_executed_solutions_and_ask_to_predict_and_to_find_out_why(chapter: Path) -> None:
    # Their number, and that each has a solution, is a rule of tools/check_notebooks.py: see test_notebooks.py.
    found = exercises_of(nbformat.read(chapter, as_version=4))
    for exercise in found:
        assert re.search(r"^<details><summary>Hint</summary>$", exercise.text, re.MULTILINE), exercise.title
        skipped = [{"skip-execution", "nbval-skip"} & set(tags(cell)) for cell in exercise.solution]
        assert not any(skipped), exercise.title
    assert any(map(predicts, found)) and any(map(asks_why, found))


def test_list_of_exercises_has_an_item_and_a_link_for_each_and_refuses_one_without_a_grade(tmp_path: Path) -> None:
    chapter, notebook = tmp_path / "01-chapter.ipynb", good_notebook()
    texts = {"warm-up": "**Predict** first.", "core": "How many?", "stretch": "Find out why."}
    for number, (grade, text) in enumerate(texts.items(), 1):
        cell(notebook, f"exercise-{number}").source = f"### Exercise {number} ({grade}): count\n\n{text} Then count."
    nbformat.write(notebook, chapter)
    written = all_exercises([chapter])
    assert "1 chapters, 3 exercises" in written
    assert (
        "- [1. Count](01-chapter.ipynb#exercise-1-warm-up-count) (warm-up, predict). First.\n"
        "- [2. Count](01-chapter.ipynb#exercise-2-core-count) (core). How many?\n"
        "- [3. Count](01-chapter.ipynb#exercise-3-stretch-count) (stretch, find out why). Find out why.\n"
    ) in written
    replace("exercise-2", " (core)", "")(notebook)
    nbformat.write(notebook, chapter)
    with pytest.raises(ValueError, match=r"Exercise 2: count.*with warm-up, core or stretch"):
        all_exercises([chapter])
