"""SQL over a project's datasets."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from shared.compute import ComputeFailed
from shared.errors import Conflict, Invalid, ServiceUnavailable
from shared.membership import require_project
from shared.resources import Resources

from ..repositories import datasets, versions
from ..repositories.versions import TableVersion
from ..schemas.queries import QueryRequest
from .engine import Engine

REMEMBERED_PLANS = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """The tables a query needs, and names that are its own unless a dataset has them."""

    tables: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.tables + self.optional


class PlanMemory:
    """Plans of the queries seen last. A plan depends on the text alone, and running checks the text again."""

    def __init__(self) -> None:
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    def get(self, sql: str) -> Plan | None:
        """The plan of `sql`, if remembered."""
        if sql in self._plans:
            self._plans.move_to_end(sql)
        return self._plans.get(sql)

    def put(self, sql: str, plan: Plan) -> None:
        """Remember a plan, and forget the oldest."""
        self._plans[sql] = plan
        if len(self._plans) > REMEMBERED_PLANS:
            self._plans.popitem(last=False)


class Queries:
    """Use case of `/process/query`."""

    def __init__(self, resources: Resources, engine: Engine, plans: PlanMemory) -> None:
        self._database = resources.database
        self._cache = resources.cache
        self._engine = engine
        self._plans = plans

    async def run(self, user_id: UUID, query: QueryRequest) -> Mapping[str, Any]:
        """The rows of one SELECT over the project's datasets.

        Raises:
            NotFound: the project.
            Invalid: `invalid_sql`, `forbidden_sql`, `unknown_table`, `unknown_column`, `query_failed`,
                `query_too_large`.
            Conflict: `dataset_not_ready`.
            RequestTimeout: `query_timeout`.
        """
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, query.project_id, user_id)
        plan = await self._plan(query.sql)
        found = await self._resolve(query.project_id, user_id, plan)
        for last in (False, True):
            job = {"sql": query.sql, "limit": query.limit, "tables": await self._fetch(found)}
            try:
                return await self._engine.run("query:run", job)
            except ComputeFailed as error:
                # The cache may have dropped a file between handing out its path and the child's opening it.
                if last or error.code != "file_gone":
                    raise
        raise ServiceUnavailable("The files of the dataset do not stay in the cache; try again.")

    async def _plan(self, sql: str) -> Plan:
        plan = self._plans.get(sql)
        if plan is None:
            answer = await self._engine.run("query:plan", {"sql": sql})
            plan = Plan(tuple(answer["tables"]), tuple(answer["optional"]))
            self._plans.put(sql, plan)
        return plan

    async def _resolve(self, project_id: UUID, user_id: UUID, plan: Plan) -> dict[str, TableVersion]:
        """The version behind each name of the query."""
        asked = {name: _split(name) for name in plan.names}
        wanted = {part.lower() for name, (base, _) in asked.items() for part in (name, base)}
        numbers = {number for _, number in asked.values() if number is not None}
        async with self._database.transaction(read_only=True) as session:
            rows = await versions.tables(session, project_id, user_id, sorted(wanted), sorted(numbers))
            found = {name: row for name, parts in asked.items() if (row := _pick(rows, name, *parts))}
            missing = next((name for name in plan.tables if name not in found), None)
            if missing is not None:
                raise unknown_table(missing, await datasets.names(session, project_id))
        return found

    async def _fetch(self, found: Mapping[str, TableVersion]) -> list[dict[str, str]]:
        return [
            {"name": name, "path": str(await self._cache.fetch(str(row.parquet_key), str(row.parquet_sha256)))}
            for name, row in found.items()
        ]


def unknown_table(name: str, known: set[str]) -> Invalid:
    """The error for a table that is no dataset of the project, with the most similar name that is."""
    by_lower = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    hint = f" Did you mean '{by_lower[near[0]]}'?" if near else ""
    return Invalid(f"The project has no dataset '{name[:200]}'.{hint}", code="unknown_table")


def _split(name: str) -> tuple[str, int | None]:
    """`sales@3` as (`sales`, 3); anything else as (name, None)."""
    base, mark, number = name.rpartition("@")
    if mark and base and number.isascii() and number.isdigit() and len(number) <= 9:
        return base, int(number)
    return name, None


def _pick(rows: Sequence[TableVersion], name: str, base: str, number: int | None) -> TableVersion | None:
    """The current version of the dataset called `name`, else version `number` of the one called `base`.

    Raises:
        Conflict: `dataset_not_ready`.
        Invalid: `unknown_version`.
    """
    if own := [row for row in rows if row.name.lower() == name.lower()]:
        return _ready(own, own[0].current_version)
    if number is None:
        return None
    others = [row for row in rows if row.name.lower() == base.lower()]
    return _ready(others, number) if others else None


def _ready(rows: Sequence[TableVersion], number: int | None) -> TableVersion:
    name = rows[0].name
    chosen = next((row for row in rows if row.version == number and number is not None), None)
    if chosen is None and number is not None and rows[0].current_version is not None:
        raise Invalid(f"The dataset '{name}' has no version {number}.", code="unknown_version")
    if chosen is None or chosen.status != "ready":
        raise Conflict(
            f"The dataset '{name}' is not ready to be queried; look at its status.", code="dataset_not_ready"
        )
    return chosen
