"""The outbox of webhooks in tests: a project with webhooks, events, and what became of them."""

from collections import Counter
from typing import Any
from uuid import UUID

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.webhook_outbox import WebhookEvent, announce

from ..app.clients.webhooks import LookUps, WebhookClient
from ..app.core.webhook_secrets import SecretBox, SigningKey, new_key
from ..app.repositories import unit_of_work
from ..app.services.webhook_sender import WebhookSender
from .staff import run, value

DATA = {"task_id": "01890a5d-ac96-774b-bcce-b302099a8057"}


class Outbox:
    """A project with webhooks, and a gateway's sender."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings.model_copy(
            update={"webhook_networks": ("127.0.0.0/8",), "webhook_attempts": 3, "webhook_timeout_seconds": 0.5}
        )
        self.box = SecretBox(self.settings)
        self.sender = self.another()
        self.project_id = new_id()
        self.key = new_key()

    def another(self, settings: Settings | None = None) -> WebhookSender:
        settings = settings or self.settings
        client = WebhookClient(settings, LookUps())
        return WebhookSender(unit_of_work(self.database), client, SecretBox(settings), settings)

    async def begin(self) -> None:
        await run(self.database, "INSERT INTO projects (id, name) VALUES ($1, 'p')", self.project_id)

    async def webhook(self, url: str, *events: str) -> UUID:
        webhook_id = new_id()
        sealed = self.box.close(webhook_id, [SigningKey(self.key)])
        statement = "INSERT INTO webhooks (id, project_id, url, events, secret) VALUES ($1, $2, $3, $4, $5)"
        values = (url, list(events or ("task.failed",)), sealed)
        await run(self.database, statement, webhook_id, self.project_id, *values)
        return webhook_id

    async def tell(self, event: WebhookEvent = WebhookEvent.TASK_FAILED) -> None:
        async with self.database.transaction() as session:
            await announce(session, self.project_id, event, DATA)

    async def statuses(self) -> Counter[str]:
        return Counter(await value(self.database, "SELECT array_agg(status) FROM webhook_deliveries") or [])

    async def of_webhook(self, column: str) -> Any:
        return await value(self.database, f"SELECT {column} FROM webhooks")  # noqa: S608 - a constant

    async def tries(self) -> list[tuple[int, int | None]]:
        found = await value(
            self.database,
            "SELECT jsonb_agg(jsonb_build_array(attempt, status_code) ORDER BY attempt) FROM webhook_attempts",
        )
        return [tuple(one) for one in found or []]
