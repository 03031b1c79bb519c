"""Users of the API in tests."""

from dataclasses import dataclass
from typing import Any

from httpx import AsyncClient, Response

PASSWORD = "correct horse battery"


@dataclass
class Person:
    """A registered user and the tokens of one login."""

    client: AsyncClient
    user: dict[str, Any]
    access_token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}

    async def call(self, method: str, path: str, **arguments: Any) -> Response:
        """A request with the access token; further headers are added."""
        headers = {**self.headers, **arguments.pop("headers", {})}
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **arguments)


async def register(client: AsyncClient, email: str) -> Person:
    """A new user, logged in."""
    made = await client.post("/api/v1/auth/register", json={"email": email, "password": PASSWORD})
    assert made.status_code == 201, made.text
    tokens = await login(client, email)
    return Person(client, made.json(), tokens["access_token"], tokens["refresh_token"])


async def login(client: AsyncClient, email: str) -> dict[str, Any]:
    """A fresh pair of tokens."""
    answer = await client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refresh(client: AsyncClient, token: str) -> Response:
    """An attempt to refresh."""
    return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})
