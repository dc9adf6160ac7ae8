"""What makes a Korean message fit its English one, so that it builds, reads well, and leads to the same places.

`problems(english, korean)` names what does not fit. Each rule has met a fault that shows on a page and nowhere else, or
too late: Markdown reads `**에너지(energy)**는` as two plain stars.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from meeting import COUNTS, OWN, bounds_in_english
from messages import parser

GLOSSARY = Path(__file__).resolve().parent.parent / "book" / "glossary.md"
# Everything that has to come back as it was, in whatever order Korean wants it.
KEPT = {
    "the target of a link": r"\]\(([^)\s]*)\)",
    "a formula": r"(?<![\\$])\$(?!\{)([^$]+)\$",
    "a tag": r"(</?[a-zA-Z][^>]*>)",
    "a place holder": r"(\$?\{\w[^{}]*\})(?!`)",
}
KEPT_ROLES = {
    "a role": r"\{(\w+(?::\w)?)\}`",
    "a citation": r"\{cite:\w\}`([^`]*)`",
    "the target of a role": r"\{(?:doc|ref|download)\}`[^`<]*<([^>]*)>`",
}
CODE = re.compile(r"(`+)(.+?)\1")
ROLE = re.compile(r"\{\w+(?::\w)?\}`[^`]*`")
TERM_ROLE = re.compile(r"\{term\}`([^`<]*?)(?:\s*<([^>]*)>)?`")
# What the site's tools read off a page: how it begins in English, and what it has to begin with in Korean.
BEGINNINGS = {
    r"Meeting (\d+)\. ": r"회의 \1. ",
    r"Prompt (\d+)\. ": r"예측 문제 \1. ",
    r"\*\*Question (\d+)\.\*\* ": r"**질문 \1.** ",
    r"Question (\d+)\. ": r"문제 \1. ",
    r"Notes on prompt (\d+)$": r"예측 문제 \1의 메모",
    r"Notes on question (\d+)$": r"질문 \1의 메모",
    r"Exercise (\d+) \(warm-up\): ": r"연습 문제 \1 (준비): ",
    r"Exercise (\d+) \(core\): ": r"연습 문제 \1 (핵심): ",
    r"Exercise (\d+) \(stretch\): ": r"연습 문제 \1 (도전): ",
    r"\*Guess:\* ": "*예측:* ",
    r"\*Counts:\* ": "*정답:* ",
    r"\*Shows:\* ": "*표시:* ",
    r"\*On the screen:\* ": "*화면에:* ",
    r"\*Bets:\* ": "*내기:* ",
    r"\*Pays:\* ": "*맞는 말:* ",
    r"\*\*Question\.\*\* ": "**질문.** ",
    r"\*\*Predict\.\*\* ": "**예측.** ",
    r"\*\*Predict before you run\.\*\*": "**실행하기 전에 예측하세요.**",
    r"\*\*Surprise\.\*\* ": "**뜻밖의 결과.** ",
    r"\*\*So what\.\*\* ": "**그래서.** ",
    r"\*\*Try\.\*\* ": "**해 보세요.** ",
    r"\*\*Right\.\*\* ": "**맞습니다.** ",
    r"\*\*No\.\*\* ": "**아닙니다.** ",
    r"([A-E])\. ": r"\1. ",
}
OPENING = ("*You will be able to*", "*You need*", "*Reading*", "*running*")
OPENING_KOREAN = ("*할 수 있게 되는 것:*", "*필요한 것:*", "*읽기*", "*실행*")
# Words that English also uses without meaning the glossary's term.
ORDINARY = re.compile(
    "alignment|anchor|bootstrap|bottleneck|claim|collapse|copier|critic|detach|fake|floor|fold|inference|label|landscape|"
    "margin|mode|normalisation|penalty|precision|real|recall|regularisation|relaxation|retrieval|score|seed|shortcut|"
    "uniformity|verdict|verification"
)
# Particles whose form depends on the sound before them, which nobody knows of a value.
PARTICLE = re.compile(r"\{\d+\}(?:은|는|이|가|을|를|과|와|으로|로|이나|나|이라|라|이다)(?=[\s,.;]|$)")
PLAIN_ENDING = re.compile(r"(?<![니시])다[.?!](?=[\s\"”’)*]|$)")
POLITE_ENDING = re.compile(r"(?<![세까나가필중주수개소])요[.?!](?=[\s\"”’)*]|$)")


def plain(text: str) -> str:
    """Return a message without code, formulas, tags and targets."""
    return re.sub(r"`+[^`]*`+|\$[^$]+\$|<[^>]+>|\]\([^)]*\)|https?://\S+", " ", TERM_ROLE.sub(r"\1", text))


def without_notes(names: str) -> str:
    """Return names without what stands in brackets."""
    return re.sub(r"\s*\([^)]*\)", "", names).strip()


@cache
def terms() -> dict[str, str]:
    """Return the glossary's English terms with the Korean name that stands for each of them everywhere."""
    text = re.search(r"```\{glossary\}\n(.*?)\n```", GLOSSARY.read_text(encoding="utf-8"), re.DOTALL)[1]
    found = re.findall(r'(?m)^(\S.*)\n\s+<span lang="ko">(.*?)</span>', text)
    names = {without_notes(english): without_notes(korean).split(",")[0] for english, korean in found}
    return dict(sorted(names.items(), key=lambda pair: -len(pair[0])))


@cache
def words_of_term(english: str) -> re.Pattern[str]:
    """Return what a term looks like in a text."""
    return re.compile(rf"(?<![\w-]){re.escape(english)}(?:s|es)?(?![\w-])", re.IGNORECASE)


# ------------------------------------------------------------------------------------------------ rules
def kept(english: str, korean: str) -> Iterator[str]:
    """Links, formulas, tags, place holders and roles are the same; so is code, but for the words of a guess."""
    outside = [ROLE.sub(" ", text) for text in (english, korean)]  # a role's backticks and <> are not code and a tag
    searched = [(what, pattern, outside) for what, pattern in KEPT.items()]
    searched += [(what, pattern, [english, korean]) for what, pattern in KEPT_ROLES.items()]
    for what, pattern, texts in searched:
        before, after = (Counter(re.findall(pattern, text)) for text in texts)
        yield from (f"{what} is missing: {one}" for one in (before - after))
        yield from (f"{what} is new: {one}" for one in (after - before))
    before, after = (Counter(code for _, code in CODE.findall(text)) for text in outside)
    if english.startswith("*Guess:*"):
        if before.total() != after.total():
            yield f"{before.total()} words to choose from have become {after.total()}"
    elif before != after:
        yield f"code differs: {sorted((before - after) + (after - before))}"


def marks_of(text: str) -> Counter[str]:
    """Return how Markdown reads a message: bold, italics, and stars that it takes for text."""
    found: Counter[str] = Counter()
    for token in parser().parseInline(text)[0].children:
        found["bold"] += token.type == "strong_open"
        found["italics"] += token.type == "em_open"
        found["stars"] += token.content.count("*") if token.type == "text" else 0
    return found


def marked(english: str, korean: str) -> Iterator[str]:
    """Bold and italics are as many; a star before a particle is none of them."""
    before, after = marks_of(english), marks_of(korean)
    if after["stars"] > before["stars"]:
        yield "a * or ** stays plain text: put brackets and quotes outside of the stars, or write &#8288; after them"
    for what in ("bold", "italics"):
        if before[what] != after[what]:
            yield f"{what}: {before[what]} in English, {after[what]} in Korean"


def shaped(english: str, korean: str) -> Iterator[str]:
    """A message stays one line of running text, and begins as the site's tools expect."""
    if "\n" in korean:
        yield "a line break"
    kinds = [[token.type for token in parser().parse(text)] for text in (english, korean)]
    if kinds[0] == ["paragraph_open", "inline", "paragraph_close"] != kinds[1] and "|" not in english:
        yield f"Markdown takes its beginning {korean[:12]!r} for something else than text"
    if re.findall(r"(?<!\\)\|", plain(korean)) != re.findall(r"(?<!\\)\|", plain(english)):
        yield "a | more or less, which divides the cells of a table"
    for begins, wanted in BEGINNINGS.items():
        if found := re.match(begins, english):
            if not korean.startswith(found.expand(wanted)):
                yield f"begins with {korean[:16]!r}; wanted is {found.expand(wanted)!r}"
            break
    if all(label in english for label in OPENING):
        places = [korean.find(label) for label in OPENING_KOREAN]
        if -1 in places or places != sorted(places):
            yield f"an opening has these parts in this order: {' '.join(OPENING_KOREAN)}"
        elif korean[: places[1]].count(";") != english[: english.find(OPENING[1])].count(";"):
            yield "the aims of an opening are divided by as many ; as in English"


def spelled(english: str, korean: str) -> Iterator[str]:
    """Speech of one level, particles that fit every value, percents without a space."""
    if not re.search("[가-힣]", korean) and len(re.findall(r"[A-Za-z]{2,}", plain(english))) > 3:
        yield "no Korean in it"
    if found := PARTICLE.search(korean):
        yield f"{found[0]!r}: the particle depends on a value; turn the sentence, or use 의, 에, 도, 만, 까지"
    text = re.sub(r"“[^”]*”|\"[^\"]*\"|‘[^’]*’", " ", plain(korean))  # what people say may be plain
    if found := PLAIN_ENDING.search(text):
        yield f"ends plainly: {text[max(found.start() - 8, 0) : found.end()]!r}; wanted is -(스)ㅂ니다"
    if found := POLITE_ENDING.search(text):
        yield f"ends with {text[max(found.start() - 8, 0) : found.end()]!r}; wanted is -(스)ㅂ니다 or -(하)세요"
    if re.search(r"\d %", text):
        yield "a space before %"
    if re.search(r"[—]", text):
        yield "a long dash"


def termed(english: str, korean: str) -> Iterator[str]:
    """A term of the glossary has one Korean name, everywhere."""
    roles = [(target or shown).strip() for shown, target in TERM_ROLE.findall(english)]
    there = [(target or shown).strip() for shown, target in TERM_ROLE.findall(korean)]
    if Counter(map(str.lower, roles)) != Counter(map(str.lower, there)):
        yield f"{{term}} names {there}; wanted is {roles}, each as {{term}}`한국어 <English>`"
    left, close = plain(english), re.sub(r"\s", "", plain(korean))
    for term, name in terms().items():
        left, met = words_of_term(term).subn(" ", left)
        shown = re.sub(r"\s", "", name) in close or (not term.islower() and term in korean)
        if met and not shown and not ORDINARY.fullmatch(term):
            yield f"term: {term!r} is {name!r} in the glossary"


def parts_of(text: str) -> list[str]:
    """Return the parts of a guess, or of what counts, after its label."""
    return [part.strip() for part in text.split("*", 2)[-1].strip().removesuffix(".").split(";")]


def counted(english: str, korean: str) -> Iterator[str]:
    """A guess, and what counts, have as many parts; numbers are those of the English guide."""
    if not english.startswith(("*Guess:*", "*Counts:*")):
        return
    before, after = parts_of(english), parts_of(korean)
    if len(before) != len(after) or english.count("(the same)") != korean.count("(the same)"):
        yield f"{len(before)} parts have become {len(after)}; (the same) stays as it is"
    elif english.startswith("*Counts:*"):
        pairs = [(one, bounds_in_english(two)) for one, two in zip(before, after, strict=True)]
        fixed = [(one, two) for one, two in pairs if COUNTS.fullmatch(one) or OWN.fullmatch(one) or one == "–"]
        yield from (f"{two!r} counts; wanted is {one!r}" for one, two in fixed if one != two)


def uncounted(said: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what counts in a guide, and the word in it that no guess of the guide offers."""
    offered: dict[str, set[str]] = {}
    for english, korean in said.items():
        if english.startswith("*Guess:*"):
            for one, two in zip(CODE.findall(english), CODE.findall(korean), strict=False):
                offered.setdefault(one[1], set()).add(two[1])
    for english, korean in said.items():
        if english.startswith("*Counts:*"):
            for one, two in zip(parts_of(english), parts_of(korean), strict=False):
                if one in offered and two not in offered[one]:
                    yield korean, f"{two!r} counts, and no guess offers it; wanted is one of {sorted(offered[one])}"


RULES = (counted, kept, marked, shaped, spelled, termed)


def problems(english: str, korean: str, leave: str = "") -> list[str]:
    """Return what does not fit; `leave` names rules that do not apply to this message."""
    return [problem for rule in RULES if rule.__name__ not in leave for problem in rule(english, korean)]
