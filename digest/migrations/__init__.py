"""Alembic migrations of both packages' tables."""
