"""Adding a language, or bringing one up to date: `python -m digest.languages fr` (`make language CODE=fr`).

Collects every text of pages and mails and writes `templates/locale/fr.po`: what is translated stays, what is new
stands at the end with an empty translation, what is no longer said is kept as a comment. Until a text is translated it
is shown in English. Formats, plural rules and the direction of writing come from Babel (CLDR).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import PoFileError, read_po, write_po

import digest
from digest.errors import InputError
from digest.service.places import templates_folder
from subscribers.i18n import ENGLISH

MARK = "to be translated"
CODE = ("subscribers", "digest/web", "digest/compose", "digest/service")
"""Where Python code speaks to readers. Commands and logs speak to operators, in English."""
TAGS = "digest.compose.personal.PersonalParts"
"""The tags that mail templates have beside Jinja2's own."""
SINGLE, PLURAL = frozenset({"say", "gettext"}), frozenset({"count", "ngettext"})
"""Calls whose string arguments are texts; a language may come first and a number last."""
HEADER = """\
# Texts of the pages and mails. Ids are the English source texts; an entry that is missing here is shown in English.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"
"""


@dataclass(frozen=True, slots=True)
class Text:
    """A text as the source has it."""

    id: str
    plural: str = ""
    """Empty for a text without a number."""
    place: str = ""
    """The template or module that says it first."""


def page_texts() -> list[Text]:
    """Every text of the pages, in templates and in code, each once."""
    return _once(_of_templates("web"), _of_code())


def mail_texts() -> list[Text]:
    """Every text of the mails, each once."""
    return _once(_of_templates("email"), _of_code("digest/compose"))


def texts() -> list[Text]:
    """Every text that readers meet, each once, in the order of pages, mails and code."""
    return _once(_of_templates("web"), _of_templates("email"), _of_code())


def missing(catalogue: Catalog, wanted: Iterable[Text]) -> list[str]:
    """The ids of those texts that the catalogue lacks, wholly or in one of the language's plural forms."""
    return [text.id for text in wanted if not _is_translated(catalogue.get(text.id), text, catalogue)]


def _is_translated(entry: Message | None, text: Text, catalogue: Catalog) -> bool:
    if entry is None or entry.fuzzy or bool(text.plural) != entry.pluralizable:
        return False
    forms = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
    return all(forms) and len(forms) == (catalogue.num_plurals if text.plural else 1)


def update(code: str, folder: Path) -> tuple[Path, int, int]:
    """Make or renew the catalogue of a language in `folder`: (file, number of texts, how many are missing).

    Durable on return; running it again changes nothing. Raises InputError for a code that CLDR does not know, for
    English, which is the source, and for a file that cannot be read as a catalogue.
    """
    locale = _locale(code)
    file = folder / f"{locale}.po"
    old = _read(file, locale)
    everything = texts()
    catalogue = Catalog(locale=locale)
    wanted = {text.id: text for text in everything}
    kept = [message.id if isinstance(message.id, str) else message.id[0] for message in old if message.id]
    for id_ in [*(id_ for id_ in kept if id_ in wanted), *(id_ for id_ in wanted if id_ not in kept)]:
        _carry_over(catalogue, wanted[id_], old.get(id_) or old.obsolete.get(id_))
    lacking = missing(catalogue, everything)
    for id_ in lacking:
        entry = catalogue.get(id_)
        if entry is not None:
            entry.auto_comments.append(MARK)
    written = BytesIO()
    write_po(written, catalogue, width=0, omit_header=True)
    gone = [m for m in (*old.obsolete.values(), *old) if m.id and m.string and _first(m) not in wanted]
    content = f"{_header(file, locale, catalogue)}\n{written.getvalue().decode().strip()}\n{_obsolete(gone)}"
    folder.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".po.new")
    draft.write_text(content, encoding="utf-8")
    draft.replace(file)
    return file, len(everything), len(lacking)


def _locale(code: str) -> Locale:
    try:
        locale = Locale.parse(code.strip(), sep="-" if "-" in code else "_")
    except (UnknownLocaleError, ValueError, TypeError):
        raise InputError(f"{code[:40]!r} is no language; use a code such as fr, nb or pt_BR") from None
    if str(locale) == ENGLISH:
        raise InputError("English is the language of the source and needs no catalogue")
    return locale


def _read(file: Path, locale: Locale) -> Catalog:
    if not file.exists():
        return Catalog(locale=locale)
    try:
        with file.open("rb") as po:
            return read_po(po, locale=str(locale), abort_invalid=True)
    except (PoFileError, OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as a catalogue: {error}") from None


def _header(file: Path, locale: Locale, catalogue: Catalog) -> str:
    """The one that is there, for somebody may have written their name into it."""
    if file.exists():
        return file.read_text(encoding="utf-8").split("\n\n", 1)[0].rstrip("\n") + "\n"
    return HEADER.format(language=locale, plurals=catalogue.plural_forms)


def _carry_over(catalogue: Catalog, text: Text, old: Message | None) -> None:
    comments = [each for each in (old.auto_comments if old else []) if each != MARK] or [text.place]
    string = old.string if old is not None and bool(text.plural) == old.pluralizable else None
    catalogue.add(
        (text.id, text.plural) if text.plural else text.id,
        string or None,
        auto_comments=comments,
        user_comments=old.user_comments if old else (),
    )


def _obsolete(gone: Sequence[Message]) -> str:
    if not gone:
        return ""
    leftovers, written = Catalog(), BytesIO()
    for message in gone:
        leftovers.obsolete[_first(message)] = message
    write_po(written, leftovers, width=0, omit_header=True)
    return f"\n{written.getvalue().decode().strip()}\n"


def _first(message: Message) -> str:
    return str(message.id if isinstance(message.id, str) else message.id[0])


def _of_templates(kind: str) -> Iterator[Text]:
    folder = templates_folder() / kind
    # As both environments read them: a {% trans %} of several lines has another id otherwise.
    options = {"**": {"silent": "false", "trim_blocks": "true", "lstrip_blocks": "true", "extensions": TAGS}}
    methods = [("**.html", "jinja2"), ("**.txt", "jinja2")]
    for name, _, found, _, _ in extract_from_dir(folder, method_map=methods, options_map=options):
        one, many = (found, "") if isinstance(found, str) else (found[0], found[1])
        yield Text(one, many or "", f"{kind}: {name}")


def _of_code(*rooms: str) -> Iterator[Text]:
    root = Path(digest.__file__).parent.parent
    for file in sorted(file for room in rooms or CODE for file in (root / room).rglob("*.py")):
        place = f"code: {file.relative_to(root).as_posix()}"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                method = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                yield from _said(node, method, place)


def _said(call: ast.Call, method: str, place: str) -> Iterator[Text]:
    """The texts in one call: `voice.say("a" if few else "b")` says two."""
    if method not in SINGLE | PLURAL:
        return
    arguments = [_strings(argument) for argument in call.args]
    spoken = [found for found in arguments if found]
    if method in SINGLE:
        yield from (Text(each, "", place) for found in spoken for each in found)
    elif len(spoken) == 2:
        yield Text(spoken[0][0], spoken[1][0], place)


def _strings(argument: ast.expr) -> list[str]:
    if isinstance(argument, ast.Constant):
        return [argument.value] if isinstance(argument.value, str) else []
    if isinstance(argument, ast.IfExp):
        return _strings(argument.body) + _strings(argument.orelse)
    return []


def _once(*found: Iterable[Text]) -> list[Text]:
    """Each id once; one that is a plural anywhere is a plural."""
    kept: dict[str, Text] = {}
    for text in (text for each in found for text in each):
        if text.id and (text.id not in kept or (text.plural and not kept[text.id].plural)):
            kept[text.id] = text
    return list(kept.values())


def main(arguments: Sequence[str]) -> int:
    """The command; 0, or 2 after one line on standard error."""
    if len(arguments) != 1 or not arguments[0]:
        sys.stderr.write("error: name one language: make language CODE=fr\n")
        return 2
    try:
        file, count, lacking = update(arguments[0], templates_folder() / "locale")
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(f"{file.name}: {count} texts, {lacking} to be translated (marked `#. {MARK}`, in {file})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
