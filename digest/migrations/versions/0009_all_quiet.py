"""Whether a reader wants a mail even when there is nothing new.

Version 0009, after 0008. Nobody who is there has wished it, and profiles that are stored stay as they are: without a
word on it they mean no. There is no way down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    # recreate="never": Alembic would copy the table without AUTOINCREMENT, and the number of an erased person, with the
    # links in old mails, would be somebody else's.
    with op.batch_alter_table("subscriber", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("all_quiet", sa.Boolean(), server_default=sa.false(), nullable=False))
