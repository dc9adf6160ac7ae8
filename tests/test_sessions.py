"""The study-group kit: plans fit the call, prompts lead somewhere, notes are hidden, chapters have their exercises."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from check_notebooks import exercises_of, inline_groups, tags
from exercise_index import all_exercises, asks_why, predicts
from nbformat import NotebookNode
from test_notebooks import CHAPTERS, cell, each_chapter, good_notebook, replace

ROOT = Path(__file__).resolve().parents[1]
SESSIONS = ROOT / "book" / "sessions"
GUIDES = sorted(SESSIONS.glob("[0-9][0-9]-*.md"))

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


def plan_problems(text: str) -> Iterator[str]:
    """Minutes are whole and positive, add up to the clock on the left, and fit the call; every prompt has its row."""
    plans = {heading: table_of(split(text, "##").get(heading, "")) for heading in LONGEST}
    for heading, rows in plans.items():
        clock = 0
        for begin, minutes, what in rows:
            if begin != str(clock) or not re.fullmatch(r"[1-9]\d*", minutes):
                yield f"{heading!r}: {what!r} begins at {begin} for {minutes!r} minutes; the rows above end at {clock}"
                return
            clock += int(minutes)
        if not 0 < clock <= LONGEST[heading]:
            yield f"{heading!r} takes {clock} minutes; wanted are 1 to {LONGEST[heading]}"
    for heading in prompts_of(text):
        if heading.split(".")[0] not in " ".join(what for *_, what in plans[PLAN]):
            yield f"{heading!r} is in no row of {PLAN!r}"


def prompt_problems(text: str) -> Iterator[str]:
    """Two or three prompts; each asks for a prediction, then leads to a section of a chapter."""
    found = prompts_of(text).items()
    if len(found) not in {2, 3}:
        yield f"has {len(found)} prompts; 2 or 3 are wanted"
    for number, (heading, piece) in enumerate(found, 1):
        if not heading.startswith(f"Prompt {number}. "):
            yield f"{heading!r} is not called 'Prompt {number}. …'"
        if not re.search(r"^> \*\*Predict\.\*\* ", piece, re.MULTILINE):
            yield f"{heading!r} asks for no prediction: '> **Predict.** …'"
        if not any(map(chapter_of, links(piece))):
            yield f"{heading!r} links to no section of a chapter"


def notes_problems(text: str) -> Iterator[str]:
    """Each prompt and question has notes, closed until opened, that name where the chapter measures what they say."""
    questions = re.findall(r"^\*\*Question (\d+)\.\*\*", split(text, "##").get(TALK, ""), re.MULTILINE)
    if len(questions) < 2:
        yield f"{TALK!r} has {len(questions)} questions; at least 2 are wanted"
    wanted = [("prompt", str(number + 1)) for number in range(len(prompts_of(text)))]
    wanted += [("question", number) for number in questions]
    found = {(kind, number): note for kind, number, note in NOTES.findall(text)}
    if list(found) != wanted or len(found) != text.count("<details"):
        yield f"the hidden notes are on {list(found)}; wanted after each prompt and question, in order: {wanted}"
    for (kind, number), note in found.items():
        if not any(map(chapter_of, links(note))):
            yield f"the notes on {kind} {number} name no section of a chapter: where is it measured?"


def problems(text: str) -> list[str]:
    """Return all that is wrong with a guide; links and anchors are Sphinx's to check."""
    found = (
        []
        if list(split(text, "##")) == HEADINGS
        else [f"has the headings {list(split(text, '##'))}; wanted {HEADINGS}"]
    )
    return [*found, *plan_problems(text), *prompt_problems(text), *notes_problems(text)]


@pytest.mark.parametrize("guide", GUIDES, ids=[path.stem for path in GUIDES])
def test_guide_can_be_followed(guide: Path) -> None:
    found = problems(guide.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


def test_every_chapter_is_covered_by_a_session() -> None:
    prompts = (prompt for guide in GUIDES for prompt in prompts_of(guide.read_text(encoding="utf-8")).values())
    covered = {chapter_of(link) for prompt in prompts for link in links(prompt)}
    uncovered = {path.stem for path in CHAPTERS} - covered
    assert not uncovered, f"no session has a prompt on {sorted(uncovered)}"


def test_overview_leads_to_every_guide_and_to_the_minutes_which_give_away_the_template_that_they_show() -> None:
    index = (SESSIONS / "index.md").read_text(encoding="utf-8")
    assert {path.name for path in [*GUIDES, SESSIONS / "minutes.md"]} <= set(links(index))
    page = (SESSIONS / "minutes.md").read_text(encoding="utf-8")
    (download,) = re.findall(r"\{download\}`[^`<]+<([^`>]+)>`", page)
    assert re.findall(r"```\{literalinclude\} (\S+)", page) == [download] and (SESSIONS / download).is_file()


def exercise_problems(notebook: NotebookNode) -> Iterator[str]:
    """What tools/check_notebooks.py leaves open: hints, kinds, and solutions that are not left out when it runs."""
    found = exercises_of(notebook)
    for exercise in found:
        if not re.search(r"^<details><summary>Hint</summary>$", exercise.text, re.MULTILINE):
            yield f"{exercise.title!r} has no hint before its solution: <details><summary>Hint</summary>"
        if any({"skip-execution", "nbval-skip"} & set(tags(cell)) for cell in exercise.solution):
            yield f"{exercise.title!r} has a solution that is not executed"
    if not any(map(predicts, found)):
        yield "no exercise asks to predict before running"
    if not any(map(asks_why, found)):
        yield "no exercise asks to find out why something failed"


@each_chapter
def test_exercises_have_hints_and_executed_solutions(chapter: Path) -> None:
    # Their number, and that each has a solution, is a rule of tools/check_notebooks.py: see test_notebooks.py.
    found = list(exercise_problems(nbformat.read(chapter, as_version=4)))
    assert not found, f"{chapter.name}: " + "\n".join(found)


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
