"""Datasets and versions written straight into the tables and the store, as an ingest would leave them."""

from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb

from shared.database import Database
from shared.ids import new_id
from shared.object_store import ObjectStore
from shared.tabular.types import contract_type
from shared.testing.project import Workspace

_DATASET = """
INSERT INTO datasets (id, project_id, name, status, created_by, tags, description)
VALUES ($1, $2, $3, 'ready', $4, $5, $6)
"""
_VERSION = """
INSERT INTO dataset_versions (dataset_id, version, status, filename, raw_keys, raw_bytes, raw_sha256, parquet_key,
                              parquet_bytes, parquet_sha256, row_count, column_count, schema, profile, operation,
                              created_by, ready_at)
VALUES ($1, $2, 'ready', 'a.csv', ARRAY[$3], 4, 'r', $4, $5, $6, $7, $8, $9, $10, '{"op": "upload"}', $11, now())
"""
_CURRENT = "UPDATE datasets SET current_version = $2 WHERE id = $1"


class Maker:
    """Makes them in one workspace, for its editor."""

    def __init__(self, database: Database, store: ObjectStore, workspace: Workspace, folder: Path) -> None:
        self.database = database
        self.store = store
        self.workspace = workspace
        self._folder = folder

    async def dataset(
        self, name: str, *, tags: tuple[str, ...] = (), description: str = "", project: UUID | None = None
    ) -> UUID:
        """A dataset without versions, in the workspace's project unless `project` is given."""
        dataset_id = new_id()
        owner = (project or self.workspace.project_id, name, self.workspace.editor)
        async with self.database.transaction() as session:
            await session.execute(_DATASET, dataset_id, *owner, list(tags), description)
        return dataset_id

    async def version(self, dataset_id: UUID, number: int, select: str = "SELECT 1 AS a") -> str:
        """A ready version with the rows of a SELECT, current from now on; the key of its content."""
        path = self._folder / "made.parquet"
        with duckdb.connect() as connection:
            connection.sql(select).write_parquet(str(path))
            described = connection.sql(f"DESCRIBE {select}").fetchall()
            rows = len(connection.sql(select).fetchall())
        raw, parquet = (f"{self.workspace.project_id}/{dataset_id}/{new_id()}" for _ in range(2))
        await self.store.put_bytes(raw, b"a,b\n")
        kept = await self.store.put_file(parquet, path)
        schema = [{"name": name, "type": contract_type(kind)} for name, kind, *_ in described]
        profile = {"rows": rows, "columns": [{"name": name, "nulls": 0} for name, *_ in described]}
        figures: tuple[Any, ...] = (parquet, kept.bytes, kept.sha256, rows, len(schema), schema, profile)
        async with self.database.transaction() as session:
            await session.execute(_VERSION, dataset_id, number, raw, *figures, self.workspace.editor)
            await session.execute(_CURRENT, dataset_id, number)
        return parquet

    async def run(self, sql: str, *arguments: object) -> Any:
        """A statement by itself; the first value that it answers."""
        async with self.database.transaction() as session:
            return await session.fetch_value(sql, *arguments)

    async def keys(self) -> set[str]:
        """Keys of all that is stored."""
        return {entry.key async for entry in self.store.list("")}
