"""How long versions of a dataset are kept, and their expiry."""

from contextlib import suppress
from uuid import UUID

from shared.errors import NotFound, ServiceUnavailable
from shared.logging import get_logger
from shared.resources import Resources

from ..repositories import datasets, retention, stored
from ..repositories.retention import Retention
from .datasets import hold
from .freed import Freed, remove_keys, trial

log = get_logger(__name__)

EXPIRE_SECONDS = 3600.0
PAGE = 500


class Retentions:
    """Use cases of `/manage/datasets/{id}/retention`."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def read(self, dataset_id: UUID, user_id: UUID) -> Retention:
        """The setting.

        Raises:
            NotFound: the dataset.
        """
        async with self._resources.database.transaction(read_only=True) as session:
            found = await retention.read(session, dataset_id, user_id)
        if found is None:
            raise NotFound
        return found

    async def put(self, dataset_id: UUID, user_id: UUID, setting: Retention, if_match: str | None) -> Retention:
        """Replace the setting; versions that it does not keep expire at once.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
            PreconditionFailed: it has changed since the state that `if_match` names.
        """
        async with self._resources.database.transaction() as session:
            await hold(session, dataset_id, user_id, if_match)
            await retention.put(session, dataset_id, setting)
        await expire_now(self._resources, dataset_id)
        return setting


async def expire_dataset(resources: Resources, dataset_id: UUID, *, dry_run: bool = False) -> Freed:
    """Expire the dataset's versions whose time is over; their objects go once the rows say so.

    Raises:
        ServiceUnavailable: the object store is away; what it still holds is found by the sweep.
    """
    sizes: dict[str, int] = {}
    async with trial(resources.database, dry_run=dry_run) as session:
        if await datasets.lock(session, dataset_id) is None:
            return Freed()
        due = await retention.due(session, dataset_id, PAGE)
        await retention.expire(session, dataset_id, [version.version for version in due])
        sizes = await stored.unreferenced(session, due)
    if not dry_run:
        await remove_keys(resources.database, resources.object_store, sizes)
    return Freed.of(len(due), sizes)


async def expire_now(resources: Resources, dataset_id: UUID) -> None:
    """The same after something that has succeeded and stays so; what cannot be done now, the chore does."""
    with suppress(ServiceUnavailable):
        await expire_dataset(resources, dataset_id)


async def expire_old(resources: Resources, *, project_id: UUID | None = None, dry_run: bool = False) -> Freed:
    """The same for every dataset that has a retention, of one project or of all."""
    freed, after = Freed(), None
    while True:
        async with resources.database.transaction(read_only=True) as session:
            page = await retention.datasets(session, project_id, after, PAGE)
        for dataset_id in page:
            freed += await expire_dataset(resources, dataset_id, dry_run=dry_run)
        if len(page) < PAGE:
            return freed
        after = page[-1]


async def expire_versions(resources: Resources) -> None:
    """The chore; harmless when repeated or when several workers do it at once."""
    freed = await expire_old(resources)
    log.info("versions_expired", versions=freed.items, objects=freed.objects)
