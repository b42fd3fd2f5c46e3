"""The operator's report: what the last day was, mailed to OPERATOR_EMAIL once a day, and printed by `digest report`.

Crash semantics. Edition, deliveries and content become durable in one transaction, whose slot is the date in
DEFAULT_TIMEZONE: killed before it there is nothing, and the next turn makes it; of two processes, or a clock and a
hand, one makes it.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from digest.compose.report import Told, tell
from digest.errors import InputError, SettingError, TemplateError
from digest.service.answers import SOON
from digest.service.building import Workshop
from digest.service.letters import REPORT, compile_letter, freeze_parts, subject_of
from digest.settings import Settings
from digest.store import editions, report
from digest.store.db import reading, writing
from digest.store.staff import number_of, plan_staff
from digest.types import Day
from subscribers.i18n import ENGLISH
from subscribers.profiles import Choices, intern
from subscribers.tokens import Keyring

log = logging.getLogger(__name__)

A_DAY = timedelta(days=1)


class Reporter:
    """Makes the report of the 24 hours until now, and plans its mail."""

    def __init__(self, shop: Workshop, keyring: Keyring, settings: Settings, *, now: Callable[[], datetime]) -> None:
        """Raises SettingError for an OPERATOR_LANGUAGE that there is no catalogue for."""
        self._shop, self._keyring, self._settings, self._now = shop, keyring, settings, now
        self._zone = ZoneInfo(settings.default_timezone)
        if settings.operator_language not in shop.languages:
            known = ", ".join(shop.languages)
            raise SettingError(f"OPERATOR_LANGUAGE is {settings.operator_language!r:.40}; there are {known}")

    def day(self) -> Day:
        """The facts of the last 24 hours. Raises StoreError."""
        now = self._now()
        with reading(self._shop.engine) as session:
            found = report.day(session, now - A_DAY, now)
        free, total = _disk(self._settings, self._shop.engine.url.database or "")
        return replace(found, disk_free=free, disk_total=total)

    def told(self, day: Day, language: str = ENGLISH) -> Told:
        """The same in words, its times by the clock of DEFAULT_TIMEZONE."""
        return tell(day, self._shop.theme, language, self._settings.default_timezone)

    def plan_due(self) -> int | None:
        """Plan today's report if its hour has come and nobody has; its edition, None when there is nothing to plan.

        A template that is broken is told in the log, with what the report says in a line; nobody else's mail waits for
        it. Raises StoreError.
        """
        local = self._now().astimezone(self._zone)
        if not self._settings.operator_email or f"{local:%H:%M}" < self._settings.report_at:
            return None
        if self.planned() is not None:
            return None
        day = self.day()
        try:
            return self._plan(day)
        except TemplateError as error:
            log.error("no report could be mailed to OPERATOR_EMAIL: %s; it says: %s", error, self.told(day).subject)
            return None

    def planned(self) -> int | None:
        """The edition of today's report; None while there is none."""
        with reading(self._shop.engine) as session:
            return editions.find_edition(session, self._slot())

    def plan(self) -> int | None:
        """Plan today's report now, whatever the hour; None when that was done before. Raises InputError when nobody
        wants one, TemplateError, StoreError."""
        if not self._settings.operator_email:
            raise InputError("OPERATOR_EMAIL is empty; name in .env who is to get the report")
        return None if self.planned() is not None else self._plan(self.day())

    def _slot(self) -> str:
        today: date = self._now().astimezone(self._zone).date()
        return f"system:{REPORT}:{today:%Y-%m-%d}"

    def _plan(self, day: Day) -> int | None:
        shop, language = self._shop, self._settings.operator_language
        told = self.told(day, language)
        subject = subject_of(shop.theme, shop.site, REPORT, language, {"subject": told.subject})
        parts = compile_letter(shop.theme, shop.site, REPORT, language, report=told)
        hashes = self._keyring.address_hashes
        numbers = [number_of(hashes(address)[0]) for address in self._settings.operator_email]
        with writing(shop.engine) as session:
            edition_id, planned_at, made = editions.open_edition(
                session, "system", self._slot(), planned_at=day.until, key_id=self._keyring.key_id, priority=SOON
            )
            if not made:
                return None
            profile_id = intern(session.connection(), _choices(language, self._settings.default_timezone))
            plan_staff(session, edition_id, numbers, profile_id, planned_at)
            freeze_parts(shop, session, edition_id, REPORT, language, parts, {}, subject, now=day.until)
        log.info("planned the report of %s: %s", f"{day.until:%Y-%m-%d}", told.subject)
        return edition_id


def _choices(language: str, zone: str) -> Choices:
    """What a mail to the house is composed by."""
    return Choices(
        topics=[],
        language=language,
        timezone=zone,
        cadence="daily",
        send_minute=0,
        max_stories=0,
        format="html",
        own={},
    )


def _disk(settings: Settings, database: str) -> tuple[int, int]:
    """Bytes free and in all of the disk that holds the SQLite file, or DATA_DIR; zeros when there is none to ask."""
    is_file = settings.database_url.startswith("sqlite") and database
    folder = Path(database).parent if is_file else settings.data_dir
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        log.warning("the disk of %s cannot be looked at: %s", folder, error)
        return 0, 0
    return usage.free, usage.total
