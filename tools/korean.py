"""Keep the catalogues of the Korean edition: what has to be translated, what is, and whether it fits.

    python tools/korean.py update             # bring new English messages into book/locales/ko, keep all that is there
    python tools/korean.py lint [FILE ...]    # is what is translated well made? In a second, without a build
    python tools/korean.py check               # is the kit complete, nothing stale? (make korean: update, then check)

A message whose English has changed becomes fuzzy, and is shown in English until somebody translates it again and takes
the mark `fuzzy` away. Nobody who changes an English sentence has to do that.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from io import BytesIO
from pathlib import Path

import nbformat
import yaml
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, unescape, write_po
from check_notebooks import exercises_of
from execute import ROOT
from exercise_index import GRADES, beginning, name_of
from korean_lint import problems, uncounted
from lists import question_of, title_of
from messages import Say, headings_in, said_html, said_markdown, said_notebook, said_script, spoken
from openings import BY_UPLOAD
from outputs import SHOWN, said_outputs, sentences_of
from predictions import CHOICES
from register_page import VERDICTS, notes
from roles import FOLDED
from speech import CONFIGURED, IN_FULL, tr
from sphinx_external_toc.parsing import parse_toc_yaml

COMMON = "common"
BOOK = ROOT / "book"
LOCALES = BOOK / "locales" / "ko" / "LC_MESSAGES"
ENGLISH = ("api", "changes", "references")  # pages that stay English
THEME = "theme"  # what Sphinx and its theme say; kept by hand
SCRIPTS = ("course.js", "diagnosis.js", "register.js", "search.js")  # in book/static; lab and room have both languages
FIGURES = ("landscape.html", "lab.html", "levels.html", "symptoms.html")  # in book/static, parts of pages


@dataclass
class Wanted:
    """The messages of one catalogue in order, each with what kinds of text it is."""

    source: str
    kinds: dict[str, list[str]] = field(default_factory=dict)

    def say(self, message: str, kind: str) -> str:
        """Note a message, and give it back."""
        kinds = self.kinds.setdefault(message, [])
        if kind and kind not in kinds:
            kinds.append(kind)
        return message


def pages() -> list[str]:
    """Return the names of the pages of the book, in its order."""
    return list(map(str, parse_toc_yaml(ROOT / "_toc.yml")))


def is_chapter(page: str) -> bool:
    """Tell whether a page is a chapter."""
    return page[:2].isdigit()


def in_full(page: str) -> bool:
    """Tell whether a page is a chapter that is translated as a whole."""
    return page.startswith(IN_FULL)


def in_kit(page: str) -> bool:
    """Tell whether a page is translated as a whole."""
    return page not in ENGLISH and (not is_chapter(page) or in_full(page))


def source_of(page: str) -> Path:
    """Return the file that a page is written in."""
    return next(path for end in (".md", ".ipynb") if (path := BOOK / f"{page}{end}").is_file())


def walk_page(page: str, say: Say) -> None:
    """Ask for all messages of a page, and for those that its code shows, as far as it was executed."""
    path = source_of(page)
    if path.suffix == ".md":
        said_markdown(path.read_text(encoding="utf-8"), say)
        return
    for prediction, choice in tomllib.loads(CHOICES.read_text(encoding="utf-8")).items():
        for text in choice["choices"] if prediction.startswith(f"{page}#") else ():
            spoken(text, "choice", say)
    notebook = nbformat.read(path, as_version=4)
    kept = ROOT / "_build" / "executed" / path.name
    said_notebook(notebook, say)
    sentences = sentences_of(notebook)
    if kept.is_file():
        said_outputs(nbformat.read(kept, as_version=4), sentences, say)
    for message in (message for name in (page, COMMON) for message in read_catalogue(LOCALES / f"{name}.po")):
        # What was shown before stays wanted as long as the code has it: an old execution, or none, takes nothing away.
        if SHOWN in message.auto_comments and message.id in sentences.strings:
            say(message.id, SHOWN)


def text_of(path: Path) -> str:
    """Return the text of a page in Markdown, or of the file that it includes."""
    text = path.read_text(encoding="utf-8")
    included = re.match(r"```\{include\} (\S+)", text)
    return (path.parent / included[1]).read_text(encoding="utf-8") if included else text


def heading_of(path: Path) -> str:
    """Return the title of a page in Markdown."""
    return headings_in(text_of(path))[0]


def walk_chapters(say: Say) -> None:
    """Ask for what other pages show of the pages and chapters that stay English."""
    for page in ENGLISH:
        say(heading_of(source_of(page)), f"title of {page}")
    for path in (source_of(page) for page in pages() if is_chapter(page) and not in_kit(page)):
        say(title_of(path), f"title of chapter {path.name[:2]}")
        say(question_of(path), f"question of chapter {path.name[:2]}")
        for exercise in exercises_of(nbformat.read(path, as_version=4)):
            say(name_of(exercise), "name of an exercise")
            say(beginning(exercise), "how an exercise begins")


def walk_scripts(say: Say) -> None:
    """Ask for the words of scripts."""
    for name in SCRIPTS:
        said_script((BOOK / "static" / name).read_text(encoding="utf-8"), say)


def walk_site(say: Say) -> None:
    """Ask for what the tools say, `tr("…")`, for what _config.yml says, and for the words on folds."""
    for path in sorted((ROOT / "tools").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr"
            if called and isinstance(node.args[0], ast.Constant):
                say(node.args[0].value, path.name)
    for word in re.findall(r"«(\w.+?)»", (ROOT / "tools" / "course_site.py").read_text(encoding="utf-8")):
        say(word, "course_site.py")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    for name in CONFIGURED:
        say(config[name], "_config.yml")
    for name in ("search_bar_text", "toc_title"):
        say(config["html_theme_options"][name], "_config.yml")
    for text in config["notfound_context"].values():
        say(text, "_config.yml")
    for text in (*FOLDED.values(), *GRADES, BY_UPLOAD):
        say(text, "opening, fold or exercise")


def walk_verdicts(say: Say) -> None:
    """Ask for the group's questions on the page of claims, and for what was done about claims that failed."""
    for question in tomllib.loads(VERDICTS.read_text(encoding="utf-8"))["question"]:
        for key in ("asked", "answer", "population"):
            say(question[key], key)
    for note in notes().values():
        say(note["done"], "note on a claim")


def walk_toc(say: Say) -> None:
    """Ask for the captions of the parts."""
    for part in parse_toc_yaml(ROOT / "_toc.yml").root.subtrees:
        say(part.caption, "part of the book")


def walk_figures(say: Say) -> None:
    """Ask for the words of figures that are parts of pages."""
    for name in FIGURES:
        said_html((BOOK / "static" / name).read_text(encoding="utf-8"), say)


# Catalogues that are no page's, with what asks for their messages.
OTHERS: dict[str, Callable[[Say], None]] = {
    "chapters": walk_chapters,
    "toc": walk_toc,
    "figures": walk_figures,
    "site": walk_site,
    "verdicts": walk_verdicts,
    "scripts": walk_scripts,
}


def shared(found: dict[str, Wanted]) -> Wanted:
    """Take the messages that more than one catalogue has out of these: they are translated once."""
    met = Counter(message for each in found.values() for message in each.kinds)
    common = Wanted(COMMON)
    for each in found.values():
        for message in [message for message in each.kinds if met[message] > 1]:
            for kind in each.kinds.pop(message) or [""]:
                common.say(message, kind)
    return common


def wanted() -> dict[str, Wanted]:
    """Return the messages of all catalogues."""
    found = {}
    for page in filter(in_kit, pages()):
        found[page] = Wanted(source_of(page).relative_to(ROOT).as_posix())
        walk_page(page, found[page].say)
    for name, walk in OTHERS.items():
        found[name] = Wanted(name)
        walk(found[name].say)
    return found | {COMMON: shared(found)}


# ------------------------------------------------------------------------------------------ catalogues
def read_catalogue(path: Path) -> Catalog:
    """Read a catalogue; one that is not there yet is empty."""
    if not path.is_file():
        return Catalog(locale="ko", fuzzy=False)
    with path.open("rb") as file:
        catalogue = read_po(file, locale="ko")
    for message in catalogue:  # babel writes what a message was before, and reads it as a comment
        before = [comment for comment in message.user_comments if comment.startswith("|")]
        message.user_comments = [comment for comment in message.user_comments if comment not in before]
        written = " ".join(comment.removeprefix("|").strip() for comment in before).removeprefix("msgid ")
        message.previous_id = [unescape(written)] if written else []
    return catalogue


def template_of(wanted: Wanted) -> Catalog:
    """Return messages as a catalogue without translations."""
    template = Catalog(fuzzy=False)
    for message, kinds in wanted.kinds.items():
        template.add(message, locations=[(wanted.source, None)], auto_comments=sorted(kinds))
    return template


def write_catalogue(path: Path, catalogue: Catalog) -> bool:
    """Write a catalogue if its text is another one than before; tell whether it was."""
    file = BytesIO()
    for message in catalogue:
        message.flags &= {"fuzzy"}  # babel guesses from braces and % that a message is for Python
    write_po(file, catalogue, width=0, include_lineno=False, omit_header=True, include_previous=True)
    header = b'msgid ""\nmsgstr ""\n"Language: ko\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    text = header + file.getvalue()
    if path.is_file() and path.read_bytes() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return True


def catalogues() -> Iterator[tuple[str, Catalog]]:
    """Yield all catalogues that are there, by name."""
    for path in sorted(LOCALES.rglob("*.po")):
        yield path.relative_to(LOCALES).with_suffix("").as_posix(), read_catalogue(path)


def memory() -> dict[str, str]:
    """Return all translations that are sound, wherever they stand; also of what was once said, and may be again."""
    both = [(catalogue.obsolete.values(), catalogue) for _, catalogue in catalogues()]
    found = (message for some in (*(old for old, _ in both), *(now for _, now in both)) for message in some)
    said = [message for message in found if message.id and message.string]
    before = {message.previous_id[0]: message.string for message in said if message.fuzzy and message.previous_id}
    return before | {message.id: message.string for message in said if not message.fuzzy}


def alike(message: Message) -> bool:
    """Tell whether a message's old translation is worth correcting: short ones are soon written anew."""
    before = message.previous_id[0] if message.previous_id else ""
    return len(message.id) > 20 and SequenceMatcher(None, before, message.id).ratio() > 0.7


def update() -> list[str]:
    """Bring all catalogues up to the English text; return the names of those that changed."""
    changed, known = [], memory()
    for name, messages in wanted().items():
        path = LOCALES / f"{name}.po"
        catalogue = read_catalogue(path)
        catalogue.update(template_of(messages), update_header_comment=False)
        for old in [old for old in catalogue.obsolete if old in catalogue]:
            del catalogue.obsolete[old]
        for old in [old for old, message in catalogue.obsolete.items() if not message.string]:
            del catalogue.obsolete[old]
        for message in catalogue:
            if message.fuzzy and not alike(message):
                message.string, message.previous_id = "", []
                message.flags.discard("fuzzy")
            if message.id in known and (message.fuzzy or not message.string):  # it came from another catalogue
                message.string, message.previous_id = known[message.id], []
                message.flags.discard("fuzzy")
        changed += [name] if write_catalogue(path, catalogue) else []
    return changed


def lint(paths: list[Path], quiet: bool = False) -> int:
    """Print what does not fit in some catalogues, and how far they are; return how many problems there are."""
    count = 0
    for path in paths:
        messages = [message for message in read_catalogue(path) if message.id]
        done = [message for message in messages if message.string and not message.fuzzy]
        for message in done:
            left = " ".join(comment for comment in message.user_comments if comment.startswith("ok:"))
            for problem in problems(message.id, message.string, left):
                print(f"{path.name}: {message.string[:60]!r}\n    {problem}")
                count += 1
        for korean, problem in uncounted(sound(read_catalogue(path))):
            print(f"{path.name}: {korean[:60]!r}\n    {problem}")
            count += 1
        fuzzy = sum(message.fuzzy for message in messages)
        if quiet:
            continue
        print(f"{path.name}: {len(done)} of {len(messages)} messages translated, {fuzzy} fuzzy")
    return count


def sound(catalogue: Catalog) -> dict[str, str]:
    """Return what a catalogue translates, without what has changed in English since."""
    messages = (message for message in catalogue if message.id and message.string and not message.fuzzy)
    return {str(message.id): str(message.string) for message in messages}


def stale() -> dict[str, list[str]]:
    """Return the messages of each catalogue that are not translated, or were before their English changed."""
    found = {}
    for name, messages in wanted().items():
        said = sound(read_catalogue(LOCALES / f"{name}.po"))
        found[name] = [message for message in messages.kinds if message not in said]
    return found


def check() -> int:
    """Name what the kit lacks; return how many messages and problems there are."""
    count = lint(sorted(LOCALES.rglob("*.po")), quiet=True)
    for name, messages in stale().items():
        if messages:
            print(f"{name}: {len(messages)} messages are shown in English, such as {messages[0][:70]!r}")
            count += len(messages)
    print("The Korean kit is complete." if not count else f"{count} messages to translate or to mend.")
    return count


def words_in(messages: Iterable[str]) -> int:
    """Return how many words some messages have."""
    return sum(len(re.findall(r"[A-Za-z]{2,}", message)) for message in messages)


def coverage() -> str:
    """Return a table of the pages of the Korean edition: how many of their English words are translated."""
    rows = [f"| {tr('page')} | {tr('words')} | {tr('in Korean')} |", "| --- | --- | --- |"]
    for page in filter(in_kit, pages()):
        catalogue = read_catalogue(LOCALES / f"{page}.po")
        whole, said = words_in(one.id for one in catalogue if one.id), words_in(sound(catalogue))
        name = source_of(page).relative_to(BOOK).as_posix()
        rows.append(f"| [{page}]({name}) | {whole:,} | {said / max(whole, 1):.0%} |")
    return "\n".join(rows)


def main() -> int:
    """Read the arguments and do what they say; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["update", "lint", "check"])
    parser.add_argument("files", nargs="*", type=Path, help="catalogues to lint (default: all)")
    options = parser.parse_args()
    if options.what == "lint":
        return min(lint(options.files or sorted(LOCALES.rglob("*.po"))), 1)
    if options.what == "check":
        return min(check(), 1)
    changed = update()
    print(f"{len(changed)} catalogues changed: {', '.join(changed) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
