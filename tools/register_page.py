"""The register of claims as a page: each sentence of each chapter, and on how many seeds it held.

The rows are recorded by `python -m helpers.studies register` in book/register.jsonl. tools/register_notes.toml says
what was done about a claim that failed; a test wants a note for each.
"""

from __future__ import annotations

import json
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

from helpers.studies import register, sweep

NOTES = Path(__file__).with_name("register_notes.toml")
VERDICTS = Path(__file__).with_name("verdicts.toml")
NUMBER = re.compile(r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?(?![\w])")


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
    return tuple(records_of(sweep.load(register.STORE))) if register.STORE.is_file() else ()


def newest() -> dict[str, Record]:
    """Return the last record of each chapter of the book."""
    return {record.chapter: record for record in all_records() if record.chapter in register.CHAPTERS}


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
        values = sorted(set(next(ranges)), key=lambda text: float(text.replace("−", "-").replace(",", "")))
        return number[0] + (f" <small>[{values[0]}, {values[-1]}]</small>" if len(values) > 1 else "")

    return NUMBER.sub(ranged, escape(first, quote=False))


def dots(claim: Claim) -> str:
    """Return a dot for each seed, full where the claim held."""
    marks = "".join("●" if held else "○" for _, held in sorted(claim.held.items()))
    failed = tr("; failed on seed {}").format(", ".join(map(str, claim.failed))) if claim.failed else ""
    return f'<span class="seeds" title="{claim.score}{failed}" aria-hidden="true">{marks}</span>{claim.score}'


@cache
def made(book: Path, chapter: str) -> list[dict[str, Any]]:
    """Return the claims that a chapter made when it was executed for this site."""
    kept = book.parent / "_build" / "executed" / f"{chapter}.claims.jsonl"
    return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.is_file() else []


def line(claim: Claim, name: str, note: str = "") -> str:
    """Return a claim's row of a table; `name` is the row's address or other mark."""
    today = any(one["text"] == claim.text for one in made(register.BOOK, claim.chapter))
    place = f"#{claim.anchor}" if today else ""  # the chapter has no place for an earlier wording
    link = f'<a href="{claim.chapter}.html{place}">{escape(tr(claim.text))}</a>'
    kind = ' class="failed"' if claim.failed else ""
    more = f'<div class="note">{escape(tr(note))}</div>' if note else ""
    said = f'{link}<div class="measured">{spread(claim)}</div>{more}'
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
        said = "".join(answer(chapter, one["text"], one["measured"]) for (one,) in found)
        asked, population = escape(tr(question["asked"])), escape(tr(question["population"]))
        drawn = tr("Population: {}.").format(population)
        rows.append(f"<tr><td><strong>{asked}</strong>{said}<div>{drawn}</div></td></tr>")
    return '<table class="register answers">\n' + "\n".join(rows) + "\n</table>"


def answer(chapter: str, text: str, measured: str) -> str:
    """Return a claim with its measured values and a link to it."""
    link = f'<a href="{chapter}.html#{Claim(chapter, text).anchor}">{escape(tr(text))}</a>'
    return f'<div>{link}<div class="measured">{escape(measured)}</div></div>'


def notes() -> dict[str, str]:
    """Return what was done about claims that failed: from sentence to note."""
    entries = tomllib.loads(NOTES.read_text(encoding="utf-8")).get("note", []) if NOTES.is_file() else []
    return {entry["claim"]: entry["done"] for entry in entries}


def failures() -> list[Claim]:
    """Return every claim that ever failed, of earlier code too: the sentence may have changed since."""
    return [claim for record in all_records() for claim in record.claims.values() if claim.failed]


def scores(chapter: str) -> dict[str, str]:
    """Return how often each claim of a chapter held, by its address; nothing if the chapter has changed since."""
    record = newest().get(chapter)
    fresh = record is not None and not record.stale
    claims = record.claims.values() if fresh else []
    return {
        one.anchor: f'<a class="held" href="claims.html#{one.row}">{tr("held on {}").format(one.score)}</a>'
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


def page(titles: dict[str, str]) -> str:
    """Write the register: first what failed, then every chapter; `titles` are those of the chapters."""
    records, said = newest(), notes()
    parts = [f"**{badge()}.**"] if records else [tr("Nothing is recorded yet.")]
    if failed := failures():
        rows = [line(claim, "data-again", said.get(claim.text, "")) for claim in failed]
        caption = tr("Claims that failed, now or earlier")
        parts.append(f"## {tr('What did not hold on every seed')}\n\n{table(rows, caption)}")
    for chapter, record in sorted(records.items()):
        old = tr(" The chapter's code has changed since: these rows are of before.") if record.stale else ""
        many = tr("{} claims on {} seeds.").format(len(record.claims), len(record.seeds)) + old
        ordered = sorted(record.claims.values(), key=lambda claim: not claim.failed)
        rows = [line(claim, f'id="{claim.row}"') for claim in ordered]
        parts.append(f"## {titles.get(chapter, chapter)}\n\n{many}\n\n{table(rows, titles.get(chapter, chapter))}")
    return "\n\n".join(parts)
