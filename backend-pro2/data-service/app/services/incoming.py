"""A file arrives in a form: it goes into the object store while it does, and is refused as soon as that is known."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

from shared.draining import drain
from shared.errors import APIException, FieldError, Invalid, PayloadTooLarge, ServiceUnavailable
from shared.ids import new_id
from shared.metrics import uploads as metrics
from shared.object_store import ObjectStore, StoredObject
from shared.quotas import Quota, QuotaExceeded

from .file_kinds import HEAD_BYTES, require_data
from .form_stream import FORM_BYTES, FieldValue, FileBytes, FileEnd, FileStart, FormEvent, read_form
from .new_versions import RawUpload
from .upload_contents import plain_name

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Form:
    """A form on its way; `announced` is the length of its body in bytes, where it is known."""

    content_type: str
    body: AsyncIterator[bytes]
    announced: int | None = None


@dataclass(slots=True)
class Received:
    """What has arrived of a form; `least` is how large its file must be, going by the length of the body."""

    least: int = 0
    dataset_id: UUID = field(default_factory=new_id)
    values: dict[str, str] = field(default_factory=dict)
    has_file: bool = False
    filename: str = ""
    stored: StoredObject | None = None
    # From the moment on when a row that names the file may be there, whatever is heard of it.
    is_committing: bool = False

    @property
    def file(self) -> RawUpload:
        """The file, which is stored.

        Raises:
            Invalid: `missing_field`.
        """
        if self.stored is None:
            raise missing("file")
        return RawUpload(self.filename, [self.stored.key], self.stored.bytes, self.stored.sha256)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file goes: below whose prefix, and how much room there is; None while that is not known."""

    owner: UUID
    room: Quota | None


Admit = Callable[[Received], Awaitable[Place]]


class Incoming:
    """Takes forms with a file."""

    def __init__(self, store: ObjectStore, limit: int) -> None:
        self._store = store
        self._limit = limit

    async def receive(self, form: Form, admit: Admit, commit: Callable[[Received], Awaitable[Done]]) -> Done:
        """What `commit` makes of the complete form; if anything fails, nothing of the file remains.

        Args:
            admit: asked before the file is stored, with the fields that came before it; may refuse.
            commit: says `is_committing` last in its transaction.

        Raises:
            Invalid: `empty_file`, `missing_field`, `repeated_field`.
            PayloadTooLarge, UnsupportedMediaType, BadRequest: the file or the form is not taken.
            QuotaExceeded: there is no room for it.
        """
        received = Received(least=max(0, (form.announced or 0) - FORM_BYTES))
        try:
            with metrics.receiving():
                await follow(form, received, partial(self._store_file, admit, received))
                done = await commit(received)
        except BaseException as error:
            # Also when the client has gone, or the process ends. Whether a commit that was sent has happened is not
            # known; if not, the sweep finds the object.
            if not received.is_committing:
                await asyncio.shield(asyncio.create_task(self._discard(received)))
            if isinstance(error, APIException) and not isinstance(error, ServiceUnavailable):
                await drain(form.body)
            raise
        metrics.accepted(received.file.bytes)
        return done

    async def _store_file(self, admit: Admit, received: Received, chunks: AsyncIterator[bytes]) -> None:
        place = await admit(received)
        _require_room(place.room, received.least)
        key = f"{place.owner}/{received.dataset_id}/{new_id()}"
        received.stored = await self._store.put_stream(key, checked(chunks, self._limit, place.room))

    async def _discard(self, received: Received) -> None:
        stored, received.stored = received.stored, None
        if stored is not None:
            with suppress(ServiceUnavailable):
                await self._store.remove(stored.key)


async def follow(form: Form, received: Received, take: Callable[[AsyncIterator[bytes]], Awaitable[None]]) -> None:
    """Read a form to its end: its fields into `received`, the bytes of its one file to `take`.

    Raises:
        Invalid: `repeated_field`, or another file. BadRequest, PayloadTooLarge, UnsupportedMediaType: the form.
    """
    events = read_form(form.content_type, form.body)
    async for event in events:
        match event:
            case FieldValue(name, _) if name in received.values:
                raise _repeated(name)
            case FieldValue(name, value):
                received.values[name] = value
            case FileStart("file", filename) if not received.has_file:
                received.has_file, received.filename = True, plain_name(filename)
                await take(_file_bytes(events))
            case FileStart(name, _):
                raise Invalid(f"Send one file, in the field 'file'; there is another in '{name[:60]}'.")


async def _file_bytes(events: AsyncIterator[FormEvent]) -> AsyncIterator[bytes]:
    """The bytes of the file that has begun, up to its end."""
    async for event in events:
        if isinstance(event, FileEnd):
            return
        if isinstance(event, FileBytes):
            yield event.data


async def checked(chunks: AsyncIterator[bytes], limit: int, room: Quota | None) -> AsyncIterator[bytes]:
    """The bytes of a file, checked as they pass; as soon as there is no room for them, no more are taken.

    Raises:
        Invalid: `empty_file`. UnsupportedMediaType: it is no kind of file that is read.
        PayloadTooLarge: more than `limit` bytes. QuotaExceeded: more than there is room for.
    """
    head, known, size = bytearray(), False, 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise PayloadTooLarge(f"The file is larger than {limit} bytes, the most accepted here.")
        _require_room(room, size)
        if known:
            yield chunk
            continue
        head += chunk
        if len(head) >= HEAD_BYTES:
            require_data(bytes(head[:HEAD_BYTES]))
            known = True
            yield bytes(head)
    if not known:
        require_data(bytes(head))
        yield bytes(head)


def require_fields(values: Mapping[str, str], *names: str) -> None:
    """Let a form pass that has these fields.

    Raises:
        Invalid: `missing_field`.
    """
    for name in names:
        if name not in values:
            raise missing(name)


def missing(name: str) -> Invalid:
    """The error for a form without the field."""
    return Invalid(
        f"The form has no field '{name}'.", code="missing_field", errors=[{"loc": ["body", name], "msg": "Required."}]
    )


def _require_room(room: Quota | None, more: int) -> None:
    if room is not None and more > room.left:
        raise QuotaExceeded("bytes stored", room, more)


def _repeated(name: str) -> Invalid:
    says = "Send it once."
    errors: list[FieldError] = [{"loc": ["body", name[:60]], "msg": says}]
    return Invalid(f"The form has the field '{name[:60]}' more than once.", code="repeated_field", errors=errors)
