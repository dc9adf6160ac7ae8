"""Self-check quizzes: plain Markdown that works where no kernel runs; every answer explains; numbers are right."""

import math
import re
from pathlib import Path

import nbformat
import pytest
from check_notebooks import file_format, no_myst, no_outputs, only_known_html
from scipy.stats import binom
from test_sessions import chapter_of, links

BOOK = Path(__file__).resolve().parents[1] / "book"
QUIZZES = sorted((BOOK / "quizzes").glob("*.ipynb"))
CHAPTERS = {"part-1-the-game": (1, 2), "part-2-energies": (3, 10), "part-3-contrast": (11, 16)}
RULES = [file_format, no_outputs, no_myst, only_known_html]
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
    assert {path.stem for path in QUIZZES} == set(CHAPTERS)


@each_quiz
def test_quiz_works_with_no_kernel_and_has_a_place_for_what_papermill_sets(quiz: Path) -> None:
    notebook = nbformat.read(quiz, as_version=4)
    assert [problem for rule in RULES for problem in rule(notebook, quiz)] == []
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
    first, last = CHAPTERS[quiz.stem]
    linked = {int(chapter[:2]) for chapter in map(chapter_of, links(text_of(quiz))) if chapter}
    assert set(range(first, last + 1)) <= linked


@each_quiz
def test_numbers_are_right(quiz: Path) -> None:
    text = re.sub(r"\s+", " ", text_of(quiz))
    for words, holds in NUMBERS[quiz.stem]:
        assert words in text, f"{words!r} is not in the quiz any more"
        assert holds, words
