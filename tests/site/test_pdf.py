"""The course as one PDF, where it was made."""

from __future__ import annotations

import pytest
from site_server import ROOT

pytestmark = pytest.mark.browser
NAME = "push-down-pull-up.pdf"


def test_the_pdf_has_all_chapters_and_the_site_offers_it(site):
    if not (ROOT / "_build" / "pdf" / NAME).is_file():
        pytest.skip("no PDF was made: `make pdf` makes it")
    pdf = (site / NAME).read_bytes()
    assert pdf.startswith(b"%PDF") and b"/Outlines" in pdf
    chapters = len(list((ROOT / "book").glob("[0-9][0-9]-*.ipynb")))
    assert pdf.count(b"/Type /Page\n") >= 8 * chapters
    assert f'href="{NAME}"' in (site / "how-to-use.html").read_text(encoding="utf-8")
