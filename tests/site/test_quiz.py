"""The quizzes in a browser: answered with the keyboard alone, read aloud in full, useful without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from test_browser import AXE, DESKTOP, PHONE, RULES, RUN_AXE, TOO_WIDE, watched

pytestmark = pytest.mark.browser

QUIZZES = ["quizzes/part-1-the-game.html", "quizzes/part-2-energies.html", "quizzes/part-3-contrast.html"]
ANSWERS = "section[id^=question-] > details"


def question(page, number: int):
    """Return the section of a question."""
    return page.locator("section[id^=question-]").nth(number)


def press(page, answer) -> None:
    """Open or close an answer as somebody without a mouse does."""
    answer.locator("summary").focus()
    page.keyboard.press("Enter")


@pytest.mark.parametrize("name", QUIZZES)
def test_a_quiz_is_answered_with_the_keyboard(name, address, browser):
    with browser.new_context(viewport=DESKTOP) as context:
        problems: list[str] = []
        page = watched(context, address, problems)
        page.goto(address + name)
        answers = question(page, 0).locator("details")
        score = page.get_by_role("status")
        assert score.inner_text() == "" and answers.count() in {3, 4}
        first = answers.nth(0)
        press(page, first)
        assert first.get_attribute("open") is not None and first.locator("strong").first.is_visible()
        page.keyboard.press("Tab")  # to a link of the feedback, or to the next answer: nobody is caught
        assert page.evaluate("document.activeElement.closest('details, main') !== null")
        right = first.get_attribute("data-verdict") == "right"
        total = page.locator("section[id^=question-]").count()
        said = f"Right at the first try: {int(right)} of 1. Questions left: {total - 1}."
        expect(score).to_have_text(said)  # waits: the browser reports an opened answer a moment later
        press(page, answers.nth(1))  # a second try is not counted
        expect(score).to_have_text(said)
        for number in range(1, total):
            press(page, question(page, number).locator("details[data-verdict=right]"))
        expect(score).to_have_text(f"Right at the first try: {total - 1 + right} of {total}. Questions left: 0.")
        assert not problems, problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_quiz_is_sound_with_all_answers_open(size, scheme, address, browser):
    with browser.new_context(viewport=size, color_scheme=scheme) as context:
        problems: list[str] = []
        page = watched(context, address, problems)
        for name in QUIZZES:
            page.goto(address + name)
            page.evaluate("document.querySelectorAll('details').forEach(answer => answer.open = true)")
            page.evaluate(AXE.read_text(encoding="utf-8"))
            problems += [f"{name}: {line}" for line in page.evaluate(RUN_AXE, RULES) + page.evaluate(TOO_WIDE)]
        assert not problems, "\n".join(problems)


def test_a_quiz_works_without_scripts(address, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        for name in QUIZZES:
            page.goto(address + name)
            answer = page.locator(ANSWERS).first
            feedback = answer.locator("strong").first
            assert not feedback.is_visible()
            press(page, answer)
            assert feedback.is_visible()
