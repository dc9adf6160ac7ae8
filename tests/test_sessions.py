"""The study-group kit: plans fit the call, prompts lead somewhere, notes are hidden, chapters have their exercises."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
import yaml
from check_notebooks import exercises_of, inline_groups, sections, tags, tokens_of
from exercise_index import all_exercises, asks_why, predicts
from nbformat import NotebookNode
from test_notebooks import CHAPTERS, each_chapter, files_in_toc, good_notebook

ROOT = Path(__file__).resolve().parents[1]
SESSIONS = ROOT / "book" / "sessions"
GUIDES = sorted(SESSIONS.glob("[0-9][0-9]-*.md"))
PAGES = [*GUIDES, SESSIONS / "index.md", SESSIONS / "minutes.md"]

PLAN, SHORT, PROMPTS, TALK = "The plan", "If you have only 20 minutes", "Predict, then run", "Talk about it"
LONGEST = {PLAN: 40, SHORT: 20}  # minutes; free calls end after 40
HEADINGS = ["Goal", "Before you meet", PLAN, PROMPTS, TALK, "To take home", SHORT]
NOTES = re.compile(r"<details><summary>Notes on (prompt|question) (\d+)</summary>\n(.*?)\n</details>", re.DOTALL)


# --- reading a guide -------------------------------------------------------------------------------


def links(text: str) -> list[str]:
    """Return the targets of all links in Markdown that stay within the book."""
    found = [
        str(token.attrs["href"]) for group in inline_groups(text) for token in group if token.type == "link_open"
    ]
    return [link for link in found if not urlsplit(link).scheme]


def chapter_of(link: str) -> str | None:
    """Return the chapter whose section a link names, or None if it names no section of a chapter."""
    parts = urlsplit(link)
    return Path(parts.path).stem if parts.path.endswith(".ipynb") and parts.fragment else None


def parts_of(text: str) -> dict[str, str]:
    """Return the text below each heading of level 2; deeper headings belong to it."""
    found: dict[str, str] = {}
    current = ""
    for level, heading, piece in sections(text):
        if level == 2:
            current = heading
        title = f"### {heading}\n" if level == 3 else ""
        found[current] = found.get(current, "") + title + piece + "\n"
    return found


def prompts_of(text: str) -> list[tuple[str, str]]:
    """Return heading and text, without the notes, of each prompt of a guide."""
    pieces = sections(NOTES.sub("", parts_of(text).get(PROMPTS, "")))
    return [(heading, piece) for level, heading, piece in pieces if level == 3]


def table_of(text: str) -> list[list[str]]:
    """Return the cells of the first table in Markdown, row by row, without the head."""
    rows: list[list[str]] = []
    inside = False
    for token in tokens_of(text):
        if token.type == "tbody_open":
            inside = True
        elif token.type == "tbody_close":
            break
        elif inside and token.type == "tr_open":
            rows.append([])
        elif inside and token.type == "inline":
            rows[-1].append(token.content)
    return rows


# --- what may be wrong with a page -----------------------------------------------------------------


def plan_problems(text: str, path: Path) -> Iterator[str]:
    """Minutes are whole and positive, add up to the clock on the left, and fit the call; every prompt has its row."""
    parts = parts_of(text)
    for heading, limit in LONGEST.items():
        rows, clock = table_of(parts.get(heading, "")), 0
        if not rows:
            yield f"{heading!r} has no table"
        for begin, minutes, what in rows:
            if not minutes.isdecimal() or int(minutes) < 1:
                yield f"{heading!r}: {minutes!r} is no whole positive number of minutes"
                return
            if begin != str(clock):
                yield f"{heading!r}: {what!r} begins at {begin}, but the rows above it end at {clock}"
            clock += int(minutes)
        if clock > limit:
            yield f"{heading!r} takes {clock} minutes; at most {limit}"
    planned = " ".join(what for *_, what in table_of(parts.get(PLAN, "")))
    for heading, _ in prompts_of(text):
        if heading.split(".")[0] not in planned:
            yield f"{heading!r} is in no row of {PLAN!r}"


def prompt_problems(text: str, path: Path) -> Iterator[str]:
    """Two or three prompts; each asks for a prediction, then leads to a section of a chapter."""
    found = prompts_of(text)
    if len(found) not in {2, 3}:
        yield f"has {len(found)} prompts; 2 or 3 are wanted"
    for number, (heading, piece) in enumerate(found, 1):
        if not heading.startswith(f"Prompt {number}. "):
            yield f"{heading!r} is not called 'Prompt {number}. …'"
        if not re.search(r"^> \*\*Predict\.\*\* ", piece, re.MULTILINE):
            yield f"{heading!r} asks for no prediction: '> **Predict.** …'"
        if not any(map(chapter_of, links(piece))):
            yield f"{heading!r} links to no section of a chapter"


def notes_problems(text: str, path: Path) -> Iterator[str]:
    """Each prompt and question has notes, closed until opened, that name where the chapter measures what they say."""
    questions = re.findall(r"^\*\*Question (\d+)\.\*\*", parts_of(text).get(TALK, ""), re.MULTILINE)
    if len(questions) < 2:
        yield f"{TALK!r} has {len(questions)} questions; at least 2 are wanted"
    numbers = [("prompt", str(number + 1)) for number in range(len(prompts_of(text)))]
    numbers += [("question", number) for number in questions]
    found = NOTES.findall(text)
    if [(kind, number) for kind, number, _ in found] != numbers or len(found) != text.count("<details"):
        have = ", ".join(f"{kind} {number}" for kind, number, _ in found)
        yield f"the hidden notes are on {have or 'nothing'}; one is wanted after each prompt and question, in order"
    for kind, number, note in found:
        if not any(map(chapter_of, links(note))):
            yield f"the notes on {kind} {number} name no section of a chapter: where is it measured?"


def heading_problems(text: str, path: Path) -> Iterator[str]:
    """All guides are built alike, so that a leader finds everything."""
    found = [heading for level, heading, _ in sections(text) if level == 2]
    if found != HEADINGS:
        yield f"has the headings {found}; wanted {HEADINGS}"


CHECKS = [heading_problems, plan_problems, prompt_problems, notes_problems]  # Sphinx checks links and anchors


def problems(text: str, path: Path) -> list[str]:
    """Return all that is wrong with a guide."""
    return [problem for check in CHECKS for problem in check(text, path)]


# --- the kit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("guide", GUIDES, ids=[path.stem for path in GUIDES])
def test_guide_can_be_followed(guide: Path) -> None:
    found = problems(guide.read_text(encoding="utf-8"), guide)
    assert not found, "\n".join(found)


def test_every_chapter_is_covered_by_a_session() -> None:
    listed = {Path(name).stem for name in files_in_toc(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))}
    chapters = {name for name in listed if re.match(r"\d\d-", name)} - {guide.stem for guide in GUIDES}
    chapters |= {path.stem for path in CHAPTERS}
    covered = {
        chapter_of(link)
        for guide in GUIDES
        for _, prompt in prompts_of(guide.read_text(encoding="utf-8"))
        for link in links(prompt)
    }
    assert len(chapters) >= 10
    assert not chapters - covered, f"no session has a prompt on {sorted(chapters - covered)}"


def test_overview_leads_to_every_guide_and_to_the_minutes() -> None:
    index = (SESSIONS / "index.md").read_text(encoding="utf-8")
    assert {path.name for path in [*GUIDES, SESSIONS / "minutes.md"]} <= set(links(index))


def test_site_lists_the_kit() -> None:
    listed = files_in_toc(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    wanted = {f"sessions/{path.stem}" for path in PAGES} | {"exercises"}
    assert wanted <= listed, f"_toc.yml does not list {sorted(wanted - listed)}: the site would not have these pages"


def test_template_is_shown_and_can_be_downloaded() -> None:
    page = (SESSIONS / "minutes.md").read_text(encoding="utf-8")
    (download,) = re.findall(r"\{download\}`[^`<]+<([^`>]+)>`", page)
    (shown,) = re.findall(r"```\{literalinclude\} (\S+)", page)
    assert download == shown, "the page shows another file than the one it gives away"
    template = (SESSIONS / shown).read_text(encoding="utf-8")
    for part in ("## Plan", "## How we met", "## Members' pages", "## Results", "Nothing to report"):
        assert part in template
    assert "| member | goal | result |" in template


def test_example_has_a_place_for_those_with_nothing_to_report() -> None:
    page = (SESSIONS / "minutes.md").read_text(encoding="utf-8")
    example = parts_of(page)["A filled example"]
    (results,) = [text for _, heading, text in sections(example) if heading == "Results"]
    rows = table_of(results)
    assert len(rows) == 4 and all(cell.strip() for row in rows for cell in row), "no row of the results is empty"
    assert example.count("*Nothing to report this time*") == 2
    assert "12.5 %" in rows[0][2]


# --- exercises -------------------------------------------------------------------------------------


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


# --- the checks themselves -------------------------------------------------------------------------

GUIDE = """\
# Meeting 1. A small meeting

## Goal

To see what is wrong.

## Before you meet

Read [the chapter](../01-chapter.ipynb).

## The plan

| from minute | minutes | what you do |
| --- | --- | --- |
| 0 | 20 | Prompt 1. |
| 20 | 20 | Prompt 2, and talk. |

## Predict, then run

### Prompt 1. One

> **Predict.** Heads or tails?

Run [a cell](../01-chapter.ipynb#a-small-chapter).

<details><summary>Notes on prompt 1</summary>

[Heads](../01-chapter.ipynb#ordinary-text).

</details>

### Prompt 2. Two

> **Predict.** And again?

Run [another](../01-chapter.ipynb#ordinary-text).

<details><summary>Notes on prompt 2</summary>

[Tails](../01-chapter.ipynb#ordinary-text).

</details>

## Talk about it

**Question 1.** Why?

<details><summary>Notes on question 1</summary>

[So](../01-chapter.ipynb#ordinary-text).

</details>

**Question 2.** Why not?

<details><summary>Notes on question 2</summary>

[So](../01-chapter.ipynb#exercise-1-count).

</details>

## To take home

[Count](../01-chapter.ipynb#exercise-2-count).

## If you have only 20 minutes

| from minute | minutes | what you do |
| --- | --- | --- |
| 0 | 20 | Prompt 1. |
"""


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """Make a book with one chapter, and return where a guide of it would stand."""
    (tmp_path / "book" / "sessions").mkdir(parents=True)
    nbformat.write(good_notebook(), tmp_path / "book" / "01-chapter.ipynb")
    return tmp_path / "book" / "sessions" / "01-small.md"


def test_a_good_guide_has_no_problems(guide: Path) -> None:
    assert problems(GUIDE, guide) == []


# name of the broken rule: (old text, new text, words of the only message)
BROKEN: dict[str, tuple[str, str, str]] = {
    "too long": ("| 20 | 20 |", "| 20 | 21 |", "'The plan' takes 41 minutes; at most 40"),
    "short plan too long": ("| 0 | 20 | Prompt 1. |\n", "| 0 | 21 | Prompt 1. |\n", "takes 21 minutes; at most 20"),
    "no minutes": ("| 20 | 20 |", "| 20 | 0 |", "'0' is no whole positive number"),
    "negative minutes": ("| 20 | 20 |", "| 20 | -5 |", "'-5' is no whole positive number"),
    "wrong clock": ("| 20 | 20 |", "| 25 | 15 |", "begins at 25, but the rows above it end at 20"),
    "no short plan": ("| 0 | 20 | Prompt 1. |\n", "", "'If you have only 20 minutes' has no table"),
    "prompt without a row": ("Prompt 2, and talk", "Talk", "'Prompt 2. Two' is in no row"),
    "wrong number": ("### Prompt 2. Two", "### Prompt 3. Two", "not called 'Prompt 2. …'"),
    "no prediction": ("> **Predict.** And again?", "And again?", "asks for no prediction"),
    "prompt without a section": ("ipynb#a-small-chapter)", "ipynb)", "'Prompt 1. One' links to no section"),
    "open notes": (
        "<details><summary>Notes on prompt 1",
        "<details open><summary>Notes on prompt 1",
        "the hidden notes are on prompt 2, question 1, question 2",
    ),
    "notes without a source": ("[Tails](../01-chapter.ipynb#ordinary-text)", "Tails", "prompt 2 name no section"),
    "one question": (
        GUIDE[GUIDE.index("**Question 2.") : GUIDE.index("## To take home")],
        "",
        "has 1 questions; at least 2",
    ),
    "other headings": ("## Goal", "## Aim", "has the headings ['Aim'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_checks_name_what_is_wrong(guide: Path, name: str) -> None:
    old, new, words = BROKEN[name]
    last = GUIDE.rindex(old)  # in the short plan the same row comes last
    text = GUIDE[:last] + new + GUIDE[last + len(old) :] if name.startswith(("short", "no short")) else None
    found = problems(text or GUIDE.replace(old, new, 1), guide)
    assert any(words in problem for problem in found), found
    assert len(found) <= 2, found  # an open note is missing, and its text is taken for that of the prompt


def test_number_of_prompts(guide: Path) -> None:
    begin, end = GUIDE.index("### Prompt 2"), GUIDE.index("## Talk about it")
    assert "has 1 prompts; 2 or 3 are wanted" in problems(GUIDE[:begin] + GUIDE[end:], guide)


def full_notebook() -> NotebookNode:
    """Return a chapter whose exercises have all that is asked for."""
    notebook = good_notebook()
    texts = ("**Predict** first.", "How many?", "Find out why.")
    for number, (grade, text) in enumerate(zip(("warm-up", "core", "stretch"), texts, strict=True), 1):
        cell = next(cell for cell in notebook.cells if cell.id == f"exercise-{number}")
        cell.source = (
            f"### Exercise {number} ({grade}): count\n\n{text} Then count.\n\n"
            "<details><summary>Hint</summary>\n\nOne, two.\n\n</details>"
        )
    return notebook


def change(notebook: NotebookNode, name: str, old: str, new: str) -> NotebookNode:
    """Replace a piece of a cell's source."""
    cell = next(cell for cell in notebook.cells if cell.id == name)
    assert old in cell.source
    cell.source = cell.source.replace(old, new)
    return notebook


def not_executed(notebook: NotebookNode) -> NotebookNode:
    """Leave a solution out when the chapter runs."""
    next(cell for cell in notebook.cells if cell.id == "sol-2").metadata.tags.append("skip-execution")
    return notebook


EXERCISES: dict[str, tuple[Callable[[NotebookNode], NotebookNode], str]] = {
    "no hint": (lambda book: change(book, "exercise-2", "Hint", "Aside"), "'Exercise 2 (core): count' has no hint"),
    "not executed": (not_executed, "'Exercise 2 (core): count' has a solution that is not executed"),
    "no prediction": (lambda book: change(book, "exercise-1", "**Predict**", "Guess"), "asks to predict"),
    "no failure": (lambda book: change(book, "exercise-3", "Find out why", "Find out"), "why something failed"),
}


@pytest.mark.parametrize("name", EXERCISES)
def test_exercise_check_names_what_is_wrong(name: str) -> None:
    breaking, words = EXERCISES[name]
    assert list(exercise_problems(full_notebook())) == []
    (found,) = exercise_problems(breaking(full_notebook()))
    assert words in found


def test_list_of_exercises_has_a_row_and_a_link_for_each(guide: Path) -> None:
    book = guide.parents[1]
    chapter = book / "01-chapter.ipynb"
    nbformat.write(full_notebook(), chapter)
    written = all_exercises([chapter])
    assert "1 chapters, 3 exercises" in written
    assert (
        "| [1. Count](01-chapter.ipynb#exercise-1-warm-up-count). First. | warm-up | predict |\n"
        "| [2. Count](01-chapter.ipynb#exercise-2-core-count). How many? | core | – |\n"
        "| [3. Count](01-chapter.ipynb#exercise-3-stretch-count). Find out why. | stretch | find out why |\n"
    ) in written


def test_list_refuses_an_exercise_without_a_grade(guide: Path) -> None:
    book = guide.parents[1]
    nbformat.write(change(full_notebook(), "exercise-2", " (core)", ""), book / "01-chapter.ipynb")
    with pytest.raises(ValueError, match=r"Exercise 2: count.*with warm-up, core or stretch"):
        all_exercises([book / "01-chapter.ipynb"])
