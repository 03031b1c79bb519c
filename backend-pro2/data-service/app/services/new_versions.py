"""The next version of a dataset begins: numbered, alone, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.errors import Conflict
from shared.tasks import NewTask, Queue, Task, TaskLedger

from ..repositories import datasets, versions
from ..repositories.versions import NewVersion, Parent


@dataclass(frozen=True, slots=True)
class RawUpload:
    """A file that has been stored; `sha256` is None until one that came in parts has been read."""

    filename: str
    keys: Sequence[str]
    bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class VersionOrder:
    """The task that fills the next version of a dataset, and what that is made of."""

    kind: str
    project_id: UUID
    dataset_id: UUID
    created_by: UUID
    operation: Mapping[str, Any]
    params: Mapping[str, Any]
    request_id: str | None = None
    schedule_id: UUID | None = None
    parents: Sequence[Parent] = ()
    file: RawUpload | None = None


async def begin_version(session: Session, ledger: TaskLedger, order: VersionOrder) -> Task:
    """Submit the task and add its version; the caller has locked the dataset, or made it in this transaction.

    Ring the task after the commit.

    Raises:
        Conflict: `version_in_progress`, another version of the dataset is not finished yet; the transaction is over.
        TooManyTasks: the project's quota of unfinished tasks is used up.
    """
    number = await versions.next_number(session, order.dataset_id)
    if number > 1:
        await versions.give_up(session, order.dataset_id)
    task = await ledger.submit(session, _task(order, number))
    file = order.file or RawUpload("", (), 0, None)
    version = NewVersion(
        order.dataset_id,
        number,
        dict(order.operation),
        order.created_by,
        task.id,
        filename=order.file.filename if order.file else None,
        raw_keys=file.keys,
        raw_bytes=file.bytes,
        raw_sha256=file.sha256,
    )
    try:
        await versions.insert(session, version)
    except UniqueViolation as error:
        raise in_progress() from error
    await versions.add_parents(session, order.dataset_id, number, order.parents)
    await datasets.mark_started(session, order.dataset_id, task.id)
    return task


def in_progress() -> Conflict:
    """The error for a second new version while one is being made."""
    return Conflict(
        "A new version of this dataset is being made already; follow its task, then try again.",
        code="version_in_progress",
        headers={"Retry-After": "1"},
    )


def _task(order: VersionOrder, number: int) -> NewTask:
    task = (order.kind, Queue.INGEST, order.project_id, order.created_by, dict(order.params), order.dataset_id, number)
    return NewTask(*task, request_id=order.request_id, schedule_id=order.schedule_id)
