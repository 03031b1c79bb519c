"""Parquet from elsewhere: values are kept, what hostile footers say is not believed, and bombs stay in bounds."""

# ruff: noqa: DTZ001 - a dataset's moments have no zone

import datetime as dt
import decimal
import io
import random
import struct
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from shared.compute import ComputeFailed, ComputePool

from ..app.engines.readers.nesting import list_depth
from .reading import read_file, refusal

INGEST = "data-service.app.engines.ingest:ingest"


def _parquet(columns: dict[str, Any] | pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    parquet.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), file, **options)
    return file.getvalue()


def test_values_and_types() -> None:
    moment = dt.datetime(2024, 1, 31, 10, 0, 0, 123456, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    table = read_file(
        _parquet(
            {
                "i": [2**63 - 1, None],
                "u": pa.array([2**64 - 1, 0], pa.uint64()),
                "d": pa.array([decimal.Decimal("1.10"), None], pa.decimal128(38, 2)),
                "t": pa.array([moment, None], pa.timestamp("us", "Europe/Berlin")),
                "ns": pa.array([1_000, 2_000], pa.timestamp("ns")),
                "day": [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
                "word": pa.array(["x", "y"]).dictionary_encode(),
                "nested": [{"a": [1]}, None],
                "clock": pa.array([dt.time(10, 30), None]),
                "nothing": pa.nulls(2),
            }
        )
    )
    assert table.rows[0] == (
        2**63 - 1,
        2**64 - 1,
        decimal.Decimal("1.10"),
        dt.datetime(2024, 1, 31, 8, 0, 0, 123456),
        dt.datetime(1970, 1, 1, 0, 0, 0, 1),
        dt.date(1, 1, 1),
        "x",
        {"a": [1]},
        "10:30:00",
        None,
    )
    kinds = ["integer", "integer", "number", "datetime", "datetime", "date", "string", "json", "string", "string"]
    assert list(table.types.values()) == kinds


def test_what_is_changed_is_noted() -> None:
    table = read_file(
        _parquet(
            {"n": [float("nan"), 1.0], "inf": [float("inf"), 1.0], "text": [b"ab", None], "bytes": [b"\xff", b"a"]}
        )
    )
    assert table.rows == [(None, float("inf"), "ab", "/w=="), (1.0, 1.0, None, "YQ==")]
    assert [entry["column"] for entry in table.report["conversions"]] == ["n", "text", "bytes"]


def test_nanoseconds_are_kept_where_there_are_any() -> None:
    content = _parquet({"a": pa.array([1], pa.timestamp("ns"))})
    table = read_file(content, types={"a": "string"})
    assert table.rows == [("1970-01-01 00:00:00.000000001",)]


def test_names_are_made_unique() -> None:
    columns = [pa.array([1]), pa.array([2]), pa.array([{"a": 3}])]
    table = read_file(_parquet(pa.table(columns, names=["a", "A", " "])))
    assert (list(table.types), table.rows) == (["a", "A_2", "column_3"], [(1, 2, {"a": 3})])
    same = read_file(_parquet(pa.table(columns[:2], names=["a", "a"])))
    assert (list(same.types), same.rows) == (["a", "a_2"], [(1, 2)])


def test_types_that_the_uploader_insists_on() -> None:
    table = read_file(_parquet({"a": ["1", "x"]}), types={"a": "integer"})
    assert (table.rows, table.report["rejected_cells"]) == ([(1,), (None,)], 1)


def test_intervals_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "interval.parquet"
    with duckdb.connect() as connection:
        connection.sql("SELECT 1 AS a, INTERVAL 1 DAY AS b").write_parquet(str(path))
    assert refusal(path) == "unsupported_column_type"


@pytest.mark.parametrize(
    ("duck_type", "depth"),
    [
        ("BIGINT", 0),
        ("DECIMAL(38,0)", 0),
        ("BIGINT[][3]", 2),
        ('STRUCT(a BIGINT[], "b[](" VARCHAR[], c STRUCT(d DATE[])[])', 2),
        ("MAP(VARCHAR, BIGINT[])[]", 3),
    ],
)
def test_depth_of_lists(duck_type: str, depth: int) -> None:
    assert list_depth(duck_type) == depth


def test_deep_lists_are_refused() -> None:
    """Each level doubles the time that the engine takes to read them; these would take hours."""
    value: list[Any] = [1]
    for _ in range(40):
        value = [value]
    assert refusal(_parquet({"a": [value]})) == "unsupported_column_type"


def test_nothing_in_it() -> None:
    assert refusal(_parquet({})) == "damaged_file"
    assert refusal(_parquet({"a": pa.array([], pa.int64())})) == "no_rows"


def test_too_many_columns() -> None:
    assert refusal(_parquet({f"c{n}": [1] for n in range(20)}), max_columns=10) == "too_many_columns"


def test_damage() -> None:
    good = _parquet({"a": list(range(1000)), "b": ["x"] * 1000})
    footer = struct.unpack("<I", good[-8:-4])[0]
    assert refusal(good[:-4] + b"PAR2") == "damaged_file"
    assert refusal(good[: len(good) // 2]) == "damaged_file"
    assert refusal(good[:100] + good[-footer - 8 :]) == "damaged_file"
    assert refusal(good[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1") == "damaged_file"
    assert refusal(good[:4] + bytes(len(good) - footer - 12) + good[-footer - 8 :]) == "damaged_file"
    assert refusal("a,b\n1,2\n", format="parquet") == "damaged_file"


@pytest.mark.parametrize("seed", range(20))
def test_bytes_changed_at_random(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same each time
    content = bytearray(_parquet({"a": list(range(300)), "b": ["x", None, "y"] * 100, "c": [[1], None, []] * 100}))
    for _ in range(rng.randint(1, 6)):
        content[rng.randrange(4, len(content) - 8)] = rng.randrange(256)
    assert refusal(bytes(content)) in {"taken", "damaged_file", "no_rows", "unsupported_column_type", "not_tabular"}


def _bomb(rows: int) -> bytes:
    words = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 1_000_000]))
    return _parquet({"a": words}, compression="zstd")


async def test_a_dictionary_of_gigabytes_in_a_child_of_its_own(tmp_path: Path) -> None:
    """One of a hundred bytes holds 0.8 GB; it is read within the child's memory or refused, and the pool lives on."""
    bomb = tmp_path / "bomb"
    bomb.write_bytes(_bomb(800))
    assert bomb.stat().st_size < 200_000
    pool = ComputePool(("data-service.app.engines.ingest",))
    job = {
        "source": str(bomb),
        "filename": "",
        "parquet": str(tmp_path / "out"),
        "scratch": str(tmp_path),
        "options": {},
    }
    limits = {"max_columns": 10, "max_unpacked_bytes": 2**30, "memory_mb": 400, "threads": 1}
    try:
        with pytest.raises(ComputeFailed) as caught:
            await pool.run(INGEST, {**job, **limits}, timeout_seconds=60, memory_mb=400)
        assert caught.value.code == "out_of_memory"
        fine = tmp_path / "fine"
        fine.write_bytes(_parquet({"a": [1, 2]}))
        answer = await pool.run(INGEST, {**job, **limits, "source": str(fine)}, timeout_seconds=60, memory_mb=400)
        assert answer["rows"] == 2
    finally:
        await pool.close()
