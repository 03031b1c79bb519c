"""Datasets and their versions: find, describe, look into."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.etags import etag_of, require_current
from shared.membership import ProjectRole, require_project
from shared.object_store import MissingObject
from shared.resources import Resources

from ..repositories import datasets, searches, versions
from ..repositories.datasets import Dataset, LockedDataset
from ..repositories.searches import Place, Search
from ..repositories.versions import Version
from ..schemas.datasets import DatasetChange
from .engine import Engine
from .local_files import local_path
from .version_states import require_readable


class Datasets:
    """Use cases of `/manage/datasets`."""

    def __init__(self, resources: Resources, engine: Engine) -> None:
        self.trash_days = resources.settings.trash_days
        self._database = resources.database
        self._cache = resources.cache
        self._engine = engine

    async def page(self, user_id: UUID, search: Search, *, after: Place | None, limit: int) -> Sequence[Dataset]:
        """Datasets of the user's projects, or their trash, after `after`.

        Raises:
            NotFound: the project that was asked for.
        """
        async with self._database.transaction(read_only=True) as session:
            if search.project_id is not None:
                await require_project(session, search.project_id, user_id)
            return await searches.page(session, user_id, search, after=after, limit=limit)

    async def read(self, dataset_id: UUID, user_id: UUID) -> Dataset:
        """The dataset.

        Raises:
            NotFound: absent or not the user's to see.
        """
        async with self._database.transaction(read_only=True) as session:
            return await visible(session, dataset_id, user_id)

    async def change(self, dataset_id: UUID, user_id: UUID, change: DatasetChange, if_match: str | None) -> Dataset:
        """Change name, description or tags.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
            PreconditionFailed: it has changed since the state that `if_match` names.
            Conflict: `name_taken`.
        """
        async with self._database.transaction() as session:
            await hold(session, dataset_id, user_id, if_match)
            await datasets.update(
                session, dataset_id, name=change.name, description=change.description, tags=change.tags
            )
            return await visible(session, dataset_id, user_id)

    async def version(self, dataset_id: UUID, user_id: UUID, number: int | None = None) -> Version:
        """A ready version, the current one unless `number` is given; to be looked at, so it may be blocked.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `version_expired`.
        """
        async with self._database.transaction(read_only=True) as session:
            return await readable(session, dataset_id, user_id, number)

    async def any_version(self, dataset_id: UUID, user_id: UUID, number: int) -> Version:
        """A version in whatever state.

        Raises:
            NotFound: the dataset or that version of it.
        """
        async with self._database.transaction(read_only=True) as session:
            version = await versions.visible(session, dataset_id, number, user_id)
        if version is None:
            raise NotFound
        return version

    async def versions(self, dataset_id: UUID, user_id: UUID, *, below: int | None, limit: int) -> Sequence[Version]:
        """Versions of the dataset, newest first.

        Raises:
            NotFound: the dataset.
        """
        async with self._database.transaction(read_only=True) as session:
            await visible(session, dataset_id, user_id)
            return await versions.page(session, dataset_id, user_id, below=below, limit=limit)

    async def profile(self, dataset_id: UUID, user_id: UUID, number: int | None = None) -> Mapping[str, Any]:
        """The profile of a ready version.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `version_expired`.
        """
        version = await self.version(dataset_id, user_id, number)
        async with self._database.transaction(read_only=True) as session:
            found = await versions.profile(session, dataset_id, version.version, user_id)
        if found is None:
            raise NotFound
        return found

    async def preview(
        self, dataset_id: UUID, user_id: UUID, limit: int, number: int | None = None
    ) -> Mapping[str, Any]:
        """The first rows of a ready version.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `version_expired`.
        """
        version = await self.version(dataset_id, user_id, number)
        return await self.compute(version, user_id, "preview:preview", {"limit": limit})

    async def compute(
        self,
        version: Version,
        user_id: UUID,
        function: str,
        job: Mapping[str, Any],
        *,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Run an engine function for this request, with the `path` of the version's Parquet file in its job.

        Raises:
            Conflict: `version_expired`, since it was looked up.
            APIException: what Engine.run raises.
        """

        async def prepare() -> dict[str, Any]:
            return {**job, "path": await self.local(version, user_id)}

        return await self._engine.run_over(function, prepare, timeout_seconds=timeout_seconds)

    async def local(self, version: Version, user_id: UUID) -> str:
        """The path of a local copy of a ready version.

        Raises:
            Conflict: `version_expired`, since it was looked up.
            ServiceUnavailable: the store, or the local disk, failed.
        """
        try:
            return await local_path(self._cache, version)
        except MissingObject:
            await self.version(version.dataset_id, user_id, version.version)
            raise


def etag(dataset: Dataset | LockedDataset) -> str:
    """The entity tag of a dataset's state."""
    return etag_of(f"{dataset.id} {dataset.updated_at.isoformat()}".encode())


async def visible(session: Session, dataset_id: UUID, user_id: UUID) -> Dataset:
    """The dataset.

    Raises:
        NotFound: absent, in the trash or not the user's to see.
    """
    dataset = await datasets.visible(session, dataset_id, user_id)
    if dataset is None:
        raise NotFound
    return dataset


async def readable(session: Session, dataset_id: UUID, user_id: UUID, number: int | None = None) -> Version:
    """As `Datasets.version`, in the caller's transaction."""
    dataset = await visible(session, dataset_id, user_id)
    number = _current(dataset) if number is None else number
    version = await versions.visible(session, dataset_id, number, user_id)
    if version is None:
        raise NotFound
    if version.status != "ready" and not dataset.is_ready:
        raise _not_ready(dataset)
    require_readable(dataset.name, number, version.status)
    return version


async def hold(session: Session, dataset_id: UUID, user_id: UUID, if_match: str | None = None) -> Dataset:
    """Keep others from changing the dataset until the transaction ends; the user is an editor of its project.

    Raises:
        NotFound, Forbidden, ProjectArchived: the dataset.
        PreconditionFailed: it has changed since the state that `if_match` names.
    """
    # The project before the dataset, as an ingest that commits has it; and strangers lock nothing.
    found = await visible(session, dataset_id, user_id)
    await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
    locked = await datasets.lock(session, dataset_id)
    if locked is None:
        raise NotFound
    require_current(if_match, etag(locked), "dataset")
    return await visible(session, dataset_id, user_id)


def _current(dataset: Dataset) -> int:
    if dataset.current_version is None:
        raise _not_ready(dataset)
    return dataset.current_version


def _not_ready(dataset: Dataset) -> Conflict:
    if dataset.status == "failed":
        reason = dataset.error_detail or "Upload it again."
        return Conflict(f"The dataset '{dataset.name}' could not be read. {reason}", code="dataset_not_ready")
    return Conflict(
        f"The dataset '{dataset.name}' is still being read. Follow its task, or ask again shortly.",
        code="dataset_not_ready",
        headers={"Retry-After": "1"},
    )
