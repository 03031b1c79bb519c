"""The end of an upload in parts: its objects become the file of a dataset or a version, without being copied."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import NotFound
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.metrics import uploads as metrics
from shared.quotas import require_bytes
from shared.resources import Resources
from shared.tasks import Task

from ..repositories import uploads
from ..repositories.datasets import Dataset
from ..repositories.uploads import Part, Upload
from .datasets import visible
from .new_datasets import DatasetOrder, begin_dataset, under_free_name
from .new_versions import RawUpload
from .submissions import Submission, outcome
from .upload_sessions import held, shown
from .upload_states import COMPLETED, UploadState, arrived, require_all, require_open
from .version_uploads import VersionUploads, VersionWish

log = get_logger(__name__)

# Where the ingest finds what the whole file must hash to.
EXPECTED_SHA256 = "expected_sha256"


@dataclass(frozen=True, slots=True)
class _Call:
    """Who completes which upload."""

    upload_id: UUID
    caller_id: UUID
    request_id: str | None


class UploadCompletions:
    """Use case of `POST /upload/sessions/{id}/complete`."""

    def __init__(self, resources: Resources, versions: VersionUploads) -> None:
        self._database = resources.database
        self._store = resources.object_store
        self._ledger = resources.ledger
        self._settings = resources.settings
        self._versions = versions
        self._seconds = resources.settings.upload_session_hours * 3600

    async def complete(self, upload_id: UUID, caller_id: UUID, request_id: str | None, wait: float = 0) -> Submission:
        """Make the dataset or the version, once however often it is asked; it comes as it stands after `wait` seconds.

        Raises:
            NotFound, Forbidden, ProjectArchived: the upload, or what it was to become.
            Conflict: `upload_incomplete`, `upload_expired`, `name_taken`, `version_in_progress`, `dataset_not_ready`.
            Invalid: `schema_mismatch`. TooManyTasks: the project.
        """
        call = _Call(upload_id, caller_id, request_id)
        upload = await self._look(call)
        task, dataset = await self._commit(call, upload)
        if task is not None:
            metrics.accepted(upload.bytes)
            await self._ledger.ring(task)
            log.info("upload_completed", upload_id=str(upload_id), dataset_id=str(dataset.id), bytes=upload.bytes)
        elif wait <= 0 and dataset.task_id is not None:
            # Asked once more; its task may have ended since.
            return Submission(dataset, (await self._ledger.read(dataset.task_id, caller_id)).is_finished)
        return await outcome(self._database, self._ledger, dataset, caller_id, wait)

    async def _look(self, call: _Call) -> Upload:
        """What has to be asked outside the transaction that decides: whether all is there, and fits."""
        async with self._database.transaction(read_only=True) as session:
            upload = await shown(session, call.upload_id, call.caller_id)
            await require_project(session, upload.project_id, call.caller_id, minimum=ProjectRole.EDITOR, hold=False)
            parts = await uploads.parts(session, upload.id)
        if upload.status != COMPLETED:
            require_open(upload)
            require_all(UploadState(upload, await arrived(self._store, upload, parts)))
            if wish := _wish(upload):
                await self._versions.require_fit(wish, _file(upload, parts), call.caller_id)
        return upload

    async def _commit(self, call: _Call, upload: Upload) -> tuple[Task | None, Dataset]:
        if _wish(upload):
            return await self._insert(call, "")
        return await under_free_name(
            self._database,
            upload.project_id,
            call.caller_id,
            wanted=upload.fields["name"],
            filename=upload.filename,
            make=partial(self._insert, call),
        )

    async def _insert(self, call: _Call, name: str) -> tuple[Task | None, Dataset]:
        """The task and its dataset; without a task where somebody was faster."""
        async with self._database.transaction() as session:
            project_id = (await shown(session, call.upload_id, call.caller_id)).project_id
            await require_project(session, project_id, call.caller_id, minimum=ProjectRole.EDITOR)
            # Its bytes are counted already. The project is held before the upload, as whoever begins one has it.
            await require_bytes(session, self._settings, project_id, 0)
            upload = await held(session, call.upload_id, call.caller_id)
            if upload.status == COMPLETED and upload.dataset_id is not None:
                return None, await visible(session, upload.dataset_id, call.caller_id)
            require_open(upload)
            parts = await uploads.parts(session, upload.id)
            require_all(UploadState(upload, parts))
            task = await self._begin(session, call, upload, _file(upload, parts), name)
            if task.dataset_id is None:
                raise NotFound
            await uploads.complete(session, upload.id, task.dataset_id, self._seconds)
            dataset = await visible(session, task.dataset_id, call.caller_id)
            await keep_answer(session, Submission(dataset))
        return task, dataset

    async def _begin(self, session: Session, call: _Call, upload: Upload, file: RawUpload, name: str) -> Task:
        more = {EXPECTED_SHA256: upload.sha256} if upload.sha256 else {}
        if wish := _wish(upload):
            return await self._versions.begin(
                session, wish, file, call.caller_id, request_id=call.request_id, more=more
            )
        order = DatasetOrder(
            new_id(),
            upload.project_id,
            call.caller_id,
            upload.fields["description"],
            upload.fields["tags"],
            operation={"op": "upload", "filename": upload.filename, "options": upload.fields["options"], **more},
            params={"filename": upload.filename, "bytes": upload.bytes},
            request_id=call.request_id,
            file=file,
        )
        return await begin_dataset(session, self._ledger, order, name)


def _wish(upload: Upload) -> VersionWish | None:
    fields: dict[str, Any] = upload.fields
    if "dataset_id" not in fields:
        return None
    return VersionWish(UUID(fields["dataset_id"]), fields["mode"], fields["key"], fields["options"])


def _file(upload: Upload, parts: list[Part]) -> RawUpload:
    return RawUpload(upload.filename, [part.key for part in parts], upload.bytes, None)
