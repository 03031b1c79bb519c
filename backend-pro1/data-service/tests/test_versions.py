"""Statements on versions by themselves: each asks for membership, though its callers have asked before."""

from uuid import UUID

import pytest

from shared.database import Database
from shared.ids import new_id
from shared.testing.project import Workspace

from ..app.repositories import versions

pytestmark = pytest.mark.integration

DATASET = "INSERT INTO datasets (id, project_id, name, status, current_version) VALUES ($1, $2, 'sales', 'ready', 1)"
VERSION = """
INSERT INTO dataset_versions (dataset_id, version, status, filename, raw_keys, raw_bytes, raw_sha256, profile)
VALUES ($1, 1, 'ready', 'a.csv', ARRAY[$1::uuid::text], 1, 'x', '{"rows": 1}')
"""


@pytest.fixture
async def dataset_id(database: Database, workspace: Workspace) -> UUID:
    dataset_id = new_id()
    async with database.transaction() as session:
        await session.execute(DATASET, dataset_id, workspace.project_id)
        await session.execute(VERSION, dataset_id)
    return dataset_id


async def found(database: Database, workspace: Workspace, dataset_id: UUID, user_id: UUID) -> list[bool]:
    async with database.transaction(read_only=True) as session:
        return [
            await versions.visible(session, dataset_id, 1, user_id) is not None,
            await versions.page(session, dataset_id, user_id, below=None, limit=9) != [],
            await versions.profile(session, dataset_id, 1, user_id) is not None,
            await versions.tables(session, workspace.project_id, user_id, ["sales"], [1]) != [],
        ]


async def test_only_members_find_anything(database: Database, workspace: Workspace, dataset_id: UUID) -> None:
    for member in (workspace.viewer, workspace.editor, workspace.owner):
        assert await found(database, workspace, dataset_id, member) == [True] * 4
    assert await found(database, workspace, dataset_id, workspace.stranger) == [False] * 4
