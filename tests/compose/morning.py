"""Sample mails for the eye and for the tests: fixed stories through the real compiler and the real composer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from digest.compose.assemble import Composer, Hands
from digest.compose.blocks import BlockCache, chrome_blocks, compile_blocks, inline, story_blocks
from digest.compose.content import ALL_QUIET, WELCOME, Card, Frozen, FrozenStory, Manifest, Site
from digest.compose.fragments import cut
from digest.compose.theme import PAPER, Theme, direction
from digest.compose.voice import Voice
from digest.types import Due, Envelope, Pick, ReaderProfile, Recipient
from subscribers.i18n import Catalogues
from tests import parts

TEMPLATES = parts.ROOT / "templates"
PICTURES = parts.ROOT / "digest" / "demo" / "images"
"""What stands at https://pictures.example.org/."""
LANGUAGES = ("en", "de", "ar")
FROZEN = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
SITE = Site(
    "The Morning Tide",
    "https://digest.example.org",
    "The Morning Tide <tide@example.org>",
    "",
    "4 Tallow Hill | 12345 Lanthorn",
    "#8a3324",
    "#d4745f",
    "example.org",
)
TOPICS = {1: "Harbour & Town", 2: "Energy & Science", 3: "Stadt & Küste", 4: "المدينة والبحر"}
HOME = {"en": (1, 2), "de": (3,), "ar": (4,)}
"""The topics in which a language's stories stand."""

# language -> (headline, summary, publisher, further publishers, how many more, picture)
_STORIES: dict[str, list[tuple[str, str, str, tuple[str, ...], int, str]]] = {
    "en": [
        (
            "Ferry Sandpiper runs onto Cutler Bank in fog; all 84 passengers safe",
            (
                "The island ferry ran onto the bank shortly after 21:40 last night with 84 passengers and six crew. "
                "Nobody was hurt. Thick fog had closed in half an hour after the ship left Skellan."
            ),
            "Lanthorn Courier",
            ("Saltgate Herald", "Quayside Wire"),
            0,
            "ferry",
        ),
        (
            "“Look up”: Saltgate Market Hall opens again",
            (
                "The hall opened its doors at six this morning, sixteen months after a beam was found to be rotten. "
                "The new roof of larch and glass lets daylight reach the fish counters for the first time since 1911."
            ),
            "Saltgate Herald",
            ("Lanthorn Courier", "Fore Street Review", "Quayside Wire"),
            4,
            "market",
        ),
        (
            "Overnight dredging in the inner harbour to last until the end of the month, with berths 4 to 9 closed",
            "The channel is to be deepened from 5.1 to 6.0 metres.",
            "Quayside Wire",
            ("Saltgate Herald",),
            0,
            "",
        ),
        ("Five-crown seats for the young", "", "Fore Street Review", (), 0, "theatre"),
    ],
    "de": [
        (
            "Fähre „Sandpiper“ läuft im Nebel auf die Cutlerbank – alle 84 Fahrgäste wohlauf",
            (
                "Die Inselfähre ist am späten Abend bei dichtem Nebel auf die Cutlerbank gelaufen. An Bord waren "
                "84 Fahrgäste und sechs Besatzungsmitglieder; verletzt wurde niemand."
            ),
            "Der Hafenbote",
            ("Die Mole", "Lanthorner Morgenblatt"),
            0,
            "ferry",
        ),
        (
            "Hafenschifffahrtsgenehmigungsverfahren: Kleingartenwartelistenbeauftragte tritt zurück",
            (
                "Wer heute einen Kleingarten am Tallow Hill möchte, erntet frühestens in vier Jahren. Der Verein will "
                "nun halbe Gärten vergeben."
            ),
            "Lanthorner Morgenblatt",
            ("Der Hafenbote", "Die Mole"),
            1,
            "garden",
        ),
        ("Bäckerei Osk gewinnt den Brotpreis der Küste mit einem Irrtum", "", "Die Mole", (), 0, ""),
    ],
    "ar": [
        (
            "جنوح العبّارة «ساندبايبر» في الضباب أمام لانثورن ونجاة ركابها الأربعة والثمانين",
            (
                "جنحت العبّارة «ساندبايبر» على ضفة كاتلر الرملية مساء أمس، وعلى متنها 84 راكبًا وستة من أفراد الطاقم. "
                "ولم يُصب أحد بأذى."
            ),
            "رصيف لانثورن",
            ("فنار الخليج",),
            0,
            "ferry",
        ),
        (
            "فرن الفجر يوزّع خبزه على عمّال المناوبة الليلية",
            "عند الرابعة فجرًا يخرج أول رغيف من فرن شارع الجرس، ولا يُباع. يأخذه من ينهي مناوبته في المستشفى.",
            "فنار الخليج",
            ("رصيف لانثورن", "Lanthorn Courier"),
            3,
            "bakery",
        ),
        ("ورشة للخط العربي تستقبل جيلين على طاولة واحدة", "", "رصيف لانثورن", (), 0, ""),
    ],
}


_SEEN = {"en": "A quiet street by the water", "de": "Eine stille Straße am Wasser", "ar": "شارع هادئ على الماء"}
"""What the pictures show, for whom they are hidden; the leads come without, as many feeds do."""


def cards(language: str, *, pictures: bool = True, first: int = 1, updates: bool = True) -> list[Card]:
    """The stories of a language, the third as an update where asked for. Story and article ids count from `first`."""
    found = []
    for place, (title, summary, publisher, also, others, picture) in enumerate(_STORIES[language]):
        shown = bool(picture) and pictures
        found.append(
            Card(
                story_id=first + place,
                version=2,
                from_version=1 if updates and place == 2 else 0,
                article_id=first + place,
                title=title,
                summary=summary,
                url=f"https://news.example.org/{language}/{place}?a=1&b=2",
                publisher=publisher,
                language=language,
                direction=direction(language),
                also=also,
                others=others,
                image_url=f"https://pictures.example.org/{picture}.jpg" if shown else "",
                image_alt=_SEEN[language] if shown and place else "",
                page=f"/story/{first + place}",
            )
        )
    return found


@cache
def theme(name: str = PAPER) -> Theme:
    return Theme(TEMPLATES, Catalogues(TEMPLATES / "locale").translations, name=name)


class _Tokens:
    """Tokens as long as the real ones."""

    leave = "oAAAAAAAAAgAAAAOtfvPEn3gL7xcwLvn2L30A"
    view = "oAEAAAAAAAgAAAAOn4xarYx0ADe4IVSo5clSw"
    manage = "oAMAAAAAAAgAAAAOn4xarYx0ADe4IVSo5clSw"
    tune = "oIYAAAAAAAgAAAAOn4xarYx0ADe4IVSo5clSw"


def _links(_: int) -> _Tokens:
    return _Tokens()


def _next_due(_: ReaderProfile, after: datetime) -> datetime:
    return after + timedelta(days=1)


def _letter_links(_: int) -> dict[str, str]:
    names = ("confirm", "steer", "fresh", "stop", "back")
    return {name: f"o{name[0].upper()}IAAAAAAAgAAAAOn4xarYx0ADe4IVSo5clSw" for name in names}


HANDS = Hands(links=_links, letter_links=_letter_links, next_due=_next_due)
READER = Recipient(1, "ada@example.org", "Ada")


def digest(
    language: str,
    told: Sequence[Card],
    *,
    max_stories: int = 12,
    encoding: str = "raw",
    welcome: bool = False,
    all_quiet: bool = False,
    look: str = PAPER,
    site: Site = SITE,
) -> Envelope:
    """The mail of a reader of this language who takes all topics and is told these stories, the first as the lead.
    `look` is the theme."""
    blocks = [*chrome_blocks(TOPICS, language, welcome=welcome, all_quiet=all_quiet), *story_blocks(told, language)]
    compiled = compile_blocks(theme(look), site, blocks, BlockCache())
    assert not compiled.dropped
    start, end = inline(theme(look), site, [])[0]
    html = {**compiled.html, "shell/start": start, "shell/end": end}
    manifest = Manifest(
        kind="digest",
        frozen_at=FROZEN,
        site=site,
        topics=TOPICS,
        stories={card.story_id: _facts(card) for card in told},
        orders={FROZEN.isoformat(): tuple(card.story_id for card in told)},
        parts={},
        times={card.article_id: FROZEN - timedelta(hours=1 + 7 * place) for place, card in enumerate(told)},
        html=dict.fromkeys(html, ""),  # the composer asks under which names there is something, not where it is stored
        text=dict.fromkeys(compiled.text, ""),
        values={WELCOME: "1"} if welcome else {ALL_QUIET: "1"} if all_quiet else {},
    )
    profile = ReaderProfile(1, tuple(TOPICS), language, "Europe/Berlin", "daily", 420, max_stories, all_quiet=all_quiet)
    memory = {card.story_id: (Pick(card.story_id, card.from_version),) for card in told if card.from_version}
    return _composed(Frozen(manifest, html, compiled.text), profile, encoding, memory)


def _facts(card: Card) -> FrozenStory:
    topics = HOME[card.language]
    updates = {card.from_version: card.title} if card.from_version else {}
    words = len(f"{card.title} {card.summary}".split())
    return FrozenStory(card.version, (topics[card.story_id % len(topics)],), card.title, words, 1, updates)


LETTERS = ("confirm", "known", "fresh", "move", "moving", "goodbye")


def letter(mail: str, language: str, look: str = PAPER, site: Site = SITE) -> Envelope:
    """A system mail such as "confirm"."""
    values = {"topics": Voice(theme(look), language, "UTC", FROZEN).names(list(TOPICS.values()))}
    subject = theme(look).render(f"email/{mail}/subject.txt", language, site, values=values)
    body = theme(look).render(f"email/{mail}/body.html", language, site)
    text = cut(theme(look).render(f"email/{mail}/body.txt", language, site))
    (start, end), (inlined,) = inline(theme(look), site, [body])
    values |= {"subject": subject.strip(), "language": language}
    manifest = Manifest(mail, FROZEN, site, {}, {}, {}, {}, {}, {}, {}, values)
    frozen = Frozen(manifest, {"shell/start": start, "shell/end": end, "body": inlined}, {"body": text})
    return _composed(frozen, ReaderProfile(1, (), language, "Europe/Berlin", "daily", 420, 12), "raw", {})


def _composed(
    frozen: Frozen, profile: ReaderProfile, encoding: str, memory: Mapping[int, tuple[Pick, ...]]
) -> Envelope:
    due = Due(1, 1, 1, FROZEN, memory=memory)
    mail = Composer(1, frozen, theme(), HANDS, encoding).compose(due, profile, READER)
    assert isinstance(mail, Envelope)
    return mail
