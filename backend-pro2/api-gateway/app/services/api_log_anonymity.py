"""Calls of people whose account was erased stay in the log without them."""

from shared.logging import get_logger

from ..repositories import UnitOfWork

log = get_logger(__name__)

USERS_A_TIME = 100
ROWS_A_TIME = 5000


class ApiLogAnonymity:
    """A chore rather than a part of the erasure: there may be millions of calls, and it may be broken off anywhere."""

    def __init__(self, begin: UnitOfWork, rows_a_time: int = ROWS_A_TIME) -> None:
        self._begin = begin
        self._rows = rows_a_time

    async def tend(self) -> None:
        """Remove user, key and address from every call of those who are gone."""
        async with self._begin(read_only=True) as repositories:
            gone = await repositories.api_logs.callers_who_left(USERS_A_TIME)
        for user_id in gone:
            changed = self._rows
            while changed == self._rows:
                async with self._begin() as repositories:
                    changed = await repositories.api_logs.make_anonymous(user_id, self._rows)
        if gone:
            log.info("api_log_callers_forgotten", users=len(gone))
