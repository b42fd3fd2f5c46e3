"""Sources: whether the operator gave the name.

Version 0004, after 0003. Of sources that are there already nobody knows; false leaves items the publishers that they
name themselves. There is no way down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(sa.Column("named", sa.Boolean(), server_default=sa.false(), nullable=False))
