"""A scripted LLM on loopback that speaks OpenAI's chat completions: the one stand-in for a server in these tests.

    with ScriptedLlm() as llm:
        llm.say('{"sql": "SELECT 1"}', Answer("One.", piece=1), failure(429, retry_after="1"))
        settings = settings.model_copy(update=llm.settings())

It runs in a thread with an event loop of its own, or alone: `python -m shared.testing.llm_server 8000`, where it says
what the last message says.
"""

import asyncio
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from pydantic import SecretStr

from shared.testing.llm_answers import COUNT, Answer, failure, tool_call

__all__ = ["COUNT", "Answer", "Received", "ScriptedLlm", "failure", "tool_call"]

KEY = "sk-scripted-0123456789abcdef"
KEPT_BYTES = 16 * 1024 * 1024
MAXIMUM_REQUEST_BYTES = 64 * 1024 * 1024
FILLER = "all work and no play "

Script = Callable[[list[dict[str, Any]]], "Answer | str"]


@dataclass(slots=True)
class Received:
    """One request, with its exact bytes; what was answered, when, and whether the client went away meanwhile."""

    body: bytes
    headers: dict[str, str]
    path: str
    began: float
    port: int = 0
    sent: int = 0
    answered: bytes = b""
    first_text: float | None = None
    ended: float | None = None
    disconnected: bool = False

    @property
    def content(self) -> dict[str, Any]:
        """The body as JSON."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was said to the model."""
        messages: list[dict[str, Any]] = self.content["messages"]
        return messages


class ScriptedLlm:
    """Answers what it was told to: first the queue of `say`, then the function of `script`."""

    def __init__(self, script: Script | None = None, port: int = 0) -> None:
        self.received: list[Received] = []
        self.url = ""
        self._script = script
        self._queue: deque[Answer | str] = deque()
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scripted-llm", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(30):
            raise RuntimeError("the scripted LLM did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(30)

    def say(self, *answers: Answer | str) -> None:
        """Answer the next requests so, one after the other."""
        self._queue.extend(answers)

    def script(self, script: Script | None) -> None:
        """Answer what the queue does not by a function of the messages."""
        self._script = script

    def forget(self) -> None:
        """Forget what was received and what was to be said."""
        self.received.clear()
        self._queue.clear()
        self._script = None

    def settings(self, **more: Any) -> dict[str, Any]:
        """The settings that lead here, for `Settings.model_copy(update=…)`."""
        return {"openai_api_key": SecretStr(KEY), "openai_base_url": self.url, "openai_model": "scripted", **more}

    def environment(self) -> dict[str, str]:
        """The same as variables for a process."""
        return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": self.url, "OPENAI_MODEL": "scripted"}

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=MAXIMUM_REQUEST_BYTES)
        app.router.add_post("/v1/chat/completions", self._complete)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stopping.wait()
        await runner.cleanup()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        port = request.transport.get_extra_info("peername")[1] if request.transport else 0
        received = Received(body, headers, request.path, time.monotonic(), port)
        self.received.append(received)
        try:
            return await self._answer(request, received)
        except (asyncio.CancelledError, ConnectionError):
            received.disconnected = True
            raise
        finally:
            received.ended = time.monotonic()

    async def _answer(self, request: web.Request, received: Received) -> web.StreamResponse:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": f"Incorrect API key provided: {KEY[:7]}…"}}, status=401)
        answer = self._next(received.messages)
        await asyncio.sleep(answer.delay)
        is_stream = bool(received.content.get("stream")) and answer.status == 200
        pieces = answer.events(received.messages) if is_stream else [answer.document(received.messages)]
        media_type = "text/event-stream" if is_stream and answer.body is None else answer.media_type
        response = web.StreamResponse(status=answer.status, headers={**answer.headers, "Content-Type": media_type})
        await response.prepare(request)
        await asyncio.sleep(answer.thinking)
        await self._send(request, response, received, answer, pieces)
        return response

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        received: Received,
        answer: Answer,
        pieces: list[bytes],
    ) -> None:
        filler = Answer(FILLER * 100, piece=answer.piece).events([])[1]
        number = 0
        while number < len(pieces) or answer.endless:
            if answer.cut_after is not None and number > answer.cut_after:
                await _tear(request)
                return
            if answer.hangs_after is not None and number > answer.hangs_after:
                await asyncio.Event().wait()
            piece = filler if answer.endless else pieces[number]
            received.answered += piece if len(received.answered) < KEPT_BYTES else b""
            await response.write(piece)
            number += 1
            received.sent = number
            if number == 2 or not answer.pause:
                received.first_text = received.first_text or time.monotonic()
            await asyncio.sleep(answer.pause)
        await response.write_eof()

    def _next(self, messages: list[dict[str, Any]]) -> Answer:
        if self._queue:
            answer = self._queue.popleft()
        elif self._script is not None:
            answer = self._script(messages)
        else:
            answer = failure(500, "nothing was scripted for this request")
        return Answer(answer) if isinstance(answer, str) else answer


async def _tear(request: web.Request) -> None:
    # Sent so far is on its way; what follows never comes.
    await asyncio.sleep(0.05)
    if request.transport is not None:
        request.transport.abort()


def main(port: int) -> None:
    """Serve until interrupted."""
    with ScriptedLlm(lambda messages: str(messages[-1]["content"]), port) as llm, suppress(KeyboardInterrupt):
        sys.stdout.write(f"{llm.url} with the key {KEY}\n")
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
