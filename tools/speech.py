"""The language that the site's tools speak: English, or that of the edition which is being built.

`tr("…")` gives a word of the tools in that language; tools/korean.py finds these calls, and site.po has their messages.
What the tools read off a page has fixed beginnings in each language; `english` leads from a Korean one back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CONFIGURED = ("ogp_image_alt", "nb_code_prompt_show", "nb_code_prompt_hide")  # words in _config.yml
IN_FULL = ("12-", "13-", "14-")  # chapters that an edition translates; the others stay English for now
# Bold words that tools look for, and the words of headings.
ENGLISH = {
    "질문.": "Question.",
    "예측.": "Predict.",
    "실행하기 전에 예측하세요.": "Predict before you run.",
    "뜻밖의 결과.": "Surprise.",
    "그래서.": "So what.",
    "해 보세요.": "Try.",
    "예측 문제": "Prompt",
    "질문": "Question",
    "연습 문제": "Exercise",
    "예측:": "Guess:",
    "정답:": "Counts:",
    "표시:": "Shows:",
    "화면에:": "On the screen:",
    "내기:": "Bets:",
    "맞는 말:": "Pays:",
}


@dataclass
class Language:
    """What is spoken, the words of the tools in it, and the English headings of its pages."""

    name: str = "en"
    words: dict[str, str] = field(default_factory=dict)
    headings: dict[str, list[str]] = field(default_factory=dict)  # of each page, in order
    missing: dict[str, set[str]] = field(default_factory=dict)  # what each page says in English all the same
    english_book: Path | None = None  # where the English pages are that an edition was made from


SPOKEN = Language()


def speak(language: Language) -> None:
    """Let all tools speak another language from now on."""
    SPOKEN.__dict__.update(language.__dict__)


def tr(text: str) -> str:
    """Return a word of the tools in the language that is spoken."""
    return SPOKEN.words.get(text, text)


@contextmanager
def untranslated(whether: bool) -> Iterator[None]:
    """Speak English, if so, for as long as this lasts: on a page that is not translated."""
    words = SPOKEN.words
    SPOKEN.words = {} if whether else words
    try:
        yield
    finally:
        SPOKEN.words = words


def english(text: str) -> str:
    """Return the English word that tools look for, for what a page has in its place."""
    return ENGLISH.get(text, text)


def in_english(path: Path) -> Path:
    """Return the English page of a translated one."""
    return SPOKEN.english_book / path.name if SPOKEN.english_book else path
