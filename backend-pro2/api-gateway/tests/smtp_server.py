"""A mail server that believes everybody, or refuses as told; it speaks enough SMTP for one mail after another."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

HANG_UP = ""
FALL_SILENT = "..."


@dataclass
class Received:
    """One mail, and how it came."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool
    login: str | None


@dataclass
class TestServer:
    """What a test sees of the server.

    Attributes:
        refusals: (command, reply) of things that go wrong, one after another.
    """

    __test__ = False

    port: int = 0
    tls: ssl.SSLContext | None = None
    from_the_first_byte: bool = False
    received: list[Received] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    conversations: int = 0


class Conversation:
    """One connection."""

    def __init__(self, server: TestServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._encrypted = server.from_the_first_byte
        self._login: str | None = None
        self._sender = ""
        self._recipients: list[str] = []

    async def hold(self) -> None:
        self._server.conversations += 1
        try:
            await self._talk()
        finally:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def _talk(self) -> None:
        refused = await self._refused("CONNECT")
        going = self._say("220 mail.test") if refused is None else refused
        while going and (line := (await self._reader.readline()).decode().strip()):
            command = line.split(" ")[0].upper()
            refused = await self._refused(command)
            going = refused if refused is not None else await self._answer(command, line)
            await self._writer.drain()

    def _say(self, text: str) -> bool:
        self._writer.write(text.encode() + b"\r\n")
        return not text.startswith("221")

    async def _refused(self, command: str) -> bool | None:
        if not self._server.refusals or self._server.refusals[0][0] != command:
            return None
        _, reply = self._server.refusals.pop(0)
        if reply == FALL_SILENT:
            await asyncio.sleep(30)
        return self._say(reply) if reply else False

    async def _answer(self, command: str, line: str) -> bool:
        if command == "EHLO":
            offers = ["mail.test", *(["STARTTLS"] if self._server.tls and not self._encrypted else []), "SMTPUTF8"]
            self._say("\r\n".join(f"250-{offer}" for offer in offers) + "\r\n250 AUTH PLAIN")
        elif command == "STARTTLS":
            self._say("220 go ahead")
            await self._writer.start_tls(self._server.tls or ssl.create_default_context())
            self._encrypted = True
        elif command == "AUTH":
            self._login = base64.b64decode(line.split(" ")[2]).decode()
            self._say("235 welcome")
        elif command == "MAIL":
            self._sender = line.split("<")[1].split(">")[0]
            self._say("250 ok")
        elif command == "RCPT":
            self._recipients.append(line.split("<")[1].split(">")[0])
            self._say("250 ok")
        elif command == "DATA":
            self._say("354 go ahead")
            await self._take()
            self._say("250 taken")
        else:
            return self._say("221 bye" if command == "QUIT" else "250 ok")
        return True

    async def _take(self) -> None:
        data = await self._reader.readuntil(b"\r\n.\r\n")
        text = data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        message = message_from_bytes(text, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self._server.received.append(Received(self._sender, self._recipients, message, self._encrypted, self._login))
        self._recipients = []


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, *, from_the_first_byte: bool = False
) -> AsyncIterator[TestServer]:
    """A server on a free port."""
    state = TestServer(tls=tls, from_the_first_byte=from_the_first_byte)
    talking: set[asyncio.Task[None]] = set()

    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(asyncio.ensure_future(Conversation(state, reader, writer).hold()))

    context = tls if from_the_first_byte else None
    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    state.port = server.sockets[0].getsockname()[1]
    async with server:
        yield state
    for task in talking:
        task.cancel()
    await asyncio.gather(*talking, return_exceptions=True)
