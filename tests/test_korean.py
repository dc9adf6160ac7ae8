"""The Korean edition's catalogues: what is asked for, what fits, what drifts, and that nothing is executed for it."""

import korean
import nbformat
import pytest
from edition import said_chapter
from korean import LOCALES, Wanted, in_full, in_kit, lint, pages, read_catalogue, sound, source_of, stale, update
from korean_lint import problems
from messages import headings_in, parser, said_html, said_markdown
from outputs import Sentences, said_outputs

PAGE = """\
---
myst:
  html_meta:
    description: A page.
---

# The *run*

> **Question.** Why [so
> low](a.md#b)?

- [ ] One `loss`
  and more

| name | 12 |
| --- | --- |
| a cell | $x$ |

<details><summary>A hint</summary>

$$x = \\text{kept}$$

</details>

```{raw} html
<p class="lead">Words of <b>one</b> message</p><script>not these</script>
```
"""
ASKED = ["A page.", "The *run*", "**Question.** Why [so low](a.md#b)?", "One `loss` and more", "name", "a cell"]
ASKED += ["A hint", "Words of <b>one</b> message"]


def tokens(text: str) -> list[tuple[str, str]]:
    return [(token.type, " ".join(token.content.split())) for token in parser().parse(text)]


def test_a_page_is_asked_for_its_messages_and_said_in_their_order() -> None:
    wanted = Wanted("a page")
    assert tokens(said_markdown(PAGE, wanted.say)) == tokens(PAGE)
    assert list(wanted.kinds) == ASKED
    said = said_markdown(PAGE, lambda message, kind: f"말 {message}")
    assert [found for found in ASKED if f"말 {found}" not in said] == []
    assert [piece for piece in ("$x$", "> **", "\\text{kept}", "<script>not these</script>") if piece in said]
    assert headings_in(said) == ["말 The *run*"]


@pytest.mark.parametrize("page", [page for page in pages() if source_of(page).suffix == ".md" and in_kit(page)])
def test_every_page_is_the_same_when_it_is_said_in_english(page: str) -> None:
    text = source_of(page).read_text(encoding="utf-8")
    assert tokens(said_markdown(text, lambda message, kind: message)) == tokens(text)


FAULTS = [
    ("The **energy** is low.", "**에너지(energy)**는 낮습니다.", "stays plain text"),
    ("The **loss** is `x`.", "**손실**은 `y`입니다.", "code differs"),
    ("See [the loss](a.md#b).", "[손실](a.md)을 보세요.", "target of a link"),
    ("{1} of {2} runs hold", "{1}는 {2}번 중의 수입니다", "particle depends"),
    ("The mode collapse is here.", "모드가 무너졌습니다.", "'모드 붕괴' in the glossary"),
    ("It falls.", "손실이 떨어진다.", "ends plainly"),
    ("It falls.", "손실이 떨어져요.", "ends with"),
    ("by 5 %", "5 % 차이", "a space before %"),
    ("Prompt 1. Runs", "예측 1. 실행", "wanted is '예측 문제 1. '"),
    ("A {term}`energy` is low.", "{term}`에너지`는 낮습니다.", "{term} names"),
    ("First of all, a sum of $x$.", "1. 합 $x$", "something else than text"),
]


@pytest.mark.parametrize(("english", "bad", "said"), FAULTS)
def test_what_does_not_fit_is_named(english: str, bad: str, said: str) -> None:
    assert any(said in problem for problem in problems(english, bad)), problems(english, bad)


def test_what_fits_is_left_alone_and_so_are_all_catalogues() -> None:
    english = "The **energy** of [it](a.md), a {term}`loss` {cite:p}`b` or {term}`fakes <fake>`, is `c`: {1}."
    korean = "[그것](a.md)의 **에너지**는 `c`, {term}`손실 <loss>` {cite:p}`b`, {term}`가짜 <fake>`: {1}입니다."
    assert problems(english, korean) == []
    assert lint(sorted(LOCALES.rglob("*.po")), quiet=True) == 0


def test_what_code_has_shown_is_found_in_its_strings() -> None:
    words = {"{1} of {2} runs with {3}": "{2}번 중 {1}번, {3}", "real data": "실제 데이터", "+ depth": "+ 깊이"}
    words |= {"no bias, either": "편향 없이", ". Asked about {1} ones": ". 1이 {1}개일 때"}
    text = "3 of 20 runs with real data|depth: 0.1, 0.2; no bias, either: 0.3. Asked about 2 ones"
    blocks = [nbformat.v4.new_output("display_data", {"text/html": f"<p>{one}</p>"}) for one in text.split("|")]
    said_outputs(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=blocks)]),
        Sentences(words),
        lambda message, kind: words.get(message, message),
    )
    assert blocks[0].data["text/html"] == "<p>20번 중 3번, 실제 데이터</p>"
    assert blocks[1].data["text/html"] == "<p>깊이: 0.1, 0.2; 편향 없이: 0.3. 1이 2개일 때</p>"
    assert said_html('<p title="A word">x = 3</p>', lambda message, kind: "말") == '<p title="말">x = 3</p>'


def test_a_changed_sentence_is_stale_and_comes_back(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(korean, "LOCALES", tmp_path)
    said: list[str] = ["A sentence, longer than one line of a catalogue, about the loss of a network.", "Another one"]
    monkeypatch.setattr(korean, "wanted", lambda: {"page": Wanted("book/page.md", {text: [] for text in said})})
    update()
    catalogue = read_catalogue(tmp_path / "page.po")
    catalogue[said[0]].string = "신경망의 손실에 관한 문장입니다."
    korean.write_catalogue(tmp_path / "page.po", catalogue)
    assert (update(), stale()["page"]) == ([], said[1:])
    first, said[0] = said[0], "A sentence, longer than one line of a catalogue, about the loss of two networks."
    assert update() == ["page"]
    assert read_catalogue(tmp_path / "page.po")[said[0]].fuzzy
    assert sound(read_catalogue(tmp_path / "page.po")) == {}
    said[0] = first
    update()
    assert list(sound(read_catalogue(tmp_path / "page.po"))) == [first]


@pytest.mark.parametrize("page", list(filter(in_full, pages())))
def test_an_edition_has_the_code_and_the_numbers_of_the_chapter_and_executes_nothing(page, monkeypatch) -> None:
    monkeypatch.setattr("execute.Chapter.execute", lambda *given: pytest.fail("executed"))
    path = source_of(page)
    _, notebook, executed = said_chapter(page, path)
    pairs = zip(nbformat.read(path, as_version=4).cells, notebook.cells, strict=True)
    assert all(a.id == b.id and (a.cell_type != "code" or a.source == b.source) for a, b in pairs)
    assert executed is not None
