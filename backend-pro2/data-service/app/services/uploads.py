"""Receive a file: into the object store while it arrives, into the database once it is complete and verified."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePath
from uuid import UUID

from shared.database import Session
from shared.draining import drain
from shared.errors import APIException, Conflict, FieldError, Invalid, NotFound, PayloadTooLarge, ServiceUnavailable
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.object_store import StoredObject
from shared.quotas import Quota, QuotaExceeded, read_bytes, require_bytes
from shared.resources import Resources
from shared.tasks import Task

from ..repositories import datasets
from ..repositories.datasets import Dataset, NewDataset
from ..schemas.uploads import UploadFields
from .file_kinds import HEAD_BYTES, require_text
from .form_stream import FORM_BYTES, FieldValue, FileBytes, FileEnd, FileStart, FormEvent, read_form
from .new_versions import RawUpload, VersionOrder, begin_version
from .upload_contents import plain_name, upload_content

log = get_logger(__name__)

MAX_NAME = 120
NAME_TRIES = 5


@dataclass(slots=True)
class _Received:
    """What has arrived of a form; `least` is how large its file must be, going by the length of the body."""

    least: int = 0
    dataset_id: UUID = field(default_factory=new_id)
    values: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    stored: StoredObject | None = None


class Uploads:
    """Use case of `/upload/file`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._store = resources.object_store
        self._ledger = resources.ledger
        self._settings = resources.settings
        self._limit = resources.settings.max_upload_bytes

    async def receive(
        self,
        caller_id: UUID,
        content_type: str,
        body: AsyncIterator[bytes],
        request_id: str | None,
        announced: int | None = None,
        wait: float = 0,
    ) -> Dataset:
        """Store the form's file and submit its ingest; `announced` is the length of the body, where it is known.

        The dataset comes as it stands after `wait` seconds at most.

        Raises:
            Invalid: `empty_file`, `missing_field`, or a field that cannot be accepted.
            PayloadTooLarge, UnsupportedMediaType, BadRequest: the file or the form is not taken.
            NotFound, Forbidden, ProjectArchived: the project.
            QuotaExceeded, TooManyTasks: it has no room for the file, or for its task.
            Conflict: `name_taken`, for a name that was asked for.
        """
        received = _Received(least=max(0, (announced or 0) - FORM_BYTES))
        try:
            await self._read(read_form(content_type, body), received, caller_id)
            fields = _fields(received)
            task, dataset = await self._commit(received, fields, caller_id, request_id)
        except ServiceUnavailable:
            # The commit may have happened; if not, the sweep finds the object.
            raise
        except APIException:
            await self._discard(received)
            await drain(body)
            raise
        await self._ledger.ring(task)
        log.info("dataset_uploaded", dataset_id=str(received.dataset_id), bytes=_stored(received).bytes)
        if wait <= 0:
            return dataset
        await self._ledger.wait(task.id, caller_id, wait)
        async with self._database.transaction(read_only=True) as session:
            return await _shown(session, dataset.id, caller_id)

    async def _read(self, events: AsyncIterator[FormEvent], received: _Received, caller_id: UUID) -> None:
        async for event in events:
            match event:
                case FieldValue(name, _) if name in received.values:
                    raise _repeated(name)
                case FieldValue(name, value):
                    received.values[name] = value
                case FileStart("file", filename) if received.stored is None:
                    received.filename = plain_name(filename)
                    await self._receive_file(events, received, caller_id)
                case FileStart(name, _):
                    raise Invalid(f"Send one file, in the field 'file'; there is another in '{name[:60]}'.")

    async def _receive_file(self, events: AsyncIterator[FormEvent], received: _Received, caller_id: UUID) -> None:
        """Refuses before storing where the project is known already."""
        owner, room = caller_id, None
        if "project_id" in received.values:
            owner = _fields(received, complete=False).project_id
            room = await self._authorise(owner, caller_id)
            _require_room(room, received.least)
        key = f"{owner}/{received.dataset_id}/{new_id()}"
        received.stored = await self._store.put_stream(key, self._content(events, room))

    async def _content(self, events: AsyncIterator[FormEvent], room: Quota | None) -> AsyncIterator[bytes]:
        """The bytes of the file, checked as they pass; as soon as there is no room for them, no more are taken."""
        head, checked, size = bytearray(), False, 0
        async for event in events:
            if isinstance(event, FileEnd):
                break
            if not isinstance(event, FileBytes):
                continue
            size += len(event.data)
            if size > self._limit:
                raise PayloadTooLarge(f"The file is larger than {self._limit} bytes, the most accepted here.")
            _require_room(room, size)
            if checked:
                yield event.data
                continue
            head += event.data
            if len(head) >= HEAD_BYTES:
                require_text(bytes(head[:HEAD_BYTES]))
                checked = True
                yield bytes(head)
        if not checked:
            require_text(bytes(head))
            yield bytes(head)

    async def _authorise(self, project_id: UUID, caller_id: UUID) -> Quota:
        """A first look, before anything is stored; what decides is the commit."""
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, project_id, caller_id, minimum=ProjectRole.EDITOR, hold=False)
            return await read_bytes(session, self._settings, project_id)

    async def _commit(
        self, received: _Received, fields: UploadFields, caller_id: UUID, request_id: str | None
    ) -> tuple[Task, Dataset]:
        if fields.name is not None:
            return await self._insert(received, fields, fields.name, caller_id, request_id)
        for _ in range(NAME_TRIES):
            name = await self._free_name(fields.project_id, caller_id, received.filename)
            # Somebody may take the name in between.
            with suppress(Conflict):
                return await self._insert(received, fields, name, caller_id, request_id)
        raise Conflict("The project has too many datasets of this name. Send a name of your own.", code="name_taken")

    async def _free_name(self, project_id: UUID, caller_id: UUID, filename: str) -> str:
        stem = default_name(filename)
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, project_id, caller_id, minimum=ProjectRole.EDITOR, hold=False)
            return first_free(stem, await datasets.names_starting_with(session, project_id, stem))

    async def _insert(
        self, received: _Received, fields: UploadFields, name: str, caller_id: UUID, request_id: str | None
    ) -> tuple[Task, Dataset]:
        stored, dataset_id, project_id = _stored(received), received.dataset_id, fields.project_id
        async with self._database.transaction() as session:
            await require_project(session, project_id, caller_id, minimum=ProjectRole.EDITOR)
            await require_bytes(session, self._settings, project_id, stored.bytes)
            await datasets.insert(
                session, NewDataset(dataset_id, project_id, name, fields.description, fields.tags, caller_id)
            )
            order = VersionOrder(
                "ingest",
                project_id,
                dataset_id,
                caller_id,
                operation={"op": "upload", "filename": received.filename, "options": fields.ingest_options()},
                params={"filename": received.filename, "bytes": stored.bytes},
                request_id=request_id,
                file=RawUpload(received.filename, [stored.key], stored.bytes, stored.sha256),
            )
            task = await begin_version(session, self._ledger, order)
            dataset = await _shown(session, dataset_id, caller_id)
            content = upload_content(received.values, received.filename, stored.sha256)
            await keep_answer(session, dataset, content=content)
        return task, dataset

    async def _discard(self, received: _Received) -> None:
        if received.stored is not None:
            with suppress(ServiceUnavailable):
                await self._store.remove(received.stored.key)


def default_name(filename: str) -> str:
    """A dataset's name from a file's: `sales.2024.csv` gives `sales.2024`."""
    stem = PurePath(filename).stem if filename else ""
    printable = "".join(letter if letter.isprintable() else " " for letter in stem)
    return " ".join(printable.split())[: MAX_NAME - 6].strip() or "dataset"


def first_free(stem: str, taken: set[str]) -> str:
    """`stem`, or with the first number from 2 on that makes it differ from all `taken`, which are in lower case."""
    number, name = 1, stem
    while name.lower() in taken:
        number += 1
        name = f"{stem} {number}"
    return name


def _require_room(room: Quota | None, more: int) -> None:
    if room is not None and more > room.left:
        raise QuotaExceeded("bytes stored", room, more)


def _fields(received: _Received, *, complete: bool = True) -> UploadFields:
    if complete and received.stored is None:
        raise _missing("file")
    if "project_id" not in received.values:
        raise _missing("project_id")
    return UploadFields.parse(received.values)


def _repeated(name: str) -> Invalid:
    says = "Send it once."
    errors: list[FieldError] = [{"loc": ["body", name[:60]], "msg": says}]
    return Invalid(f"The form has the field '{name[:60]}' more than once.", code="repeated_field", errors=errors)


def _missing(name: str) -> Invalid:
    return Invalid(
        f"The form has no field '{name}'.", code="missing_field", errors=[{"loc": ["body", name], "msg": "Required."}]
    )


def _stored(received: _Received) -> StoredObject:
    assert received.stored is not None  # noqa: S101 - _fields() has seen to it
    return received.stored


async def _shown(session: Session, dataset_id: UUID, caller_id: UUID) -> Dataset:
    dataset = await datasets.visible(session, dataset_id, caller_id)
    if dataset is None:
        raise NotFound
    return dataset
