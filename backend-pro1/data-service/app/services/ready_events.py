"""Tells a project's webhooks that a dataset can be used."""

from uuid import UUID

from shared.database import Session
from shared.webhook_outbox import WebhookEvent, announce

from ..repositories import ready_datasets
from ..repositories.ready_datasets import Usable


async def version_in_use(session: Session, dataset_id: UUID) -> int | None:
    """The current version, to be compared after a change; the caller has locked the dataset."""
    found = await ready_datasets.usable(session, dataset_id)
    return None if found is None else found.version


async def announce_version(session: Session, dataset_id: UUID, version: int | None) -> None:
    """Tell of `version` if it is the current one: the quality gate may keep it from that."""
    found = await ready_datasets.usable(session, dataset_id)
    if found is not None and found.version == version:
        await _announce(session, dataset_id, found)


async def announce_change(session: Session, dataset_id: UUID, before: int | None) -> None:
    """Tell of the current version if it is another one than `before`."""
    found = await ready_datasets.usable(session, dataset_id)
    if found is not None and found.version != before:
        await _announce(session, dataset_id, found)


async def _announce(session: Session, dataset_id: UUID, found: Usable) -> None:
    data = {
        "project_id": found.project_id,
        "dataset_id": dataset_id,
        "name": found.name,
        "version": found.version,
        "rows": found.rows,
        "columns": found.columns,
        "task_id": found.task_id,
    }
    await announce(session, found.project_id, WebhookEvent.DATASET_READY, data)
