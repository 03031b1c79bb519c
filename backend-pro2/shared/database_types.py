"""How values cross between PostgreSQL and us on every connection: jsonb by orjson, uuid as a plain UUID."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

import asyncpg
import orjson


async def prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Set up a new connection of the pool."""
    await connection.set_type_codec("jsonb", encoder=_to_json, decoder=orjson.loads, schema="pg_catalog")
    # asyncpg's own UUID is a subclass that orjson does not know.
    await connection.set_type_codec(
        "uuid", encoder=attrgetter("bytes"), decoder=_to_uuid, schema="pg_catalog", format="binary"
    )


def _to_uuid(raw: bytes) -> UUID:
    return UUID(bytes=raw)


def _to_json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
