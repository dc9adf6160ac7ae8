"""The whole course as one PDF: a site of one page, printed by the Chromium of this machine.

    python tools/make_pdf.py    # writes _build/pdf/push-down-pull-up.pdf; the next build of the site offers it

Where there is no Chromium, it says so and ends well: the site is complete without the PDF.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from address import repository
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "_build" / "singlehtml" / "index.html"
PDF = ROOT / "_build" / "pdf" / "push-down-pull-up.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# On paper nothing can be opened or scrolled to: hints and answers stand open, and every picture is there. Left
# out is what would be half of the pages: code that only prepares, draws, checks or solves; pages for a browser;
# lists of what stands in the chapters. Links to these lead to the site, if there is one.
LEFT_OUT = ("api", "changes", "claims", "exercises", "lab", "meet", "my-course", "status")
READY = """async ([names, site]) => {
  for (const name of names) {
    const place = document.getElementById(`document-${name}`);
    place?.nextElementSibling.remove();
  }
  for (const link of document.querySelectorAll('.bd-article a[href]')) {
    const inside = link.pathname === location.pathname, name = link.hash.replace('#document-', '');
    if (link.protocol !== location.protocol || (inside && !names.includes(name))) continue;
    if (site) link.href = new URL(inside ? `${name}.html` : link.getAttribute('href'), site);
    else link.removeAttribute('href');
  }
  const proofs = '.tag_hide-input > details, :is(.tag_solution, .tag_check) .cell_input';
  document.querySelectorAll(proofs).forEach(one => { one.remove(); });
  document.querySelectorAll('details').forEach(one => { one.open = true; });
  await Promise.all([...document.images].map(one => { one.loading = 'eager'; return one.decode(); }));
}"""
FOOTER = '<div style="width:100%;font-size:8px;text-align:center"><span class="pageNumber"></span></div>'
SIDES = {"top": "13mm", "bottom": "15mm", "left": "13mm", "right": "13mm"}


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def build_one_page() -> None:
    """Build the course as one page; chapters that were executed are not executed again."""
    subprocess.run([sys.executable, str(ROOT / "tools" / "build.py"), "--builder", "singlehtml"], check=True)


def print_page(browser: str, page: Path = PAGE, pdf: Path = PDF) -> None:
    """Print a page to a PDF that has an outline and is tagged for screen readers."""
    pdf.parent.mkdir(parents=True, exist_ok=True)
    address = repository()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--headless", "--no-sandbox"])
        tab = started.new_page(color_scheme="light")
        tab.goto(page.as_uri())
        tab.evaluate(READY, [LEFT_OUT, f"https://{address.site}" if address.known else ""])
        tab.pdf(
            path=pdf,
            format="A4",
            scale=0.75,
            margin=SIDES,
            print_background=True,
            outline=True,
            tagged=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
        )
        started.close()


def main() -> None:
    """Print the course if there is a browser to print it."""
    browser = find_browser()
    if browser is None:
        print(f"No PDF: none of {', '.join(BROWSERS)} is on the PATH. The site is complete without it.")
        return
    build_one_page()
    print_page(browser)
    print(f"The course as one PDF: {PDF}")


if __name__ == "__main__":
    main()
