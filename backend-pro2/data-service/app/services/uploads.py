"""Receive a file: into the object store while it arrives, into the database once it is complete and verified."""

from functools import partial
from uuid import UUID

from shared.idempotency import keep_answer
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.quotas import read_bytes, require_bytes
from shared.resources import Resources
from shared.tasks import Task

from ..repositories.datasets import Dataset
from ..schemas.uploads import UploadFields
from .datasets import visible
from .incoming import Form, Incoming, Place, Received, require_fields
from .new_datasets import DatasetOrder, begin_dataset, under_free_name
from .submissions import Submission, outcome
from .upload_contents import upload_content

log = get_logger(__name__)


class Uploads:
    """Use case of `/upload/file`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._settings = resources.settings
        self._incoming = Incoming(resources.object_store, resources.settings.max_upload_bytes)

    async def receive(self, caller_id: UUID, form: Form, request_id: str | None, wait: float = 0) -> Submission:
        """Store the form's file and submit its ingest.

        The dataset comes as it stands after `wait` seconds at most.

        Raises:
            Invalid: `empty_file`, `missing_field`, or a field that cannot be accepted.
            PayloadTooLarge, UnsupportedMediaType, BadRequest: the file or the form is not taken.
            NotFound, Forbidden, ProjectArchived: the project.
            QuotaExceeded, TooManyTasks: it has no room for the file, or for its task.
            Conflict: `name_taken`, for a name that was asked for.
        """
        commit = partial(self._commit, caller_id, request_id)
        task, dataset = await self._incoming.receive(form, partial(self._admit, caller_id), commit)
        await self._ledger.ring(task)
        log.info("dataset_uploaded", dataset_id=str(dataset.id), bytes=dataset.raw_bytes)
        return await outcome(self._database, self._ledger, dataset, caller_id, wait)

    async def _admit(self, caller_id: UUID, received: Received) -> Place:
        """A first look, where the project is known before anything is stored; what decides is the commit."""
        if "project_id" not in received.values:
            return Place(caller_id, None)
        project_id = UploadFields.parse(received.values).project_id
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, project_id, caller_id, minimum=ProjectRole.EDITOR, hold=False)
            return Place(project_id, await read_bytes(session, self._settings, project_id))

    async def _commit(self, caller_id: UUID, request_id: str | None, received: Received) -> tuple[Task, Dataset]:
        file = received.file
        require_fields(received.values, "project_id")
        fields = UploadFields.parse(received.values)
        order = DatasetOrder(
            received.dataset_id,
            fields.project_id,
            caller_id,
            fields.description,
            fields.tags,
            operation={"op": "upload", "filename": file.filename, "options": fields.ingest_options()},
            params={"filename": file.filename, "bytes": file.bytes},
            request_id=request_id,
            file=file,
        )
        return await under_free_name(
            self._database,
            fields.project_id,
            caller_id,
            wanted=fields.name,
            filename=file.filename,
            make=partial(self._insert, received, order),
        )

    async def _insert(self, received: Received, order: DatasetOrder, name: str) -> tuple[Task, Dataset]:
        content = upload_content(received.values, order.file.filename, order.file.sha256 or "")
        async with self._database.transaction() as session:
            await require_project(session, order.project_id, order.created_by, minimum=ProjectRole.EDITOR)
            await require_bytes(session, self._settings, order.project_id, order.file.bytes)
            task = await begin_dataset(session, self._ledger, order, name)
            dataset = await visible(session, order.dataset_id, order.created_by)
            await keep_answer(session, Submission(dataset), content=content)
            received.is_committing = True
        return task, dataset
