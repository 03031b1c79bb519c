"""Every creating route of the gateway, repeated with an Idempotency-Key after its answer was lost."""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response

from shared.config import Settings
from shared.database import Database
from shared.idempotency import attempts
from shared.idempotency.answers import REPLAYED, Answer
from shared.ids import new_id
from shared.resources import Resources

from ..app.composition import chores
from ..app.core.headers import response_headers
from ..app.services.housekeeping import Housekeeping
from .people import PASSWORD, Person
from .servers import Start, serving
from .upstream_app import Upstream

pytestmark = pytest.mark.integration

KEYED = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
TOKEN = "a token that was mailed"
ROUTES = ["register", "project", "member", "invitation", "acceptance", "api key"]


class Killed(BaseException):
    """Ends a request where no handler of errors looks."""


@dataclass
class Created:
    """A request that creates, and how many rows there are of what it creates."""

    who: Person | None
    path: str
    body: dict[str, Any]
    rows: str

    async def send(self, client: AsyncClient, **changes: Any) -> Response:
        headers = KEYED | (self.who.headers if self.who else {})
        return await client.post(f"/api/v1{self.path}", json=self.body | changes, headers=headers)


async def project_of(owner: Person) -> str:
    made = await owner.call("POST", "/projects", json={"name": "p"})
    return str(made.json()["id"])


async def invite(database: Database, project_id: str, email: str) -> None:
    """An invitation whose mail is on its way."""
    async with database.transaction() as session:
        await session.execute(
            "INSERT INTO project_invitations (id, project_id, email, role, token_sha256, invited_by, expires_at) "
            "SELECT $1, $2, $3, 'viewer', $4, created_by, now() + interval '1 day' FROM projects WHERE id = $2",
            new_id(),
            UUID(project_id),
            email,
            hashlib.sha256(TOKEN.encode()).digest(),
        )


@pytest.fixture
async def created(route: str, ada: Person, bob: Person, database: Database) -> Created:
    """The request to `route`."""
    project_id = await project_of(ada)
    if route == "acceptance":
        await invite(database, project_id, "bob@example.com")
    projects = f"/projects/{project_id}"
    return {
        "register": Created(None, "/auth/register", {"email": "eve@example.com", "password": PASSWORD}, "users"),
        "project": Created(ada, "/projects", {"name": "q"}, "projects"),
        "member": Created(ada, f"{projects}/members", {"user_id": bob.user["id"], "role": "editor"}, "project_members"),
        "invitation": Created(
            ada, f"{projects}/invitations", {"email": "eve@example.com", "role": "viewer"}, "project_invitations"
        ),
        "acceptance": Created(bob, "/projects/invitations/accept", {"token": TOKEN}, "project_members"),
        "api key": Created(ada, "/auth/api-keys", {"name": "k", "scopes": ["read"]}, "api_keys"),
    }[route]


async def count(database: Database, table: str) -> int:
    async with database.transaction(read_only=True) as session:
        return int(await session.fetch_value(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own words


@pytest.mark.parametrize("route", ROUTES)
async def test_repeated(client: AsyncClient, created: Created, database: Database) -> None:
    before = await count(database, created.rows)
    first, again = [await created.send(client) for _ in range(2)]
    assert first.is_success, first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    for name in ("etag", "location", "cache-control", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)
    assert await count(database, created.rows) == before + 1


@pytest.mark.parametrize("route", ROUTES)
async def test_killed_after_the_commit(
    client: AsyncClient, created: Created, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: Response) -> Answer:
        raise Killed

    before = await count(database, created.rows)
    # What follows the use case; within its transaction the class has the method of its own name.
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(attempts, "Answer", type("Dying", (), {"of": staticmethod(die)}))
        await created.send(client)
    assert await count(database, created.rows) == before + 1
    answer = await created.send(client)
    assert (answer.is_success, answer.headers[REPLAYED]) == (True, "true")
    assert await count(database, created.rows) == before + 1


@pytest.mark.parametrize("route", ["register", "project"])
async def test_with_another_body(client: AsyncClient, created: Created, database: Database) -> None:
    await created.send(client)
    changes = {"password": "another horse battery"} if created.who is None else {"name": "another"}
    answer = await created.send(client, **changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("route", ["api key"])
async def test_a_key_shown_once_is_not_readable_at_rest(
    client: AsyncClient, created: Created, database: Database
) -> None:
    key = (await created.send(client)).json()["key"].encode()
    async with database.transaction(read_only=True) as session:
        answer = await session.fetch_value("SELECT answer FROM idempotency_keys")
    assert answer
    assert key not in answer


async def test_it_crosses_the_forwarder(start: Start, upstream: Upstream) -> None:
    async with serving(upstream) as url:
        client = await start(data=url)
        seen = (await client.post("/api/v1/upload/echo", content=b"x", headers=KEYED)).json()
    assert ["idempotency-key", KEYED["Idempotency-Key"]] in seen["headers"]
    assert response_headers([(b"idempotency-replayed", b"true")], 201) == [(b"idempotency-replayed", b"true")]


@pytest.fixture
async def upstream() -> Upstream:
    return Upstream()


async def test_old_answers_are_swept_by_housekeeping(
    ada: Person, gateway_settings: Settings, resources: Resources, database: Database
) -> None:
    await ada.call("POST", "/projects", json={"name": "p"}, headers=KEYED)
    async with database.transaction() as session:
        await session.execute("UPDATE idempotency_keys SET created_at = now() - interval '2 d', locked_until = now()")
    await Housekeeping(chores(gateway_settings, resources)).do(["kept_answers"])
    assert await count(database, "idempotency_keys") == 0
