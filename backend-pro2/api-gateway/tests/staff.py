"""Administrators in tests, and short ways to what HTTP does not show."""

from typing import Any
from uuid import UUID

from httpx import AsyncClient, Response

from shared.database import Database

from .people import Person, register


async def administrator(client: AsyncClient, database: Database, email: str = "root@example.com") -> Person:
    """A user who is an administrator and logged in."""
    person = await register(client, email)
    await run(database, "UPDATE users SET role = 'admin' WHERE email = $1", email)
    return person


async def run(database: Database, sql: str, *arguments: object) -> int:
    """A statement of its own."""
    async with database.transaction() as session:
        return await session.execute(sql, *arguments)


async def value(database: Database, sql: str, *arguments: object) -> Any:
    """The first column of the first row."""
    async with database.transaction() as session:
        return await session.fetch_value(sql, *arguments)


def id_of(person: Person) -> UUID:
    """The person's id, as the driver takes it."""
    return UUID(person.user["id"])


def code(answer: Response) -> tuple[int, str]:
    """Status and code of a problem."""
    return answer.status_code, answer.json()["code"]


def said(answer: Response) -> dict[str, Any]:
    """What a problem says, without what differs between any two."""
    return {name: part for name, part in answer.json().items() if name not in ("request_id", "instance")}
