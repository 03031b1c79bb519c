"""A result as a document: the same titles, facts, tables and charts for each format, bounded in size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

ROWS_AT_MOST = 200
COLUMNS_AT_MOST = 20
TEXT_AT_MOST = 500
DIGITS = 6
NOTHING = "-"

Row = list[str]
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts; `note` says what of it is left out."""

    title: str
    columns: Row
    rows: list[Row]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What a report says, in this order."""

    title: str
    conclusion: str
    warnings: list[str]
    facts: list[Row]
    tables: list[Grid]
    charts: list[Json]
    origin: list[Row]

    def as_json(self) -> dict[str, Any]:
        """Plain values, of charts only the titles."""
        return {**asdict(self), "charts": [chart["title"] for chart in self.charts]}


def document_of(result: Json, title: str) -> Document:
    """The document of a result as `GET /analysis/{task_id}/result` answers it."""
    facts, tables = _summary(result["summary"])
    tables += [_grid(table["name"], table["columns"], table["rows"]) for table in result["tables"]]
    return Document(
        title=title,
        conclusion=str(result["summary"].get("conclusion") or ""),
        warnings=[str(warning["message"]) for warning in result["warnings"]],
        facts=facts,
        tables=tables,
        charts=list(result["charts"]),
        origin=_origin(result),
    )


def _summary(summary: Json) -> tuple[list[Row], list[Grid]]:
    """Numbers and texts are facts, whatever nests them; a list of objects is a table."""
    facts: list[Row] = []
    tables: list[Grid] = []
    for name, value in _flat(summary):
        if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            columns = list(dict.fromkeys(key for item in value for key in item))
            tables.append(_grid(name, columns, [[item.get(key) for key in columns] for item in value]))
        elif name != "conclusion":
            facts.append([name, text_of(value)])
    return facts, tables


def _flat(members: Json, before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in members.items():
        name = f"{before}{_spoken(key)}"
        found += _flat(value, f"{name}: ") if isinstance(value, Mapping) else [(name, value)]
    return found


def _grid(name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Grid:
    left = []
    if len(rows) > ROWS_AT_MOST:
        left.append(f"{len(rows) - ROWS_AT_MOST} more rows")
    if len(columns) > COLUMNS_AT_MOST:
        left.append(f"{len(columns) - COLUMNS_AT_MOST} more columns")
    shown = [[text_of(cell) for cell in row[:COLUMNS_AT_MOST]] for row in rows[:ROWS_AT_MOST]]
    note = f"{' and '.join(left)} are in the result." if left else ""
    return Grid(_spoken(name), [_spoken(column) for column in columns[:COLUMNS_AT_MOST]], shown, note)


def _origin(result: Json) -> list[Row]:
    manifest = result["manifest"]
    told = {
        "analysis": f"{result['type']}, {result['task_id']}",
        "dataset": f"{manifest['dataset_id']}, version {manifest['version']}",
        "SHA-256 of the data": manifest["sha256"],
        "seed": manifest["seed"],
        "parameters": ", ".join(f"{name}: {text_of(value)}" for name, value in manifest["params"].items()),
        "computed by": ", ".join(f"{name} {version}" for name, version in manifest["libraries"].items()),
    }
    return [[name, text_of(value)] for name, value in told.items()]


def _spoken(name: str) -> str:
    return str(name).replace("_", " ")


def text_of(value: Any) -> str:
    """A value as people read it: six significant digits, a dash for nothing, lists with commas."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    if isinstance(value, list):
        return _bounded(", ".join(text_of(item) for item in value))
    if isinstance(value, Mapping):
        return _bounded(", ".join(f"{_spoken(name)}: {text_of(item)}" for name, item in value.items()))
    return _bounded(str(value))


def _bounded(text: str) -> str:
    return text if len(text) <= TEXT_AT_MOST else f"{text[:TEXT_AT_MOST]}…"
