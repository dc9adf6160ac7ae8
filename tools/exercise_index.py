"""The list of all exercises, which the build writes from the chapters."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from check_notebooks import Exercise, exercises_of, tokens_of
from myst_parser.mdit_to_docutils.base import default_slugify

TITLE = re.compile(r"Exercise (\d+) \((warm-up|core|stretch)\): (.+)")


def slug(heading: str) -> str:
    """Return the anchor that MyST gives to a heading, if no earlier one on the page has the same words."""
    (inline,) = [token for token in tokens_of(f"# {heading}") if token.type == "inline"]
    return default_slugify("".join(t.content for t in inline.children or [] if t.type in {"text", "code_inline"}))


def predicts(exercise: Exercise) -> bool:
    """Tell whether an exercise asks to predict before running."""
    return "**predict" in exercise.text.lower()


def asks_why(exercise: Exercise) -> bool:
    """Tell whether an exercise asks to find out why something failed."""
    return "find out why" in f"{exercise.title} {exercise.text}".lower()


def beginning(exercise: Exercise) -> str:
    """Return an exercise's first sentence, without a bold call to predict before it."""
    text = re.sub(r"^\*\*Predict[^*]*\*\*(, then try)?[.:]?\s*", "", " ".join(exercise.text.split()))
    sentence = re.match(r".+?[.?!][\"”*]*(?=\s|$)", text)
    text = sentence.group() if sentence else text
    return text[:1].upper() + text[1:]


def items(path: Path) -> Iterator[str]:
    """Yield the list's items for one chapter."""
    for exercise in exercises_of(nbformat.read(path, as_version=4)):
        match = TITLE.fullmatch(exercise.title)
        if match is None:
            raise ValueError(
                f"{path}: the heading '### {exercise.title}' is no exercise's; write '### Exercise 1 (core): a name', "
                f"with warm-up, core or stretch"
            )
        number, grade, name = match.groups()
        kinds = [word for asks, word in ((predicts, "predict"), (asks_why, "find out why")) if asks(exercise)]
        link = f"[{number}. {name[0].upper()}{name[1:]}]({path.name}#{slug(exercise.title)})"
        yield f"- {link} ({', '.join([grade, *kinds])}). {beginning(exercise)}"


def all_exercises(chapters: Sequence[Path]) -> str:
    """Return how many exercises the chapters have, and a list of them for each chapter."""
    parts, count = [], 0
    for path in chapters:
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
        found = list(items(path))
        parts.append("\n".join([f"## {path.name[:2]} {title}\n", *found, ""]))
        count += len(found)
    return "\n".join([f"{len(chapters)} chapters, {count} exercises.\n", *parts])
