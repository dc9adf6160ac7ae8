"""Texts around the chapters: guides of meetings, quizzes and the glossary say, link and hide what they should."""

import math
import re
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from check_notebooks import exercises_of, file_format, inline_groups, no_myst, no_outputs, only_known_html, tags
from exercise_index import asks_why, predicts
from scipy.stats import binom
from test_notebooks import CHAPTERS, each_chapter

BOOK = Path(__file__).resolve().parents[1] / "book"
SESSIONS = BOOK / "sessions"
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


QUIZZES = sorted((BOOK / "quizzes").glob("*.ipynb"))
COVERED = {"part-1-the-game": (1, 2), "part-2-energies": (3, 10), "part-3-contrast": (11, 17)}
ANSWER = re.compile(r"<details><summary>([A-E])\. (.*?)</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
each_quiz = pytest.mark.parametrize("quiz", QUIZZES, ids=[path.stem for path in QUIZZES])


def softplus(t: float) -> float:
    return math.log1p(math.exp(t))


def floor(pictures: int, temperature: float) -> float:
    n = pictures
    return math.log1p((2 * n - 2) * math.exp(-n / (n - 1) / temperature))


# What the quizzes say in numbers, and how each number comes about.
NUMBERS = {
    "part-1-the-game": [
        (r"\log 4 \approx 1.386", round(math.log(4), 3) == 1.386),
        ("0.99/0.01 = 99", round((1 - 0.01) / 0.01) == 99),
        ("nearly one of eight", 0.9 < 8 * (7 / 8) ** 16 < 1),
    ],
    "part-2-energies": [("-1/63 = -0.0159", round(-1 / 63, 4) == -0.0159)],
    "part-3-contrast": [
        (r"\ln 63 \approx 4.14", round(math.log(63), 2) == 4.14),
        ("stands at 2.5", abs(math.log(64 / 5 - 1) - 2.5) < 0.05),
        ("12/40 = 0.30", 12 / 40 == 0.30),
        ("fewer than one of a hundred", binom.cdf(12, 40, 0.5) < 0.01),
        (r"(-1) \approx 0.3133", round(softplus(-1), 4) == 0.3133),
        ("the floor is 0.4762", round((softplus(-1) + softplus(-1 / 9)) / 2, 4) == 0.4762),
        (r"\frac12 \approx 0.81", round(softplus(1) - 0.5, 2) == 0.81),
        ("below 2.86", round(floor(64, 0.5), 2) == 2.86),
        ("higher, 4.34", round(floor(64, 2), 2) == 4.34),
        ("ln 127 ≈ 4.84", round(math.log(127), 2) == 4.84),
    ],
}


def text_of(quiz: Path) -> str:
    return "\n\n".join(cell.source for cell in nbformat.read(quiz, as_version=4).cells)


def test_each_part_has_its_quiz() -> None:
    assert {path.stem for path in QUIZZES} == set(COVERED)


@each_quiz
def test_quiz_works_with_no_kernel_and_has_a_place_for_what_papermill_sets(quiz: Path) -> None:
    notebook = nbformat.read(quiz, as_version=4)
    assert not [p for rule in (file_format, no_outputs, no_myst, only_known_html) for p in rule(notebook, quiz)]
    assert {cell.cell_type for cell in notebook.cells} == {"markdown"}
    assert ["parameters" in cell.metadata.get("tags", []) for cell in notebook.cells].count(True) == 1
    assert notebook.metadata["mystnb"]["execution_mode"] == "off"


@each_quiz
def test_each_question_has_three_or_four_answers_that_explain_themselves_and_one_is_right(quiz: Path) -> None:
    cells = nbformat.read(quiz, as_version=4).cells
    questions = [cell.source for cell in cells if cell.source.startswith("## Question ")]
    assert 4 <= len(questions) <= 8
    for number, text in enumerate(questions, 1):
        assert text.startswith(f"## Question {number}. ")
        answers = ANSWER.findall(text)
        assert len(answers) in {3, 4} and text.count("<details>") == len(answers), number
        assert [letter for letter, *_ in answers] == list("ABCD")[: len(answers)], number
        verdicts = [re.match(r"\*\*(Right|No)\.\*\* ", feedback)[1] for *_, feedback in answers]
        assert verdicts.count("Right") == 1, number
        for letter, choice, feedback in answers:
            assert len(feedback.split()) >= 20, f"{number}{letter} explains too little"
            assert not re.search(r"[$*`\[]", choice), f"{number}{letter}: Markdown does not work in a summary"
            assert "**Right" not in feedback or any(map(chapter_of, links(feedback))), f"{number}{letter}: no link"


@each_quiz
def test_quiz_asks_about_every_chapter(quiz: Path) -> None:
    first, last = COVERED[quiz.stem]
    linked = {int(chapter[:2]) for chapter in map(chapter_of, links(text_of(quiz))) if chapter}
    assert set(range(first, last + 1)) <= linked


@each_quiz
def test_numbers_are_right(quiz: Path) -> None:
    text = re.sub(r"\s+", " ", text_of(quiz))
    for words, holds in NUMBERS[quiz.stem]:
        assert words in text, f"{words!r} is not in the quiz any more"
        assert holds, words


GLOSSARY = (BOOK / "glossary.md").read_text(encoding="utf-8")
CHAPTER_LINK = re.compile(r"\[chapter (\d\d)\]\((\d\d)-[\w-]+\.ipynb(#[\w-]+)?\)")
KOREAN = re.compile(r'^<span lang="ko">[^<]*[가-힣][^<]*</span>\. ')


def test_every_term_has_two_languages_and_a_link_and_stands_in_its_place() -> None:
    body = re.search(r"^```\{glossary\}\n(.*?)\n```$", GLOSSARY, re.DOTALL | re.MULTILINE)[1]
    entries = [re.split(r"\n\s*", entry, maxsplit=1) for entry in body.strip().split("\n\n")]
    order = [re.sub(r"[^a-z0-9 ]", "", term.lower().replace("é", "e")) for term, _ in entries]
    assert len(entries) > 80 and order == sorted(order)
    for term, text in entries:
        assert KOREAN.match(text), f"{term}: does not begin with the Korean term in its span"
        links = CHAPTER_LINK.findall(re.sub(r"\n\s*", " ", text))
        assert links or "](about-claims)" in text, f"{term}: has no link to the chapter that introduces it"
        assert all(said == file for said, file, _ in links), f"{term}: names one chapter and links to another"
