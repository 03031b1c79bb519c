"""The months of the API log: made ahead, dropped when their time is over."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.logging import get_logger

from ..repositories import UnitOfWork
from ..repositories.api_log_partitions import Month

log = get_logger(__name__)

STRAYS_A_TIME = 10_000

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


class ApiLogMonths:
    """Keeps a partition for this month and the next, and none whose last day is older than the retention.

    Several gateways may do so at once. Rows of a month without a partition wait in the default one.
    """

    def __init__(self, begin: UnitOfWork, retention_days: int, now: Clock = _now) -> None:
        self._begin = begin
        self._retention = timedelta(days=retention_days)
        self._now = now

    async def tend(self) -> None:
        """Both, as a chore."""
        await self.prepare()
        await self.expire()

    async def prepare(self) -> None:
        """Make the partitions of this month and the next."""
        current = Month.of(self._now())
        present = await self._present()
        for month in (current, current.following):
            if month not in present:
                await self._attach(month)

    async def expire(self) -> None:
        """Remove what is older than the retention: whole months, and single rows that lie in none."""
        limit = self._now() - self._retention
        for month in sorted(await self._present()):
            if month.following.start <= limit:
                await self._drop(month)
        removed = STRAYS_A_TIME
        while removed == STRAYS_A_TIME:
            async with self._begin() as repositories:
                removed = await repositories.api_log_partitions.forget_strays(limit, STRAYS_A_TIME)

    async def _present(self) -> set[Month]:
        async with self._begin(read_only=True) as repositories:
            return await repositories.api_log_partitions.months()

    async def _attach(self, month: Month) -> None:
        async with self._begin() as repositories:
            partitions = repositories.api_log_partitions
            await partitions.hold()
            if month in await partitions.months():
                return
            moved = await partitions.attach(month)
        log.info("api_log_month_made", partition=month.partition, moved=moved)

    async def _drop(self, month: Month) -> None:
        async with self._begin() as repositories:
            partitions = repositories.api_log_partitions
            await partitions.hold()
            if month not in await partitions.months():
                return
            await partitions.drop(month)
        log.info("api_log_month_dropped", partition=month.partition)
