"""The messages in what a chapter's code shows: claims, captions, tables, printed lines, alt texts.

What is shown has numbers in it; the code has the sentence, with place holders. So each text of an output is looked up
among the strings of its notebook's code, and the message is that string, `{1}` in place of its first value, `{2}` of
its second. Values come back in where the translation has them.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from html import escape, unescape
from typing import Any

from execute import code_of
from messages import Say, has_words, said_html, said_markdown, said_script
from nbformat import NotebookNode

SHOWN = "shown by the code"  # the kind of these messages
SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
CAPTIONS = re.compile(r'data-captions="([^"]*)"')
# Where a list of names and numbers may be taken apart, the widest joints first.
JOINTS = [re.compile(joint) for joint in (r"(;\s+)", r"(:\s+)", r"(\s*,\s+)", r"(\s+(?=[-+−(]?\d))")]
HOLE = re.compile(r"\{(\d+)\}")
# What helpers/figures/widgets.py writes around a figure, whatever the chapter.
FRAME = ["{1}: controls", "Play", "Shown for {1}. To move it, open this page in Colab or Jupyter (running kernel)."]


def template_of(node: ast.AST) -> str | None:
    """Return a string of some code as a message, with numbered place holders for its values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    text, count = "", 0
    for part in node.values:
        count += isinstance(part, ast.FormattedValue)
        text += str(part.value) if isinstance(part, ast.Constant) else f"{{{count}}}"
    return text


def pattern_of(template: str) -> re.Pattern[str]:
    """Return what a template's texts look like."""
    pieces = HOLE.split(template)[::2]
    return re.compile("(.+?)".join(map(re.escape, pieces)), re.DOTALL)


def parts_of(text: str) -> Iterator[str]:
    """Yield a string, its lines, and the cells of its lines where it is a table in Markdown."""
    yield " ".join(text.split())
    for line in text.strip().split("\n") if "\n" in text or "|" in text else ():
        yield from (cell.strip() for cell in line.split("|"))


def joined(first: str, second: str) -> str:
    """Return two strings as one, with the place holders of the second counted on."""
    count = len(HOLE.findall(first))
    return first + HOLE.sub(lambda hole: f"{{{int(hole[1]) + count}}}", second)


def strings_in(code: str) -> Iterator[str]:
    """Yield the strings of some code with words, and two as one where the first ends with a space."""
    found = [text for node in ast.walk(ast.parse(code)) if (text := template_of(node))]
    for text, after in zip(found, [*found[1:], ""], strict=False):
        whole = [text, joined(text, after)] if text.endswith(" ") else [text]
        yield from filter(has_words, (part for one in whole for part in parts_of(one)))


class Sentences:
    """The strings of a notebook's code, and which of them a text comes from."""

    def __init__(self, strings: Iterable[str]) -> None:
        self.strings = list(dict.fromkeys([*FRAME, *strings]))

    @cached_property
    def patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        """Strings with place holders and what they look like, the longest words first."""
        with_holes = sorted(filter(HOLE.search, self.strings), key=lambda text: -len(HOLE.sub("", text)))
        return [(text, pattern_of(text)) for text in with_holes if has_words(text)]

    def source_of(self, text: str) -> tuple[str, list[str]] | None:
        """Return the string that a text was made from, and its values."""
        if text in self.strings:
            return text, []
        found = ((string, pattern.fullmatch(text)) for string, pattern in self.patterns)
        hits = ((string, list(match.groups())) for string, match in found if match)
        return next((hit for hit in hits if self.fits(*hit)), None)

    def fits(self, string: str, values: list[str]) -> bool:
        """Tell whether a string with few words of its own explains a text: its values are then numbers or known."""
        own = re.findall(r"[A-Za-z]{2,}", HOLE.sub(" ", string))
        return len(own) > 2 or not any(has_words(value) and value not in self.strings for value in values)

    def said(self, text: str, say: Say) -> str:
        """Return a text of an output translated; what no string explains stays."""
        found = self.source_of(text)
        if found is None and (tail := self.tail_of(text)):
            return self.said(text[: -len(tail)], say) + self.said(tail, say)
        if found is None:
            return self.listed(text, say)
        string, values = found
        values = [self.said(value, say) if has_words(value) else value for value in values]
        return HOLE.sub(lambda hole: values[int(hole[1]) - 1], say(string, SHOWN))

    def tail_of(self, text: str) -> str:
        """Return the sentence that the code has added to a list, with the stop before it."""
        added = (pattern for string, pattern in self.patterns if string.startswith((". ", "; ")))
        hits = (re.search(rf"(?:{pattern.pattern})\Z", text, re.DOTALL) for pattern in added)
        return next((hit[0] for hit in hits if hit and hit.start()), "")

    @cached_property
    def names(self) -> dict[str, str]:
        """What a list is made of, the longest first: whole strings, and "+ a change" without its plus too."""
        plain = [text for text in self.strings if not HOLE.search(text)]
        names = {text[2:]: text for text in plain if text.startswith("+ ")} | {text: text for text in plain}
        return dict(sorted(names.items(), key=lambda item: -len(item[0])))

    @cached_property
    def name(self) -> re.Pattern[str]:
        """What one of these names looks like in a list."""
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, self.names))})(?!\w)")

    def called(self, name: str, say: Say) -> str:
        """Return a name of a list translated."""
        string = self.names[name]
        return say(string, SHOWN).removeprefix(string.removesuffix(name))

    def listed(self, text: str, say: Say, level: int = 0) -> str:
        """Return a list that the code has put together, translated as far as its parts are known."""
        if not has_words(self.name.sub("", text)):
            return self.name.sub(lambda found: self.called(found[0], say), text)
        if level and self.source_of(text):
            return self.said(text, say)
        if level == len(JOINTS):
            return text
        return "".join(self.listed(piece, say, level + 1) for piece in JOINTS[level].split(text))


def sentences_of(notebook: NotebookNode) -> Sentences:
    """Return the strings of a notebook's code."""
    return Sentences(strings_in(code_of(notebook)))


def said_captions(html: str, sentences: Sentences, say: Say) -> str:
    """Return the HTML of a figure with a slider with the slider's captions translated."""

    def said(found: re.Match[str]) -> str:
        captions = [sentences.said(caption, say) for caption in json.loads(unescape(found[1]))]
        return f'data-captions="{escape(json.dumps(captions))}"'

    return CAPTIONS.sub(said, html)


def said_data(data: dict[str, Any], sentences: Sentences, say: Say) -> None:
    """Translate what one output shows, in place."""

    def in_html(text: str, kind: str) -> str:
        return escape(sentences.said(unescape(text), say))

    def in_text(text: str, kind: str) -> str:
        return sentences.said(text, say)

    if "text/html" in data:
        captioned = said_captions(data["text/html"], sentences, say)
        if "data-scrub=" in captioned:  # the script of a figure with a slider has words too
            captioned = SCRIPT.sub(lambda script: said_script(script[0], say), captioned)
        data["text/html"] = said_html(captioned, in_html)
    if "text/markdown" in data:
        data["text/markdown"] = said_markdown(data["text/markdown"], in_text)
    if "text/plain" in data and len(data) == 1:
        data["text/plain"] = said_lines(data["text/plain"], in_text)


def said_lines(text: str, say: Say) -> str:
    """Return printed lines translated, each by itself; their spaces stay, as they line columns up."""
    return "\n".join(say(line, "") if has_words(line) else line for line in text.split("\n"))


def said_outputs(executed: NotebookNode, sentences: Sentences, say: Say) -> None:
    """Translate the outputs of an executed notebook in place."""
    for output in (output for cell in executed.cells for output in cell.get("outputs", [])):
        if output.output_type == "stream":
            output.text = said_lines(output.text, lambda text, kind: sentences.said(text, say))
        elif "data" in output:
            said_data(output.data, sentences, say)
