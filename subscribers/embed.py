"""The sign-up form for other sites: plain HTML that works on its own, and one small script that fills in two fields.

What such a form sends has no token of ours, so it leads to a page with one button (`routes.signing`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from markupsafe import Markup

from subscribers.i18n import direction
from subscribers.types import TopicRow

_FORM = Markup("""\
<form action="{url}/subscribe" method="post" lang="{language}" dir="{direction}" data-digest>
{topics}
<p><label>{email}<br>
<input type="email" name="email" autocomplete="email" maxlength="320" dir="ltr" required></label></p>
<input type="hidden" name="timezone" value="">
<input type="hidden" name="lang" value="{language}"{fixed}>
<input type="hidden" name="source" value="{source}">
<input type="text" name="website" tabindex="-1" autocomplete="off" aria-hidden="true" hidden>
<p><button type="submit">{button}</button></p>
</form>
""")
_TICKED, _FIXED = Markup(" checked"), Markup(" data-fixed")
_SCRIPT = Markup('<script src="{url}/embed.js" defer></script>\n')
_ONE = Markup('<input type="hidden" name="topic" value="{slug}">')
_MANY = Markup("<fieldset>\n<legend>{legend}</legend>\n{choices}\n</fieldset>")
_CHOICE = Markup("""\
<p><label lang="{language}"><input type="checkbox" name="topic" value="{slug}"{ticked}>
<bdi>{name}</bdi></label></p>""")


def snippet(
    public_url: str,
    topics: Sequence[TopicRow],
    language: str,
    say: Callable[[str], str],
    *,
    ticked: Collection[str] = (),
    keep_language: bool = False,
    source: str = "embed",
    script: bool = True,
) -> str:
    """HTML to paste into any page: topics to tick, or just the one, then address and button, in `language`.

    `public_url` has no slash at its end; `say` translates into `language`. `ticked` are slugs that the site asked for
    by name: consent to any other is never ticked beforehand (Regulation (EU) 2016/679, recital 32). Without script the
    page's language and the service's own time zone are taken; `script=False` leaves it out, and `keep_language` has it
    leave the language as it is. `source` is for the consent log.
    """
    if len(topics) == 1:
        chosen = _ONE.format(slug=topics[0].slug)
    else:
        lines = [
            _CHOICE.format(
                language=each.language, slug=each.slug, name=each.name, ticked=_TICKED if each.slug in ticked else ""
            )
            for each in topics
        ]
        chosen = _MANY.format(legend=say("Topics"), choices=Markup("\n").join(lines))
    form = _FORM.format(
        url=public_url,
        language=language,
        fixed=_FIXED if keep_language else "",
        direction=direction(language),
        topics=chosen,
        email=say("Email address"),
        source=source,
        button=say("Sign up"),
    )
    return str(form + _SCRIPT.format(url=public_url) if script else form)
