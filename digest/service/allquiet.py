"""Which digests have something to say to readers for whom there is nothing new."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from jinja2.runtime import Macro

from digest.compose.content import ALL_QUIET
from digest.service.building import Workshop
from digest.types import ReaderProfile

log = logging.getLogger(__name__)

MACRO = "all_quiet"


def all_quiet(shop: Workshop, profiles: Iterable[ReaderProfile]) -> Mapping[str, str]:
    """What is frozen with a digest of these readers: ALL_QUIET where one of them wishes it, else nothing, so that
    everybody else's editions stay as they were.

    An operator's own template of before there was such a mail lacks the macro; then who wishes the mail gets none, for
    one reader's wish must not stop everybody's morning. Raises TemplateError for a template that cannot be loaded.
    """
    if not any(profile.all_quiet for profile in profiles):
        return {}
    for kind in ("html", "txt"):
        # A theme that passes on what the shared template lacks has something undefined of that name.
        if not isinstance(getattr(shop.theme.macros("digest", kind, "en", shop.site), MACRO, None), Macro):
            log.error("template email/digest/body.%s has no macro %s; on a quiet day nobody gets a mail", kind, MACRO)
            return {}
    return {ALL_QUIET: "1"}
