"""The trash: where deleted datasets lie for a while, to be restored or purged."""

from contextlib import suppress
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.etags import require_current
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.resources import Resources

from ..repositories import stored, trash
from ..repositories.datasets import Dataset
from .datasets import etag, visible
from .freed import Freed, remove_keys, trial
from .ready_events import announce_version

log = get_logger(__name__)

PURGE_SECONDS = 3600.0
PAGE = 200


class Trash:
    """Use cases around deletion."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._store = resources.object_store
        self._ledger = resources.ledger

    async def remove(self, dataset_id: UUID, user_id: UUID, if_match: str | None, *, purge: bool) -> None:
        """Move the dataset to the trash, or `purge` it from wherever it is, with its versions and their files.

        A running task of it is called off.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
            PreconditionFailed: it has changed since the state that `if_match` names.
        """
        async with self._database.transaction() as session:
            dataset = await self._hold(session, dataset_id, user_id, if_match)
            if dataset.deleted_at is not None and not purge:
                raise NotFound
            sizes = await _purge(session, dataset_id) if purge else {}
            if not purge:
                await trash.discard(session, dataset_id)
        log.info("dataset_removed", dataset_id=str(dataset_id), purged=purge)
        if dataset.task_id is not None:
            with suppress(NotFound, Conflict, ServiceUnavailable):
                await self._ledger.cancel(dataset.task_id, user_id)
        # What remains while the store is away is an orphan, and the sweep finds it.
        with suppress(ServiceUnavailable):
            await remove_keys(self._database, self._store, sizes)

    async def restore(self, dataset_id: UUID, user_id: UUID) -> Dataset:
        """Take the dataset out of the trash; one that is not there stays as it is.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset, which may have been purged.
            Conflict: `name_taken`, another one has its name by now.
        """
        async with self._database.transaction() as session:
            dataset = await self._hold(session, dataset_id, user_id)
            if dataset.deleted_at is not None:
                await trash.restore(session, dataset)
                await announce_version(session, dataset_id, dataset.current_version)
            return await visible(session, dataset_id, user_id)

    async def _hold(self, session: Session, dataset_id: UUID, user_id: UUID, if_match: str | None = None) -> Dataset:
        """As `datasets.hold`, in the trash or not."""
        found = await _any(session, dataset_id, user_id)
        await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
        locked = await trash.lock(session, dataset_id)
        if locked is None:
            raise NotFound
        require_current(if_match, etag(locked), "dataset")
        return await _any(session, dataset_id, user_id)


async def purge_old(
    resources: Resources, days: float, *, project_id: UUID | None = None, dry_run: bool = False
) -> Freed:
    """Purge what has been in the trash for `days`, of one project or of all; each dataset by itself.

    Raises:
        ServiceUnavailable: the object store is away; what it still holds is found by the sweep.
    """
    freed, after = Freed(), None
    while True:
        async with resources.database.transaction(read_only=True) as session:
            page = await trash.old(session, days, project_id, after, PAGE)
        for discarded in page:
            freed += await _purge_one(resources, discarded.id, days, dry_run=dry_run)
        if len(page) < PAGE:
            return freed
        after = page[-1].id


async def purge_trash(resources: Resources) -> None:
    """The chore; harmless when repeated or when several workers do it at once."""
    freed = await purge_old(resources, resources.settings.trash_days)
    log.info("trash_purged", datasets=freed.items, objects=freed.objects)


async def _purge_one(resources: Resources, dataset_id: UUID, days: float, *, dry_run: bool) -> Freed:
    sizes: dict[str, int] = {}
    async with trial(resources.database, dry_run=dry_run) as session:
        # Restored or purged by somebody else meanwhile.
        if not await trash.lock_old(session, dataset_id, days):
            return Freed()
        sizes = await _purge(session, dataset_id)
    if not dry_run:
        await remove_keys(resources.database, resources.object_store, sizes)
    return Freed.of(1, sizes)


async def _purge(session: Session, dataset_id: UUID) -> dict[str, int]:
    """Remove the rows of a dataset that the caller has locked; the objects that nothing refers to then."""
    rows = await stored.of_dataset(session, dataset_id)
    await trash.delete(session, dataset_id)
    return await stored.unreferenced(session, rows)


async def _any(session: Session, dataset_id: UUID, user_id: UUID) -> Dataset:
    dataset = await trash.visible(session, dataset_id, user_id)
    if dataset is None:
        raise NotFound
    return dataset
