"""A dataset from a URL: accepted here, fetched by its task."""

from functools import partial
from urllib.parse import unquote
from uuid import UUID

from shared.addresses import parse_networks
from shared.errors import Forbidden
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.quotas import require_bytes
from shared.resources import Resources
from shared.tasks import Task
from shared.url_guard import parse_url, require_outside

from ..repositories.datasets import Dataset
from ..schemas.upload_sessions import UrlOrder
from .datasets import visible
from .new_datasets import DatasetOrder, begin_dataset, under_free_name
from .new_versions import RawUpload
from .submissions import Submission, outcome
from .upload_contents import plain_name

log = get_logger(__name__)

# By this name a version's operation tells its task to fetch the file.
FROM_URL = "url"


class UrlImports:
    """Use case of `/upload/url`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._settings = resources.settings

    async def submit(self, caller_id: UUID, order: UrlOrder, request_id: str | None, wait: float = 0) -> Submission:
        """Submit the task that fetches and reads the file; the dataset comes as it stands after `wait` seconds at most.

        Raises:
            Forbidden: `url_import_disabled`. Invalid: `url_refused`.
            NotFound, Forbidden, ProjectArchived: the project.
            Conflict: `name_taken`, for a name that was asked for. TooManyTasks: the project.
        """
        if not self._settings.url_import_enabled:
            raise disabled()
        made = self._order(caller_id, order, request_id)
        task, dataset = await under_free_name(
            self._database,
            order.project_id,
            caller_id,
            wanted=order.name,
            filename=made.file.filename,
            make=partial(self._insert, made),
        )
        await self._ledger.ring(task)
        log.info("url_import_submitted", dataset_id=str(dataset.id))
        return await outcome(self._database, self._ledger, dataset, caller_id, wait)

    def _order(self, caller_id: UUID, order: UrlOrder, request_id: str | None) -> DatasetOrder:
        url = parse_url(order.url)
        require_outside(url, parse_networks(self._settings.url_import_networks))
        filename = plain_name(unquote(url.raw_path)) or (url.host or "")
        return DatasetOrder(
            new_id(),
            order.project_id,
            caller_id,
            order.description,
            order.tags,
            operation={"op": FROM_URL, "url": str(url), "filename": filename, "options": order.ingest_options()},
            params={"filename": filename, "url": str(url.with_query(None))},
            request_id=request_id,
            file=RawUpload(filename, (), 0, None),
        )

    async def _insert(self, order: DatasetOrder, name: str) -> tuple[Task, Dataset]:
        async with self._database.transaction() as session:
            await require_project(session, order.project_id, order.created_by, minimum=ProjectRole.EDITOR)
            await require_bytes(session, self._settings, order.project_id, 1)
            task = await begin_dataset(session, self._ledger, order, name)
            dataset = await visible(session, order.dataset_id, order.created_by)
            await keep_answer(session, Submission(dataset))
        return task, dataset


def disabled() -> Forbidden:
    """The error while URLs are not fetched at this instance."""
    return Forbidden(
        "This instance does not fetch files from URLs. Upload the file, or ask the operator to set URL_IMPORT_ENABLED.",
        code="url_import_disabled",
    )
