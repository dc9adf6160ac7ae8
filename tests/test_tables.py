"""Tables are tables on a page, lined up in a terminal, and whole."""

import pytest
from bs4 import BeautifulSoup

from helpers.figures.tables import Table

COLUMNS, ROWS = ["method", "usable", "verdict"], [["GAN", "9", "–"], ["EBGAN <b>", "−0.3 (0 to 1)", "helps"]]


def test_a_page_gets_a_table_with_named_rows_and_numbers_on_the_right() -> None:
    table = BeautifulSoup(Table(COLUMNS, ROWS)._repr_html_(), "html.parser").table
    assert [cell.text for cell in table.select("thead th[scope=col]")] == COLUMNS
    assert [cell.text for cell in table.select("tbody th[scope=row]")] == ["GAN", "EBGAN <b>"]
    assert [[cell.text for cell in row.select("td")] for row in table.select("tbody tr")] == [row[1:] for row in ROWS]
    sides = [cell["style"] for cell in table.select("tr:last-child > *")]
    assert sides == ["text-align:left", "text-align:right", "text-align:left"] * 2


def test_a_column_without_a_name_has_no_header_to_be_read_out() -> None:
    head = BeautifulSoup(Table(["", *COLUMNS[1:]], ROWS)._repr_html_(), "html.parser").thead
    assert [cell.name + cell.text for cell in head.select("tr > *")] == ["td", "thusable", "thverdict"]


def test_a_terminal_gets_lined_up_text() -> None:
    lines = repr(Table(COLUMNS, ROWS)).splitlines()
    assert lines[1] == "GAN                    9  –" and lines[2] == "EBGAN <b>  −0.3 (0 to 1)  helps"


def test_bad_rows_are_named() -> None:
    with pytest.raises(ValueError, match=r"rows: got \[\], expected a sequence of at least one"):
        Table(COLUMNS, [])
    with pytest.raises(ValueError, match=r"rows\[1\]: got 2 texts, expected 3 texts, one for each column"):
        Table(COLUMNS, [ROWS[0], ["a", "b"]])
    with pytest.raises(ValueError, match=r"rows: got .*3.*, expected a str"):
        Table(COLUMNS, [["a", "b", 3]])
