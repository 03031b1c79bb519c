"""Asking a child whether SQL fits the columns that datasets show."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.compute import ComputeFailed
from shared.database import Session
from shared.errors import APIException, Conflict, Invalid, NotFound, RequestTimeout, ServiceUnavailable
from shared.resources import Resources

from ..repositories import versions
from ..repositories.profiled_versions import ProfiledVersion, read_profiled
from .personal_columns import personal_columns

ENGINE = "ai-service.app.engines.sql_check"
PRELOAD = (ENGINE,)
TIMEOUT_SECONDS = 10
MEMORY_MB = 512
PATIENCE_SECONDS = 20
AT_ONCE = 2

Table = dict[str, Any]
_ERRORS: dict[str, type[APIException]] = {
    "timeout": RequestTimeout,
    "crashed": ServiceUnavailable,
    "out_of_memory": ServiceUnavailable,
    "disk_full": ServiceUnavailable,
    "internal_error": APIException,
}


class SqlChecks:
    """Checks SQL without touching data, a few texts at once; belongs to one process."""

    def __init__(self, resources: Resources) -> None:
        self._compute = resources.compute
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def query(self, sql: str, tables: Sequence[Table]) -> None:
        """One SELECT over these tables.

        Raises:
            Invalid: `invalid_sql`, `forbidden_sql`, `unknown_table`, `unknown_column`, `query_failed`.
            RequestTimeout, ServiceUnavailable: it could not be checked in time.
        """
        await self._run("check_query", {"sql": sql, "tables": list(tables)})

    async def expression(self, expression: str, table: Table) -> None:
        """One value made of the columns of this table.

        Raises:
            As `query`.
        """
        await self._run("check_expression", {"expression": expression, "table": table})

    async def _run(self, function: str, job: dict[str, Any]) -> Mapping[str, Any]:
        try:
            await asyncio.wait_for(self._turns.acquire(), PATIENCE_SECONDS)
        except TimeoutError as error:
            raise ServiceUnavailable("Too many checks are running; try again shortly.", code="busy") from error
        try:
            name = f"{ENGINE}:{function}"
            return await self._compute.run(name, job, timeout_seconds=TIMEOUT_SECONDS, memory_mb=MEMORY_MB)
        except ComputeFailed as error:
            raise _ERRORS.get(error.code, Invalid)(error.detail, code=error.code) from error
        finally:
            self._turns.release()


async def shown_tables(session: Session, project_id: UUID, dataset_ids: Sequence[UUID]) -> list[Table]:
    """Names of datasets with the columns that may be named, those of personal data left out.

    Raises:
        NotFound: the project has no such dataset. Conflict: `dataset_not_ready`.
    """
    found = {one.dataset_id: one for one in await read_profiled(session, project_id, dataset_ids)}
    for dataset_id in dataset_ids:
        if dataset_id not in found:
            await _refuse(session, project_id, dataset_id)
    return [table_of(found[dataset_id]) for dataset_id in dict.fromkeys(dataset_ids)]


def table_of(version: ProfiledVersion) -> Table:
    """The dataset with the columns that it shows."""
    schema = version.schema or []
    hidden = personal_columns(schema, version.profile, version.notes)
    return {"name": version.name, "columns": [column for column in schema if column["name"] not in hidden]}


async def _refuse(session: Session, project_id: UUID, dataset_id: UUID) -> None:
    version = await versions.read_version(session, project_id, dataset_id, None)
    if version is None:
        raise NotFound
    raise Conflict(f"Dataset {version.name!r} has no version that can be used now.", code="dataset_not_ready")
