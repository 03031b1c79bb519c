"""Old queries go with the rows they kept."""

import pytest

from shared.resources import Resources
from shared.tasks import NewTask, Queue
from shared.testing.project import Workspace

from ..app.services.task_retention import remove_old_tasks

pytestmark = pytest.mark.integration

_RESULT = """
INSERT INTO query_results (task_id, project_id, key, bytes, sha256, row_count, schema, warnings, expires_at)
VALUES ($1, $2, $3, 1, '', 1, '[]', '[]', now() + interval '1 day')
"""
_AGE = "UPDATE analysis_tasks SET status = 'succeeded', finished_at = now() - interval '400 days' WHERE id = $1"


async def test_an_old_query_goes_with_its_rows(resources: Resources, workspace: Workspace) -> None:
    new = NewTask("query", Queue.INGEST, workspace.project_id, workspace.owner)
    async with resources.database.transaction() as session:
        task = await resources.ledger.submit(session, new)
    path = resources.settings.cache_dir / "rows.parquet"
    path.write_bytes(b"PAR1")
    stored = await resources.object_store.put_file(f"{workspace.project_id}/rows", path)
    async with resources.database.transaction() as session:
        await session.execute(_RESULT, task.id, workspace.project_id, stored.key)
        await session.execute(_AGE, task.id)
    await remove_old_tasks(resources)
    assert await resources.ledger.list(workspace.owner) == []
    assert await resources.object_store.stat(stored.key) is None
