"""Identifiers: UUID version 7, so that ids sort by their time of birth (RFC 9562, section 5.7)."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid_utils.compat.uuid7()
