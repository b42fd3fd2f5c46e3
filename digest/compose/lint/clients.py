"""Which mail programs lack what a mail uses, by caniemail's data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from digest.compose.caniemail import UNSUPPORTED, Answer, Data, Feature, data
from digest.compose.lint.allowed import fallback
from digest.compose.lint.mail import Finding, Opened, Severity
from digest.compose.lint.uses import Use, uses

GREAT = ("gmail/", "outlook/")
"""The families that a mail must be right in: with Apple Mail, which shows nearly everything, most readers use one."""

GONE = frozenset(("outlook/windows-mail",))
"""Microsoft ended Windows Mail on 31 December 2024 and put the new Outlook, which is Outlook.com's, in its place."""

CHECK = "clients"


def check_clients(mail: Opened) -> Iterator[Finding]:
    """An error for what Gmail or Outlook do not know, a warning for what they know in part or others do not, a note for
    the rest: what others know in part, what has a declared fallback, what there is no data on. Each feature once for
    each of its elements' kinds."""
    known = data()
    seen: set[tuple[str, str, str]] = set()
    for use in uses(mail, known):
        found = _judged(use, known)
        if found is not None and (key := (found.what, found.where, found.cure)) not in seen:
            seen.add(key)
            yield found


def _judged(use: Use, known: Data) -> Finding | None:
    if use.slug is None:
        return Finding(
            Severity.NOTE,
            CHECK,
            f"{use.what}: caniemail has no page on it",
            use.where,
            use.line,
            cure="try it where it matters",
        )
    feature = known.features[use.slug]
    answers = {client: answer for client, answer in feature.answers.items() if client not in GONE}
    if not answers:
        return None
    great = {client: answer for client, answer in answers.items() if client.startswith(GREAT)}
    declared = fallback(use)
    if declared:
        return _finding(Severity.NOTE, use, answers, known, f"fallback: {declared}")
    if any(answer.verdict == UNSUPPORTED for answer in great.values()):
        lacking = {client: answer for client, answer in great.items() if answer.verdict == UNSUPPORTED}
        return _finding(Severity.ERROR, use, lacking, known, _cure(feature, lacking))
    lacking = {client: answer for client, answer in answers.items() if answer.verdict == UNSUPPORTED}
    if great or lacking:
        return _finding(Severity.WARNING, use, great | lacking, known, _cure(feature, great | lacking))
    return _finding(Severity.NOTE, use, answers, known, _cure(feature, answers))


def _finding(severity: Severity, use: Use, answers: Mapping[str, Answer], known: Data, cure: str) -> Finding:
    verdicts = {answer.verdict for answer in answers.values()}
    says = (
        "not supported"
        if verdicts == {UNSUPPORTED}
        else "partly supported"
        if UNSUPPORTED not in verdicts
        else ("not or partly supported")
    )
    clients = tuple(known.clients[client] for client in answers)
    return Finding(severity, CHECK, f"{use.what}: {says}", use.where, use.line, clients, cure)


def _cure(feature: Feature, answers: Mapping[str, Answer]) -> str:
    told = list(dict.fromkeys(note for answer in answers.values() for note in answer.notes))
    return " ".join([*told[:1], f"do without it; {feature.url} tells more"])
