"""A file becomes the next version of a dataset: instead of what is there, below it, or merged into it by a key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict
from shared.etags import require_current
from shared.idempotency import keep_answer
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.quotas import read_bytes, require_bytes
from shared.resources import Resources
from shared.tasks import Task

from ..repositories import versions
from ..repositories.datasets import Dataset
from ..repositories.versions import Parent
from ..schemas.uploads import VersionFields
from .datasets import etag, hold, visible
from .engine import Engine
from .fits import require_fit
from .incoming import Form, Incoming, Place, Received
from .new_versions import RawUpload, VersionOrder, begin_version
from .submissions import Submission, outcome
from .upload_contents import upload_content

log = get_logger(__name__)

REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class VersionWish:
    """What is to become of a file: the next version of a dataset, by a mode and, for an upsert, its key columns."""

    dataset_id: UUID
    mode: str
    key: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def operation(self, filename: str) -> dict[str, Any]:
        """As the version keeps it."""
        operation = {"op": self.mode, "filename": filename, "options": dict(self.options)}
        return {**operation, "key": list(self.key)} if self.key else operation


@dataclass(frozen=True, slots=True)
class _Call:
    """Who asks, for which dataset, in which state of it."""

    caller_id: UUID
    dataset_id: UUID
    request_id: str | None
    if_match: str | None


class VersionUploads:
    """Use case of `POST /manage/datasets/{id}/versions`, and what other uploads that end so have in common with it."""

    def __init__(self, resources: Resources, engine: Engine) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._settings = resources.settings
        self._store = resources.object_store
        self._engine = engine
        self._incoming = Incoming(resources.object_store, resources.settings.max_upload_bytes)

    async def receive(
        self,
        caller_id: UUID,
        dataset_id: UUID,
        form: Form,
        request_id: str | None,
        if_match: str | None = None,
        wait: float = 0,
    ) -> Submission:
        """Store the form's file and submit the task that makes the version of it.

        The dataset comes as it stands after `wait` seconds at most.

        Raises:
            Invalid: `empty_file`, `missing_field`, a field that cannot be accepted; `schema_mismatch`.
            PayloadTooLarge, UnsupportedMediaType, BadRequest: the file or the form is not taken.
            NotFound, Forbidden, ProjectArchived: the dataset.
            PreconditionFailed: it has changed since the state that `if_match` names.
            Conflict: `version_in_progress`; `dataset_not_ready`, there is nothing to add to.
            QuotaExceeded, TooManyTasks: its project has no room for the file, or for the task.
        """
        call = _Call(caller_id, dataset_id, request_id, if_match)
        admit, commit = partial(self._admit, call), partial(self._commit, call)
        task, dataset = await self._incoming.receive(form, admit, commit)
        await self._ledger.ring(task)
        log.info("version_uploaded", dataset_id=str(dataset_id), version=task.version)
        return await outcome(self._database, self._ledger, dataset, caller_id, wait)

    async def require_fit(self, wish: VersionWish, file: RawUpload, caller_id: UUID) -> None:
        """Let a stored file pass whose columns can be put to those that the dataset has.

        Raises:
            Invalid: `schema_mismatch`, or the file cannot be read. Conflict: `dataset_not_ready`.
        """
        if wish.mode == REPLACE:
            return
        async with self._database.transaction(read_only=True) as session:
            dataset = await visible(session, wish.dataset_id, caller_id)
            base = await versions.visible(session, dataset.id, current_version(dataset), caller_id)
        schema = (base.schema if base else None) or []
        await require_fit(
            self._engine, self._store, self._settings, file, dict(wish.options), schema, wish.mode, list(wish.key)
        )

    async def begin(
        self,
        session: Session,
        wish: VersionWish,
        file: RawUpload,
        caller_id: UUID,
        *,
        request_id: str | None,
        if_match: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Task:
        """Begin the version; the caller's transaction holds the project and its quota of bytes.

        Args:
            more: members of the version's operation beside those of the wish.
        """
        dataset = await hold(session, wish.dataset_id, caller_id, if_match)
        parents = [] if wish.mode == REPLACE else [Parent(dataset.id, current_version(dataset))]
        order = VersionOrder(
            "ingest",
            dataset.project_id,
            dataset.id,
            caller_id,
            operation={**wish.operation(file.filename), **(more or {})},
            params={"filename": file.filename, "bytes": file.bytes, "mode": wish.mode},
            request_id=request_id,
            parents=parents,
            file=file,
        )
        return await begin_version(session, self._ledger, order)

    async def _admit(self, call: _Call, _: Received) -> Place:
        async with self._database.transaction(read_only=True) as session:
            dataset = await visible(session, call.dataset_id, call.caller_id)
            await require_project(session, dataset.project_id, call.caller_id, minimum=ProjectRole.EDITOR, hold=False)
            require_current(call.if_match, etag(dataset), "dataset")
            return Place(dataset.project_id, await read_bytes(session, self._settings, dataset.project_id))

    async def _commit(self, call: _Call, received: Received) -> tuple[Task, Dataset]:
        file, fields = received.file, VersionFields.parse(received.values)
        wish = VersionWish(call.dataset_id, fields.mode, fields.key, fields.ingest_options())
        await self.require_fit(wish, file, call.caller_id)
        async with self._database.transaction() as session:
            project_id = (await visible(session, call.dataset_id, call.caller_id)).project_id
            await require_project(session, project_id, call.caller_id, minimum=ProjectRole.EDITOR)
            # The project before the dataset, as whoever commits a version has it.
            await require_bytes(session, self._settings, project_id, file.bytes)
            task = await self.begin(
                session, wish, file, call.caller_id, request_id=call.request_id, if_match=call.if_match
            )
            dataset = await visible(session, call.dataset_id, call.caller_id)
            content = upload_content(received.values, file.filename, file.sha256 or "")
            await keep_answer(session, Submission(dataset), content=content)
            received.is_committing = True
        return task, dataset


def current_version(dataset: Dataset) -> int:
    """The number of the version that is added to.

    Raises:
        Conflict: `dataset_not_ready`.
    """
    if dataset.current_version is None:
        raise Conflict(
            f"The dataset '{dataset.name}' has no content yet that could be added to. Follow its task, or use the mode "
            "'replace' if that has failed.",
            code="dataset_not_ready",
        )
    return dataset.current_version
