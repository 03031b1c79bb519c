"""The shape of every result, and the way from NumPy and pandas values to plain JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

_ITSELF = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Table:
    """A named table; each row has one cell per column."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite specification with its data inlined, as plain JSON."""

    title: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader of a result must know."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class FileMade:
    """A file written to the job's output directory under its own name."""

    name: str
    media_type: str


@dataclass(slots=True)
class Outcome:
    """What an engine returns; `executor` says where the work was done."""

    summary: dict[str, object]
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    artifacts: list[FileMade] = field(default_factory=list)
    executor: str = "local"

    def as_json(self) -> dict[str, Any]:
        """The result as plain JSON values; what is not a number becomes null."""
        return {
            "summary": plain(self.summary),
            "tables": [
                {"name": t.name, "columns": list(t.columns), "rows": [plain(list(row)) for row in t.rows]}
                for t in self.tables
            ],
            "charts": [{"title": chart.title, "spec": chart.spec} for chart in self.charts],
            "warnings": [{"code": notice.code, "message": notice.message} for notice in self.warnings],
            "artifacts": [{"name": made.name, "media_type": made.media_type} for made in self.artifacts],
            "executor": self.executor,
        }


def plain(value: Any) -> Any:
    """`value` as JSON knows it: NaN and infinities are null, times are ISO 8601, anything unknown is its text."""
    # What most of it is made of first, by exact type: charts have thousands of these.
    kind = type(value)
    if kind is float or kind is np.float64:
        return float(value) if math.isfinite(value) else None
    if kind in _ITSELF:
        return value
    if kind is dict:
        return {str(key): plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [plain(item) for item in value]
    return _plain_rare(value)


def _plain_rare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: object) -> object:
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
