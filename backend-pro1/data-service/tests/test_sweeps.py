"""The sweep of orphans leaves what other services keep in the bucket."""

import pytest

from shared.database import Database
from shared.ids import new_id
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.services.sweeps import sweep

pytestmark = pytest.mark.integration

_MODEL = "INSERT INTO models (id, project_id, name, problem, target) VALUES ($1, $2, 'm', 'regression', 'a')"
_VERSION = """
INSERT INTO model_versions (model_id, version, dataset_id, dataset_version, dataset_sha256, algorithm, metric,
                            row_count, features, metrics, details, key, bytes, sha256, signature)
VALUES ($1, 1, $1, 1, '', 'ridge', 'r2', 1, '{}', '{}', '{}', $2, 1, '', '')
"""


async def test_pictures_of_users_stay_and_former_ones_go(
    workspace: Workspace, resources: Resources, database: Database, object_store: ObjectStore
) -> None:
    kept, former = (f"avatars/{workspace.owner}/{new_id()}" for _ in range(2))
    for key in (kept, former):
        await object_store.put_bytes(key, b"a picture")
    async with database.transaction() as session:
        await session.execute(
            "INSERT INTO user_profiles (user_id, avatar_key, avatar_type) VALUES ($1, $2, 'image/png')",
            workspace.owner,
            kept,
        )
    resources.settings = resources.settings.model_copy(update={"orphan_hours": -1})
    await sweep(resources)
    assert [entry.key async for entry in object_store.list("")] == [kept]
    async with database.transaction() as session:
        await session.execute("DELETE FROM users WHERE id = $1", workspace.owner)
    await sweep(resources)
    assert [entry.key async for entry in object_store.list("")] == []


async def test_files_of_models_stay_as_long_as_their_versions(
    workspace: Workspace, resources: Resources, database: Database, object_store: ObjectStore
) -> None:
    kept, left_behind = (f"{workspace.project_id}/models/{new_id()}" for _ in range(2))
    model_id = new_id()
    for key in (kept, left_behind):
        await object_store.put_bytes(key, b"a model")
    async with database.transaction() as session:
        await session.execute(_MODEL, model_id, workspace.project_id)
        await session.execute(_VERSION, model_id, kept)
    resources.settings = resources.settings.model_copy(update={"orphan_hours": -1})
    await sweep(resources)
    assert [entry.key async for entry in object_store.list("")] == [kept]
    async with database.transaction() as session:
        await session.execute("DELETE FROM models WHERE id = $1", model_id)
    await sweep(resources)
    assert [entry.key async for entry in object_store.list("")] == []
