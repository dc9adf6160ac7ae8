"""The register of claims: a chapter's run, the page that its rows become, and what an edited chapter does to them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest
import register_page
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_notebook

from helpers.studies import register, sweep

ROOT = Path(__file__).resolve().parents[1]
CODE = """\
from helpers.claims import claim
claim("A seed is small", SEED < 3, f"{SEED + 0.5} and 7")"""


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book of one chapter, whose first claim fails from seed 3 on."""
    last = 'claim("Twice one is two", 1 + 1 == 2, "2")\nundefined'
    cells = [new_code_cell("SEED = 0", metadata={"tags": ["parameters"]}), new_code_cell(CODE), new_code_cell(last)]
    (book := tmp_path / "book").mkdir()
    (tmp_path / "helpers").symlink_to(ROOT / "helpers")
    nbformat.write(new_notebook(cells=cells), book / "99-small.ipynb")
    monkeypatch.setattr(register, "BOOK", book)
    monkeypatch.setattr(register_page, "BOOK", book)
    return book


def rows(code: str) -> list[dict[str, Any]]:
    text = ["A < B", "C"]
    metrics = [
        {"text": text, "holds": [1, 1], "measured": ["mean 0.5, 7 of 16, 1,200, 3e-05, 5%", "x"]},
        {"text": text, "holds": [0, 1], "measured": ["mean −1.25, 7 of 16, 990, 2e-16, 12%", "y 2"]},
        {"text": text[:1], "holds": [1], "measured": ["mean 0.75, 7 of 16, 990, 2e-16, 5%"]},
    ]
    setting = {"chapter": "99-small", "code": code}
    return [{"settings": setting, "seed": seed, "metrics": found} for seed, found in enumerate(metrics)]


def test_a_run_has_every_claim_and_goes_on_after_what_fails(book: Path) -> None:
    code = register.code_of("99-small")
    found = {"text": ["A seed is small", "Twice one is two"], "holds": [0, 1], "measured": ["3.5 and 7", "2"]}
    assert register.run(3, "99-small", code) == found | {"errors": ["NameError: name 'undefined' is not defined"]}
    with pytest.raises(ValueError, match="code: got other, expected that of 99-small today"):
        register.run(3, "99-small", "other")


def test_only_code_makes_rows_stale(book: Path) -> None:
    path, before = book / "99-small.ipynb", register.code_of("99-small")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("Prose."))
    notebook.cells[-1].source += "  # so far"
    nbformat.write(notebook, path)
    assert register.code_of("99-small") == before
    notebook.cells[-1].source += "\nNone"
    nbformat.write(notebook, path)
    assert register.code_of("99-small") != before


def test_dots_spreads_and_failures_are_what_the_rows_say(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = register_page.records_of(rows("old"))
    first, second = record.claims.values()
    assert record.stale and (first.failed, second.failed) == ([1], [2]) and first.score == "2 of 3 seeds"
    spread = "mean 0.5 [−1.25, 0.75], 7 of 16, 1,200 [990, 1,200], 3e-05 [2e-16, 3e-05], 5% [5%, 12%]"
    assert re.sub("</?small>", "", register_page.spread(first)) == spread
    assert register_page.spread(second) == "x"  # other numbers with another seed
    assert "●○●" in register_page.dots(first) and "failed on seed 1" in register_page.dots(first)
    monkeypatch.setattr(register_page, "all_records", lambda: (record,))
    assert register_page.badge() == "2 claims, 3 seeds, all held but 2" and register_page.scores("99-small") == {}
    monkeypatch.setattr(register_page, "notes", lambda: {"A < B": {"done": "Mended.", "now": "C"}})
    monkeypatch.setattr(register_page, "made", lambda book, chapter: [{"text": "A < B"}])
    page = BeautifulSoup(register_page.page({"99-small": "99 Small"}, book), "html.parser")
    assert page.select_one(".note").text == "99 Small. Mended.Now: C (2 of 3 seeds)"
    links = [link["href"].removeprefix("99-small.html") for link in page.select("tr.failed > td > a")]
    assert links == [f"#{first.anchor}", ""] * 2  # the chapter does not say C today
    assert "A < B" in page.text and "rows are of before" in page.text and len(page.select("tr[id]")) == 2


def test_a_claim_links_to_its_row_if_that_is_of_today(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = register_page.records_of(rows(register.code_of("99-small")))
    monkeypatch.setattr(register_page, "all_records", lambda: (record,))
    claim = record.claims["C"]
    link = BeautifulSoup(register_page.scores("99-small")[claim.anchor], "html.parser").a
    assert link["href"] == f"claims.html#{claim.row}" and link.text == "held on 2 of 3 seeds"
    assert f'id="{claim.row}"' in register_page.page({}, book)


@pytest.mark.parametrize(("count", "said"), [(5, ""), (7, "than 78 %"), (8, "On 1 of them"), (20, "than 19 %")])
def test_only_new_seeds_promise_something(count: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {seed: (count, seed) not in {(7, 2), (8, 6)} for seed in range(count)}
    one = register_page.Claim("99-small", "C", held, dict.fromkeys(held, "2"))
    record = register_page.Record("99-small", "", list(held), {"C": one})
    monkeypatch.setattr(register_page, "all_records", lambda: (record,))
    assert said in (promise := register_page.promise({"99-small": record})) and bool(said) == bool(promise)
    assert one.alike and register_page.dots(one).count("<br>") == (count == 20)


@pytest.mark.skipif(not register.STORE.is_file(), reason="nothing is recorded yet")
def test_the_register_has_todays_sentences_and_explains_what_failed() -> None:
    notes, records = register_page.notes(), register_page.newest()
    assert [claim.text for claim in register_page.failures() if claim.text not in notes] == []
    assert all("now" not in notes[one.text] or register_page.successor(one) for one in register_page.failures())
    assert not [row for row in sweep.load(register.STORE) if row["metrics"].get("errors") or row["error"]]
    for name, record in records.items():
        made = {one["text"] for one in register_page.made(ROOT / "book", name)}
        assert not made or record.stale or made == set(record.claims), name


@pytest.mark.slow
@pytest.mark.skipif(not register.STORE.is_file(), reason="nothing is recorded yet")
@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize("number", ["03", "16"])  # the quickest
def test_a_chapter_that_is_run_again_comes_to_the_verdicts_of_the_register(number: str, which: int) -> None:
    record = next(one for name, one in register_page.newest().items() if name.startswith(number))
    if record.stale:
        pytest.skip("edited since it was recorded")
    seed = sorted(record.seeds)[which]
    again = register.run(seed, record.chapter, record.code)
    held = {text: claim.held[seed] for text, claim in record.claims.items()}
    assert again["errors"] == [] and dict(zip(again["text"], map(bool, again["holds"]), strict=True)) == held


def test_one_version_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    (newest, date), *_ = re.findall(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    cited = (ROOT / "CITATION.cff").read_text("utf-8")
    assert newest == version and f"version: {version}\n" in cited and f'date-released: "{date}"' in cited
