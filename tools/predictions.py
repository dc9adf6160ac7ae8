"""What the Predict boxes of the chapters and the page "My course" need to know, read off the chapters' pages.

tools/predictions.toml gives most boxes answers to choose from. Which of them is right is checked here against the
claims that measure it: if the chapter's numbers change, the build says so.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, PageElement, Tag
from meeting import html_of, page_at
from speech import SPOKEN, tr
from sphinx.errors import ExtensionError

CHOICES = Path(__file__).with_name("predictions.toml")
SCRIPT = '<script defer src="{up}_static/meet/predict.js"></script>\n'


def one_line(part: PageElement) -> str:
    """Return the words of a part of a page."""
    return " ".join(part.text.split())


def claims_below(box: Tag) -> list[str]:
    """Return the claims of a prediction's section: sentence and measured values."""
    section = box.find_parent("section")
    own = (claim for claim in section.select(".claim") if claim.find_parent("section") is section)
    return [f"{one_line(claim.div.contents[0])} [{one_line(claim.select_one('.measured'))}]" for claim in own]


def predictions_of(page: BeautifulSoup, name: str) -> Iterator[dict[str, Any]]:
    """Yield the predictions of a chapter's page, each with the name that predict.js gives it."""
    met: Counter[str] = Counter()
    for box in page.select(".callout-predict"):
        if box.find_parent("details"):
            continue
        place = box.find_parent("section")["id"]
        met[place] += 1
        number = f"/{met[place]}" if met[place] > 1 else ""
        ask = html_of(box.find_all("p"), "")
        yield {"key": f"{name}#{place}{number}", "ask": ask, "claims": claims_below(box)}


def check_choice(prediction: dict[str, Any], choice: dict[str, Any]) -> None:
    """Refuse a right answer that the numbers of the chapter's claims do not bear out."""
    key, claims = prediction["key"], prediction["claims"]
    if choice["right"] not in choice["choices"] or not choice["checks"]:
        raise ExtensionError(f"{CHOICES.name}: {key}: wanted is a right answer among the choices, and its checks")
    for words, pattern, low, high in choice["checks"]:
        claim = next((claim for claim in claims if words in claim), None)
        if claim is None:
            raise ExtensionError(f"{CHOICES.name}: {key} has no claim {words!r}; there are {claims}")
        number = re.search(pattern, claim.split(words, 1)[1])
        if number is None or not low <= float(number[1].replace("−", "-")) <= high:
            raise ExtensionError(f"{CHOICES.name}: {key}: {claim!r}; {pattern!r} should lie from {low} to {high}")


def chosen(predictions: list[dict[str, Any]], choices: dict[str, Any]) -> dict[str, list[str]]:
    """Check the choices of some predictions, note the right ones in them, and return what a reader chooses from."""
    found = {}
    for prediction in predictions:
        if choice := choices.get(prediction["key"]):
            if SPOKEN.name == "en":  # an edition has the same numbers
                check_choice(prediction, choice)
            prediction["right"] = tr(choice["right"])
            found[prediction["key"]] = list(map(tr, choice["choices"]))
    return found


def as_script(data: object) -> str:
    """Write data so that it may stand in a page's script."""
    return json.dumps(data, ensure_ascii=False).replace("</", "<\\/")


def add_predictions(path: Path, up: str, choices: dict[str, list[str]]) -> None:
    """Let a page load predict.js, with the choices of its predictions."""
    text, script = path.read_text(encoding="utf-8"), SCRIPT.format(up=up)
    if script not in text:
        data = f'<script type="application/json" id="predictions">{as_script(choices)}</script>\n' if choices else ""
        path.write_text(text.replace("</body>", f"{data}{script}</body>"), encoding="utf-8")


def write_predictions(site: Path) -> None:
    """Give chapters and quizzes their script, and "My course" what there is to do."""
    choices = tomllib.loads(CHOICES.read_text(encoding="utf-8"))
    chapters, quizzes, met = [], [], set()
    for path in sorted(site.glob("[0-9][0-9]-*.html")):
        page = page_at(path)
        found = list(predictions_of(page, path.stem))
        add_predictions(path, "", chosen(found, choices))
        met |= {prediction["key"] for prediction in found}
        exercises = len(page.select('section[id^="exercise-"]'))
        title = f"{path.name[:2]} {page.h1.text.rstrip('#')}"
        chapters.append({"page": path.stem, "title": title, "exercises": exercises, "predictions": found})
    if lost := sorted(choices.keys() - met):
        raise ExtensionError(f"{CHOICES.name}: these predictions are not on the site: {lost}")
    for path in sorted((site / "quizzes").glob("*.html")):
        page = page_at(path)
        add_predictions(path, "../", {})
        questions = len(page.select('section[id^="question-"]'))
        quizzes.append({"page": f"quizzes/{path.stem}", "title": page.h1.text.rstrip("#"), "questions": questions})
    if (site / "my-course.html").is_file():
        script = f"window.courseParts = {as_script({'chapters': chapters, 'quizzes': quizzes})};\n"
        (site / "_static" / "meet" / "parts.js").write_text(script, encoding="utf-8")
