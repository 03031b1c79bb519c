"""Deliveries as people see them, and the ones that they ask for, through a running gateway."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient

from shared.config import Settings
from shared.database import Database
from shared.resources import Resources
from shared.webhook_outbox import WebhookEvent, announce

from ..app.main import create_app
from ..app.services.webhook_deliveries import MAXIMUM_PENDING
from .mailbox import eventually
from .people import Person, register
from .staff import code, run
from .test_projects import create
from .webhook_receiver import Receiver, answer, receiver

pytestmark = pytest.mark.integration


class Hook:
    """A webhook of somebody's project that leads to a receiver."""

    def __init__(self, person: Person, there: Receiver) -> None:
        self.person = person
        self.there = there
        self.project = ""
        self.place = ""
        self.secret = ""

    async def begin(self) -> None:
        self.project = await create(self.person)
        body = {"url": self.there.url(), "events": ["task.failed", "dataset.ready"]}
        made = (await self.person.call("POST", f"/projects/{self.project}/webhooks", json=body)).json()
        self.secret, self.place = made["secret"], f"/projects/{self.project}/webhooks/{made['id']}"

    async def deliveries(self, query: str = "") -> list[dict[str, Any]]:
        found = await self.person.call("GET", f"{self.place}/deliveries{query}")
        assert found.status_code == 200, found.text
        items: list[dict[str, Any]] = found.json()["items"]
        return items


@pytest.fixture
async def hook(gateway_settings: Settings, resources: Resources) -> AsyncIterator[Hook]:
    settings = gateway_settings.model_copy(update={"webhook_networks": ("127.0.0.0/8",)})
    app = create_app(settings, resources)
    async with (
        receiver() as there,
        LifespanManager(app, 60, 60),
        AsyncClient(transport=ASGITransport(app), base_url="http://gateway", timeout=30) as client,
    ):
        made = Hook(await register(client, "ada@example.com"), there)
        await made.begin()
        yield made


async def test_a_test_and_its_outcome(hook: Hook) -> None:
    sent = await hook.person.call("POST", f"{hook.place}/test?wait=10")
    made = sent.json()
    assert (sent.status_code, made["status"], made["event"]) == (200, "delivered", "webhook.test")
    assert [(one["attempt"], one["status_code"], one["response"]) for one in made["attempts"]] == [(1, 200, "taken")]
    read = await hook.person.client.get(sent.headers["location"], headers=hook.person.headers)
    assert (read.json(), read.headers["etag"] != "") == (made, True)
    said = hook.there.taken[0].verified(hook.secret)
    assert said == made["payload"]
    assert said["data"] == {"project_id": hook.project, "webhook_id": made["webhook_id"]}
    hook.there.answers = [answer(500)]
    failed = (await hook.person.call("POST", f"{hook.place}/test?wait=10")).json()
    assert (failed["status"], failed["attempts"][0]["error"]) == ("failed", "The receiver answered with status 500.")
    assert (await hook.person.call("GET", hook.place)).json()["failures"] == 0


async def test_either_secret_signs_after_a_change(hook: Hook) -> None:
    changed = (await hook.person.call("POST", f"{hook.place}/secret", json={})).json()
    await hook.person.call("POST", f"{hook.place}/test?wait=10")
    for secret in (hook.secret, changed["secret"]):
        assert hook.there.taken[0].verified(secret)["type"] == "webhook.test"


async def test_a_message_is_sent_once_more(hook: Hook, database: Database) -> None:
    async with database.transaction() as session:
        await announce(session, UUID(hook.project), WebhookEvent.TASK_FAILED, {"task_id": "t"})

    async def arrived() -> bool:
        return [one["status"] for one in await hook.deliveries()] == ["delivered"]

    await eventually(arrived)
    (first,) = await hook.deliveries()
    headers = {"idempotency-key": str(uuid4())}
    again = await hook.person.call("POST", f"{hook.place}/deliveries/{first['id']}/replay?wait=10", headers=headers)
    repeated = await hook.person.call("POST", f"{hook.place}/deliveries/{first['id']}/replay?wait=10", headers=headers)
    made = again.json()
    assert (again.status_code, repeated.json()) == (200, made)
    assert (made["replay_of"], made["message_id"], made["status"]) == (first["id"], first["id"], "delivered")
    third = await hook.person.call("POST", f"{hook.place}/deliveries/{made['id']}/replay?wait=10")
    assert (third.json()["replay_of"], third.json()["message_id"]) == (first["id"], first["id"])
    assert [taken.headers["webhook-id"] for taken in hook.there.taken] == [first["id"]] * 3
    assert len({taken.body for taken in hook.there.taken}) == 1

    assert len(await hook.deliveries("?event=task.failed&status=delivered")) == 3
    assert await hook.deliveries("?event=webhook.test") == []
    assert await hook.deliveries("?status=pending") == []
    page = (await hook.person.call("GET", f"{hook.place}/deliveries?limit=2")).json()
    rest = await hook.deliveries(f"?limit=2&cursor={page['next_cursor']}")
    assert [len(one["attempts"]) for one in (*page["items"], *rest)] == [1, 1, 1]
    for query in ("status=x", "event=x", "event=*"):
        assert (await hook.person.call("GET", f"{hook.place}/deliveries?{query}")).status_code == 422


async def test_what_waits_while_it_is_off_goes_out_later(hook: Hook, database: Database) -> None:
    hook.there.answers = [answer(500)]
    async with database.transaction() as session:
        await announce(session, UUID(hook.project), WebhookEvent.DATASET_READY, {})

    async def tried() -> bool:
        return [len(one["attempts"]) for one in await hook.deliveries()] == [1]

    await eventually(tried)
    assert (await hook.deliveries())[0]["next_attempt_at"] is not None
    await hook.person.call("PATCH", hook.place, json={"is_active": False})
    (waiting,) = await hook.deliveries()
    assert (waiting["status"], waiting["next_attempt_at"]) == ("pending", None)
    for path in ("test", f"deliveries/{waiting['id']}/replay"):
        assert code(await hook.person.call("POST", f"{hook.place}/{path}")) == (409, "webhook_inactive")
    await hook.person.call("PATCH", hook.place, json={"is_active": True})

    async def delivered() -> bool:
        return [one["status"] for one in await hook.deliveries()] == ["delivered"]

    await eventually(delivered)
    waits = """
    INSERT INTO webhook_deliveries (id, webhook_id, event, payload, due_at)
    SELECT gen_random_uuid(), webhook_id, event, payload, now() + interval '1 h'
    FROM webhook_deliveries, generate_series(1, $1)
    """
    await run(database, waits, MAXIMUM_PENDING)
    refused = await hook.person.call("POST", f"{hook.place}/test")
    assert (code(refused), refused.headers["retry-after"]) == ((429, "too_many_deliveries"), "60")
