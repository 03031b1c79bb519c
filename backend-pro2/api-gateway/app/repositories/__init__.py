"""SQL, and nothing but SQL: one class per table, bundled for one transaction."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from shared.database import Database

from .projects import Projects
from .sessions import Sessions
from .users import Users


@dataclass(frozen=True, slots=True)
class Repositories:
    """What a use case sees of the database inside one transaction."""

    users: Users
    sessions: Sessions
    projects: Projects


class UnitOfWork(Protocol):
    """Begins a transaction: committed when the block ends, rolled back when it raises."""

    def __call__(self, *, read_only: bool = False) -> AbstractAsyncContextManager[Repositories]:
        """Begin."""


def unit_of_work(database: Database) -> UnitOfWork:
    """The unit of work over PostgreSQL."""

    @asynccontextmanager
    async def begin(*, read_only: bool = False) -> AsyncIterator[Repositories]:
        async with database.transaction(read_only=read_only) as session:
            yield Repositories(Users(session), Sessions(session), Projects(session))

    return begin
