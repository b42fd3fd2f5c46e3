"""The desk's verbs that only a fresh link opens: see, take out, move, erase."""

from __future__ import annotations

from digest.service.desk import DeskParts
from digest.service.history import everything, history
from digest.store.db import reading, writing
from digest.store.forget import forget_reader
from subscribers import account, asks
from subscribers.holding import held_of, to_csv, to_json
from subscribers.types import Account, Confirmed


class Accounts(DeskParts):
    """Whoever came through a link that was mailed to the address on file within 30 minutes."""

    def fresh(self, subscriber_id: int, link_id: int) -> bool:
        """Whether an account link still waits to be opened. Changes nothing."""
        with reading(self.engine) as session:
            return account.is_fresh(session, subscriber_id, link_id, now=self.now())

    def open_account(self, subscriber_id: int, link_id: int) -> Account:
        """Use the link up, once; older links and their pages are void from then on. Raises LinkUsed when it was used, a
        newer one was opened, it is older than 30 minutes or was never made."""
        with writing(self.engine) as session:
            account.open_fresh(session, subscriber_id, link_id, now=self.now())
        return self.account(subscriber_id, link_id)

    def account(self, subscriber_id: int, link_id: int) -> Account:
        """The account again, for the page that the link opened, for 30 minutes from its opening. Raises LinkUsed."""
        now = self.now()
        with reading(self.engine) as session:
            account.check_opened(session, subscriber_id, link_id, now=now)
            mailings = history(session, subscriber_id, self.shop.theme, self.keyring)
            return account.account(session, subscriber_id, mailings, now=now)

    def close_account(self, subscriber_id: int, link_id: int) -> None:
        """The page that the link opened works no longer, nor does any older one. No error when it does not."""
        with writing(self.engine) as session:
            account.close_opened(session, subscriber_id, link_id)

    def rename(self, subscriber_id: int, name: str) -> None:
        """Set the name that greets, cleaned; empty takes it away. Raises UnknownReader."""
        with writing(self.engine) as session:
            account.rename(session, subscriber_id, name)

    def export(self, subscriber_id: int, form: str) -> tuple[str, bytes]:
        """(file name, bytes) of everything we hold about a reader, `form` "json" or "csv". Raises UnknownReader."""
        now = self.now()
        with reading(self.engine) as session:
            mails = everything(session, subscriber_id, self.shop.theme, self.keyring)
            held = held_of(
                session,
                subscriber_id,
                mails,
                now=now,
                address_hashes=self.keyring.address_hashes,
                view_base=f"{self.settings.public_url}/view/",
            )
        content = to_csv(held) if form == "csv" else to_json(held)
        return f"my-data-{now:%Y-%m-%d}.{'csv' if form == 'csv' else 'json'}", content

    def moving(self, subscriber_id: int, link_id: int) -> bool:
        """Whether a move still waits to be confirmed. Changes nothing."""
        with reading(self.engine) as session:
            return account.is_moving(session, subscriber_id, link_id, now=self.now())

    def move(self, subscriber_id: int, link_id: int, *, network: bytes | None) -> Confirmed:
        """The new address proved itself: it is the reader's from now on, and every older link to steer is void. Raises
        LinkUsed, and AddressTaken when it became another reader's."""
        hashes = self.keyring.address_hashes
        with writing(self.engine) as session:
            return account.move(session, subscriber_id, link_id, now=self.now(), address_hashes=hashes, network=network)

    def erase(self, subscriber_id: int) -> None:
        """Delete everything about a reader but a keyed hash that keeps others from bringing the address back. No error
        for who is gone. What a mail on its way leaves behind is forgotten once it has settled."""
        now = self.now()
        with writing(self.engine) as session:
            if not account.erase(session, subscriber_id, now=now, address_hashes=self.keyring.address_hashes):
                return
            if forget_reader(session, subscriber_id):
                asks.drop_in(session, asks.ForgetAsk(subscriber_id), now=now)
