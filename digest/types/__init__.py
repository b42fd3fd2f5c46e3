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
from digest.types.explaining import (
    Earlier,
    ExplainedMail,
    ExplainedStory,
    ExplainedTopic,
    Membership,
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
from digest.types.sofar import (
    Chapter,
    Coverage,
    Quote,
    StorySoFar,
)
from digest.types.stories import (
    Joined,
    Nearest,
    Placed,
    Ruling,
    Telling,
)

__all__ = [
    "SENT_STATES",
    "Accepted",
    "ChangedArticle",
    "Chapter",
    "ChunkState",
    "Coverage",
    "DeliveryState",
    "DispatchReport",
    "Due",
    "Earlier",
    "EditionState",
    "Envelope",
    "ExplainedMail",
    "ExplainedStory",
    "ExplainedTopic",
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
    "Membership",
    "Nearest",
    "NewArticle",
    "Pace",
    "Pick",
    "Placed",
    "Quote",
    "RawArticle",
    "ReaderProfile",
    "Recipient",
    "RejectedItem",
    "Rights",
    "Ruling",
    "SourceKind",
    "StorySoFar",
    "Telling",
    "ViewedMail",
    "Vote",
]
