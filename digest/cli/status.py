"""How the service stands."""

from __future__ import annotations

from digest.cli.common import AsJson, moment, service, show, tell


def status(as_json: AsJson = False) -> None:
    """Show what waits, what is in doubt, what became of mails, and what to look at."""
    from digest.service.status import look

    with service() as opened:
        found = look(opened.engine, opened.settings, now=opened.now)
    rows: list[dict[str, object]] = [{"what": "provider", "value": found.provider}]
    rows += [{"what": f"mails {state}", "value": count} for state, count in sorted(found.deliveries.items())]
    rows += [
        {"what": f"{kind.replace('_', ' ')}, last 7 days", "value": count}
        for kind, count in sorted(found.fates.items())
    ]
    rows += [
        {"what": "last webhook", "value": moment(found.last_heard) or "none"},
        {"what": "events waiting", "value": found.events_waiting},
        {"what": "addresses suppressed", "value": found.suppressed},
    ]
    if as_json:
        rows += [{"what": "warning", "value": each} for each in found.warnings]
    show(rows, ["what", "value"], as_json=as_json)
    if not as_json:
        for each in found.warnings:
            tell(f"warning: {each}")
