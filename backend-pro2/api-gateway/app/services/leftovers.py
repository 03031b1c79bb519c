"""Removal of credentials and mails that nothing can refer to any more."""

from collections.abc import Awaitable, Callable

from ..repositories import Repositories, UnitOfWork

BATCH = 1000

_KINDS: tuple[Callable[[Repositories], Awaitable[int]], ...] = (
    lambda repositories: repositories.one_time_tokens.forget_expired(BATCH),
    lambda repositories: repositories.mails.forget_old(BATCH),
    lambda repositories: repositories.sessions.forget_expired(BATCH),
    lambda repositories: repositories.api_keys.forget_old(BATCH),
)


class Leftovers:
    """A chore of the gateway. Several may do it at once: they take different rows."""

    def __init__(self, begin: UnitOfWork) -> None:
        self._begin = begin

    async def remove(self) -> None:
        """Remove expired one-time tokens and sessions, mails of a week ago, keys of ninety days ago."""
        for kind in _KINDS:
            removed = BATCH
            while removed == BATCH:
                async with self._begin() as repositories:
                    removed = await kind(repositories)
