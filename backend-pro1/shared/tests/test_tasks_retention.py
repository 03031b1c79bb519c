"""What becomes of tasks that ended long ago."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest

from shared.database import Session
from shared.resources import Resources
from shared.tasks import PROJECT_REMOVAL
from shared.tasks.retention import remove_ended
from shared.testing.leasing import submit_new
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE

pytestmark = pytest.mark.integration

_AGE = "UPDATE analysis_tasks SET status = $2, finished_at = now() - $3 * interval '1 day' WHERE id = ANY($1)"


async def one_chunk() -> AsyncIterator[bytes]:
    yield b"artifact"


async def test_old_ones_go_with_their_objects(resources: Resources, workspace: Workspace) -> None:
    store = resources.object_store
    asked: list[UUID] = []

    async def keys_of(session: Session, task_ids: Sequence[UUID]) -> list[str]:
        asked.extend(task_ids)
        return [str(task_id) for task_id in task_ids]

    old, needed, removal, unsettled = [
        await submit_new(resources, workspace, kind=kind) for kind in ("compute", "compute", PROJECT_REMOVAL, "compute")
    ]
    foreign = await submit_new(resources, workspace, queue="of-another-service")
    recent, waiting = [await submit_new(resources, workspace, after=(needed.id,)) for _ in range(2)]
    await store.put_stream(str(old.id), one_chunk())
    async with resources.database.transaction() as session:
        ids = [task.id for task in (old, needed, removal, foreign, unsettled)]
        await session.execute(_AGE, ids, "succeeded", 31)
        await session.execute(_AGE, [recent.id], "failed", 29)
        await session.execute("UPDATE analysis_tasks SET lease_until = now() WHERE id = $1", unsettled.id)
    assert await remove_ended(resources, [QUEUE], keys_of) == 0
    resources.settings = resources.settings.model_copy(update={"task_retention_days": 0})
    assert (await remove_ended(resources, [QUEUE], keys_of), asked) == (0, [])
    resources.settings = resources.settings.model_copy(update={"task_retention_days": 30})
    assert (await remove_ended(resources, [QUEUE], keys_of), asked) == (1, [old.id])
    assert await store.stat(str(old.id)) is None
    left = await resources.ledger.list(workspace.owner)
    assert {task.id for task in left} == {task.id for task in (needed, removal, unsettled, foreign, recent, waiting)}
