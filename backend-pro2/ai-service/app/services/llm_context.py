"""What the LLM may know of datasets: as much as the project's policy lets leave, and never a personal column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.tabular.types import BOOLEAN, INTEGER, NUMERIC, STRING, TEMPORAL

from ..repositories import versions
from ..repositories.profiled_versions import ProfiledVersion, read_profiled
from ..schemas.llm_policies import Level
from .mentions import mentions
from .personal_columns import personal_columns

MOST_VALUES = 50
FEWEST_OF_A_VALUE = 5
LONGEST_VALUE = 80
MOST_CHARACTERS = 40_000
QUANTILES = ("p05", "p25", "p50", "p75", "p95")


@dataclass(frozen=True, slots=True)
class TableContext:
    """One dataset. Its `columns` are those that exist for the LLM; `low` are those of few values."""

    dataset_id: UUID
    name: str
    version: int
    rows: int | None
    parquet_key: str
    sha256: str
    columns: Sequence[Mapping[str, str]]
    hidden: Sequence[str]
    notes: Mapping[str, Mapping[str, Any]]
    statistics: Mapping[str, Mapping[str, Any]]
    low: Sequence[str]

    @property
    def types(self) -> dict[str, str]:
        """The type of each column that exists."""
        return {column["name"]: column["type"] for column in self.columns}

    @property
    def temporal(self) -> list[str]:
        """Columns of dates and moments."""
        return [name for name, kind in self.types.items() if kind in TEMPORAL]

    def described(self, *, with_statistics: bool, most_columns: int) -> dict[str, Any]:
        """The dataset as the LLM is told of it."""
        columns = [self._column(column, with_statistics=with_statistics) for column in self.columns[:most_columns]]
        more = len(self.columns) - len(columns)
        return {"table": self.name, "rows": self.rows, "columns": columns} | ({"more_columns": more} if more else {})

    def _column(self, column: Mapping[str, str], *, with_statistics: bool) -> dict[str, Any]:
        name = column["name"]
        noted = self.notes.get(name, {})
        note = {
            key: noted[key]
            for key in ("description", "unit")
            if noted.get(key) and not mentions(self.hidden, noted[key])
        }
        statistics = self.statistics.get(name, {}) if with_statistics else {}
        return {"name": name, "type": column["type"], **note, **statistics}


@dataclass(frozen=True, slots=True)
class Context:
    """All datasets of a question, as a policy shows them."""

    level: Level
    tables: Sequence[TableContext]
    terms: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def hidden(self) -> frozenset[str]:
        """Names of columns that must not be told of, unless another dataset shows one of that name."""
        shown = {name for table in self.tables for name in table.types}
        return frozenset(name for table in self.tables for name in table.hidden) - shown

    @property
    def names(self) -> frozenset[str]:
        """Names of datasets and of their columns."""
        return frozenset(name for table in self.tables for name in (table.name, *table.types))

    def table(self, name: str) -> TableContext | None:
        """The dataset of this name, in whatever case."""
        return next((table for table in self.tables if table.name.lower() == name.lower()), None)

    def as_text(self, most_characters: int = MOST_CHARACTERS) -> str:
        """All of it as JSON; where that would be too long without statistics, and then with fewer columns."""
        most = max((len(table.columns) for table in self.tables), default=0)
        for with_statistics in (True, False):
            text = self._text(with_statistics=with_statistics, most_columns=most)
            if len(text) <= most_characters:
                return text
        while len(text) > most_characters and most > 1:
            most //= 2
            text = self._text(with_statistics=False, most_columns=most)
        return text

    def _text(self, *, with_statistics: bool, most_columns: int) -> str:
        shown = [table.described(with_statistics=with_statistics, most_columns=most_columns) for table in self.tables]
        return as_data({"tables": shown} | ({"glossary": list(self.terms)} if self.terms else {}))


async def context_of(session: Session, project_id: UUID, dataset_ids: Sequence[UUID], level: Level) -> Context:
    """The current versions of these datasets of a project that the caller has asked for.

    Raises:
        NotFound: the project has no such dataset. Conflict: `dataset_not_ready`, one has no version that can be used.
    """
    found = {version.dataset_id: version for version in await read_profiled(session, project_id, dataset_ids)}
    for dataset_id in dataset_ids:
        if dataset_id not in found:
            await _refuse(session, project_id, dataset_id)
    return Context(level, [table_of(found[dataset_id], level) for dataset_id in dict.fromkeys(dataset_ids)])


def table_of(version: ProfiledVersion, level: Level) -> TableContext:
    """A version as the policy shows it."""
    schema = version.schema or []
    hidden = personal_columns(schema, version.profile, version.notes)
    columns = [{"name": column["name"], "type": column["type"]} for column in schema if column["name"] not in hidden]
    profiles = {each["name"]: each for each in (version.profile or {}).get("columns", ()) if each["name"] not in hidden}
    return TableContext(
        dataset_id=version.dataset_id,
        name=version.name,
        version=version.version,
        rows=version.row_count,
        parquet_key=str(version.parquet_key),
        sha256=str(version.parquet_sha256),
        columns=columns,
        hidden=[column["name"] for column in schema if column["name"] in hidden],
        notes=version.notes,
        statistics={} if level is Level.SCHEMA else {name: statistics(each) for name, each in profiles.items()},
        low=[name for name, each in profiles.items() if _has_few_values(each)],
    )


def statistics(profile: Mapping[str, Any]) -> dict[str, Any]:
    """What of a column's profile is no single row: figures and dates, and values that are frequent enough."""
    found = {name: profile[name] for name in ("nulls", "distinct") if profile.get(name) is not None}
    kind = profile["type"]
    if kind in NUMERIC | TEMPORAL:
        found |= {name: _short(profile[name]) for name in ("min", "max", "mean") if profile.get(name) is not None}
        quantiles = profile.get("quantiles") or {}
        found |= {name: _short(quantiles[name]) for name in QUANTILES if quantiles.get(name) is not None}
    if kind in (STRING, BOOLEAN) and _has_few_values(profile):
        values = [str(top["value"])[:LONGEST_VALUE] for top in profile["top"] if top["count"] >= FEWEST_OF_A_VALUE]
        found |= {"values": values} if values else {}
    return found


def as_data(value: object) -> str:
    """JSON that cannot end the block it stands in; the same bytes for the same value."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def _has_few_values(profile: Mapping[str, Any]) -> bool:
    return profile["type"] in (STRING, BOOLEAN, INTEGER) and 0 < profile["distinct"] <= MOST_VALUES


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


async def _refuse(session: Session, project_id: UUID, dataset_id: UUID) -> None:
    version = await versions.read_version(session, project_id, dataset_id, None)
    if version is None:
        raise NotFound
    raise Conflict(f"Dataset {version.name!r} has no version that can be used now.", code="dataset_not_ready")
