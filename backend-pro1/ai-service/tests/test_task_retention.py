"""Old analyses go with their results and artifacts."""

import pytest

from shared.resources import Resources
from shared.tasks import NewTask, Queue
from shared.testing.project import Workspace

from ..app.services.task_retention import remove_old_tasks

pytestmark = pytest.mark.integration

_RESULT = """
INSERT INTO analysis_results (task_id, type, summary, tables, charts, warnings, artifacts, manifest)
VALUES ($1, 'describe', '{}', '[]', '[]', '[]', $2, '{}')
"""
_AGE = "UPDATE analysis_tasks SET status = 'succeeded', finished_at = now() - interval '400 days' WHERE id = $1"


async def test_an_old_analysis_goes_with_its_artifacts(resources: Resources, workspace: Workspace) -> None:
    new = NewTask("analysis", Queue.ANALYSIS, workspace.project_id, workspace.owner)
    async with resources.database.transaction() as session:
        task = await resources.ledger.submit(session, new)
    path = resources.settings.cache_dir / "labels.csv"
    path.write_text("a\n1\n")
    stored = await resources.object_store.put_file(f"{workspace.project_id}/labels", path)
    async with resources.database.transaction() as session:
        await session.execute(_RESULT, task.id, [{"key": stored.key, "name": "labels.csv"}])
        await session.execute(_AGE, task.id)
    await remove_old_tasks(resources)
    assert await resources.ledger.list(workspace.owner) == []
    assert await resources.object_store.stat(stored.key) is None
