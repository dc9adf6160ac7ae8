"""The list of all exercises, which the build writes from the chapters."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from check_notebooks import Exercise, exercises_of, tokens_of
from myst_parser.mdit_to_docutils.base import default_slugify
from speech import in_english, tr

GRADES = ("warm-up", "core", "stretch")
TITLE = re.compile(rf"Exercise (\d+) \(({'|'.join(GRADES)})\): (.+)")


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
    text = re.sub(r"^\*\*(?:Predict|[^*]*예측)[^*]*\*\*(, then try)?[.:]?\s*", "", " ".join(exercise.text.split()))
    sentence = re.match(r".+?[.?!][\"”*]*(?=\s|$)", text)
    text = sentence.group() if sentence else text
    return text[:1].upper() + text[1:]


def name_of(exercise: Exercise) -> str:
    """Return the name of an exercise as the list shows it."""
    name = exercise.title.split(": ", 1)[-1]
    return name[:1].upper() + name[1:]


def items(path: Path) -> Iterator[str]:
    """Yield the list's items for one chapter; its kinds and its anchor are those of the English one."""
    both = (exercises_of(nbformat.read(one, as_version=4)) for one in (in_english(path), path))
    for english, exercise in zip(*both, strict=True):
        match = TITLE.fullmatch(english.title)
        if match is None:
            raise ValueError(
                f"{path}: the heading '### {english.title}' is no exercise's; write '### Exercise 1 (core): a name', "
                f"with warm-up, core or stretch"
            )
        number, grade, _ = match.groups()
        asked = ((predicts, tr("predict")), (asks_why, tr("find out why")))
        kinds = [tr(grade), *(word for asks, word in asked if asks(english))]
        link = f"[{number}. {tr(name_of(exercise))}]({path.name}#{slug(english.title)})"
        yield f"- {link} ({', '.join(kinds)}). {tr(beginning(exercise))}"


def all_exercises(chapters: Sequence[Path]) -> str:
    """Return how many exercises the chapters have, and a list of them for each chapter."""
    parts, count = [], 0
    for path in chapters:
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
        found = list(items(path))
        parts.append("\n".join([f"## {path.name[:2]} {title}\n", *found, ""]))
        count += len(found)
    return "\n".join([tr("{} chapters, {} exercises.").format(len(chapters), count) + "\n", *parts])
