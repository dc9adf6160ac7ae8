"""The register of claims as a page: each sentence of each chapter, and on how many seeds it held.

The rows are recorded by `python -m helpers.studies register` in book/register.jsonl. tools/register_notes.toml says
what was done about a claim that failed; a test wants a note for each.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from speech import tr

BOOK = Path(__file__).resolve().parents[1] / "book"
STORE = BOOK / "register.jsonl"
NOTES = Path(__file__).with_name("register_notes.toml")
VERDICTS = Path(__file__).with_name("verdicts.toml")
NUMBER = re.compile(r"(?<![\w.])[−+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?(?!\w|\.\d)(?: ?%)?")
KNOWN = 5  # tools/run_seeds.py tries the seeds below with every chapter, while it is written and each week


@dataclass
class Claim:
    """A sentence of a chapter, and what came of it with each seed."""

    chapter: str
    text: str
    held: dict[int, bool] = field(default_factory=dict)
    measured: dict[int, str] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """Its address in its chapter: as in helpers/figures/claimed.py."""
        return f"claim-{zlib.crc32(self.text.encode()):08x}"

    @property
    def row(self) -> str:
        """Its address on the page of claims."""
        return f"of-{self.chapter[:2]}-{self.anchor}"

    @property
    def failed(self) -> list[int]:
        """The seeds on which it failed."""
        return sorted(seed for seed, held in self.held.items() if not held)

    @property
    def score(self) -> str:
        """How often it held, in words."""
        return tr("{} of {} seeds").format(len(self.held) - len(self.failed), len(self.held))

    @property
    def alike(self) -> str:
        """Says so if every seed measured the same: then many seeds say no more than one."""
        return tr(", same values") if len(self.measured) > len(set(self.measured.values())) == 1 else ""


@dataclass
class Record:
    """All claims of a chapter's code as it was at some time."""

    chapter: str
    code: str
    seeds: list[int]
    claims: dict[str, Claim]

    @property
    def stale(self) -> bool:
        """Whether the chapter's code is another today."""
        from helpers.studies import register  # here and below: it takes torch, which korean.py has no use for

        return self.code != register.code_of(self.chapter)


def records_of(rows: Iterable[dict[str, Any]]) -> list[Record]:
    """Collect the rows of each chapter and code, in the order in which they were recorded."""
    found: dict[tuple[str, str], Record] = {}
    for row in rows:
        chapter, code = row["settings"]["chapter"], row["settings"]["code"]
        record = found.setdefault((chapter, code), Record(chapter, code, [], {}))
        record.seeds.append(row["seed"])
        metrics = row["metrics"] or {"text": [], "holds": [], "measured": []}
        for text, holds, measured in zip(metrics["text"], metrics["holds"], metrics["measured"], strict=True):
            claim = record.claims.setdefault(text, Claim(chapter, text))
            claim.held[row["seed"]] = bool(holds) and claim.held.get(row["seed"], True)  # a sentence may come twice
            claim.measured[row["seed"]] = measured
    for record in found.values():  # a claim that was not reached did not hold
        for claim in record.claims.values():
            claim.held |= {seed: False for seed in record.seeds if seed not in claim.held}
    return list(found.values())


@cache
def all_records() -> tuple[Record, ...]:
    """Read the register, if there is one."""
    from helpers.studies import sweep

    return tuple(records_of(sweep.load(STORE))) if STORE.is_file() else ()


def newest() -> dict[str, Record]:
    """Return the last record of each chapter of the book."""
    return {record.chapter: record for record in all_records() if (BOOK / f"{record.chapter}.ipynb").is_file()}


def spread(claim: Claim) -> str:
    """Return a claim's measured values; behind each number that the seeds move comes the range that it took."""
    if not claim.measured:
        return ""
    first = claim.measured[min(claim.measured)]
    columns = list(zip(*(NUMBER.findall(text) for text in claim.measured.values()), strict=False))
    if any(len(NUMBER.findall(text)) != len(columns) for text in claim.measured.values()):
        return escape(first)  # not the same numbers with every seed
    ranges = iter(columns)

    def ranged(number: re.Match[str]) -> str:
        values = sorted(set(next(ranges)), key=lambda text: float(re.sub("[, %]", "", text.replace("−", "-"))))
        return number[0] + (f" <small>[{values[0]}, {values[-1]}]</small>" if len(values) > 1 else "")

    return NUMBER.sub(ranged, escape(first, quote=False))


def dots(claim: Claim) -> str:
    """Return a dot for each seed, ten to a line, full where the claim held."""
    marks = "".join("●" if held else "○" for _, held in sorted(claim.held.items()))
    failed = tr("; failed on seed {}").format(", ".join(map(str, claim.failed))) if claim.failed else ""
    lines = "<br>".join(marks[i : i + 10] for i in range(0, len(marks), 10))
    return f'<span class="seeds" aria-hidden="true">{lines}</span>{claim.score}{failed}{claim.alike}'


@cache
def made(book: Path, chapter: str) -> list[dict[str, Any]]:
    """Return the claims that a chapter made when it was executed for this site."""
    kept = book.parent / "_build" / "executed" / f"{chapter}.claims.jsonl"
    return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.is_file() else []


def link(claim: Claim, book: Path) -> str:
    """Return a claim's sentence as a link to its place in its chapter, which has none for an earlier wording."""
    today = any(one["text"] == claim.text for one in made(book, claim.chapter))
    place = f"#{claim.anchor}" if today else ""
    return f'<a href="{claim.chapter}.html{place}">{escape(tr(claim.text))}</a>'


def line(claim: Claim, book: Path, name: str, more: str = "") -> str:
    """Return a claim's row of a table; `name` is the row's address or other mark."""
    kind = ' class="failed"' if claim.failed else ""
    said = f'{link(claim, book)}<div class="measured">{spread(claim)}</div>{more}'
    return f"<tr {name}{kind}><td>{said}</td><td>{dots(claim)}</td></tr>"


def table(rows: list[str], caption: str) -> str:
    """Return a table of claims."""
    names = tr("claim, and what was measured"), tr("held on")
    head = "<tr>" + "".join(f'<th scope="col">{name}</th>' for name in names) + "</tr>"
    body = "\n".join(rows)
    return f'<table class="register" aria-label="{escape(caption)}">\n{head}\n{body}\n</table>'


def verdicts(book: Path) -> str:
    """Return a table of the group's questions and the claims that answer them, as the chapters made them just now."""
    rows = []
    for question in tomllib.loads(VERDICTS.read_text(encoding="utf-8"))["question"]:
        chapter = next((path.stem for path in book.glob(f"{question['chapter']}-*.ipynb")), None)
        if chapter is None:
            continue  # a book of fewer chapters
        found = [[one for one in made(book, chapter) if one["text"].startswith(start)] for start in question["claims"]]
        if not all(len(some) == 1 for some in found):
            raise ValueError(f"{VERDICTS}: {chapter} makes not one claim for each of {question['claims']}")
        said = "".join(reply(Claim(chapter, one["text"]), book, one["measured"]) for (one,) in found)
        asked, short, population = (escape(tr(question[key])) for key in ("asked", "answer", "population"))
        drawn = tr("Population: {}.").format(population)
        rows.append(f"<tr><td><strong>{asked}</strong><div>{short}</div>{said}<div>{drawn}</div></td></tr>")
    return '<table class="register answers">\n' + "\n".join(rows) + "\n</table>"


def reply(claim: Claim, book: Path, measured: str) -> str:
    """Return a claim that answers a question, with its measured values and how often it held."""
    score = scores(claim.chapter).get(claim.anchor, "")
    return f'<div>{link(claim, book)}<div class="measured">{escape(measured)} {score}</div></div>'


def notes() -> dict[str, dict[str, str]]:
    """Return what was done about claims that failed, by their sentences."""
    entries = tomllib.loads(NOTES.read_text(encoding="utf-8")).get("note", []) if NOTES.is_file() else []
    return {entry["claim"]: entry for entry in entries}


def successor(claim: Claim) -> Claim | None:
    """Return the claim that took the place of one that had failed, as its note says."""
    record, note = newest().get(claim.chapter), notes().get(claim.text, {})
    claims = record.claims.values() if record and "now" in note else []
    return next((one for one in claims if one.text.startswith(note["now"])), None)


def explained(claim: Claim, book: Path, title: str) -> str:
    """Say where a claim has failed, what was done about it, and how what took its place has fared."""
    now, done = successor(claim), escape(tr(notes().get(claim.text, {}).get("done", "")))
    after = f"<div>{tr('Now:')} {link(now, book)} ({now.score})</div>" if now else ""
    return f'<div class="note"><strong>{escape(title)}.</strong> {done}{after}</div>'


def failures() -> list[Claim]:
    """Return every claim that ever failed, of earlier code too: the sentence may have changed since."""
    return [claim for record in all_records() for claim in record.claims.values() if claim.failed]


def scores(chapter: str) -> dict[str, str]:
    """Return how often each claim of a chapter held, by its address; nothing if the chapter has changed since."""
    record = newest().get(chapter)
    fresh = record is not None and not record.stale
    claims = record.claims.values() if fresh else []
    return {
        one.anchor: f'<a class="held" href="claims.html#{one.row}">{tr("held on {}").format(one.score)}{one.alike}</a>'
        for one in claims
    }


def badge() -> str:
    """Say in a line how the claims fare."""
    records = newest()
    if not records:
        return ""
    claims = [claim for record in records.values() for claim in record.claims.values()]
    seeds, failed = min(len(record.seeds) for record in records.values()), sum(bool(one.failed) for one in claims)
    end = tr("all held but {}").format(failed) if failed else tr("all held")
    return tr("{} claims, {} seeds, {}").format(len(claims), seeds, end)


def promise(records: dict[str, Record]) -> str:
    """Say what the seeds that no chapter was tried with promise about others: the rule of three, not rounded."""
    new = set.intersection(*(set(record.seeds) for record in records.values())) - set(range(KNOWN))
    if not new:
        return ""
    said = tr("{} of these seeds were new to the chapters.").format(len(new))
    if broken := {seed for claim in failures() for seed in claim.failed} & new:
        return f"{said} " + tr("On {} of them some claim failed.").format(len(broken))
    return f"{said} " + tr(
        "No claim failed on them: with 95 % confidence, fewer than {} % of all seeds have a claim that fails."
    ).format(math.ceil(100 * (1 - 0.05 ** (1 / len(new)))))


def page(titles: dict[str, str], book: Path) -> str:
    """Write the register: first what failed, then every chapter; `titles` are those of the chapters."""
    records = newest()
    parts = [f"**{badge()}.** {promise(records)}"] if records else [tr("Nothing is recorded yet.")]
    if failed := failures():
        why = [explained(claim, book, titles.get(claim.chapter, claim.chapter)) for claim in failed]
        rows = [line(claim, book, "data-again", more) for claim, more in zip(failed, why, strict=True)]
        caption = tr("Claims that failed, now or earlier")
        parts.append(f"## {tr('What did not hold on every seed')}\n\n{table(rows, caption)}")
    for chapter, record in sorted(records.items()):
        old = tr(" The chapter's code has changed since: these rows are of before.") if record.stale else ""
        alike = sum(bool(claim.alike) for claim in record.claims.values())
        same = tr(" Of {} each seed gives the same values.").format(alike) if alike else ""
        many = tr("{} claims on {} seeds.").format(len(record.claims), len(record.seeds)) + same + old
        ordered = sorted(record.claims.values(), key=lambda claim: not claim.failed)
        rows = [line(claim, book, f'id="{claim.row}"') for claim in ordered]
        parts.append(f"## {titles.get(chapter, chapter)}\n\n{many}\n\n{table(rows, titles.get(chapter, chapter))}")
    return "\n\n".join(parts)
