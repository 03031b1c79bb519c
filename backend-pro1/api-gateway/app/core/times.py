"""The time."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time, as PostgreSQL keeps it."""
    return datetime.now(UTC)
