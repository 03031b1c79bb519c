"""Two versions of a table by random edits, and their differences as the engine pages through them."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from ..app.engines.diffs.diff import diff, differing_rows
from ..app.engines.diffs.rows import exact_value

Row = dict[str, Any]
INTEGERS = st.sampled_from([None, 0, 1, 2, 7, -3, 2**53 + 1, 2**62])
FLOATS = st.sampled_from([None, 0.0, -0.0, 1.0, 1.5, float("nan"), float("inf"), float("-inf"), 1e300])
TEXTS = st.sampled_from([None, "", "0", "1", "01", "1.0", "é", "NULL", "a,b"])
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "integer": (pa.int64(), INTEGERS),
    "number": (pa.float64(), FLOATS),
    "string": (pa.string(), TEXTS),
    "boolean": (pa.bool_(), st.sampled_from([None, True, False])),
    "list": (pa.list_(pa.float64()), st.one_of(st.none(), st.lists(FLOATS, max_size=2))),
}


def _text_as_integer(text: str) -> int | None:
    return int(text) if text in ("0", "1", "01") else None


# What a value of the first kind becomes when its column gets the second.
CHANGES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("integer", "number"): float,
    ("integer", "string"): str,
    ("number", "integer"): lambda value: int(value) if abs(value) < 100 else None,
    ("string", "integer"): _text_as_integer,
    ("boolean", "integer"): int,
    ("list", "string"): str,
}


@dataclass
class Table:
    """Columns by name with their kind, and rows."""

    kinds: dict[str, str]
    rows: list[Row] = field(default_factory=list)

    def write(self, path: Path) -> str:
        columns = {
            name: pa.array([row[name] for row in self.rows], KINDS[kind][0]) for name, kind in self.kinds.items()
        }
        pq.write_table(pa.table(columns), path)
        return str(path)


@st.composite
def rows_of(draw: st.DrawFn, kinds: dict[str, str]) -> Row:
    return {name: draw(KINDS[kind][1]) for name, kind in kinds.items()}


@st.composite
def edited(draw: st.DrawFn) -> tuple[Table, Table, list[str]]:
    """A table, the same after a random script of edits, and a key that both have."""
    names = ["id", "b", "c"][: draw(st.integers(1, 3))]
    kinds = {name: draw(st.sampled_from(sorted(KINDS))) for name in names}
    before = Table(kinds, draw(st.lists(rows_of(kinds), max_size=8)))
    after = Table(dict(kinds), [dict(row) for row in before.rows])
    for edit in draw(
        st.lists(st.sampled_from([_retype, _add, _drop, _delete, _repeat, _change, _insert, _shuffle]), max_size=6)
    ):
        edit(draw, after)
    common = [name for name in before.kinds if name in after.kinds]
    key = draw(st.lists(st.sampled_from(common), unique=True, max_size=2)) if common else []
    return before, after, key


def _retype(draw: st.DrawFn, table: Table) -> None:
    name = draw(st.sampled_from(sorted(table.kinds)))
    targets = [new for old, new in CHANGES if old == table.kinds[name]]
    if targets and name != "new":
        new = draw(st.sampled_from(targets))
        convert = CHANGES[table.kinds[name], new]
        for row in table.rows:
            row[name] = None if row[name] is None else convert(row[name])
        table.kinds[name] = new


def _add(draw: st.DrawFn, table: Table) -> None:
    table.kinds.setdefault("new", "string")
    for row in table.rows:
        row["new"] = draw(TEXTS)


def _drop(draw: st.DrawFn, table: Table) -> None:
    if len(table.kinds) > 1:
        name = draw(st.sampled_from(sorted(table.kinds)))
        del table.kinds[name]
        for row in table.rows:
            del row[name]


def _delete(draw: st.DrawFn, table: Table) -> None:
    if table.rows:
        del table.rows[draw(st.integers(0, len(table.rows) - 1))]


def _repeat(draw: st.DrawFn, table: Table) -> None:
    if table.rows:
        table.rows.append(dict(draw(st.sampled_from(table.rows))))


def _change(draw: st.DrawFn, table: Table) -> None:
    if table.rows:
        name = draw(st.sampled_from(sorted(table.kinds)))
        draw(st.sampled_from(table.rows))[name] = draw(KINDS[table.kinds[name]][1])


def _insert(draw: st.DrawFn, table: Table) -> None:
    table.rows.append(draw(rows_of(table.kinds)))


def _shuffle(draw: st.DrawFn, table: Table) -> None:
    table.rows = draw(st.permutations(table.rows))


def frozen(rows: Sequence[Row]) -> Counter[str]:
    """Rows as texts that tell 1 from 1.0, 0.0 from -0.0 and null from nothing."""
    return Counter(
        json.dumps({name: exact_value(value) for name, value in row.items()}, sort_keys=True) for row in rows
    )


def converted(row: Row, before: Table, after: Table) -> Row:
    """An unchanged row of the earlier table with the columns of the later one."""
    found = {}
    for name, kind in after.kinds.items():
        value, old = row.get(name), before.kinds.get(name)
        if value is not None and old is not None and old != kind:
            steps = (
                [CHANGES[old, kind]] if (old, kind) in CHANGES else [CHANGES[old, "integer"], CHANGES["integer", kind]]
            )
            for step in steps:
                value = step(value)
        found[name] = value
    assert all(row[name] is None for name in row if name not in after.kinds)
    return found


class Compared:
    """Two files of a folder and what the engine says of them."""

    def __init__(self, folder: Path, before: str, after: str, key: Sequence[str] = ()) -> None:
        index = folder / "index.parquet"
        files = {"before": before, "after": after, "index": str(index), "scratch": str(folder)}
        limits = {"memory_mb": 256, "threads": 1, "limit": 3}
        self._job: dict[str, Any] = {**files, **limits, "key": list(key), "has_index": False}
        self.summary = diff(self._job, lambda *_: None)
        self._job["has_index"] = True

    def rows(self, kind: str | None = None, limit: int = 3) -> list[dict[str, Any]]:
        """All pages."""
        found: list[dict[str, Any]] = []
        more = True
        while more:
            page = differing_rows({**self._job, "kind": kind, "offset": len(found), "limit": limit}, lambda *_: None)
            found, more = found + page["rows"], page["more"]
        return found
