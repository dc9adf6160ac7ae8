"""The start page's figure is a training that happened, and openings of chapters keep every word."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from types import SimpleNamespace

import landscape
import pytest
import torch
from docutils import nodes
from openings import LABELS, dress_openings, items_of, parts_of


@pytest.fixture(scope="module")
def recorded() -> dict[str, list]:
    text = landscape.TARGET.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json">(.*)</script>', text)[1])


# --- the landscape ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 5, 11])
def test_valleys_appear_where_the_data_is_with_any_seed(seed: int, one_thread: None) -> None:
    frames = landscape.film(seed)
    mass = (-frames).exp().sum(-1) * landscape.CELL
    torch.testing.assert_close(mass, torch.ones_like(mass))  # heights are −log p
    centers = [int((landscape.GRID - c).abs().argmin()) for c in landscape.MIXTURE.centers[:, 0]]
    last, first = frames[-1], frames[0]
    assert all(last[c] < first[c] for c in centers), "the data pushes down"
    between = [(a + b) // 2 for a, b in pairwise(centers)]
    assert all(last[b] > last[c] + 1 and last[b] > first[b] for b in between for c in centers), "pulled up between"
    left = landscape.imbalance(frames)
    assert left[0] == 1 and left[-1] < 0.25, "push and pull come to cancel"
    gap = [
        (landscape.quantiles((-frame).exp()) - landscape.quantiles(landscape.DENSITY)).abs().mean()
        for frame in (first, last)
    ]
    assert gap[1] < 0.25 and gap[0] > 0.35


def test_the_recording_is_what_the_training_gives(recorded: dict[str, list], one_thread: None) -> None:
    frames = landscape.film()
    again = landscape.recording(frames)
    assert again["real"] == recorded["real"]
    heights = torch.tensor(again["heights"]).float()
    ours = torch.tensor(recorded["heights"]).float()
    assert ours.shape == heights.shape == (landscape.STEPS // landscape.EVERY + 1, landscape.POINTS)
    assert (ours[0] - heights[0]).abs().max() <= 1  # other processors round differently, and it grows
    valleys = landscape.DENSITY > 0.1
    assert (ours[-1] - heights[-1])[valleys].abs().mean() < 5


def test_the_page_is_the_one_that_the_tool_writes(recorded: dict[str, list]) -> None:
    assert landscape.page(recorded) == landscape.TARGET.read_text(encoding="utf-8")


def test_quantiles_part_a_density_evenly() -> None:
    even = landscape.quantiles(torch.ones(landscape.POINTS))
    steps = even.diff()
    assert steps.std() < 1e-3 and steps.mean() == pytest.approx(2 * landscape.LIMIT / landscape.DOTS, rel=0.02)
    assert float(even[0] + even[-1]) == pytest.approx(0, abs=0.1), "as far from one end as from the other"


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
    assert ["".join(node.astext() for node in item).split() for item in items] == [
        ["write", "a", "loss"],
        ["say", "what", "E;F", "is"],
        ["stop"],
    ]


def test_an_opening_offers_to_run_its_chapter() -> None:
    page = dressed("html", plain_opening())
    assert page.count("<list_item>") == 3 and '<reference refuri="x">' in page and "; nothing else." in page
    assert "<span>25 minutes to read</span> <span>1 second to run</span>" in page
    colab = "https://colab.example.org/github/owner/name/blob/main/book/01-a-chapter.ipynb"
    assert f'href="{colab}">Run it in Colab</a>' in page
    assert 'href="_sources/01-a-chapter.ipynb" download="01-a-chapter.ipynb"' in page


def test_on_paper_there_is_nothing_to_press() -> None:
    page = dressed("singlehtml", plain_opening())
    assert "25 minutes to read" in page and "<a " not in page


def test_other_paragraphs_stay_as_they_are() -> None:
    other = nodes.paragraph("", "", nodes.emphasis("", LABELS[1]), nodes.Text(" a pen; and paper."))
    assert dressed("html", other.deepcopy()) == nodes.section("", other).pformat()
