"""The roster's tables. The one `SQLModel.metadata` and its naming convention are shared with `digest.models`."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BigId = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere: SQLite only gives INTEGER primary keys a rowid, and they are 64 bits wide there."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes in Python; `timestamptz` on PostgreSQL, naive UTC text that sorts by time on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime reached the store: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Topic(SQLModel, table=True):
    """What a reader subscribes to."""

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True))
    slug: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    name: str = Field(sa_column=Column(String(200), nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    language: str = Field(default="en", sa_column=Column(String(16), nullable=False))
    public: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))
    """Whether the form offers it. Nobody signs up to a private topic: an operator adds its readers."""
    archived: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether everybody may read its past days. Never true of a private topic."""
    rule: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    """Which articles it takes, in the language of `digest.stories.rules`; empty for all of its sources."""
    breaking_publishers: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    """So many independent publishers within `breaking_minutes` make a story break; 0: never."""
    breaking_minutes: int = Field(default=60, sa_column=Column(Integer, nullable=False, server_default=text("60")))
    breaking_a_day: int = Field(default=3, sa_column=Column(Integer, nullable=False, server_default=text("3")))
    """Who had so many breaking mails within 24 hours, of whatever topics, gets no more of this one."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Profile(SQLModel, table=True):
    """Interned reader choices: never updated, only added. `key` is the hash of `data` (canonical JSON)."""

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    key: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    data: str = Field(sa_column=Column(Text, nullable=False))
    owner: int | None = Field(default=None, sa_column=Column(BigId, index=True))
    """Whose choices hold votes and are therefore nobody else's: the reader's number, so that erasing finds the row. No
    foreign key, for the row outlives the reader: deliveries point to it."""


class Subscriber(SQLModel, table=True):
    """A person. `status`: pending (never confirmed), active, left, suppressed."""

    # SQLite would give an erased person's number to the next one, and with it the links in old mails.
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    address: str = Field(sa_column=Column(String(320), nullable=False))
    """As typed; `address_key` is the same in lower case and unique (listmonk#2726: match without case)."""
    address_key: str = Field(sa_column=Column(String(320), nullable=False, unique=True))
    name: str = Field(default="", sa_column=Column(String(200), nullable=False))
    locale: str = Field(default="en", sa_column=Column(String(16), nullable=False))
    timezone: str = Field(default="UTC", sa_column=Column(String(64), nullable=False))
    cadence: str = Field(default="daily", sa_column=Column(String(64), nullable=False))
    """As `subscribers.cadence` parses it: "daily", "weekly:mon", "as-it-happens" and the like."""
    send_minute: int = Field(default=420, sa_column=Column(Integer, nullable=False))
    max_stories: int = Field(default=12, sa_column=Column(Integer, nullable=False))
    format: str = Field(default="html", sa_column=Column(String(8), nullable=False, server_default="html"))
    """html (with a text part) or text."""
    all_quiet: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether a digest without anything new comes all the same and says so."""
    own_hours: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether a subscription of theirs has a cadence of its own: the planner then looks at each of them."""
    status: str = Field(default="pending", sa_column=Column(String(12), nullable=False))
    next_due_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    """Set exactly while the reader is active and has a topic. After a pause: the first due time that is not in it."""
    paused_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """No digest before this instant, not even one that was planned already."""
    links_from: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """Links that steer and were issued before this are old: the address has changed since."""
    window_from: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """Where the reader's next window begins; None until the first digest was planned."""
    profile_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("profile.id")))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Subscription(SQLModel, table=True):
    """Subscriber x topic. `status`: pending (asked, not confirmed) or active. `position` is the reader's order."""

    subscriber_id: int = Field(
        sa_column=Column(BigId, ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True)
    )
    topic_id: int = Field(
        sa_column=Column(Integer, ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    position: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    status: str = Field(default="pending", sa_column=Column(String(12), nullable=False))
    cadence: str | None = Field(default=None, sa_column=Column(String(64)))
    """This topic's own cadence; None for the reader's."""
    send_minute: int | None = Field(default=None, sa_column=Column(Integer))
    """Set exactly when `cadence` is."""


class Vote(SQLModel, table=True):
    """What a reader asked for by the links below a story. One row for each thing that was voted on, the last word."""

    __table_args__ = (UniqueConstraint("subscriber_id", "kind", "key"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    subscriber_id: int = Field(sa_column=Column(BigId, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False))
    kind: str = Field(sa_column=Column(String(12), nullable=False))
    """story (muted), publisher (muted or preferred) or like (more or less like a story)."""
    key: str = Field(sa_column=Column(String(200), nullable=False))
    """The story's number, or the publisher's name case-folded."""
    weight: int = Field(sa_column=Column(Integer, nullable=False))
    """-1 for less and for muted, 1 for more and for preferred."""
    label: str = Field(sa_column=Column(Text, nullable=False))
    """What the reader's list calls it: the headline, or the publisher's name."""
    about: str = Field(sa_column=Column(Text, nullable=False))
    """JSON of a like: what the story had to compare others with (`subscribers.votes.About`)."""
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Consent(SQLModel, table=True):
    """What was agreed, when, under which form text, from where (the network address only as a keyed hash)."""

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    subscriber_id: int = Field(
        sa_column=Column(BigId, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    action: str = Field(sa_column=Column(String(16), nullable=False))
    """asked, confirmed, changed, left, returned, moved (to another address), added (by an operator), imported, let in
    (a suppression was removed)."""
    topics: str = Field(default="", sa_column=Column(Text, nullable=False))
    """Slugs, separated by spaces: the topics that this line is about."""
    form: str = Field(default="", sa_column=Column(String(64), nullable=False))
    """Which form and version, such as "subscribe-2", or by which way: "one-click", "page", "operator"."""
    wording: str = Field(default="", sa_column=Column(String(64), nullable=False, server_default=text("''")))
    """The key of the text that was agreed to (`Wording`), in the reader's language; empty where none was shown."""
    source: str = Field(default="", sa_column=Column(String(64), nullable=False, server_default=text("''")))
    """Where the reader came from, as the link or the import said."""
    note: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    """What a reader wrote on leaving; what an import knew of the consent."""
    network: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    profile_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("profile.id")))
    """Of leaving: the choices until then, so that it can be taken back as it was."""


class Wording(SQLModel, table=True):
    """A text that readers agreed to, word for word; `key` is its hash, so a changed text is a new row."""

    key: str = Field(sa_column=Column(String(64), primary_key=True))
    text: str = Field(sa_column=Column(Text, nullable=False))


class Suppression(SQLModel, table=True):
    """An address kept from mail, only as a keyed hash, so that erasing a reader keeps the promise.

    `reason` is final for "bounced", "complained" and "operator". An "erased" or "left" address may come back by its
    owner's own sign-up and confirmation, and by nobody else's hand (`subscribers.types.FINAL`).
    """

    address_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    reason: str = Field(sa_column=Column(String(32), nullable=False))
    source: str = Field(default="", sa_column=Column(String(32), nullable=False, server_default=text("''")))
    """Who said so: a provider's name, "operator" or "import"; empty for the reader's own doing."""
    note: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    """What there is to say: a mail server's answer, an operator's reason. No address stands in it."""
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class SuppressionChange(SQLModel, table=True):
    """What operators did to suppressions by hand, and why. Lines are only added."""

    __tablename__ = "suppression_change"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    address_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    action: str = Field(sa_column=Column(String(8), nullable=False))
    """added or removed."""
    reason: str = Field(sa_column=Column(String(32), nullable=False))
    """That of the suppression that was made, or that was there until then."""
    note: str = Field(sa_column=Column(Text, nullable=False))
    """The operator's own words."""


class Intake(SQLModel, table=True):
    """Something asked through a page, to be worked off right after: whoever asks waits equally long for the answer,
    known to us or not. The row goes in the transaction that does what it asks."""

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    data: str = Field(sa_column=Column(Text, nullable=False))
    """JSON, as the kind needs it (`subscribers.asks`)."""
    ready_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """Nobody works it off before this instant; None: at once."""


class FreshLink(SQLModel, table=True):
    """A link that was mailed to an address, works once and for 30 minutes. Its number stands in the link."""

    __tablename__ = "fresh_link"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    subscriber_id: int = Field(
        sa_column=Column(BigId, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    purpose: str = Field(sa_column=Column(String(12), nullable=False))
    """account (data, address, history) or move (the new address proves itself)."""
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    address: str = Field(default="", sa_column=Column(String(320), nullable=False))
    """Of a move: the new address, to which its mail goes."""
    former: str = Field(default="", sa_column=Column(String(320), nullable=False))
    """Of a move: the old address, to which its announcement goes."""


class Tally(SQLModel, table=True):
    """How often something happened in a span of time, counted across machines: the caps on sign-ups, and on calls of
    the inbound API."""

    key: str = Field(sa_column=Column(String(100), primary_key=True))
    """"all:sign-ups", "all:links", "push:" and a key's number, or "network:", "site:", "mailbox:" and a keyed hash;
    never an address."""
    since: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    count: int = Field(default=0, sa_column=Column(Integer, nullable=False))


class ImportRun(SQLModel, table=True):
    """How far an import has come: the same file begun again goes on after the last line that is durable."""

    __tablename__ = "import_run"

    fingerprint: str = Field(sa_column=Column(String(64), primary_key=True))
    """The hash of the file and of how it is read."""
    line: int = Field(default=0, sa_column=Column(BigId, nullable=False))
    counts: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    done_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
