"""The meeting room with three browsers, and predictions with "My course": nothing is lost, nothing is given away."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from test_browser import AXE, DESKTOP, PHONE, RULES, RUN_AXE, TOO_WIDE, watched

pytestmark = pytest.mark.browser

NAMES = ["Ann", "Bo", "Cem"]
BETS = ["1 real data", "2 a deeper model", "4 another loss"]
ANSWERS = "[...document.querySelectorAll('#meet a')].map(one => one.href).filter(one => /\\/\\d\\d-[^/]*#/.test(one))"
NO_STORAGE = {
    "full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };",
    "forbidden": """Object.defineProperty(window, 'localStorage', {
      get() { throw new DOMException('forbidden', 'SecurityError'); } });""",
}


@contextlib.contextmanager
def room(browser, address, *, view="", problems=None, script="", **more):
    """Open the room in a browser of its own, with a clock that stands still until it is told."""
    with browser.new_context(**({"viewport": DESKTOP} | more)) as context:
        if script:
            context.add_init_script(script)
        page = watched(context, address, [] if problems is None else problems)
        page.set_default_timeout(8000)
        page.clock.install(time="2026-05-01T18:00:00")
        page.goto(f"{address}meet.html{view}")
        page.wait_for_selector("#meet .meet-field")
        yield page


def state(page) -> dict:
    return page.evaluate("meet.state()")


def press(page, name: str) -> None:
    page.locator(f'[data-name="{name}"]').click()


def begin(page, meeting: int, names=NAMES) -> None:
    page.get_by_label("Meeting", exact=True).select_option(str(meeting))
    expect(page.locator(".meet-setup h2")).to_contain_text(f"{meeting}.")
    if names:
        page.locator('[data-name="names"]').fill(", ".join(names))
        page.keyboard.press("Tab")
    press(page, "start")
    expect(page.locator(".meet-step")).to_be_visible()


def line_of(page, name: str, number: str, word: str) -> str:
    """Write a guess as a member does on a phone, and return the line for the chat."""
    expect(page.locator("#meet")).to_contain_text("Twenty more groups")
    expect(page.locator("details.meet-prompt[open]")).to_have_count(1)  # the next prompt may tell what this one seeks
    page.get_by_label("Your name").fill(name)
    prompt = page.locator(".meet-prompt").first
    prompt.locator("input").fill(number)
    prompt.locator("select").select_option(word)
    return prompt.locator("output").inner_text()


def exported(page) -> str:
    page.locator(".meet-frame a[href='#minutes']").click()
    with page.expect_download() as download:
        press(page, "export")
    return Path(download.value.path()).read_text(encoding="utf-8")


def import_file(page, name: str, text: str) -> None:
    page.locator("#meet input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/markdown", "buffer": text.encode()}
    )


def held_meeting(page) -> str:
    """Play meeting 8 to its end without sealed guesses; return its minutes."""
    begin(page, 8)
    for step in range(2, 7):
        press(page, "next")
        expect(page.locator(".meet-time")).to_contain_text(f"Step {step} of 7")
    for name, bet in zip(NAMES, BETS, strict=True):
        page.get_by_label(f"{name} bets on").select_option(bet)
    press(page, "next")
    page.locator(".meet-tasks input:not([type])").nth(0).fill("Bo")
    page.locator(".meet-tasks input:not([type])").nth(1).fill("exercise 4")  # added when the step is left
    page.get_by_label("Questions that stay open").fill("Why eight pairs?")
    return exported(page)


# --------------------------------------------------------------------------------------------- a whole meeting
def test_a_meeting_with_three_browsers(address, browser):
    problems: list[str] = []
    with (
        room(browser, address, problems=problems) as shared,
        room(browser, address, view="?meeting=8#guess", problems=problems, viewport=PHONE) as phone,
        room(browser, address, view="?meeting=8#guess", problems=problems, viewport=PHONE) as other,
    ):
        begin(shared, 8)
        expect(shared.locator(".meet-invite a")).to_have_attribute("href", f"{address}meet.html?meeting=8#guess")
        start = {"meeting": 8, "step": 0, "remaining_s": 240, "names": NAMES}
        assert state(shared) == start | {"guesses": {}, "revealed": [], "bets": [], "tasks": []}
        shared.get_by_label("The sentence of Ann").fill("too little data")
        shared.clock.run_for(181_000)
        assert state(shared)["remaining_s"] == 59
        expect(shared.get_by_text("One minute left")).to_be_visible()
        press(shared, "more")
        assert state(shared)["remaining_s"] == 179
        press(shared, "next")
        assert state(shared)["remaining_s"] == 420

        lines = [line_of(phone, "Ann", "19", "spread"), line_of(other, "bo", "3", "near 50")]
        assert lines == ["M8P1;Ann;19;spread", "M8P1;bo;3;near 50"]
        expect(shared.locator(".claim")).to_have_count(0)
        expect(shared.locator('[data-name="reveal M8P1"]')).to_be_disabled()
        shared.locator('[data-name="lines M8P1"]').fill(
            "\n".join([*lines, "M8P1;Cem;21;spread", "hello", "M7P1;Cem;1"])
        )
        shared.get_by_role("button", name="Take these lines").click()
        broken = shared.locator(".meet-broken li")
        expect(broken).to_have_count(3)
        expect(broken.nth(0)).to_have_text("M8P1;Cem;…: part 1 is not from 0 to 20 Drop this line")  # sealed
        assert state(shared)["guesses"] == {"M8P1": {"Ann": ["19", "spread"], "Bo": ["3", "near 50"]}}
        expect(shared.locator("#meet")).not_to_contain_text("near 50;")  # sealed

        shared.reload()  # in the middle
        expect(broken).to_have_count(3)
        assert state(shared)["step"] == 1 and len(state(shared)["guesses"]["M8P1"]) == 2
        shared.locator('[data-name="lines M8P1"]').fill("18:03 Cem: M8P1;Cem;20;spread")
        shared.get_by_role("button", name="Take these lines").click()
        shared.locator('[data-name="reveal M8P1"]').click()
        expect(shared.locator(".meet-measured .claim").first).to_contain_text("the same answer")
        expect(shared.locator(".meet-measured img").first).to_be_visible()
        rows = shared.locator(".meet-guesses tbody tr").all_inner_texts()
        assert [re.split(r"\t", row) for row in rows] == [
            ["runs with eight equal answers, a number from 0 to 20", "19 to 20", "19 ✓", "3", "20 ✓"],
            ["the accuracies", "spread", "spread ✓", "near 50", "spread ✓"],
            ["points", "", "2", "0", "2"],
        ]
        assert state(shared)["revealed"] == ["M8P1"]

        text = exported(shared)
        assert "| M8P1 Twenty more groups | Bo | 3; near 50 | 0 |" in text
        assert (
            "| M8P1 Twenty more groups | what counts | 19 to 20; spread |  |" in text
            and "- Ann: too little data" in text
            and "- hello" in text
        )
    assert not problems, problems


def test_the_group_gives_points_where_the_guide_has_a_dash(address, browser):
    with room(browser, address) as page:
        begin(page, 8, ["Ann", "지우"])
        press(page, "next")
        press(page, "next")
        chat = "M8P2;Ann;half;0.1\n[지우] [오후 6:03] M8P2；지우；the share of ones；3 %"
        page.locator('[data-name="lines M8P2"]').fill(chat)
        press(page, "Take these lines")
        press(page, "reveal M8P2")
        points = page.locator(".meet-guesses tr").last
        expect(points).to_have_text("points01")
        page.get_by_label("Points that you give 지우").fill("1")
        expect(points).to_have_text("points02")
        text = exported(page)
        assert "| 지우 | the share of ones; 3 % | 2 |" in text and "| Ann | half; 0.1 | 0 |" in text


def test_lines_of_strangers_for_another_prompt_and_after_the_reveal(address, browser):
    with room(browser, address) as page:
        begin(page, 8)
        press(page, "next")
        lines, broken = page.locator('[data-name="lines M8P1"]'), page.locator(".meet-broken li")
        lines.fill("M8P1;Dee;18;spread\nM8P1;Cem;3\nM8P2;Bo;half;0.1")
        press(page, "Take these lines")
        expect(page.get_by_text("Kept for prompt 2: Bo.")).to_be_visible()
        expect(broken.nth(0)).to_contain_text("Dee is not in this group")
        expect(broken.nth(1)).to_contain_text("M8P1;Cem;…: a part is missing (1 of 2 are there)")
        assert "M8P1" not in state(page)["guesses"]
        press(page, "Ann’s")
        lines.fill("M8P1;Cem;3;spread\nM8P1;Eve;4;spread")
        press(page, "Take these lines")
        expect(broken).to_have_count(1)  # a whole line of Cem's came
        press(page, "Add Eve")
        assert state(page)["names"] == [*NAMES, "Eve"] and len(state(page)["guesses"]["M8P1"]) == 3
        press(page, "Reveal without the missing ones")
        page.get_by_text("Late or corrected line").click()
        lines.fill("M8P1;Ann;18;spread\nM8P1;Cem;19;spread\nM8P1;Bo;19;spread")
        press(page, "Take these lines")
        expect(page.locator(".meet-guesses tr").last).to_have_text("points1late1late")
        press(page, "next")
        page.locator('[data-name="lines M8P2"]').fill("M8P1;Ann;18;spread\nM8P1;Bo;20;spread\nM8P2;Ann;half;0.2")
        press(page, "Reveal without the missing ones")
        expect(broken).to_have_count(1)  # Ann's line was there before
        expect(broken).to_contain_text("M8P1 is revealed: paste the line there")
        assert state(page)["guesses"]["M8P2"] == {"Bo": ["half", "0.1"], "Ann": ["half", "0.2"]}


def test_grades_go_into_the_minutes_and_the_chapters_come_after_them(address, browser):
    with room(browser, address) as page:
        begin(page, 8)
        expect(page.locator(".meet-screen")).to_contain_text("0.8842")  # the log, and not what stands below it
        assert page.evaluate(ANSWERS) == []
        for _ in range(4):
            press(page, "next")
        page.get_by_label("A falling training loss").select_option("partly")
        page.get_by_label("It means that the model predicts").select_option("wrong")
        expect(page.locator(".meet-measured")).to_have_count(0)
        press(page, "reveal Q1")
        expect(page.locator(".meet-measured")).to_contain_text("verdict, and what was measured")
        page.reload()
        expect(page.get_by_label("A falling training loss")).to_have_value("partly")
        graded = (
            "- partly: A falling training loss shows that the model is learning the training data.\n- wrong: It means"
        )
        assert f"**What we graded**\n\n{graded}" in exported(page)


def test_a_members_own_count_decides_where_the_guide_says_so(address, browser):
    with room(browser, address) as page:
        begin(page, 1)
        for _ in range(3):
            press(page, "next")
        page.locator('[data-name="lines M1P3"]').fill("M1P3;Ann;12\nM1P3;Bo;9\nM1P3;Cem;26")
        press(page, "Take these lines")
        expect(page.locator(".meet-broken li")).to_contain_text("M1P3;Cem;…: part 1 is not from 0 to 25")
        press(page, "Reveal without the missing ones")
        points = page.locator(".meet-guesses tr").last
        expect(points).to_have_text("points––")
        page.get_by_label("What Ann counted").fill("15")
        page.get_by_label("What Bo counted").fill("13")
        expect(points).to_have_text("points10")
        text = exported(page)
        assert "| Ann | 12 (own count: 15) | 1 |" in text and "| Bo | 9 (own count: 13) | 0 |" in text
        assert "| what counts | within 3 of your own count |" in text


def test_the_delay_is_shown_and_later_rows_can_be_shortened(address, browser):
    with room(browser, address) as page:
        begin(page, 8)
        delay, shorter = page.locator(".meet-delay"), page.locator('[data-name="shorter 4"]')
        expect(delay).to_have_text("on time")
        page.clock.run_for(360_000)  # two minutes over
        expect(delay).to_have_text("ends 2 min late")
        press(page, "next")
        expect(delay).to_have_text("ends 2 min late")
        page.locator(".meet-plan summary").click()
        for _ in range(2):
            shorter.click()
        expect(delay).to_have_text("on time")
        for _ in range(3):
            press(page, "next")
        assert state(page)["remaining_s"] == 480  # eight minutes of ten
        for _ in range(7):
            shorter.click()
        expect(shorter).to_be_disabled()  # a minute is left
        expect(page.locator('[data-name="shorter 1"]')).to_have_count(0)


def test_the_clock_goes_on_in_a_tab_that_does_not_tick(address, browser):
    with room(browser, address) as page:
        begin(page, 8)
        page.clock.fast_forward("10:00")  # timers fire at most once, as in a tab that sleeps
        assert state(page)["remaining_s"] == -360
        expect(page.get_by_text("Time is up")).to_be_visible()


def test_a_second_tab_and_the_leaders_window_follow(address, browser):
    with room(browser, address) as page:
        begin(page, 8)
        second = page.context.new_page()
        second.goto(address + "meet.html")
        expect(second.locator(".meet-step")).to_be_visible()
        with page.expect_popup() as popup:
            page.get_by_role("button", name="Leader's window").click()
        leader = popup.value
        expect(leader.locator(".meet-leader")).to_be_visible()
        press(page, "next")
        expect(leader.locator(".meet-leader")).to_contain_text("Two facts that")
        expect(leader.locator(".meet-leader")).to_contain_text("Then run")
        expect(leader.get_by_text("Two facts that")).to_be_hidden()  # until the reveal, or until it is opened
        leader.get_by_text("Notes: open after the reveal").click()
        expect(leader.get_by_text("Two facts that")).to_be_visible()
        leader.evaluate("scrollTo(0, 300)")
        page.locator('[data-name="lines M8P1"]').fill("-")
        press(page, "more")  # what happens in the room leaves the leader's place as it is
        leader.wait_for_timeout(300)
        assert leader.evaluate("scrollY") == 300
        expect(second.locator("#meet")).to_contain_text("Prompt 1")
        expect(second.locator("#meet")).not_to_contain_text("Two facts that")  # notes are never shared
        for tab in (page, second, page):
            tab.locator('[data-name="lines M8P1"]').fill("M8P1;Ann;19;spread\nrubbish")
            tab.get_by_role("button", name="Take these lines").click()
            expect(tab.locator(".meet-broken li")).to_have_count(1)
        assert state(page)["guesses"] == state(second)["guesses"] == {"M8P1": {"Ann": ["19", "spread"]}}
        press(leader, "next")
        expect(page.locator("#meet")).to_contain_text("One line on paper")


def test_a_leader_on_another_machine_follows_by_hand(address, browser):
    with room(browser, address, view="?meeting=8#leader") as page:
        page.get_by_role("button", name="Follow by hand").click()
        expect(page.locator(".meet-leader")).to_contain_text("Show the group’s log")
        press(page, "next")
        expect(page.locator(".meet-leader")).to_contain_text("Two facts that")


# ------------------------------------------------------------------------------------- from one week to the next
@pytest.mark.parametrize("language", ["en", "ko"])
def test_minutes_of_meeting_8_bring_bets_tasks_and_roles_into_9(language, address, browser):
    with room(browser, address) as page:
        text = held_meeting(page)
        if language == "ko":
            page.get_by_role("button", name="한국어").click()
            with page.expect_download() as download:
                press(page, "export")
            text = Path(download.value.path()).read_text(encoding="utf-8")
            assert all(f"## {part}\n" in text for part in ("계획", "회의방법", "팀원", "결과"))
    assert ("- Ann: 1 real data (8)" in text) and ("Bo: exercise 4" in text)
    with room(browser, address) as page:
        page.get_by_label("Meeting", exact=True).select_option("9")
        import_file(page, "minutes-08.md", text)
        expect(page.locator(".meet-import")).to_contain_text("Bets: 3, tasks: 1, open questions: 1")
        expect(page.locator(".meet-roles li").first).to_contain_text("Bo")  # Ann led last time
        import_file(page, "minutes-08.md", text)  # once more doubles nothing
        assert state(page)["names"] == NAMES and [bet["bet"] for bet in state(page)["bets"]] == BETS
        begin(page, 9, [*NAMES, "Dee"])  # who was not there
        page.get_by_label("Bo: exercise 4").check()  # a meeting begins with last week's tasks
        assert state(page)["tasks"][0]["done"]
        expect(page.get_by_label("bets on")).to_have_count(1)
        page.get_by_label("Dee bets on").select_option("3 other hyper-parameters")
        for _ in range(4):
            press(page, "next")
        expect(page.locator(".meet-measured")).to_have_count(0)
        assert not any("the-verdicts" in link for link in page.evaluate(ANSWERS))
        press(page, "reveal Q1")
        helps = {bet: 0 for bet in "1234"}
        for row in page.locator(".meet-measured tbody tr").all_inner_texts():
            helps[row[0]] += row.count("helps")
        assert [bet["points"] for bet in state(page)["bets"]] == [helps[bet] for bet in "1243"]
        assert helps["4"] > helps["2"] == 0
        page.get_by_label("Points of Dee").fill("7")  # where the group has agreed on something else
        text = exported(page)
        assert f"- Cem: 4 another loss (8; {helps['4']})" in text and "- Dee: 3 other hyper-parameters (9; 7)" in text


def test_the_meeting_is_the_addresss_or_the_one_after_the_minutes_and_the_roles_stay(address, browser):
    with room(browser, address) as page:
        text = held_meeting(page)
        page.goto(f"{address}meet.html?meeting=9")
        expect(page.locator(".meet-setup h2")).to_contain_text("9.")  # although 8 was not left
        page.get_by_label("Meeting", exact=True).select_option("7")
        expect(page).to_have_url(re.compile(r"\?meeting=7$"))
    with room(browser, address, view="?meeting=3") as page:
        import_file(page, "minutes-08.md", text)
        expect(page.locator(".meet-setup h2")).to_contain_text("9.")
        for meeting in ("10", "9", "11"):
            page.get_by_label("Meeting", exact=True).select_option(meeting)
            expect(page.locator(".meet-setup h2")).to_contain_text(f"{meeting}.")
            expect(page.locator(".meet-roles li").first).to_contain_text("Bo")  # Ann led last time


def test_the_first_click_after_the_names_starts_the_meeting(address, browser):
    with room(browser, address) as page:
        page.locator('[data-name="names"]').press_sequentially("Ann, Bo, Cem, Dee")
        expect(page.locator(".meet-roles li")).to_have_count(4)
        start = page.locator('[data-name="start"]')
        start.scroll_into_view_if_needed()
        box = start.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.locator(".meet-step")).to_contain_text("One laptop holds the meeting")


def test_my_guess_says_on_the_phone_what_the_guide_wants(address, browser):
    with room(browser, address, view="?meeting=8#guess", viewport=PHONE) as page:
        prompt = page.locator(".meet-prompt").first
        expect(prompt.locator("output")).to_contain_text("Fill in your name and every part")
        expect(prompt.locator("input")).to_have_attribute("inputmode", "decimal")
        for number in ("21", "many"):
            prompt.locator("input").fill(number)
            expect(prompt.locator("output")).to_contain_text("write a number")
            expect(prompt.get_by_role("button", name="Copy")).to_be_disabled()
        assert line_of(page, "Ann", "20", "spread") == "M8P1;Ann;20;spread"
        expect(page.get_by_role("button", name="Leader's window")).to_have_count(0)


DAMAGED = {
    "no minutes at all": ("hello", "line 1: no heading"),
    "a bet without a meeting": ("- Ann: 1 real data", "in Bets: - Ann: 1 real data"),
    "binary": ("\0\1", "no text file"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_file_is_named_and_changes_nothing(what, address, browser):
    put, words = DAMAGED[what]
    with room(browser, address) as page:
        text = held_meeting(page)
        before = state(page)
        page.goto(address + "meet.html")
        for _ in range(before["step"] + 1):
            press(page, "back")
        whole = text.replace("- Ann: 1 real data (8)", put) if put.startswith("-") else put
        import_file(page, "broken.md", whole)
        expect(page.locator(".meet-import")).to_contain_text(words)
        after = state(page)
        assert all(after[name] == before[name] for name in ("names", "bets", "tasks", "guesses"))


@pytest.mark.parametrize("how", NO_STORAGE)
def test_without_storage_the_room_works_until_the_tab_closes_and_says_so(how, address, browser):
    with room(browser, address, script=NO_STORAGE[how]) as page:
        text = held_meeting(page)
        expect(page.get_by_role("alert").first).to_contain_text("keeps nothing")
        assert "- Cem: 4 another loss (8)" in text


def test_minutes_are_kept_at_each_keystroke_and_have_the_groups_form(address, browser):
    with room(browser, address) as page:
        begin(page, 8)
        page.locator(".meet-frame a[href='#minutes']").click()
        expect(page.locator('[data-name="problems Bo"]')).to_be_hidden()  # what is empty is folded
        page.get_by_text("Problems, Possible solutions").first.click()
        page.locator('[data-name="problems Ann"]').press_sequentially("The loss is # odd")
        page.locator('[data-name="code Ann"]').fill("```\nprint(1)\n```")
        page.locator(".meet-minutes select").nth(1).select_option("read")
        page.reload()
        expect(page.locator('[data-name="problems Ann"]')).to_have_value("The loss is # odd")
        text = exported(page)
        assert "### Ann\n\n**Goal**\n\n–\n\n**Result**\n\n–\n\n**Problems**\n\nThe loss is # odd\n\n````\n" in text
        assert "### Bo\n\n**Goal**\n\n–\n\n**Result**\n\nI read along." in text


# ---------------------------------------------------------------------------------------------------- by keyboard
def tab_to(page, selector: str) -> None:
    """Press Tab until a control has the focus, as somebody does who has no mouse."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"60 times Tab do not lead to {selector}")


def test_a_meeting_by_keyboard_alone(address, browser):
    problems: list[str] = []
    with room(browser, address, problems=problems) as page:
        keys = page.keyboard
        tab_to(page, '[data-name="Meeting"]')
        keys.type("8")
        expect(page.locator(".meet-setup h2")).to_contain_text("8.")
        tab_to(page, '[data-name="Length"]')  # the focus is where it was
        keys.press("ArrowDown")
        tab_to(page, '[data-name="names"]')
        keys.type("Ann, Bo")
        tab_to(page, '[data-name="start"]')
        keys.press("Enter")
        expect(page.locator(".meet-time")).to_contain_text("Step 1 of 4")
        assert page.evaluate("document.activeElement.matches('.meet-step')")  # a step begins at its beginning
        tab_to(page, '[data-name="next"]')
        keys.press("Enter")
        tab_to(page, "textarea")
        keys.insert_text("M8P1;Ann;19;spread\nM8P1;Bo;4;near 50")
        tab_to(page, '[data-name="Take these lines"]')
        keys.press("Enter")
        tab_to(page, 'button[data-name="reveal M8P1"]')
        keys.press("Space")
        expect(page.locator(".meet-measured .claim").first).to_be_visible()
        assert page.evaluate("document.activeElement.dataset.name") == "reveal M8P1"
        tab_to(page, "textarea")
        keys.type("All alike.")
        for _ in range(2):
            tab_to(page, '[data-name="next"]')
            keys.press("Enter")
        tab_to(page, ".meet-bets select")
        keys.type("1")
        for task in ("Bo", "exercise 4"):
            tab_to(page, ".meet-tasks input")
            keys.type(task)
        tab_to(page, '[data-name="add"]')
        keys.press("Enter")
        tab_to(page, '[data-name="next"]')
        keys.press("Enter")
        tab_to(page, '[data-name="result Ann"]')
        keys.type("A constant.")
        with page.expect_download() as download:
            tab_to(page, '[data-name="export"]')
            keys.press("Enter")
        text = Path(download.value.path()).read_text(encoding="utf-8")
        assert all(
            part in text
            for part in (
                "- M8P1 Twenty more groups: All alike.",
                "- Ann: 1 real data (8)",
                "Bo: exercise 4",
                "A constant.",
            )
        )
        tab_to(page, ".meet-frame a[href='#guess']")
        keys.press("Enter")
        tab_to(page, ".meet-member summary:not([open] *)")  # a prompt whose turn has not come
        keys.press("Enter")
        expect(page.locator(".meet-member details[open]")).to_have_count(2)
    assert not problems, problems


# ------------------------------------------------------------------------------------------ sound on every screen
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_room_is_sound(scheme, address, browser):
    problems: list[str] = []
    with room(browser, address, problems=problems, color_scheme=scheme, reduced_motion="reduce") as page:
        axe = AXE.read_text(encoding="utf-8")

        def look(where: str) -> None:
            for width in (360, 768, 1920):
                page.set_viewport_size({"width": width, "height": 900})
                problems.extend(f"{where}, {width} px: {line}" for line in page.evaluate(TOO_WIDE))
            page.evaluate(axe)
            problems.extend(f"{where}: {line}" for line in page.evaluate(RUN_AXE, RULES))

        look("set up")
        begin(page, 8)
        look("first step")
        press(page, "next")
        page.locator('[data-name="lines M8P1"]').fill("M8P1;Ann;19;spread\nrubbish")
        page.get_by_role("button", name="Take these lines").click()
        look("broken lines")
        page.get_by_role("button", name="Reveal without the missing").click()
        expect(page.locator(".meet-measured")).to_be_visible()
        look("revealed")
        for _ in range(3):
            press(page, "next")
        page.locator(".meet-plan summary").click()
        press(page, "reveal Q1")
        look("grades and plan")
        press(page, "next")
        look("bets")
        press(page, "next")
        look("last step")
        for view in ("guess", "minutes", "leader"):
            page.goto(f"{address}meet.html#{view}")
            page.wait_for_selector("#meet section")
            look(view)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("meeting", range(1, 12))
def test_every_prompt_reveals_something_that_fits_every_screen(meeting, address, browser):
    problems: list[str] = []
    with room(browser, address, problems=problems) as page:
        begin(page, meeting)
        shown, last = 0, page.get_by_role("button", name="To the minutes")
        while not last.count():
            press(page, "next")
            aloud = page.get_by_role("button", name="We guessed aloud")
            if not aloud.count():
                continue
            problems += [f"before it is revealed: {link}" for link in page.evaluate(ANSWERS)]
            aloud.click()
            expect(page.locator(".meet-measured :is(img, .claim)").first).to_be_visible()
            shown += 1
            for width in (360, 1920):
                page.set_viewport_size({"width": width, "height": 900})
                problems += [f"prompt {shown}, {width} px: {line}" for line in page.evaluate(TOO_WIDE)]
        assert shown in {2, 3}
    assert not problems, "\n".join(problems)


def test_a_page_loads_at_most_40_kb_beside_the_theme(site):
    size = lambda path: len(gzip.compress(path.read_bytes()))  # noqa: E731
    static, meetings = site / "_static" / "meet", sorted((site / "meet").glob("*.js"))
    assert len(meetings) == 11
    room_page = size(static / "room.js") + size(static / "meet.css") + max(map(size, meetings))
    course_page = sum(size(static / name) for name in ("mine.js", "parts.js", "meet.css"))
    assert max(room_page, course_page, size(static / "predict.js")) < 40_000


# ------------------------------------------------------------------------------------------------- predictions
CHAPTER = "13-autopsy-of-12-5-percent.html"
SHOWN = "one => one.checkVisibility({ contentVisibilityAuto: true }) && one.getBoundingClientRect().height > 0"
BOX, CLAIM = "#the-bumpy-loss .guess-box", "#the-bumpy-loss .claim"


def test_a_prediction_is_kept_and_stands_beside_what_was_measured(address, browser):
    problems: list[str] = []
    with browser.new_context(viewport=DESKTOP) as context:
        page = watched(context, address, problems)
        page.goto(address + CHAPTER)
        box, claim = page.locator(BOX), page.locator(CLAIM).first
        expect(claim).to_be_visible()  # whoever does not ask for it finds everything open
        page.get_by_role("switch", name="Ask me first").check()
        expect(claim).to_be_hidden()
        page.reload()
        expect(claim).to_be_hidden()
        box.get_by_label("Your guess").select_option("smoother")
        box.get_by_label("How sure are you?").select_option("80")
        box.get_by_role("button", name="I have my guess").click()
        expect(claim).to_be_visible()
        page.locator("#everything-looks-alike .guess-box").get_by_role("button", name="Skip").click()
        expect(page.locator("#everything-looks-alike .claim").first).to_be_visible()
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(RUN_AXE, RULES) == []

        page.goto(address + "my-course.html")
        expect(page.locator(".my-prediction")).to_have_count(1)
        expect(page.locator(".my-prediction")).to_contain_text("Was it right?: right (smoother)")
        expect(page.locator(".my-calibration svg")).to_have_attribute("aria-label", "80 % sure: 100 % right, of 1.")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(RUN_AXE, RULES) == []
        with page.expect_download() as download:
            page.get_by_role("button", name="Export as a file").click()
        kept = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete everything").click()
        expect(page.locator(".my-prediction")).to_have_count(0)
        assert page.evaluate("localStorage.getItem('course-mine')") is None
        for text, words, count in (
            ("{", "Nothing was taken", 0),
            ("{}", "no export", 0),
            (json.dumps(kept), "Taken", 1),
        ):
            page.locator("input[type=file]").set_input_files(
                {"name": "a.json", "mimeType": "application/json", "buffer": text.encode()}
            )
            expect(page.get_by_role("status").last).to_contain_text(words)
            expect(page.locator(".my-prediction")).to_have_count(count)
    assert not problems, problems


def test_without_scripts_in_print_and_by_address_everything_stands_open(address, browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address + CHAPTER)
        expect(page.locator(CLAIM).first).to_be_visible()
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address + CHAPTER)
        page.get_by_role("switch", name="Ask me first").check()
        expect(page.locator(CLAIM).first).to_be_hidden()
        page.emulate_media(media="print")
        assert page.locator(CLAIM).first.evaluate(SHOWN)
        page.emulate_media(media="screen")
        name = page.locator(CLAIM).first.get_attribute("id")
        page.goto("about:blank")
        page.goto(f"{address}{CHAPTER}#{name}")
        expect(page.locator(f"#{name}")).to_be_visible()
