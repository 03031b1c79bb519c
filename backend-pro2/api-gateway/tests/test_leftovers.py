"""What nothing refers to any more is removed, and nothing else."""

import pytest

from shared.database import Database
from shared.ids import new_id

from ..app.repositories import unit_of_work
from ..app.services import leftovers
from ..app.services.leftovers import Leftovers

pytestmark = pytest.mark.integration

ROWS = {
    "one_time_tokens": """
        INSERT INTO one_time_tokens (token_sha256, user_id, purpose, email, expires_at)
        SELECT sha256(n::text::bytea), $1, 'password_reset', 'a@b.c', now() - n * interval '1 hour'
        FROM generate_series(-2, 2) n WHERE n <> 0
    """,
    "mails": """
        INSERT INTO mails (id, kind, recipient, user_id, created_at, finished_at, outcome)
        SELECT gen_random_uuid(), 'password_reset', 'a@b.c', $1, now() - age,
               CASE WHEN outcome <> '' THEN now() - age END, nullif(outcome, '')
        FROM (VALUES ('sent', interval '6 days'), ('sent', interval '8 days'), ('failed', interval '8 days'),
                     ('skipped', interval '23 hours'), ('skipped', interval '25 hours'), ('', interval '6 days'),
                     ('', interval '8 days')) AS made (outcome, age)
    """,
    "sessions": """
        INSERT INTO sessions (id, user_id, refresh_jti, refresh_issued_at, expires_at)
        SELECT gen_random_uuid(), $1, gen_random_uuid(), now(), now() - n * interval '20 hours'
        FROM generate_series(-1, 2) n
    """,
    "api_keys": """
        INSERT INTO api_keys (id, user_id, name, prefix, key_sha256, scopes, revoked_at, expires_at)
        SELECT gen_random_uuid(), $1, 'k', 'adp_', sha256(random()::text::bytea), '{}', now() - revoked, now() - expired
        FROM (VALUES (NULL::interval, NULL::interval), (interval '89 days', NULL), (interval '91 days', NULL),
                     (NULL, interval '89 days'), (NULL, interval '91 days'), (NULL, interval '-1 day'))
             AS made (revoked, expired)
    """,
}
KEPT = {"one_time_tokens": 2, "mails": 3, "sessions": 3, "api_keys": 4}


async def counts(database: Database) -> dict[str, int]:
    async with database.transaction() as session:
        return {table: await session.fetch_value(f"SELECT count(*) FROM {table}") for table in ROWS}  # noqa: S608


async def test_old_rows_go(database: Database) -> None:
    user_id = new_id()
    async with database.transaction() as session:
        await session.execute("INSERT INTO users (id, email, password_hash) VALUES ($1, 'a@b.c', 'x')", user_id)
        for sql in ROWS.values():
            await session.execute(sql, user_id)
    chore = Leftovers(unit_of_work(database))
    await chore.remove()
    assert await counts(database) == KEPT
    await chore.remove()
    assert await counts(database) == KEPT


async def test_in_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "BATCH", 2)
    user_id = new_id()
    async with database.transaction() as session:
        await session.execute("INSERT INTO users (id, email, password_hash) VALUES ($1, 'a@b.c', 'x')", user_id)
        for _ in range(3):
            await session.execute(ROWS["sessions"], user_id)
    await Leftovers(unit_of_work(database)).remove()
    assert (await counts(database))["sessions"] == 9
