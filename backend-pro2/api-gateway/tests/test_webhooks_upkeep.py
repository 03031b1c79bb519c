"""What is done about webhooks from time to time."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id

from ..app.core.webhook_secrets import SecretBox, shown
from ..app.repositories import unit_of_work
from ..app.services.webhook_upkeep import WebhookUpkeep
from .staff import run
from .webhook_outbox import Outbox
from .webhook_receiver import Receiver, receiver

pytestmark = pytest.mark.integration


@pytest.fixture
async def outbox(database: Database, gateway_settings: Settings) -> Outbox:
    made = Outbox(database, gateway_settings)
    await made.begin()
    return made


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


class TestUpkeep:
    def upkeep(self, outbox: Outbox, **more: object) -> WebhookUpkeep:
        settings = outbox.settings.model_copy(update=more)
        return WebhookUpkeep(unit_of_work(outbox.database), SecretBox(settings), settings)

    async def test_old_deliveries_go(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        await outbox.tell()
        await outbox.sender.deliver_due()
        await run(outbox.database, "UPDATE webhook_deliveries SET created_at = now() - interval '31 days'")
        await outbox.tell()
        replay = """
        INSERT INTO webhook_deliveries (id, webhook_id, event, payload, replay_of)
        SELECT $1, webhook_id, event, payload, id FROM webhook_deliveries WHERE status = 'delivered'
        """
        await run(outbox.database, replay, new_id())
        await self.upkeep(outbox).forget()
        assert await outbox.statuses() == {"delivered": 1, "pending": 2}
        await run(outbox.database, "DELETE FROM webhook_deliveries WHERE replay_of IS NOT NULL")
        await self.upkeep(outbox).forget()
        assert (await outbox.statuses(), await outbox.tries()) == ({"pending": 1}, [])

    async def test_secrets_follow_the_key_of_the_instance(self, outbox: Outbox, there: Receiver) -> None:
        await outbox.webhook(there.url())
        changed = {
            "secret_key": SecretStr("another key of at least 32 characters"),
            "secret_keys_previous": (outbox.settings.secret_key,),
        }
        later = outbox.settings.model_copy(update=changed)
        await outbox.tell()
        await outbox.another(later).deliver_due()
        await self.upkeep(outbox, **changed).reseal()
        alone = later.model_copy(update={"secret_keys_previous": ()})
        await outbox.tell()
        await outbox.another(alone).deliver_due()
        assert [taken.verified(shown(outbox.key))["type"] for taken in there.taken] == ["task.failed"] * 2
        await outbox.tell()
        await outbox.sender.deliver_due()
        assert await outbox.of_webhook("disabled_reason") == "secret_unreadable"
        assert len(there.taken) == 2
        await self.upkeep(outbox).reseal()
