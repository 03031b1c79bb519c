"""A dataset begins: under a name of its own, with the task that fills its first version."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TypeVar
from uuid import UUID

from shared.database import Database, Session
from shared.errors import Conflict
from shared.membership import ProjectRole, require_project
from shared.tasks import Task, TaskLedger

from ..repositories import datasets
from ..repositories.datasets import NewDataset
from ..repositories.versions import Parent
from .new_versions import RawUpload, VersionOrder, begin_version

MAX_NAME = 120
NAME_TRIES = 5
NAME_TAKEN = "name_taken"

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class DatasetOrder:
    """A dataset to be made of a file, or of one that its task will fetch."""

    dataset_id: UUID
    project_id: UUID
    created_by: UUID
    description: str
    tags: Sequence[str]
    operation: Mapping[str, Any]
    params: Mapping[str, Any]
    request_id: str | None
    file: RawUpload
    parents: Sequence[Parent] = ()


async def begin_dataset(session: Session, ledger: TaskLedger, order: DatasetOrder, name: str) -> Task:
    """Add the dataset and its first version; the caller holds the project, and rings the task after the commit.

    Raises:
        Conflict: `name_taken`; the transaction is over.
        TooManyTasks: the project's quota of unfinished tasks is used up.
    """
    new = NewDataset(order.dataset_id, order.project_id, name, order.description, order.tags, order.created_by)
    await datasets.insert(session, new)
    version = VersionOrder(
        "ingest",
        order.project_id,
        order.dataset_id,
        order.created_by,
        operation=order.operation,
        params=order.params,
        request_id=order.request_id,
        file=order.file,
        parents=order.parents,
    )
    return await begin_version(session, ledger, version)


async def under_free_name(
    database: Database,
    project_id: UUID,
    caller_id: UUID,
    *,
    wanted: str | None,
    filename: str,
    make: Callable[[str], Awaitable[Made]],
) -> Made:
    """What `make` makes under the name that is wanted, or else under the file's, numbered if need be.

    Raises:
        Conflict: `name_taken`.
        NotFound, Forbidden, ProjectArchived: the project. What `make` raises.
    """
    if wanted is not None:
        return await make(wanted)
    for _ in range(NAME_TRIES):
        name = await _free_name(database, project_id, caller_id, filename)
        try:
            return await make(name)
        except Conflict as error:
            # Somebody may take the name in between.
            if error.code != NAME_TAKEN:
                raise
    raise Conflict("The project has too many datasets of this name. Send a name of your own.", code="name_taken")


def default_name(filename: str) -> str:
    """A dataset's name from a file's: `sales.2024.csv` gives `sales.2024`."""
    stem = PurePath(filename).stem if filename else ""
    printable = "".join(letter if letter.isprintable() else " " for letter in stem)
    return " ".join(printable.split())[: MAX_NAME - 6].strip() or "dataset"


def first_free(stem: str, taken: set[str]) -> str:
    """`stem`, or with the first number from 2 on that makes it differ from all `taken`, which are in lower case."""
    number, name = 1, stem
    while name.lower() in taken:
        number += 1
        name = f"{stem} {number}"
    return name


async def _free_name(database: Database, project_id: UUID, caller_id: UUID, filename: str) -> str:
    stem = default_name(filename)
    async with database.transaction(read_only=True) as session:
        await require_project(session, project_id, caller_id, minimum=ProjectRole.EDITOR, hold=False)
        return first_free(stem, await datasets.names_starting_with(session, project_id, stem))
