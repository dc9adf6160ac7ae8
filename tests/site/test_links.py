"""Every link inside the site leads somewhere, nothing is loaded from elsewhere, every picture has words."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from address import repository
from bs4 import BeautifulSoup
from bundle import pack_course
from site_server import ROOT

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
LOADING_RELATIONS = {
    "stylesheet",
    "icon",
    "preload",
    "modulepreload",
    "manifest",
    "preconnect",
    "dns-prefetch",
}


class Site:
    """All pages of a folder, parsed once."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder, self.base = folder, base
        files = [path for path in folder.rglob("*.html") if "_static" not in path.parts]
        self.pages = {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in sorted(files)}
        self.anchors = {
            path: {tag.get("id") or tag.get("name") for tag in soup.select("[id], a[name]")}
            for path, soup in self.pages.items()
        }

    def target(self, page: Path, link: str) -> tuple[Path, str]:
        """Return the file that a link on a page means, and its anchor."""
        parts = urlsplit(link)
        path = unquote(parts.path)
        if path.startswith(self.base):
            file = self.folder / path.removeprefix(self.base)
        else:
            file = page.parent / path if path else page
        file = file.resolve()
        return (file / "index.html" if file.is_dir() else file), unquote(parts.fragment)


def is_elsewhere(link: str) -> bool:
    """Tell whether a link leaves the site."""
    return bool(urlsplit(link).netloc) or urlsplit(link).scheme in {"http", "https", "mailto"}


def loads_of(soup: BeautifulSoup) -> list[str]:
    """List everything that a browser would load by itself for a page."""
    found = [tag[attribute] for name, attribute in LOADS.items() for tag in soup.select(f"{name}[{attribute}]")]
    for tag in soup.select("link[href]"):
        if LOADING_RELATIONS & set(tag.get("rel", [])):
            found.append(tag["href"])
    return [link for link in found if not link.startswith("data:")]


def broken_links(site: Site) -> list[str]:
    """Name each page and link whose target, or whose anchor on it, does not exist."""
    problems = []
    for page, soup in site.pages.items():
        for link in [tag["href"] for tag in soup.select("a[href]")] + loads_of(soup):
            if is_elsewhere(link) or link.startswith(("javascript:", "data:")):
                continue
            file, anchor = site.target(page, link)
            if not file.is_file():
                problems.append(f"{page.name}: {link} leads to no file")
            elif anchor and file in site.anchors and anchor not in site.anchors[file]:
                problems.append(f"{page.name}: {link} names an anchor that {file.name} does not have")
    return problems


def foreign_loads(site: Site) -> list[str]:
    """Name each page or style sheet that makes the reader's browser ask another host for something."""
    problems = [
        f"{page.name}: loads {link}"
        for page, soup in site.pages.items()
        for link in loads_of(soup)
        if is_elsewhere(link)
    ]
    for sheet in sorted(site.folder.rglob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"(?:url\(\s*['\"]?|@import\s+['\"])((?:https?:)?//[^'\")\s]+)", text):
            problems.append(f"{sheet.name}: loads {link}")
    return problems


def pictures_without_words(site: Site) -> list[str]:
    """Name each picture whose alternative text is missing, empty or only a file's name."""
    problems = []
    for page, soup in site.pages.items():
        for image in soup.select("img"):
            words = (image.get("alt") or "").strip()
            if not words or re.search(r"\.(png|svg|jpe?g|gif|webp)$", words) or "/" in words.split(" ")[0]:
                problems.append(f"{page.name}: <img src={image.get('src', '')[:80]}> has the alt text {words!r}")
        for drawing in soup.select("svg[role=img]"):
            if not drawing.get("aria-label"):
                problems.append(f"{page.name}: a drawing (svg) has no aria-label")
    return problems


def pictures_nobody_shows(site: Site) -> list[str]:
    """Name each picture that no page has."""
    pages = "".join(str(soup) for soup in site.pages.values())
    return [path.name for path in sorted(site.folder.glob("_images/*")) if path.name not in pages]


CHECKS = [broken_links, foreign_loads, pictures_without_words, pictures_nobody_shows]


@pytest.fixture(scope="module")
def parsed(site: Path, base: str) -> Site:
    """Parse the built site."""
    return Site(site, base)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_site(parsed, check):
    problems = check(parsed)
    assert not problems, "\n" + "\n".join(problems)


def test_all_kinds_of_pages_are_there(parsed):
    names = {page.name for page in parsed.pages}
    assert {
        "index.html",
        "404.html",
        "search.html",
        "glossary.html",
        "references.html",
        "status.html",
    } <= names
    sitemap = (parsed.folder / "sitemap.xml").read_text(encoding="utf-8")
    assert "glossary.html" in sitemap and "404.html" not in sitemap
    assert parsed.pages[parsed.folder / "index.html"].select_one('meta[property="og:title"]')


def test_every_chapter_offers_to_run_it(parsed):
    chapters = sorted(page.stem for page in parsed.pages if page.match(f"{parsed.folder.name}/[0-9][0-9]-*.html"))
    assert chapters == sorted(path.stem for path in (ROOT / "book").glob("[0-9][0-9]-*.ipynb"))
    for name in chapters:
        soup = parsed.pages[parsed.folder / f"{name}.html"]
        colab, download = soup.select(".opening a.run-it")
        if repository().known:
            assert colab["href"] == soup.select_one(".dropdown-launch-buttons a")["href"]
            assert colab["href"].endswith(f"/{repository()}/blob/main/book/{name}.ipynb")
        else:  # nothing pretends: a bundle to upload, and no link to a place that cannot be
            assert (parsed.folder / colab["href"]).is_file() and "Upload" in soup.select_one(".opening-how").text
            assert not soup.select(f'article a[href*="{repository().owner}"], .dropdown-launch-buttons')
        assert (parsed.folder / download["href"]).is_file(), name
        assert len(soup.select(".opening li")) >= 3, name


def test_bundle_of_the_course_is_whole_elsewhere(site, tmp_path):
    shutil.unpack_archive(pack_course(site.parents[1]), tmp_path)
    ours, theirs = (
        {path.relative_to(top): path for path in top.rglob("*") if path.is_file()} for top in (site, tmp_path / "site")
    )
    assert ours.keys() == theirs.keys(), "every file of the site that the checks above have looked at"
    assert [name for name in ours if ours[name].read_bytes() != theirs[name].read_bytes()] == []
    notebooks = {path.name for path in (tmp_path / "notebooks").iterdir()}
    assert notebooks >= {f"{page.stem}.ipynb" for page in site.glob("[0-9][0-9]-*.html")}
    assert len([name for name in notebooks if name.endswith(".whl")]) == 1


BAD = """<html><body id="top"><a href="#top">fine</a><a href="#gone">x</a><a href="nowhere.html">x</a>
<a href="https://example.org/">fine</a><script src="https://cdn.example.org/x.js"></script>
<link rel="canonical" href="https://example.org/"><link rel="stylesheet" href="bad.css">
<img src="data:image/png;base64,AA==" alt="plot.png"><img src="data:image/png;base64,AA=="></body></html>"""


def test_the_checks_find_what_they_are_for(tmp_path):
    (tmp_path / "bad.html").write_text(BAD)
    (tmp_path / "bad.css").write_text("@font-face { src: url(https://fonts.example.org/a.woff2) }")
    (tmp_path / "_images").mkdir()
    (tmp_path / "_images" / "old.webp").touch()
    found = {check.__name__: check(Site(tmp_path, "/")) for check in CHECKS}
    assert found["pictures_nobody_shows"] == ["old.webp"]
    assert found["broken_links"] == [
        "bad.html: #gone names an anchor that bad.html does not have",
        "bad.html: nowhere.html leads to no file",
    ]
    assert found["foreign_loads"] == [
        "bad.html: loads https://cdn.example.org/x.js",
        "bad.css: loads https://fonts.example.org/a.woff2",
    ]
    assert [problem.split(" has ")[1] for problem in found["pictures_without_words"]] == [
        "the alt text 'plot.png'",
        "the alt text ''",
    ]
