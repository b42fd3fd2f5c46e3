"""Who does the work behind the readers' pages. `digest.service` implements it; the pages know nothing else.

Everything is durable on return. StoreError and the like pass through to the application, which answers 503.

Two kinds of verbs. What anybody may type an address into is only **asked**: noted in the intake with the same work for
every address, counted against the caps, and worked off right after the answer. What a link proves is done at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from subscribers.tokens import Keyring
from subscribers.types import Account, Change, Choices, Confirmed, OwnTopic, SignUp, Standing, Stoppable, TopicRow
from subscribers.votes import Cast, Choice, VoteRow, Why


class Desk(Protocol):
    """Who does the work."""

    @property
    def keyring(self) -> Keyring: ...

    @property
    def default_timezone(self) -> str: ...

    @property
    def says_goodbye(self) -> bool:
        """Whether a mail confirms it to who leaves everything."""
        ...

    def now(self) -> datetime:
        """The present, aware and in UTC."""
        ...

    def topics(self) -> Sequence[TopicRow]:
        """The public topics, in the order to show."""
        ...

    def takes(self, address: str) -> bool:
        """Whether addresses of this domain may sign up (SIGN_UP_DOMAINS, BLOCKED_DOMAINS); knows no reader."""
        ...

    # --- asked: the same work for every address -----------------------------------------------------------------------

    def ask_sign_up(self, asked: SignUp) -> None:
        """Note a sign-up. Raises TooMany, and BadAddress, UnknownTopic, CadenceError for what cannot be one."""
        ...

    def ask_fresh_link(self, address: str, *, locale: str, network: bytes | None) -> None:
        """Have a fresh link mailed to this address, if it is a reader's. Raises TooMany, BadAddress."""
        ...

    def ask_fresh_link_for(self, subscriber_id: int, *, locale: str, network: bytes | None) -> None:
        """The same for the address on file of whoever holds a link of theirs. Raises TooMany."""
        ...

    def ask_confirmation(self, subscriber_id: int, *, network: bytes | None) -> None:
        """Have the confirmation mail sent again, if something waits for it. Raises TooMany."""
        ...

    def standing(self, subscriber_id: int) -> Standing:
        """Whether this reader gets digests, has yet to confirm, or gets none any more: left, suppressed or gone, which
        no page tells apart; and in which language. Changes nothing."""
        ...

    # --- confirming ---------------------------------------------------------------------------------------------------

    def pending(self, subscriber_id: int, *, issued: datetime | None = None) -> Sequence[OwnTopic]:
        """The topics that wait for this reader's confirmation. Raises NotConfirmable for a link (made at `issued`) that
        is older than the address."""
        ...

    def confirm(
        self,
        subscriber_id: int,
        *,
        network: bytes | None,
        shown: Sequence[str] | None = None,
        issued: datetime | None = None,
    ) -> Confirmed:
        """Confirm the topics that were shown (slugs; None is all of them), so far as they still wait; the others wait
        on. Raises NotConfirmable, also for a link that is older than the address. The first confirmation brings the
        welcome mail."""
        ...

    # --- steering, by a link of a digest or of a page -----------------------------------------------------------------

    def choices(self, subscriber_id: int, *, edition_id: int | None = None, issued: datetime | None = None) -> Choices:
        """What the reader has chosen. `edition_id` is the digest whose link this is, `issued` when a page of ours gave
        the link; one of them. Raises OldLink for a link that is too old or older than the address, and UnknownReader
        for who has left, was suppressed or is gone."""
        ...

    def change(self, subscriber_id: int, change: Change, *, network: bytes | None) -> Choices:
        """Set every choice. Topics that are new to the reader are active at once: the link proves the mailbox. Raises
        RosterError, in one line, for what is not allowed; then nothing was changed."""
        ...

    def pause(self, subscriber_id: int, until: date | None) -> Choices:
        """No digest before the local midnight that begins `until`; None ends a pause. Raises UnknownReader, and
        CadenceError for a day that has begun or is more than a year away. Takes effect before the next provider
        call."""
        ...

    # --- the links below a story --------------------------------------------------------------------------------------

    def why(self, subscriber_id: int, edition_id: int, story_id: int) -> Why:
        """Why a story stood in a reader's digest. Changes nothing. Raises UnknownStory when it did not, or when that
        was forgotten."""
        ...

    def vote(self, subscriber_id: int, edition_id: int, story_id: int, choice: Choice) -> Cast:
        """Note what a reader wants more or less of, for every digest planned from now on. Raises UnknownStory,
        UnknownReader, TooMany."""
        ...

    def take_back(self, subscriber_id: int, vote_id: int, before: int = 0) -> bool:
        """Delete a vote, or give a like the weight that it had `before` (-1 or 1). False when there is none of theirs.
        Raises UnknownReader."""
        ...

    def votes(self, subscriber_id: int) -> Sequence[VoteRow]:
        """What the reader asked for so far, newest first."""
        ...

    # --- leaving ------------------------------------------------------------------------------------------------------

    def leave(
        self, subscriber_id: int, *, reason: str, note: str = "", network: bytes | None = None
    ) -> int | None:  # fmt: skip
        """Leave everything. `reason` is "one-click" or "page", `note` what the reader wrote. Never fails; takes effect
        before the next provider call, even for a mail already planned. The mark of this very leaving, which alone takes
        it back; None for who had left before."""
        ...

    def leave_topics(
        self, subscriber_id: int, slugs: Sequence[str], *, note: str = "", network: bytes | None = None
    ) -> int | None:  # fmt: skip
        """Leave these topics, everything when none is left. As fast as `leave`, and answers alike."""
        ...

    def less_often(
        self, subscriber_id: int, *, note: str = "", network: bytes | None = None
    ) -> Choices | None:  # fmt: skip
        """Weekly instead, on today's local weekday at the same time, for every topic. None for who has left."""
        ...

    def undo_leave(self, subscriber_id: int, mark: int, *, network: bytes | None = None) -> Confirmed | None:
        """Take the leaving of that mark back, within a day; everything is as before it. None when it is too late or
        something was done since."""
        ...

    def may_return(self, subscriber_id: int, mark: int) -> bool:
        """Whether `undo_leave` would still take that leaving back. Changes nothing."""
        ...

    # --- the account: only through a fresh link -----------------------------------------------------------------------

    def fresh(self, subscriber_id: int, link_id: int) -> bool:
        """Whether an account link still waits to be opened. Changes nothing."""
        ...

    def open_account(self, subscriber_id: int, link_id: int) -> Account:
        """Use the link up, once; older links and their pages are void from then on. Raises LinkUsed when it was used, a
        newer one was opened, it is older than 30 minutes or was never made."""
        ...

    def account(self, subscriber_id: int, link_id: int) -> Account:
        """The account again, for the page that the link opened, for 30 minutes from its opening. Raises LinkUsed."""
        ...

    def close_account(self, subscriber_id: int, link_id: int) -> None:
        """The page that the link opened works no longer, nor does any older one. No error when it does not."""
        ...

    def rename(self, subscriber_id: int, name: str) -> None:
        """Set the name that greets, cleaned; empty takes it away."""
        ...

    def export(self, subscriber_id: int, form: str) -> tuple[str, bytes]:
        """(file name, bytes) of everything we hold about a reader, `form` "json" or "csv". Raises UnknownReader."""
        ...

    def ask_move(self, subscriber_id: int, link_id: int, address: str, *, network: bytes | None) -> None:
        """Mail the new address a link to prove itself, and the old one an announcement. The answer is the same whoever
        the new address belongs to. Raises TooMany, BadAddress; LinkUsed when the account page is too old."""
        ...

    def moving(self, subscriber_id: int, link_id: int) -> bool:
        """Whether a move still waits to be confirmed. Changes nothing."""
        ...

    def move(self, subscriber_id: int, link_id: int, *, network: bytes | None) -> Confirmed:
        """The new address proved itself: it is the reader's from now on, and every older link to steer is void. Raises
        LinkUsed, and AddressTaken when it became another reader's."""
        ...

    def stoppable(self, subscriber_id: int, link_id: int) -> Stoppable:
        """What became of the move that was announced with this link at the old address. Changes nothing."""
        ...

    def stop_moves(self, subscriber_id: int, link_id: int) -> None:
        """From the announcement at the old address: the move does not happen. No error when it is too late or over."""
        ...

    def erase(self, subscriber_id: int) -> None:
        """Delete everything about a reader but a keyed hash that keeps others from bringing the address back. No error
        for who is gone."""
        ...
