"""From the text of a query to the versions behind the names in it."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.content_cache import ContentCache
from shared.database import Session
from shared.errors import Conflict, Invalid
from shared.metrics.caches import PLANS
from shared.tabular.names import nearest, shown

from ..repositories import datasets, versions
from ..repositories.versions import TableVersion
from .engine import Engine
from .local_files import Content, local_paths
from .version_states import require_usable

REMEMBERED_PLANS = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a query's text says.

    Attributes:
        tables: names that have to be datasets.
        optional: names that are the query's own unless a dataset has them.
        digest: of the query, however it was written.
        repeatable: whether it answers the same on the same data.
    """

    tables: tuple[str, ...]
    optional: tuple[str, ...]
    digest: str
    repeatable: bool

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.tables + self.optional


class PlanMemory:
    """Plans of the queries seen last. A plan depends on the text alone, and running checks the text again."""

    def __init__(self) -> None:
        self._plans: OrderedDict[bytes, Plan] = OrderedDict()

    def get(self, sql: str) -> Plan | None:
        """The plan of `sql`, if remembered."""
        key = _key(sql)
        if key in self._plans:
            self._plans.move_to_end(key)
        return self._plans.get(key)

    def put(self, sql: str, plan: Plan) -> None:
        """Remember a plan, and forget the oldest."""
        self._plans[_key(sql)] = plan
        if len(self._plans) > REMEMBERED_PLANS:
            self._plans.popitem(last=False)


class Planner:
    """Plans queries, in a computing child where the text is new."""

    def __init__(self, engine: Engine, memory: PlanMemory) -> None:
        self._engine = engine
        self._memory = memory

    def remembered(self, sql: str) -> Plan | None:
        """The plan, if it is known already."""
        return self._memory.get(sql)

    async def plan(self, sql: str) -> Plan:
        """The plan.

        Raises:
            Invalid: `invalid_sql`, `forbidden_sql`.
        """
        plan = self._memory.get(sql)
        if plan is not None:
            PLANS.hit()
        else:
            PLANS.miss()
            found = await self._engine.run("shared.queries.query:plan", {"sql": sql})
            plan = Plan(tuple(found["tables"]), tuple(found["optional"]), found["digest"], found["repeatable"])
            self._memory.put(sql, plan)
        return plan


async def versions_behind(session: Session, project_id: UUID, user_id: UUID, plan: Plan) -> dict[str, TableVersion]:
    """The version behind each name of the query.

    Raises:
        Invalid: `unknown_table`, `unknown_version`.
        Conflict: `dataset_not_ready`, `version_blocked`, `version_expired`.
    """
    asked = {name: _split(name) for name in plan.names}
    wanted = {part.lower() for name, (base, _) in asked.items() for part in (name, base)}
    numbers = {number for _, number in asked.values() if number is not None}
    rows = await versions.tables(session, project_id, user_id, sorted(wanted), sorted(numbers)) if wanted else []
    found = {name: row for name, parts in asked.items() if (row := _pick(rows, name, *parts))}
    missing = next((name for name in plan.tables if name not in found), None)
    if missing is not None:
        raise unknown_table(missing, await datasets.names(session, project_id))
    return found


async def local_tables(cache: ContentCache, found: Mapping[str, Content]) -> list[dict[str, str]]:
    """The tables as the engine takes them: names, and paths of local copies."""
    return [{"name": name, "path": path} for name, path in (await local_paths(cache, found)).items()]


def unknown_table(name: str, known: set[str]) -> Invalid:
    """The error for a table that is no dataset of the project, with the most similar name that is."""
    return Invalid(f"The project has no dataset {shown(name)}.{nearest(name, known)}", code="unknown_table")


def _key(sql: str) -> bytes:
    return hashlib.sha256(sql.encode()).digest()


def _split(name: str) -> tuple[str, int | None]:
    """`sales@3` as (`sales`, 3); anything else as (name, None)."""
    base, mark, number = name.rpartition("@")
    if mark and base and number.isascii() and number.isdigit() and len(number) <= 9:
        return base, int(number)
    return name, None


def _pick(rows: Sequence[TableVersion], name: str, base: str, number: int | None) -> TableVersion | None:
    """The current version of the dataset called `name`, else version `number` of the one called `base`."""
    if own := [row for row in rows if row.name.lower() == name.lower()]:
        return _usable(own, own[0].current_version)
    if number is None:
        return None
    others = [row for row in rows if row.name.lower() == base.lower()]
    return _usable(others, number) if others else None


def _usable(rows: Sequence[TableVersion], number: int | None) -> TableVersion:
    name = rows[0].name
    chosen = next((row for row in rows if row.version == number and number is not None), None)
    if chosen is None and number is not None and rows[0].current_version is not None:
        raise Invalid(f"The dataset '{name}' has no version {number}.", code="unknown_version")
    if chosen is None or chosen.version is None or chosen.status is None:
        raise Conflict(
            f"The dataset '{name}' is not ready to be queried; look at its status.", code="dataset_not_ready"
        )
    require_usable(name, chosen.version, chosen.status, blocked=bool(chosen.blocked))
    return chosen
