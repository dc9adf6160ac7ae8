"""The start page's figure is a training that happened, and openings of chapters keep every word."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import landscape
import pytest
import torch
from docutils import nodes
from openings import LABELS, dress_openings, items_of, parts_of


def test_each_step_moves_the_curve_against_its_own_density_until_its_valleys_are_where_the_data_is() -> None:
    frames = landscape.film()
    densities, end = landscape.gibbs(frames), frames[-1]
    assert landscape.moments()[:8] == list(range(8)), "the first frames show every step"
    torch.testing.assert_close(frames[:7] - frames[1:8], landscape.RATE * (landscape.DENSITY - densities[:7]))
    torch.testing.assert_close(densities.sum(-1) * landscape.CELL, torch.ones(len(frames)).double())
    start, overlaps = int(frames[0].argmin()), landscape.overlap(frames)
    assert landscape.DENSITY[start] < 0.05 and overlaps[0] < 0.5, "it begins wrong"
    assert end[start] > 1.5, "the first valley becomes a hill"
    lows = [i for i in range(1, landscape.POINTS - 1) if end[i] < min(end[i - 1], end[i + 1])]
    centers = [int((landscape.GRID - center).abs().argmin()) for center in landscape.MIXTURE.centers[:, 0]]
    assert len(lows) == 3 and all(abs(a - b) <= 1 for a, b in zip(lows, centers, strict=True))
    assert (overlaps.diff() > 0).all() and overlaps[-1] > 0.99
    gap = landscape.quantiles(densities[-1]) - landscape.quantiles(landscape.DENSITY)
    assert gap.abs().max() < 0.1, "in the end each orange dot is below a blue one"


def test_the_recording_is_what_the_training_gives_and_the_page_shows_it() -> None:
    text = landscape.TARGET.read_text(encoding="utf-8")
    recorded = json.loads(re.search(r'<script type="application/json">(.*)</script>', text)[1])
    again = landscape.recording(landscape.film())
    assert again.keys() == recorded.keys() and again["steps"] == recorded["steps"]
    for name in ("heights", "real", "fake", "overlap"):
        ours, theirs = torch.tensor(recorded[name]), torch.tensor(again[name])
        assert (ours - theirs).abs().max() <= 1, name  # another processor may round differently
    assert landscape.page(recorded) == text
    assert min(map(min, recorded["heights"])) >= 0 and max(map(max, recorded["heights"])) <= landscape.HEIGHT


def plain_opening() -> nodes.paragraph:
    """Return an opening as it comes from a notebook, with a formula and a line break."""
    label, text = (lambda words: nodes.emphasis("", words)), nodes.Text
    parts = [label(LABELS[0]), text(" write a loss; say what\n"), nodes.math("", "E;F"), text(" is; and stop. ")]
    parts += [label(LABELS[1]), text(" "), nodes.reference("", "chapter 01", refuri="x"), text("; nothing else. ")]
    parts += [label(LABELS[2]), text(" 25\nminutes, "), label(LABELS[3]), text(" 1 second.")]
    return nodes.paragraph("", "", *parts)


Dress = Callable[..., str]


@pytest.fixture
def dressed(tmp_path: Path) -> Dress:
    """Return a function that gives a page after its openings were dressed, as text that shows its structure."""

    made = tmp_path / "_build" / "executed" / "01-a-chapter.claims.jsonl"
    made.parent.mkdir(parents=True)
    made.write_text("{}\n{}\n{}\n", encoding="utf-8")

    def dress(builder: str, *paragraphs: nodes.Node, owner: str = "owner") -> str:
        (tmp_path / "_config.yml").write_text(f"repository:\n  url: https://github.com/{owner}/name\n", "utf-8")
        buttons = {"colab_url": "https://colab.example.org"}
        look = {"repository_branch": "main", "path_to_docs": "book", "launch_buttons": buttons}
        config, page = SimpleNamespace(html_theme_options=look), nodes.section("", *paragraphs)
        app = SimpleNamespace(config=config, builder=SimpleNamespace(name=builder), srcdir=str(tmp_path / "book"))
        dress_openings(app, page, "01-a-chapter")
        return page.pformat()

    return dress


def test_what_you_will_be_able_to_becomes_a_list_and_formulas_stay_whole() -> None:
    items = items_of(parts_of(plain_opening())[LABELS[0]])
    words = ["".join(node.astext() for node in item).split() for item in items]
    assert words == [["write", "a", "loss"], ["say", "what", "E;F", "is"], ["stop"]]


def test_an_opening_offers_to_run_its_chapter(dressed: Dress) -> None:
    page = dressed("html", plain_opening())
    assert page.count("<list_item>") == 3 and '<reference refuri="x">' in page and "; nothing else." in page
    assert "Chapter 01 · 25 minutes to read · 1 second to run · 3 checked claims" in page
    colab = "https://colab.example.org/github/owner/name/blob/main/book/01-a-chapter.ipynb"
    assert f'href="{colab}">Run it in Colab</a>' in page
    assert 'href="_sources/01-a-chapter.ipynb" download="01-a-chapter.ipynb"' in page
    assert 'role="switch"> Show all code</label>' in page
    page = dressed("html", plain_opening(), owner="no_body")  # who cannot be, so Colab could fetch nothing
    assert "colab.example.org" not in page and 'chapter-01.zip">Run it in Colab</a>' in page


def test_on_paper_there_is_nothing_to_press_and_other_paragraphs_stay_as_they_are(dressed: Dress) -> None:
    page = dressed("singlehtml", plain_opening())
    assert "25 minutes to read" in page and "Chapter" not in page and "<a " not in page and "switch" not in page
    other = nodes.paragraph("", "", nodes.emphasis("", LABELS[1]), nodes.Text(" a pen; and paper."))
    assert dressed("html", other.deepcopy()) == nodes.section("", other).pformat()
