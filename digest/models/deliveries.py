"""What operators did to deliveries by hand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, String, Text
from sqlmodel import Field, SQLModel

from subscribers.models import BigId, UtcDateTime


class DeliveryChange(SQLModel, table=True):
    """One line for each delivery that an operator settled or had sent again, and why. Lines are only added; the words
    of one go when its reader is erased."""

    __tablename__ = "delivery_change"
    __table_args__ = (
        Index("ix_delivery_change_edition_id", "edition_id", "subscriber_id"),
        Index("ix_delivery_change_subscriber_id", "subscriber_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    edition_id: int = Field(sa_column=Column(BigId, ForeignKey("edition.id", ondelete="CASCADE"), nullable=False))
    subscriber_id: int = Field(sa_column=Column(BigId, nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    action: str = Field(sa_column=Column(String(8), nullable=False))
    """settled or resent."""
    was: str = Field(sa_column=Column(String(12), nullable=False))
    """The delivery's state until then."""
    became: str = Field(sa_column=Column(String(12), nullable=False))
    """And from then on; what came of it since stands in the delivery."""
    note: str = Field(sa_column=Column(Text, nullable=False))
    """The operator's own words."""
