"""The glossary: two languages, in order, every term linked to where it is introduced."""

import re
from pathlib import Path

GLOSSARY = (Path(__file__).resolve().parents[1] / "book" / "glossary.md").read_text(encoding="utf-8")
CHAPTER_LINK = re.compile(r"\[chapter (\d\d)\]\((\d\d)-[\w-]+\.ipynb(#[\w-]+)?\)")
KOREAN = re.compile(r'^<span lang="ko">[^<]*[가-힣][^<]*</span>\. ')


def test_every_term_has_two_languages_and_a_link_and_stands_in_its_place() -> None:
    body = re.search(r"^```\{glossary\}\n(.*?)\n```$", GLOSSARY, re.DOTALL | re.MULTILINE)[1]
    entries = [re.split(r"\n\s*", entry, maxsplit=1) for entry in body.strip().split("\n\n")]
    order = [re.sub(r"[^a-z0-9 ]", "", term.lower().replace("é", "e")) for term, _ in entries]
    assert len(entries) > 80 and order == sorted(order)
    for term, text in entries:
        assert KOREAN.match(text), f"{term}: does not begin with the Korean term in its span"
        links = CHAPTER_LINK.findall(re.sub(r"\n\s*", " ", text))
        assert links or "](about-claims)" in text, f"{term}: has no link to the chapter that introduces it"
        assert all(said == file for said, file, _ in links), f"{term}: names one chapter and links to another"
