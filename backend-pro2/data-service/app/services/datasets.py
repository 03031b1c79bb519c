"""Datasets and their versions: find, describe, change, remove."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.etags import etag_of, require_current
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.resources import Resources

from ..repositories import datasets, versions
from ..repositories.datasets import Dataset, LockedDataset
from ..repositories.versions import Version
from ..schemas.datasets import DatasetChange
from .engine import Engine

log = get_logger(__name__)


class Datasets:
    """Use cases of `/manage/datasets`."""

    def __init__(self, resources: Resources, engine: Engine) -> None:
        self._database = resources.database
        self._store = resources.object_store
        self._cache = resources.cache
        self._ledger = resources.ledger
        self._engine = engine

    async def page(
        self,
        user_id: UUID,
        *,
        project_id: UUID | None,
        text: str | None,
        tag: str | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[Dataset]:
        """Datasets of the user's projects, newest first, older than `before`.

        Raises:
            NotFound: the project that was asked for.
        """
        async with self._database.transaction(read_only=True) as session:
            if project_id is not None:
                await require_project(session, project_id, user_id)
            return await datasets.page(
                session, user_id, project_id=project_id, text=text, tag=tag, before=before, limit=limit
            )

    async def read(self, dataset_id: UUID, user_id: UUID) -> Dataset:
        """The dataset.

        Raises:
            NotFound: absent or not the user's to see.
        """
        async with self._database.transaction(read_only=True) as session:
            return await _visible(session, dataset_id, user_id)

    async def change(self, dataset_id: UUID, user_id: UUID, change: DatasetChange, if_match: str | None) -> Dataset:
        """Change name, description or tags.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
            PreconditionFailed: it has changed since the state that `if_match` names.
            Conflict: `name_taken`.
        """
        async with self._database.transaction() as session:
            await self._lock(session, dataset_id, user_id, if_match)
            await datasets.update(
                session, dataset_id, name=change.name, description=change.description, tags=change.tags
            )
            return await _visible(session, dataset_id, user_id)

    async def remove(self, dataset_id: UUID, user_id: UUID, if_match: str | None) -> None:
        """Remove the dataset, its versions and their files; a running ingest is called off.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
            PreconditionFailed: it has changed since the state that `if_match` names.
        """
        async with self._database.transaction() as session:
            await self._lock(session, dataset_id, user_id, if_match)
            dataset = await _visible(session, dataset_id, user_id)
            keys = await versions.keys(session, dataset_id)
            await datasets.delete(session, dataset_id)
        log.info("dataset_removed", dataset_id=str(dataset_id))
        if dataset.task_id is not None:
            with suppress(NotFound, Conflict, ServiceUnavailable):
                await self._ledger.cancel(dataset.task_id, user_id)
        # What remains while the store is away is an orphan, and the sweep finds it.
        with suppress(ServiceUnavailable):
            await self._store.remove(*keys)

    async def version(self, dataset_id: UUID, user_id: UUID, number: int | None = None) -> Version:
        """A ready version, the current one unless `number` is given.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`.
        """
        async with self._database.transaction(read_only=True) as session:
            dataset = await _visible(session, dataset_id, user_id)
            if number is None:
                number = _current(dataset)
            version = await versions.visible(session, dataset_id, number, user_id)
        if version is None:
            raise NotFound
        if version.status != "ready":
            raise _not_ready(dataset)
        return version

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
            await _visible(session, dataset_id, user_id)
            return await versions.page(session, dataset_id, user_id, below=below, limit=limit)

    async def profile(self, dataset_id: UUID, user_id: UUID, number: int | None = None) -> Mapping[str, Any]:
        """The profile of a ready version.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`.
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
            Conflict: `dataset_not_ready`.
        """
        version = await self.version(dataset_id, user_id, number)
        path = await self._cache.fetch(str(version.parquet_key), str(version.parquet_sha256))
        return await self._engine.run("preview:preview", {"path": str(path), "limit": limit})

    async def _lock(self, session: Session, dataset_id: UUID, user_id: UUID, if_match: str | None) -> None:
        # The project before the dataset, as an ingest that commits has it; and strangers lock nothing.
        dataset = await _visible(session, dataset_id, user_id)
        await require_project(session, dataset.project_id, user_id, minimum=ProjectRole.EDITOR)
        locked = await datasets.lock(session, dataset_id)
        if locked is None:
            raise NotFound
        require_current(if_match, etag(locked), "dataset")


def etag(dataset: Dataset | LockedDataset) -> str:
    """The entity tag of a dataset's state."""
    return etag_of(f"{dataset.id} {dataset.updated_at.isoformat()}".encode())


async def _visible(session: Session, dataset_id: UUID, user_id: UUID) -> Dataset:
    dataset = await datasets.visible(session, dataset_id, user_id)
    if dataset is None:
        raise NotFound
    return dataset


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
