"""Uploads in parts: begun, looked at, called off. What arrives is an object a part (docs/adr/0017)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from shared.config import MEBIBYTE
from shared.database import Session
from shared.errors import Conflict, Invalid, NotFound, PayloadTooLarge, ServiceUnavailable
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.quotas import require_bytes
from shared.resources import Resources

from ..repositories import uploads
from ..repositories.uploads import MOST_PARTS, NewUpload, Part, Upload
from ..schemas.upload_sessions import UploadOrder
from .datasets import visible
from .upload_removals import remove_aborted
from .upload_states import COMPLETED, PRESIGNED, SESSION, UploadState, arrived, require_open

log = get_logger(__name__)

LEAST_PART_BYTES = MEBIBYTE
# No object that is stored by one PUT may be larger.
MOST_PART_BYTES = 5 * 1024 * MEBIBYTE
# Each part of a presigned upload is a URL in one answer.
MOST_URLS = 1000
MOST_OPEN = 1000
# What signatures allow.
MOST_URL_SECONDS = 7 * 24 * 3600


class UploadSessions:
    """Use cases of `/upload/sessions` and `/upload/presign`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._store = resources.object_store
        self._settings = resources.settings
        self._seconds = resources.settings.upload_session_hours * 3600

    async def open(self, caller_id: UUID, order: UploadOrder) -> UploadState:
        """Begin an upload whose parts come here; its bytes count as stored from now on.

        Raises:
            Invalid: `part_size_out_of_range`. PayloadTooLarge: the file.
            NotFound, Forbidden, ProjectArchived: the project, or the dataset.
            QuotaExceeded: the project has no room. Conflict: `too_many_uploads`.
        """
        project_id = await self._admit(caller_id, order)
        new = self._plan(caller_id, project_id, order, SESSION)
        async with self._database.transaction() as session:
            state = await self._insert(session, new)
            await keep_answer(session, state)
        return state

    async def presign(self, caller_id: UUID, order: UploadOrder) -> UploadState:
        """Begin an upload whose parts go to the object store directly, with a URL for each.

        Raises:
            As `open`.
        """
        project_id = await self._admit(caller_id, order)
        new = self._plan(caller_id, project_id, order, PRESIGNED)
        parts = _planned_parts(new)
        urls = await self._store.presigned_puts({part.key: part.bytes for part in parts}, int(new.seconds))
        async with self._database.transaction() as session:
            state = await self._insert(session, new)
            await uploads.insert_parts(session, new.id, parts)
            state = replace(state, urls={part.number: url for part, url in zip(parts, urls, strict=True)})
            await keep_answer(session, state)
        return state

    async def read(self, upload_id: UUID, caller_id: UUID) -> UploadState:
        """The upload and what of it has arrived.

        Raises:
            NotFound: absent, called off or not the caller's to see.
        """
        async with self._database.transaction(read_only=True) as session:
            upload = await shown(session, upload_id, caller_id)
            parts = await uploads.parts(session, upload_id)
        return UploadState(upload, await arrived(self._store, upload, parts))

    async def abort(self, upload_id: UUID, caller_id: UUID) -> None:
        """Call the upload off; its parts go, and its bytes count no more.

        Raises:
            NotFound, Forbidden, ProjectArchived: the upload. Conflict: `upload_completed`.
        """
        async with self._database.transaction() as session:
            upload = await held(session, upload_id, caller_id)
            if upload.status == COMPLETED:
                require_open(upload)
            await uploads.abort(session, upload_id)
        log.info("upload_aborted", upload_id=str(upload_id))
        # While the store is away they stay for the sweep of uploads that are over.
        with suppress(ServiceUnavailable):
            await remove_aborted(self._database, self._store, upload_id)

    async def _admit(self, caller_id: UUID, order: UploadOrder) -> UUID:
        """The project that the file will belong to; a first look, before anything is made."""
        if order.bytes > self._settings.max_upload_bytes:
            raise PayloadTooLarge(
                f"The file is larger than {self._settings.max_upload_bytes} bytes, the most accepted here."
            )
        async with self._database.transaction(read_only=True) as session:
            project_id = order.project_id
            if order.dataset_id is not None:
                project_id = (await visible(session, order.dataset_id, caller_id)).project_id
            if project_id is None:
                raise NotFound
            await require_project(session, project_id, caller_id, minimum=ProjectRole.EDITOR, hold=False)
        return project_id

    def _plan(self, caller_id: UUID, project_id: UUID, order: UploadOrder, kind: str) -> NewUpload:
        most = MOST_URLS if kind == PRESIGNED else MOST_PARTS
        size = order.part_size or _chosen_size(order.bytes, self._settings.upload_part_bytes)
        require_part_size(size, order.bytes, most)
        seconds = min(self._seconds, MOST_URL_SECONDS) if kind == PRESIGNED else self._seconds
        file = (order.filename, order.bytes, order.sha256, size)
        return NewUpload(new_id(), project_id, caller_id, kind, *file, order.fields(), seconds)

    async def _insert(self, session: Session, new: NewUpload) -> UploadState:
        await require_project(session, new.project_id, new.created_by, minimum=ProjectRole.EDITOR)
        await require_bytes(session, self._settings, new.project_id, new.bytes)
        if await uploads.count_open(session, new.project_id) >= MOST_OPEN:
            raise Conflict(
                f"The project has {MOST_OPEN} uploads under way. Complete some, or call them off.",
                code="too_many_uploads",
            )
        await uploads.insert(session, new)
        return UploadState(await shown(session, new.id, new.created_by), ())


async def shown(session: Session, upload_id: UUID, caller_id: UUID) -> Upload:
    """The upload as the caller sees it.

    Raises:
        NotFound: absent, called off or not the caller's to see.
    """
    upload = await uploads.visible(session, upload_id, caller_id)
    if upload is None:
        raise NotFound
    return upload


async def held(session: Session, upload_id: UUID, caller_id: UUID) -> Upload:
    """The upload, which nobody else changes until the transaction ends; the caller is an editor of its project.

    Raises:
        NotFound, Forbidden, ProjectArchived: the upload.
    """
    # The project first, as everywhere; and strangers lock nothing.
    seen = await shown(session, upload_id, caller_id)
    await require_project(session, seen.project_id, caller_id, minimum=ProjectRole.EDITOR)
    upload = await uploads.lock(session, upload_id)
    if upload is None:
        raise NotFound
    return upload


def require_part_size(size: int, whole: int, most: int) -> None:
    """Let a file of `whole` bytes come in at most `most` parts of `size` bytes.

    Raises:
        Invalid: `part_size_out_of_range`.
    """
    if not min(LEAST_PART_BYTES, whole) <= size <= MOST_PART_BYTES:
        raise _bad_size(f"A part has from {LEAST_PART_BYTES} to {MOST_PART_BYTES} bytes.")
    if -(-whole // size) > most:
        least = -(-whole // most)
        raise _bad_size(f"A file may come in {most} parts at most, which takes parts of {least} bytes or more here.")


def _bad_size(detail: str) -> Invalid:
    return Invalid(
        detail,
        code="part_size_out_of_range",
        errors=[{"loc": ["body", "part_size"], "msg": detail}],
    )


def _chosen_size(whole: int, usual: int) -> int:
    """The usual size, or as many whole MiB as it takes to come out with few enough parts for either kind."""
    least = -(-whole // MOST_URLS)
    return max(usual, -(-least // MEBIBYTE) * MEBIBYTE)


def _planned_parts(new: NewUpload) -> Sequence[Part]:
    prefix = f"{new.project_id}/uploads/{new.id}/"
    sizes = [new.part_size] * (new.bytes // new.part_size)
    if rest := new.bytes % new.part_size:
        sizes.append(rest)
    return [Part(number, f"{prefix}{new_id()}", size, None) for number, size in enumerate(sizes, start=1)]
