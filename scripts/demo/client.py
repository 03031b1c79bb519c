"""A client of the gateway that shows each request as it is made."""

import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp


class DemoError(Exception):
    """The service answered something that the demo cannot go on with."""


def say(text: str) -> None:
    """Print a line for the person who watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Client:
    """Requests to one gateway, with the caller's token once there is one."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url
        self._token = ""

    def use_token(self, token: str) -> None:
        """Send this access token with every request from now on."""
        self._token = token

    async def send(self, method: str, path: str, **options: Any) -> Any:
        """Make a request, print it, and return the decoded body.

        Raises:
            DemoError: the answer is not a success; holds the problem's code and detail.
        """
        begun = time.perf_counter()
        async with self._session.request(method, self._base_url + path, headers=self._headers(), **options) as response:
            text = await response.text()
        took = (time.perf_counter() - begun) * 1000
        say(f"  {method:<5} {path:<62} {response.status}  {took:6.0f} ms")
        body = json.loads(text) if text else None
        if response.status >= 400:
            raise DemoError(f"{method} {path} answered {response.status}: {_reason(body)}")
        return body

    async def events(self, path: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Follow a task by server-sent events: (event, data) until the server ends the stream."""
        say(f"  GET   {path:<62} (server-sent events)")
        event = ""
        async with self._session.get(self._base_url + path, headers=self._headers()) as response:
            if response.status != 200:
                raise DemoError(f"GET {path} answered {response.status}: {await response.text()}")
            async for raw in response.content:
                field, _, value = raw.decode().rstrip("\r\n").partition(": ")
                if field == "event":
                    event = value
                elif field == "data":
                    yield event, json.loads(value)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


def _reason(body: Any) -> str:
    return f"{body.get('code')}: {body.get('detail')}" if isinstance(body, dict) else str(body)
