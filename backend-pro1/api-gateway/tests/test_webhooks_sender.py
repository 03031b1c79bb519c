"""The outbox of webhooks is emptied: against PostgreSQL and receivers that have their moods."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from asgi_lifespan import LifespanManager

from shared.config import Settings
from shared.database import Database
from shared.resources import Resources
from shared.testing.locks import until_somebody_waits
from shared.webhook_outbox import MAXIMUM_WEBHOOKS, WebhookEvent

from ..app.core.webhook_secrets import shown
from ..app.main import create_app
from ..app.services.webhook_sender import FAILURES_TO_SWITCH_OFF, MOST_OF_ONE, MOST_OF_PROJECT
from .mailbox import eventually
from .staff import run, value
from .webhook_outbox import DATA, Outbox
from .webhook_receiver import SILENCE, Receiver, answer, receiver

pytestmark = pytest.mark.integration

DUE = "UPDATE webhook_deliveries SET due_at = now() WHERE status = 'pending'"


@pytest.fixture
async def outbox(database: Database, gateway_settings: Settings) -> Outbox:
    made = Outbox(database, gateway_settings)
    await made.begin()
    return made


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


class TestDelivery:
    async def test_what_arrives(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        assert await outbox.sender.deliver_due() == 1
        (taken,) = there.taken
        said = taken.verified(shown(outbox.key))
        assert (list(said), said["type"], said["data"]) == (["type", "timestamp", "data"], "task.failed", DATA)
        assert said["timestamp"].endswith("Z")
        assert taken.headers["webhook-id"] == str(await value(outbox.database, "SELECT id FROM webhook_deliveries"))
        assert taken.headers["content-type"] == "application/json"
        assert taken.headers["user-agent"].startswith("ai-platform-webhooks/")
        assert (await outbox.statuses(), await outbox.tries()) == ({"delivered": 1}, [(1, 200)])
        assert await value(outbox.database, "SELECT response FROM webhook_attempts") == "taken"

    async def test_only_who_listens_is_told(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url("/a"), "task.failed", "dataset.ready")
        await outbox.webhook(there.url("/b"), "dataset.ready")
        off = await outbox.webhook(there.url("/c"), "dataset.ready")
        await run(outbox.database, "UPDATE webhooks SET is_active = false WHERE id = $1", off)
        for event in (WebhookEvent.DATASET_READY, WebhookEvent.TASK_FAILED, WebhookEvent.TASK_SUCCEEDED):
            await outbox.tell(event)
        await outbox.sender.deliver_due()
        assert sorted(taken.line.split(" ")[1] for taken in there.taken) == ["/a", "/a", "/b"]

    async def test_ids_tell_the_time_and_there_are_enough_of_them(self, outbox: Outbox) -> None:
        for _ in range(MAXIMUM_WEBHOOKS + 1):
            await outbox.webhook("http://127.0.0.1:1/")
        await outbox.tell()
        ids = await value(outbox.database, "SELECT array_agg(id ORDER BY id) FROM webhook_deliveries")
        assert len(ids) == MAXIMUM_WEBHOOKS
        await outbox.tell()
        later = await value(outbox.database, "SELECT array_agg(id) FROM webhook_deliveries WHERE id > $1", ids[-1])
        assert len(later) == MAXIMUM_WEBHOOKS

    async def test_a_webhook_that_goes_meanwhile_ends_no_task(self, outbox: Outbox) -> None:
        webhook_id = await outbox.webhook("http://127.0.0.1:1/")
        async with outbox.database.transaction() as session:
            await session.execute("DELETE FROM webhooks WHERE id = $1", webhook_id)
            telling = asyncio.create_task(outbox.tell())
            await until_somebody_waits(outbox.database)
        await telling
        assert await outbox.statuses() == {}

    async def test_tried_again_under_the_same_id(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        there.answers = [answer(500), answer(429, "Retry-After: 600")]
        await outbox.sender.deliver_due()
        waits = "SELECT extract(epoch FROM due_at - now())::float FROM webhook_deliveries"
        assert 4 < await value(outbox.database, waits) < 7
        await run(outbox.database, DUE)
        await outbox.sender.deliver_due()
        assert 590 < await value(outbox.database, waits) <= 600
        await run(outbox.database, DUE)
        await outbox.sender.deliver_due()
        assert (await outbox.statuses(), await outbox.tries()) == ({"delivered": 1}, [(1, 500), (2, 429), (3, 200)])
        assert len({taken.headers["webhook-id"] for taken in there.taken}) == 1
        assert len({taken.body for taken in there.taken}) == 1

    async def test_given_up(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        there.answers = [answer(500)] * 5
        for _ in range(5):
            await outbox.sender.deliver_due()
            await run(outbox.database, DUE)
        assert (await outbox.statuses(), len(there.taken)) == ({"failed": 1}, 3)
        assert (await outbox.of_webhook("failures"), await outbox.of_webhook("is_active")) == (1, True)
        await outbox.tell()
        await outbox.sender.deliver_due()
        await outbox.tell()
        there.answers = []
        await run(outbox.database, DUE)
        await outbox.sender.deliver_due()
        assert await outbox.of_webhook("failures") == 0

    async def test_switched_off_after_ten_in_a_row(self, outbox: Outbox) -> None:
        await outbox.webhook("http://127.0.0.1:1/")
        await run(outbox.database, "UPDATE webhooks SET failures = $1", FAILURES_TO_SWITCH_OFF - 1)
        await outbox.tell()
        await run(outbox.database, "UPDATE webhook_deliveries SET attempts = 2")
        await outbox.tell()
        await run(outbox.database, "UPDATE webhook_deliveries SET due_at = now() + interval '1 h' WHERE attempts = 0")
        await outbox.sender.deliver_due()
        assert await outbox.of_webhook("disabled_reason") == "too_many_failures"
        assert (
            await value(outbox.database, "SELECT isfinite(due_at) FROM webhook_deliveries WHERE status = 'pending'")
            is False
        )
        await outbox.tell()
        assert await outbox.statuses() == {"failed": 1, "pending": 1}

    async def test_gone(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        there.answers = [answer(410)]
        await outbox.sender.deliver_due()
        assert (await outbox.of_webhook("disabled_reason"), await outbox.statuses()) == ("gone", {"failed": 1})

    async def test_an_address_that_is_not_allowed_any_more(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        strict = outbox.another(outbox.settings.model_copy(update={"webhook_networks": ()}))
        await strict.deliver_due()
        assert there.taken == []
        said = await value(outbox.database, "SELECT error FROM webhook_attempts")
        assert said == "The URL leads to an address that is not public."

    async def test_what_took_its_process_along_is_not_tried_for_ever(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        await run(outbox.database, "UPDATE webhook_deliveries SET attempts = 3")
        await outbox.sender.deliver_due()
        assert (await outbox.statuses(), there.taken) == ({"failed": 1}, [])

    async def test_a_removed_project_says_nothing(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        await run(outbox.database, "UPDATE projects SET deleted_at = now()")
        assert await outbox.sender.deliver_due() == 0


class TestSeveral:
    async def test_senders_take_different_deliveries(self, outbox: Outbox, there: Receiver) -> None:
        for _ in range(5):
            await outbox.webhook(there.url())
        for _ in range(6):
            await outbox.tell()
        senders = [outbox.sender, outbox.another(), outbox.another()]
        assert sum(await asyncio.gather(*(sender.deliver_due() for sender in senders))) == 30
        assert len({taken.headers["webhook-id"] for taken in there.taken}) == 30
        assert await outbox.statuses() == {"delivered": 30}

    async def test_a_slow_receiver_holds_up_nobody_else(self, outbox: Outbox, there: Receiver) -> None:
        async with receiver() as slow:
            slow.release = asyncio.Event()
            await outbox.webhook(slow.url(), "task.failed")
            await outbox.webhook(there.url(), "task.succeeded")
            for _ in range(20):
                await outbox.tell()
            for _ in range(10):
                await outbox.tell(WebhookEvent.TASK_SUCCEEDED)
            outbox.sender.start()

            async def arrived() -> bool:
                return len(there.taken) == 10

            await eventually(arrived)
            assert slow.most_at_once == MOST_OF_ONE
            assert there.most_at_once <= MOST_OF_ONE
            slow.release.set()
            await outbox.sender.close()

    async def test_slow_receivers_of_a_project_hold_up_no_other_project(self, outbox: Outbox, there: Receiver) -> None:
        other = Outbox(outbox.database, outbox.settings)
        await other.begin()
        async with receiver() as slow:
            slow.release = asyncio.Event()
            for _ in range(MAXIMUM_WEBHOOKS):
                await outbox.webhook(slow.url())
            await other.webhook(there.url())
            await outbox.tell()
            await other.tell()
            outbox.sender.start()
            async with asyncio.timeout(30):
                await there.arrived.wait()
            assert slow.most_at_once == MOST_OF_PROJECT
            slow.release.set()
            await outbox.sender.close()

    async def test_a_late_failure_takes_nothing_back(self, outbox: Outbox, there: Receiver) -> None:
        """A sender that was thought dead ends after another has delivered."""
        await outbox.webhook(there.url())
        await outbox.tell()
        there.answers = [SILENCE]
        late = asyncio.create_task(outbox.sender.deliver_due())
        await there.arrived.wait()
        await run(outbox.database, DUE)
        await outbox.another().deliver_due()
        await late
        assert (await outbox.statuses(), await outbox.tries()) == ({"delivered": 1}, [(1, None), (2, 200)])

    async def test_a_late_end_does_not_end_what_another_tries(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        await run(outbox.database, "UPDATE webhook_deliveries SET attempts = 2")
        there.answers = [SILENCE, answer(500)]
        late = asyncio.create_task(outbox.sender.deliver_due())
        await there.arrived.wait()
        await run(outbox.database, DUE)
        await outbox.another(outbox.settings.model_copy(update={"webhook_attempts": 9})).deliver_due()
        waits = "SELECT due_at FROM webhook_deliveries WHERE status = 'pending'"
        due = await value(outbox.database, waits)
        await late
        assert await value(outbox.database, waits) == due
        assert (await outbox.tries(), await outbox.of_webhook("failures")) == ([(3, None), (4, 500)], 0)


class TestTask:
    async def test_the_gateway_sends_soon_and_ends_what_it_has_begun(
        self, outbox: Outbox, there: Receiver, resources: Resources
    ) -> None:
        await outbox.webhook(there.url())
        there.release = asyncio.Event()
        async with LifespanManager(create_app(outbox.settings, resources), 60, 60):
            await asyncio.sleep(0.1)
            await outbox.tell()
            async with asyncio.timeout(30):
                await there.arrived.wait()
            asyncio.get_running_loop().call_later(0.2, there.release.set)
        assert await outbox.statuses() == {"delivered": 1}

    async def test_it_lives_on_when_the_database_was_away(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await run(outbox.database, "ALTER TABLE webhook_deliveries RENAME TO elsewhere")
        outbox.sender.start()
        await asyncio.sleep(0.1)
        await run(outbox.database, "ALTER TABLE elsewhere RENAME TO webhook_deliveries")
        await outbox.tell()
        outbox.sender.wake()
        async with asyncio.timeout(30):
            await there.arrived.wait()
        await outbox.sender.close()
