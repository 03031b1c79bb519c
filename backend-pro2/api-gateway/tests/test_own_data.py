"""/api/v1/users/me/usage and /export over the real servers."""

import json
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id

from ..app.repositories import Repositories, UnitOfWork, unit_of_work
from ..app.repositories.exports import SECTIONS
from ..app.services.exports import PAGE, ExportService
from .people import PASSWORD, Person
from .staff import id_of, run

pytestmark = pytest.mark.integration

DATASET = "INSERT INTO datasets (id, project_id, name, created_by) VALUES ($1, $2, $3, $4)"
VERSION = """
INSERT INTO dataset_versions
    (dataset_id, version, status, filename, raw_keys, raw_bytes, raw_sha256, parquet_key, parquet_bytes, row_count,
     created_by)
VALUES ($1, $2, 'ready', 'a.csv', ARRAY[$3], 100, 'x', $3 || '.parquet', 50, 7, $4)
"""
TASK = """
INSERT INTO analysis_tasks (id, kind, queue, status, project_id, created_by, params, finished_at)
SELECT gen_random_uuid(), 'analysis', 'ai', $1, $2, $3, '{"a": 1}',
       CASE WHEN $1 IN ('succeeded', 'failed', 'cancelled') THEN now() END
FROM generate_series(1, $4)
"""
CALLS = """
INSERT INTO api_logs (id, at, request_id, user_id, method, path, status, duration_ms)
SELECT gen_random_uuid(), now() - $2::interval - make_interval(secs => n / 2), 'r', $1, 'GET', '/x', 200, 1.5
FROM generate_series(1, $3) AS n
"""
_TURN = """
INSERT INTO conversation_turns (id, conversation_id, question, answer, rating)
SELECT gen_random_uuid(), id, $3, '42', 1 FROM conversations WHERE project_id = $1 AND created_by = $2
"""
ASKED = (
    "INSERT INTO conversations (id, project_id, created_by, title, dataset_ids) "
    "VALUES (gen_random_uuid(), $1, $2, $3, '{}')",
    _TURN,
    _TURN,
    "INSERT INTO verified_queries (id, project_id, created_by, question, sql, dataset_ids) "
    "VALUES (gen_random_uuid(), $1, $2, $3, 'SELECT 1', '{}')",
    "INSERT INTO glossary_terms (id, project_id, created_by, name, definition) "
    "VALUES (gen_random_uuid(), $1, $2, $3, 'What it means.')",
    "INSERT INTO llm_calls (id, project_id, user_id, run, purpose, policy, model, server, request, month, "
    "booked_tokens) VALUES (gen_random_uuid(), $1, $2, 1, $3, 'schema', 'm', 's', 'SENT', '2026-01-01', 0)",
)


async def project(person: Person) -> UUID:
    made = await person.call("POST", "/projects", json={"name": "Study"})
    return UUID(made.json()["id"])


async def work(database: Database, person: Person, project_id: UUID) -> None:
    """A dataset of two versions, tasks, calls and tokens."""
    dataset, user = new_id(), id_of(person)
    await run(database, DATASET, dataset, project_id, f"d-{dataset}", user)
    for number in (1, 2):
        await run(database, VERSION, dataset, number, f"{dataset}/{number}", user)
    for status, count in (("queued", 1), ("succeeded", 3), ("failed", 2)):
        await run(database, TASK, status, project_id, user, count)
    await run(
        database,
        "INSERT INTO llm_usage VALUES ($1, $2, date_trunc('month', now() AT TIME ZONE 'UTC'), 10, 5, 0.25, 3, 2),"
        " ($1, $2, '2020-01-01', 99, 99, 9, 9, 9)",
        project_id,
        user,
    )


async def ask(database: Database, person: Person, project_id: UUID) -> None:
    """A conversation of two questions, an accepted query, a term, and what was sent for them."""
    user, question = id_of(person), f"{person.user['email']} asks?"
    for statement in ASKED:
        await run(database, statement, project_id, user, question)


class TestUsage:
    async def test_anonymous(self, client: AsyncClient) -> None:
        assert (await client.get("/api/v1/users/me/usage")).status_code == 401

    async def test_counts_one_s_own_and_nothing_else(self, ada: Person, bob: Person, database: Database) -> None:
        mine, shared = await project(ada), await project(bob)
        await run(database, "INSERT INTO project_members VALUES ($1, $2, 'editor')", shared, id_of(ada))
        await work(database, ada, mine)
        await work(database, ada, shared)
        await work(database, bob, shared)
        await run(database, "DELETE FROM api_logs")
        await run(database, CALLS, id_of(ada), _days(1), 5)
        await run(database, CALLS, id_of(ada), _days(31), 4)
        usage = (await ada.call("GET", "/users/me/usage")).json()
        assert usage.pop("requests_30_days") >= 5
        assert usage == {
            "projects": 1,
            "datasets": 2,
            "bytes": 600,
            "rows": 28,
            "tasks": {"queued": 2, "running": 0, "succeeded": 6, "failed": 4, "cancelled": 0},
            "llm": {
                "month": f"{datetime.now(UTC):%Y-%m}",
                "tokens_in": 20,
                "tokens_out": 10,
                "tokens_cached": 6,
                "calls": 4,
                "cost": 0.5,
                "tokens_limit": None,
            },
        }

    async def test_the_trash_expired_and_shared_content(self, ada: Person, database: Database) -> None:
        for _ in range(2):
            await work(database, ada, await project(ada))
        await run(
            database, "UPDATE datasets SET deleted_at = now() WHERE id = (SELECT max(id::text)::uuid FROM datasets)"
        )
        usage = (await ada.call("GET", "/users/me/usage")).json()
        assert (usage["datasets"], usage["bytes"]) == (1, 600)
        await run(
            database,
            "UPDATE dataset_versions SET status = 'expired', raw_keys = '{}', parquet_key = NULL WHERE version = 1",
        )
        await run(database, "UPDATE dataset_versions SET parquet_key = 'shared' WHERE version = 2")
        usage = (await ada.call("GET", "/users/me/usage")).json()
        assert (usage["bytes"], usage["rows"]) == (250, 14)

    async def test_nothing_yet(self, ada: Person) -> None:
        usage = (await ada.call("GET", "/users/me/usage")).json()
        assert (usage["projects"], usage["bytes"], usage["llm"]["cost"]) == (0, 0, 0.0)
        assert set(usage["tasks"].values()) == {0}


class TestExport:
    async def test_anonymous(self, client: AsyncClient) -> None:
        assert (await client.post("/api/v1/users/me/export")).status_code == 401

    async def test_holds_everything_but_secrets(self, ada: Person, bob: Person, database: Database) -> None:
        mine = await project(ada)
        await work(database, ada, mine)
        await work(database, bob, mine)
        for person in (ada, bob):
            await ask(database, person, mine)
        key = (await ada.call("POST", "/auth/api-keys", json={"name": "script", "scopes": ["read"]})).json()["key"]
        await ada.call("POST", f"/projects/{mine}/invitations", json={"email": "carl@example.com", "role": "viewer"})
        await ada.call("PATCH", "/users/me/profile", json={"preferences": {"é": '"]}'}})
        answer = await ada.call("POST", "/users/me/export")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith('attachment; filename="export-')
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json", "no-store")
        document = answer.json()
        assert list(document) == ["exported_at", "user", "profile", *(section.name for section in SECTIONS)]
        assert (document["user"]["email"], document["profile"]["preferences"]) == ("ada@example.com", {"é": '"]}'})
        sizes = {name: len(rows) for name, rows in document.items() if isinstance(rows, list)}
        assert sizes.pop("requests") >= 0
        assert sizes == {
            "sessions": 1,
            "api_keys": 1,
            "mails": sizes["mails"],
            "memberships": 1,
            "invitations_sent": 1,
            "invitations_accepted": 0,
            "projects_created": 1,
            "datasets": 1,
            "webhooks": 0,
            "schedules": 0,
            "dataset_versions": 2,
            "tasks": 6,
            "conversations": 1,
            "conversation_turns": 2,
            "verified_queries": 1,
            "glossary_terms": 1,
            "llm_calls": 1,
            "llm_usage": 2,
        }
        for secret in (key, key[len("adp_12345678_") :], PASSWORD, "$2b$", "sha256(", "refresh_jti", "bob@example.com"):
            assert secret not in answer.text
        assert [turn["question"] for turn in document["conversation_turns"]] == ["ada@example.com asks?"] * 2
        assert (document["conversation_turns"][0]["answer"], document["conversation_turns"][0]["rating"]) == ("42", 1)
        assert "SENT" not in answer.text

    async def test_nothing_that_others_wrote_after_one_left(self, ada: Person, bob: Person, database: Database) -> None:
        shared = await project(ada)
        await work(database, ada, shared)
        await ask(database, ada, shared)
        await ada.call("POST", f"/projects/{shared}/members", json={"email": "bob@example.com", "role": "owner"})
        await bob.call("DELETE", f"/projects/{shared}/members/{ada.user['id']}")
        await bob.call("PATCH", f"/projects/{shared}", json={"name": "Secret plan", "description": "Secret plan"})
        await run(database, "UPDATE datasets SET name = 'Secret plan', description = 'Secret plan', tags = '{Secret}'")
        await run(database, "UPDATE glossary_terms SET name = 'Secret', definition = 'Secret', expression = 'Secret'")
        await run(database, "UPDATE conversation_turns SET answer = 'Secret', sql = '[\"Secret\"]'")
        answer = await ada.call("POST", "/users/me/export")
        assert (len(answer.json()["datasets"]), len(answer.json()["projects_created"])) == (1, 1)
        assert (len(answer.json()["glossary_terms"]), len(answer.json()["conversation_turns"])) == (1, 2)
        assert "Secret" not in answer.text
        assert answer.json()["datasets"][0]["name"] is answer.json()["projects_created"][0]["name"] is None

    async def test_no_page_is_lost_or_doubled(self, ada: Person, database: Database) -> None:
        mine, rows = await project(ada), 2 * PAGE + 1
        await run(database, TASK, "queued", mine, id_of(ada), rows)
        await run(database, "DELETE FROM api_logs")
        await run(database, CALLS, id_of(ada), _days(3), rows)
        await run(database, DATASET, dataset := new_id(), mine, "d", id_of(ada))
        for number in range(1, PAGE + 2):
            await run(database, VERSION, dataset, number, f"k{number}", id_of(ada))
        document = (await ada.call("POST", "/users/me/export")).json()
        assert len({task["id"] for task in document["tasks"]}) == len(document["tasks"]) == rows
        assert [version["version"] for version in document["dataset_versions"]] == list(range(1, PAGE + 2))
        times = [call["at"] for call in document["requests"] if call["request_id"] == "r"]
        assert (len(times), times) == (rows, sorted(times))

    async def test_a_failure_on_the_way_leaves_the_document_open(self, ada: Person, database: Database) -> None:
        pieces = []
        with pytest.raises(ConnectionError):
            async for piece in await ExportService(_failing_after(unit_of_work(database), 3)).open(id_of(ada)):
                pieces.append(piece)  # noqa: PERF401 - it ends with an error
        with pytest.raises(json.JSONDecodeError):
            json.loads(b"".join(pieces))


def _failing_after(begin: UnitOfWork, transactions: int) -> UnitOfWork:
    left = iter(range(transactions))

    def failing(*, read_only: bool = False) -> AbstractAsyncContextManager[Repositories]:
        if next(left, None) is None:
            raise ConnectionError
        return begin(read_only=read_only)

    return failing


def _days(days: int) -> timedelta:
    return timedelta(days=days)
