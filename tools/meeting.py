"""What the meeting room shows: made from the guides' pages, and from the sections of chapters that these name.

The guides' Markdown stays the only source. Sphinx turns it into pages; from each of them comes a script of a few KB,
which book/static/meet/room.js loads when its meeting is chosen. A prompt says what a guess looks like, and its notes
what counts, part by part; a dash leaves a part to the group:

    *Guess:* runs with equal answers, 0 to 20; the accuracies (`12.5`, `50`, `spread`); another run (the same).
    *Counts:* 19 to 20; spread; –.

What is revealed are the outputs below the prediction in each section that the prompt links to. `*Shows:*` in the notes
changes that: see `shown_by`. In a question's notes it links to a table that is revealed after the talk, and
`*On the screen:*` below a plan links to one that stands in the row which speaks of it. `*Bets:*` lists what one can bet
on, and `*Pays:*` in a question's notes is the word of its table that is a point for the bet of the same number.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from speech import english
from sphinx.errors import ExtensionError

PLANS = {"40": "the-plan", "20": "if-you-have-only-20-minutes"}
CALLED = re.compile(r"(?P<kind>Prompt|Question|예측 문제|질문) (?P<number>\d+)\.?\s*(?P<title>.*)")
NUMBER = r"-?\d+(?:\.\d+)?"
RANGE = rf"(?P<low>{NUMBER})(?: to (?P<high>{NUMBER}))?|at least (?P<least>{NUMBER})|at most (?P<most>{NUMBER})"
COUNTS = re.compile(RANGE)
OWN = re.compile(rf"within ({NUMBER}) of your own count")
# How a translated guide writes bounds, and what it means.
KOREAN_BOUNDS = (
    (r"(.+)~(.+)", r"\1 to \2"),
    (r"(.+) 이상", r"at least \1"),
    (r"(.+) 이하", r"at most \1"),
    (r"직접 센 값과 (.+) 이내", r"within \1 of your own count"),
)
LATER = re.compile(r"what comes after prediction (\d+)")
# What a guide of either language says of a part of a guess, and of a row of the plan.
AGAIN = re.compile(r" \((?:the same|위와 같음|같음)\)$")
FROM_TO = re.compile(r" (?:from )?(\d+(?:\.\d+)?)(?: for [^,;]+)? to (\d+(?:\.\d+)?)$")
KOREAN_FROM_TO = re.compile(r"(\d+(?:\.\d+)?)(?: ?\([^()]*\))?(?:에서|부터| ?~) ?(\d+(?:\.\d+)?)(?!.*\d)")
PERCENT = re.compile(r"\bin %$|%로?$|\(%\)$|% 단위|퍼센트")
IS_NUMBER = re.compile(r"\ba (?:whole )?number\b|숫자|정수|소수")
IS_WHOLE = re.compile(r"whole number|정수")
ROWS = {
    "sentences": re.compile(
        r"every sentence|sentences from the beginning|(?:모든|처음)[^.]*문장|문장[^.]*(?:모두|회의록)"
    ),
    "bets": re.compile(r"\bbets?\b|내기", re.IGNORECASE),
}


def page_at(path: Path) -> BeautifulSoup:
    """Read a page of the site."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def section_of(page: BeautifulSoup, anchor: str) -> Tag:
    """Return what an address within a page names."""
    found = page.find(id=anchor)
    if found is None:
        raise ExtensionError(f"The meeting room looks for #{anchor} in {page.title.text if page.title else 'a page'}.")
    return found if found.name == "section" else found.find_parent("section") or found.find_next("section")


def parts_of(section: Tag) -> list[Tag]:
    """Return what stands in a section itself, without the sections below it."""
    return [part for part in section.find_all(True, recursive=False) if part.name != "section"]


def html_of(tags: Iterator[Tag] | list[Tag], folder: str) -> str:
    """Return the HTML of parts of a page as the room shows them: links lead on from the site's root."""
    text = ""
    for tag in tags:
        part = BeautifulSoup(str(tag), "html.parser")
        for mark in part.select("a.headerlink"):
            mark.decompose()
        for link in part.select("a[href]"):
            if not urlsplit(link["href"]).scheme:
                link["href"] = posixpath.normpath(posixpath.join(folder, link["href"]))
        for named in part.select("[id]"):
            del named["id"]
        text += str(part)
    return text.strip()


def labelled(tag: Tag, label: str) -> Tag | None:
    """Return the paragraph that begins with a label in italics, given in English."""
    start = next((one for one in tag.select("p > em:first-child") if english(one.text) == f"{label}:"), None)
    return start.parent if start else None


def after_label(paragraph: Tag | None) -> list[str]:
    """Return the parts of a paragraph after its label; semicolons divide them."""
    if paragraph is None:
        return []
    words = " ".join(paragraph.text.split(":", 1)[1].split())
    return [part.strip() for part in words.removesuffix(".").split(";")]


def limits_of(label: str) -> dict[str, Any] | None:
    """Return what a part says of its numbers: where they begin and end, and whether they are whole; None of a line."""
    ends = FROM_TO.search(label) or KOREAN_FROM_TO.search(label)
    if ends is None and not (PERCENT.search(label) or IS_NUMBER.search(label)):
        return None
    low, high = map(float, ends.groups()) if ends else (0.0, 100.0) if PERCENT.search(label) else (None, None)
    return {"low": low, "high": high, "whole": bool(IS_WHOLE.search(label))}


def fields_of(paragraph: Tag | None) -> list[dict[str, Any]]:
    """Return what a guess consists of: a label for each part, and the words to choose from or what numbers it takes."""
    if paragraph is None:
        return []
    marked = BeautifulSoup(str(paragraph), "html.parser")
    for code in marked.select("code"):
        code.string = f"`{code.text}`"
    fields: list[dict[str, Any]] = []
    for part in after_label(marked):
        again = fields and AGAIN.search(part)
        options = fields[-1]["options"] if again else re.findall(r"`([^`]+)`", part)
        label = re.sub(r" \([^()]*\)$", "", part) if options else part
        label = label.replace("`", "")
        fields.append({"label": label, "options": options, "limits": None if options else limits_of(label)})
    return fields


def bounds_in_english(part: str) -> str:
    """Return the bounds of a translated guide as an English one has them: "19~20" is "19 to 20"."""
    for korean, means in KOREAN_BOUNDS:
        part = re.sub(rf"^{korean}$", means, part)
    return part


def counts_of(parts: list[str], fields: list[dict[str, Any]], where: str) -> list[dict[str, Any] | None]:
    """Return what counts for each part of a guess: a range, a word, or None where the group decides."""
    if len(parts) != len(fields):
        raise ExtensionError(f"{where}: a guess has {len(fields)} parts, what counts has {len(parts)}: {parts}")
    found: list[dict[str, Any] | None] = []
    for part, field in zip(parts, fields, strict=False):
        ranged, own = (bounds.fullmatch(bounds_in_english(part)) for bounds in (COUNTS, OWN))
        if part in {"–", "-"}:
            found.append(None)
        elif field["options"]:
            if part not in field["options"]:
                raise ExtensionError(f"{where}: {part!r} counts, and can be none of {field['options']}")
            found.append({"word": part})
        elif own:
            found.append({"own": float(own[1])})
        elif ranged:
            low, high = ranged["low"] or ranged["least"], ranged["high"] or ranged["most"] or ranged["low"]
            found.append({"low": low and float(low), "high": high and float(high)})
        else:
            wanted = "a number, 'A to B', 'at least A', 'at most A' or 'within A of your own count'"
            raise ExtensionError(f"{where}: {part!r} counts; wanted is {wanted}")
    return found


def shown_by(site: Path, address: str, how: str = "") -> tuple[str, str]:
    """Return what a chapter's section shows before its prediction, and what it reveals after it, without its code.

    `how` is empty, or `claims`: its figures would give away what comes next; `diagnoses`: what is folded is revealed,
    and what stands before is looked at while one guesses; or `what comes after prediction 2`.
    """
    page, anchor = address.split("#")
    later, diagnoses = LATER.fullmatch(how), how == "diagnoses"
    if how not in {"", "claims", "diagnoses"} and later is None:
        wanted = "claims, diagnoses or 'what comes after prediction 2'"
        raise ExtensionError(f"{address}: Shows is {how!r}; wanted is {wanted}")
    parts = parts_of(section_of(page_at(site / page), anchor))
    asked = [i for i, part in enumerate(parts) if "callout-predict" in part.get("class", [])] or [-1]
    n = int(later[1]) if later else 1
    if n > len(asked):
        raise ExtensionError(f"{address}: Shows is {how!r}, and there are {len(asked)} predictions")
    before, after = parts[: asked[n - 1] + 1], parts[asked[n - 1] + 1 :]

    def outputs(some: list[Tag], folded: bool) -> list[Tag]:
        cells = [part for part in some if folded or "tag_solution" not in part.get("class", [])]
        what = ".claim" if how == "claims" else ".cell_output"
        return [one for part in cells for one in ([part] if folded and part.name == "details" else part.select(what))]

    return html_of(outputs(before, False), "") if diagnoses else "", html_of(outputs(after, diagnoses), "")


def table_at(site: Path, paragraph: Tag | None) -> list[dict[str, str]]:
    """Return the first table that the section prints to which a paragraph links, with its address."""
    if paragraph is None:
        return []
    address = paragraph.find("a")["href"].removeprefix("../")
    page, anchor = address.split("#")
    printed = (
        output for part in parts_of(section_of(page_at(site / page), anchor)) for output in part.select(".cell_output")
    )
    table = next((output for output in printed if output.find("table")), None)
    if table is None:
        raise ExtensionError(f"{address}: a guide shows its table, and it prints none")
    return [{"address": address, "html": html_of([table], "")}]


def plan_of(site: Path, page: BeautifulSoup, anchor: str) -> list[dict[str, Any]]:
    """Return the rows of a plan: minutes, what to do, which prompts and questions belong to it, and what it shows."""
    rows, screen = [], table_at(site, labelled(page, "On the screen"))
    for row in section_of(page, anchor).select("tbody tr"):
        _, minutes, what = row.find_all("td")
        named = re.findall(r"(prompt|question|예측 문제|질문) (\d+)", what.text, re.IGNORECASE)
        found = [f"{english(kind)[0].upper()}{n}" for kind, n in named]
        text = html_of(what.find_all("p"), "sessions")
        table = "".join(one["html"] for one in screen if one["address"] in text)
        asks = [name for name, words in ROWS.items() if words.search(what.text)]
        rows.append({"minutes": int(minutes.text), "html": text, "shows": found, "asks": asks, "screen": table})
    return rows


def inside(fold: Tag) -> list[Tag]:
    """Return what stands in a fold below its summary."""
    return [part for part in fold.find_all(True, recursive=False) if part.name != "summary"]


def prompt_of(site: Path, section: Tag, meeting: int) -> dict[str, Any]:
    """Return a prompt: what is asked, the parts of a guess, what counts, the notes, and what the chapter shows."""
    called = CALLED.match(section.find("h3").text)
    where = f"Meeting {meeting}, prompt {called['number']}"
    notes, ask, guess = section.find("details"), section.find("blockquote"), labelled(section, "Guess")
    links = [link["href"] for link in section.select("a[href*='.html#']") if notes not in link.parents]
    addresses = dict.fromkeys(link.removeprefix("../") for link in links if re.match(r"\.\./\d\d-", link))
    shows = labelled(notes, "Shows")  # is for the room, and nothing to read out
    shown = [(address, *shown_by(site, address, ";".join(after_label(shows)))) for address in addresses]
    if not any(html for *_, html in shown):
        raise ExtensionError(f"{where}: it reveals nothing; wanted is a link to a section with outputs: {[*addresses]}")
    counts, fields = labelled(notes, "Counts"), fields_of(guess)
    if not fields:
        raise ExtensionError(f"{where}: it has no line *Guess:*")
    apart = (section.find("h3"), ask, guess, notes)
    rest = [part for part in section.find_all(True, recursive=False) if part not in apart]
    return {
        "id": f"M{meeting}P{called['number']}",
        "title": called["title"].rstrip("#"),
        "ask": html_of(ask.find_all("p"), "sessions"),
        "how": html_of(rest, "sessions"),
        "fields": fields,
        "counts": counts_of(after_label(counts), fields, where),
        "notes": html_of([part for part in inside(notes) if part is not shows], "sessions"),
        "first": "".join(before for _, before, _ in shown),
        "shows": [{"address": address, "html": html} for address, _, html in shown],
    }


def answered_by(site: Path, fold: Tag) -> dict[str, Any]:
    """Return the notes on a question, the table that answers it and the word that pays a bet, if there are any."""
    shows, pays = labelled(fold, "Shows"), labelled(fold, "Pays")
    notes = html_of([part for part in inside(fold) if part not in (shows, pays)], "sessions")
    return {"notes": notes, "shows": table_at(site, shows), "pays": "".join(after_label(pays))}


def questions_of(site: Path, section: Tag) -> Iterator[dict[str, Any]]:
    """Yield the questions of a guide, each with its notes."""
    current: dict[str, Any] = {}
    for part in section.find_all(True, recursive=False):
        start = part.find("strong") if part.name == "p" else None
        called = CALLED.match(start.text) if start else None
        if called:
            current = {"id": f"Q{called['number']}", "html": html_of([part], "sessions")}
        elif part.name == "details" and current:
            yield current | answered_by(site, part)
            current = {}
        elif current and part is not labelled(section, "Bets"):
            current["html"] += html_of([part], "sessions")


def meeting_of(site: Path, path: Path) -> dict[str, Any]:
    """Return all that the room shows of one meeting."""
    page, number = page_at(path), int(path.name[:2])
    prompts, bets = section_of(page, "predict-then-run").find_all("section", recursive=False), labelled(page, "Bets")
    home = [part for part in section_of(page, "to-take-home").find_all("p") if part is not bets]
    return {
        "number": number,
        "title": page.h1.text.rstrip("#").split(". ", 1)[1],
        "page": f"sessions/{path.name}",
        "goal": html_of(section_of(page, "goal").find_all("p"), "sessions"),
        "before": html_of(section_of(page, "before-you-meet").find_all("ul"), "sessions"),
        "home": html_of(home, "sessions"),
        "bets": after_label(bets),
        "plans": {minutes: plan_of(site, page, anchor) for minutes, anchor in PLANS.items()},
        "prompts": [prompt_of(site, section, number) for section in prompts],
        "questions": list(questions_of(site, section_of(page, "talk-about-it"))),
    }


def write_meetings(site: Path) -> None:
    """Write a script for each meeting, and a list of all of them into the room's page."""
    room, titles = site / "meet.html", {}
    if not room.is_file():
        return
    (site / "meet").mkdir(exist_ok=True)
    for path in sorted((site / "sessions").glob("[0-9][0-9]-*.html")):
        meeting = meeting_of(site, path)
        titles[meeting["number"]] = meeting["title"]
        text = json.dumps(meeting, ensure_ascii=False).replace("</", "<\\/")
        script = f"(window.meetings ??= {{}})[{meeting['number']}] = {text};\n"
        (site / "meet" / f"{meeting['number']:02}.js").write_text(script, encoding="utf-8")
    found = json.dumps(titles, ensure_ascii=False).replace("</", "<\\/")
    page = room.read_text(encoding="utf-8").replace("MEETINGS", found, 1)
    room.write_text(page, encoding="utf-8")
