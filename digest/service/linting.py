"""`digest templates lint`: every mail, in every theme and language, built and looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from digest.compose.blocks import BlockCache
from digest.compose.content import Site
from digest.compose.lint import Finding, Mail, Severity, lint
from digest.compose.theme import Theme
from digest.errors import InputError, TemplateError
from digest.service.specimens import MAILS, Bench, Specimen, readings


@dataclass(frozen=True, slots=True)
class Linted:
    """What is to say of one mail in one theme and language."""

    mail: str
    theme: str
    language: str
    finding: Finding
    reader: str = ""
    """Who reads it so (`Specimen.reader`)."""


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `built` counts mails, each in each theme and language."""

    rows: tuple[Linted, ...]
    built: int

    def fails(self, *, strict: bool) -> bool:
        """Whether something is wrong: an error, and with `strict` a warning too."""
        return bool(self.count(Severity.ERROR) or (strict and self.count(Severity.WARNING)))

    def count(self, severity: Severity) -> int:
        return sum(row.finding.severity == severity for row in self.rows)


def lint_mails(
    themes: Sequence[Theme],
    site: Site,
    languages: Sequence[str],
    mails: Sequence[str] = (),
    on_mail: Callable[[int, int], None] | None = None,
) -> Report:
    """Build these mails (all when none is named) in these themes and languages and check them. A template that cannot
    be rendered is an error among the others. `on_mail` is told how many of how many are done. Raises InputError for a
    name that no mail has. Nothing is stored."""
    strange = [mail for mail in mails if mail not in MAILS]
    if strange:
        raise InputError(f"there is no mail {strange[0]!r}; there are {', '.join(MAILS)}")
    benches = [Bench(theme, site, BlockCache()) for theme in themes]
    wanted = [(bench, mail, language) for bench in benches for language in languages for mail in (mails or MAILS)]
    rows: list[Linted] = []
    for done, (bench, mail, language) in enumerate(wanted, 1):
        found = _found(bench, mail, language)
        rows += [Linted(mail, bench.theme.name, language, finding, reader) for reader, finding in found]
        if on_mail is not None:
            on_mail(done, len(wanted))
    return Report(tuple(rows), len(wanted))


def _found(bench: Bench, mail: str, language: str) -> list[tuple[str, Finding]]:
    """Readers and what is to say of their mail: of each way to read it only what the usual one has not."""
    found: list[tuple[str, Finding]] = []
    page = b""
    try:
        for specimen in readings(bench, mail, language):
            # Who wants plain text gets no HTML, which is nothing to complain of: theirs is checked with the usual page.
            page = page or specimen.envelope.html
            said = lint(replace(as_mail(specimen, bench.site), html=(specimen.envelope.html or page).decode()))
            known = {_same(finding) for _, finding in found}
            found += [(specimen.reader, finding) for finding in said if _same(finding) not in known]
    except TemplateError as error:
        found.append(("", Finding(Severity.ERROR, "built", str(error), cure="mend the template")))
    return found


def _same(finding: Finding) -> tuple[object, ...]:
    """What a finding says, wherever its line is."""
    return (finding.severity, finding.check, finding.what, finding.where, finding.cure)


def as_mail(specimen: Specimen, site: Site) -> Mail:
    """A specimen as the checks take it."""
    sent = specimen.envelope
    return Mail(
        html=sent.html.decode(),
        text=sent.text.decode(),
        headers=(("Subject", sent.subject), *sent.headers),
        message=specimen.message,
        is_digest=specimen.is_digest,
        public_url=site.public_url,
    )
