"""How much of the instance a user has used."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from uuid import UUID

from ..repositories import UnitOfWork
from ..repositories.usage import LlmSum, Made
from ..schemas.usage import TaskCounts, Usage, UserLlmUsage, month_name


def this_month() -> date:
    """The first day of the present month, UTC."""
    return datetime.now(UTC).date().replace(day=1)


class UsageService:
    """Use case of /users/me/usage."""

    def __init__(self, begin: UnitOfWork, tokens_limit: int = 0, month: Callable[[], date] = this_month) -> None:
        self._begin = begin
        self._tokens_limit = tokens_limit or None
        self._month = month

    async def read(self, user_id: UUID) -> Usage:
        """What the user owns and has made.

        Counted are: projects of which the user is an owner; datasets, and versions with their bytes (raw and Parquet)
        and rows, that the user created, in whichever project they are and whether or not the user still sees it; tasks
        that the user submitted; calls of the API on record from the last 30 days; the LLM in the present calendar month
        (UTC), over all projects.
        """
        month = self._month()
        async with self._begin(read_only=True) as repositories:
            counts = repositories.usage
            made = await counts.made(user_id) or Made(0, 0, 0, 0)
            tasks = {row.status: row.tasks for row in await counts.tasks(user_id)}
            requests = await counts.requests_30_days(user_id)
            llm = await counts.llm(user_id, month) or LlmSum(0, 0, 0, 0, 0.0)
        return Usage(
            projects=made.projects,
            datasets=made.datasets,
            bytes=made.bytes,
            rows=made.rows,
            tasks=TaskCounts.model_validate(tasks),
            requests_30_days=requests,
            llm=UserLlmUsage(month=month_name(month), **asdict(llm), tokens_limit=self._tokens_limit),
        )
