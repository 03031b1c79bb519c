"""What webhooks need from time to time: old deliveries go, and secrets follow the instance's key."""

from datetime import timedelta
from uuid import UUID

from shared.config import Settings
from shared.logging import get_logger

from ..core.webhook_secrets import SecretBox, SecretUnreadable
from ..repositories import UnitOfWork

log = get_logger(__name__)

BATCH = 1000
PAGE = 100


class WebhookUpkeep:
    """Chores of the gateway. Several may do them at once: they take different rows."""

    def __init__(self, begin: UnitOfWork, box: SecretBox, settings: Settings) -> None:
        self._begin = begin
        self._box = box
        self._age = timedelta(days=settings.webhook_retention_days)

    async def forget(self) -> None:
        """Remove deliveries older than WEBHOOK_RETENTION_DAYS."""
        removed = BATCH
        while removed == BATCH:
            async with self._begin() as repositories:
                removed = await repositories.webhook_deliveries.forget_old(self._age, BATCH)

    async def reseal(self) -> None:
        """Put secrets that are under a retired SECRET_KEY under the present one, so that the old may be dropped."""
        after: UUID | None = UUID(int=0)
        while after is not None:
            after = await self._reseal_page(after)

    async def _reseal_page(self, after: UUID) -> UUID | None:
        async with self._begin() as repositories:
            page = await repositories.webhooks.stale(self._box.mark, after, PAGE)
            for found in page:
                try:
                    keys = self._box.open(found.id, found.secret)
                except SecretUnreadable:
                    log.warning("webhook_secret_unreadable", webhook_id=str(found.id))
                    continue
                await repositories.webhooks.reseal(found.id, self._box.close(found.id, keys))
        return page[-1].id if len(page) == PAGE else None
