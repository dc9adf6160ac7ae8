"""The start page's figure is a training that happened, and openings of chapters keep every word."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import landscape
import torch
from docutils import nodes
from openings import LABELS, dress_openings, items_of, parts_of

# --- the landscape ---------------------------------------------------------------------------------------


def test_the_curve_sinks_where_data_is_denser_and_rises_where_its_own_density_is() -> None:
    frames = landscape.film()
    force = landscape.DENSITY - landscape.gibbs(frames[:7])
    assert landscape.moments()[:8] == list(range(8)), "the first frames show every step"
    torch.testing.assert_close(frames[:7] - frames[1:8], landscape.RATE * force)
    torch.testing.assert_close(landscape.gibbs(frames).sum(-1) * landscape.CELL, torch.ones(len(frames)).double())


def test_valleys_end_where_the_data_is_and_the_first_one_becomes_a_hill() -> None:
    frames = landscape.film()
    start = int(frames[0].argmin())
    assert landscape.DENSITY[start] < 0.05 and landscape.overlap(frames)[0] < 0.5, "it begins wrong"
    assert frames[-1][start] > 1.5
    lows = [i for i in range(1, landscape.POINTS - 1) if frames[-1][i] < min(frames[-1][i - 1], frames[-1][i + 1])]
    centers = [int((landscape.GRID - center).abs().argmin()) for center in landscape.MIXTURE.centers[:, 0]]
    assert len(lows) == 3 and all(abs(a - b) <= 1 for a, b in zip(lows, centers, strict=True))
    overlaps = landscape.overlap(frames)
    assert (overlaps.diff() > 0).all() and overlaps[-1] > 0.99
    gap = landscape.quantiles(landscape.gibbs(frames[-1])) - landscape.quantiles(landscape.DENSITY)
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


# --- openings of chapters --------------------------------------------------------------------------------


def plain_opening() -> nodes.paragraph:
    """Return an opening as it comes from a notebook, with a formula and a line break."""
    label, text = (lambda words: nodes.emphasis("", words)), nodes.Text
    parts = [label(LABELS[0]), text(" write a loss; say what\n"), nodes.math("", "E;F"), text(" is; and stop. ")]
    parts += [label(LABELS[1]), text(" "), nodes.reference("", "chapter 01", refuri="x"), text("; nothing else. ")]
    parts += [label(LABELS[2]), text(" 25\nminutes, "), label(LABELS[3]), text(" 1 second.")]
    return nodes.paragraph("", "", *parts)


def dressed(builder: str, *paragraphs: nodes.Node) -> str:
    """Return a page after its openings were dressed, as text that shows its structure."""
    look = {
        "repository_url": "https://github.com/owner/name",
        "repository_branch": "main",
        "path_to_docs": "book",
        "launch_buttons": {"colab_url": "https://colab.example.org"},
    }
    page = nodes.section("", *paragraphs)
    app = SimpleNamespace(config=SimpleNamespace(html_theme_options=look), builder=SimpleNamespace(name=builder))
    dress_openings(app, page, "01-a-chapter")
    return page.pformat()


def test_what_you_will_be_able_to_becomes_a_list_and_formulas_stay_whole() -> None:
    items = items_of(parts_of(plain_opening())[LABELS[0]])
    words = ["".join(node.astext() for node in item).split() for item in items]
    assert words == [["write", "a", "loss"], ["say", "what", "E;F", "is"], ["stop"]]


def test_an_opening_offers_to_run_its_chapter() -> None:
    page = dressed("html", plain_opening())
    assert page.count("<list_item>") == 3 and '<reference refuri="x">' in page and "; nothing else." in page
    assert "Chapter 01 · 25 minutes to read · 1 second to run" in page
    colab = "https://colab.example.org/github/owner/name/blob/main/book/01-a-chapter.ipynb"
    assert f'href="{colab}">Run it in Colab</a>' in page
    assert 'href="_sources/01-a-chapter.ipynb" download="01-a-chapter.ipynb"' in page


def test_on_paper_there_is_nothing_to_press_and_other_paragraphs_stay_as_they_are() -> None:
    page = dressed("singlehtml", plain_opening())
    assert "25 minutes to read" in page and "Chapter" not in page and "<a " not in page
    other = nodes.paragraph("", "", nodes.emphasis("", LABELS[1]), nodes.Text(" a pen; and paper."))
    assert dressed("html", other.deepcopy()) == nodes.section("", other).pformat()
