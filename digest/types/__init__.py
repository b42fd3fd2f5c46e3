"""The frozen values that travel between the rooms, by the room they come from. No behaviour beyond what
the value itself can answer.

All datetimes are aware and in UTC unless a name says `local`.
"""

from digest.types.composing import (
    Envelope,
    LeftOut,
    Pick,
    ReaderProfile,
    Recipient,
    ViewedMail,
    Vote,
)
from digest.types.dispatch import (
    SENT_STATES,
    Accepted,
    ChunkState,
    DeliveryState,
    DispatchReport,
    Due,
    EditionState,
    ItemResult,
    Lease,
    RejectedItem,
)
from digest.types.gather import (
    ChangedArticle,
    Feed,
    FeedLink,
    Fetched,
    GatherRow,
    Intents,
    Known,
    KnownArticle,
    NewArticle,
    Pace,
    RawArticle,
    Rights,
    SourceKind,
)
from digest.types.stories import (
    Joined,
    Telling,
)

__all__ = [
    "SENT_STATES",
    "Accepted",
    "ChangedArticle",
    "ChunkState",
    "DeliveryState",
    "DispatchReport",
    "Due",
    "EditionState",
    "Envelope",
    "Feed",
    "FeedLink",
    "Fetched",
    "GatherRow",
    "Intents",
    "ItemResult",
    "Joined",
    "Known",
    "KnownArticle",
    "Lease",
    "LeftOut",
    "NewArticle",
    "Pace",
    "Pick",
    "RawArticle",
    "ReaderProfile",
    "Recipient",
    "RejectedItem",
    "Rights",
    "SourceKind",
    "Telling",
    "ViewedMail",
    "Vote",
]
