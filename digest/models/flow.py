"""How fast providers may be called."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, String, text
from sqlmodel import Field, SQLModel


def _zero() -> Column[float]:
    return Column(Float(53), nullable=False, server_default=text("0"))


class ProviderFlow(SQLModel, table=True):
    """One row for each provider that was ever in trouble or is slowed down (`digest.types.Flow` explains the columns).
    Times are the database's own, Unix seconds."""

    __tablename__ = "provider_flow"

    provider: str = Field(sa_column=Column(String(20), primary_key=True))
    mails_at: float = Field(default=0.0, sa_column=_zero())
    calls_at: float = Field(default=0.0, sa_column=_zero())
    rate: float = Field(default=0.0, sa_column=_zero())
    rate_at: float = Field(default=0.0, sa_column=_zero())
    until: float = Field(default=0.0, sa_column=_zero())
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    opened: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    open_until: float = Field(default=0.0, sa_column=_zero())
    probe_until: float = Field(default=0.0, sa_column=_zero())
