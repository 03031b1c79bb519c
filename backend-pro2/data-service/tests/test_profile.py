"""Profiles of small tables, computed by hand."""

import math
import statistics
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.tabular.duck import connect

from ..app.engines.profiling import duplicates, profile, source
from .conftest import IngestText, quiet

TABLE = "n,x,s,d\n1,2,a,2024-01-01\n2,4,a,2024-01-02\n3,6,b,2024-01-03\n4,8,,2024-01-04\n"


def _column(answer: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(column for column in answer["profile"]["columns"] if column["name"] == name)
    return found


def test_numbers(ingest_text: IngestText) -> None:
    column = _column(ingest_text(TABLE), "n")
    assert (column["count"], column["nulls"], column["distinct"]) == (4, 0, 4)
    assert (column["min"], column["max"], column["mean"]) == (1, 4, 2.5)
    assert math.isclose(column["std"], math.sqrt(5 / 3))
    assert column["quantiles"] == pytest.approx({"p05": 1.15, "p25": 1.75, "p50": 2.5, "p75": 3.25, "p95": 3.85})
    assert (column["histogram"]["edges"][0], column["histogram"]["edges"][-1]) == (1, 4)
    assert (sum(column["histogram"]["counts"]), len(column["histogram"]["counts"])) == (4, 20)
    assert column["approximate"] == []


def test_texts(ingest_text: IngestText) -> None:
    column = _column(ingest_text(TABLE), "s")
    assert (column["count"], column["nulls"], column["distinct"]) == (3, 1, 2)
    assert column["top"] == [{"value": "a", "count": 2}, {"value": "b", "count": 1}]
    assert (column["min"], column["max"], column["mean"], column["quantiles"]) == ("a", "b", None, None)


def test_dates(ingest_text: IngestText) -> None:
    column = _column(ingest_text(TABLE), "d")
    assert (column["type"], column["min"], column["quantiles"]["p50"]) == ("date", "2024-01-01", "2024-01-02")
    assert (column["histogram"]["edges"][0], column["histogram"]["edges"][-1]) == ("2024-01-01", "2024-01-04")


def test_correlations(ingest_text: IngestText) -> None:
    found = ingest_text("x,y,z,c\n1,2,9,5\n2,4,6,5\n3,6,3,5\n")["profile"]["correlations"]
    assert found["columns"] == ["x", "y", "z", "c"]
    for row, expected in zip(found["matrix"], [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], strict=False):
        assert row[:3] == pytest.approx(expected)
    assert found["matrix"][3] == [None, None, None, None]


def test_duplicates_constants_and_empty_columns(ingest_text: IngestText) -> None:
    found = ingest_text("a,b,c\n1,x,\n1,x,\n2,x,\n")["profile"]
    assert found["duplicates"] == 1
    assert {warning["code"] for warning in found["warnings"]} == {"duplicate_rows", "constant_column", "empty_column"}


def test_one_row(ingest_text: IngestText) -> None:
    column = _column(ingest_text("a,b\n5,x\n"), "a")
    assert (column["mean"], column["std"], column["histogram"]) == (5.0, None, {"edges": [5.0, 5], "counts": [1]})


def test_nulls_are_in_no_bin(ingest_text: IngestText) -> None:
    answer = ingest_text("a,b,d\n1,x,2024-01-01\n,y,\n3,z,2024-01-03\n,z,\n4,z,2024-01-04\ninf,z,\n")
    for name in ("a", "d"):
        assert sum(_column(answer, name)["histogram"]["counts"]) == 3


def test_columns_named_as_the_profile_names_things(ingest_text: IngestText) -> None:
    names = ["value", "n", "bin", "h", "groups", "data", "select", "file_row_number", '"say ""hi"""', "it's"]
    lines = [",".join(str(row + column) for column in range(len(names))) for row in (1, 2, 2)]
    found = ingest_text("\n".join([",".join(names), *lines]))["profile"]
    assert [column["distinct"] for column in found["columns"]] == [2] * len(names)
    assert found["columns"][0]["top"] == [{"value": 2, "count": 2}, {"value": 1, "count": 1}]
    assert found["duplicates"] == 1


def test_digits_beside_a_large_mean(ingest_text: IngestText) -> None:
    values = [1e9 + step / 8 for step in (1, 5, 2, 7, 3, 3, 8, 0)]
    others = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
    text = "".join(f"{x!r},{y}\n" for x, y in zip(values, others, strict=True))
    answer = ingest_text("x,y\n" + text)
    # Eighths are exact in binary, so the differences carry no rounding.
    near = [value - 1e9 for value in values]
    assert _column(answer, "x")["std"] == pytest.approx(statistics.stdev(near), rel=1e-12)
    expected = statistics.correlation(near, others)
    assert answer["profile"]["correlations"]["matrix"][0][1] == pytest.approx(expected, rel=1e-12)


def test_infinite_and_huge_numbers(ingest_text: IngestText) -> None:
    answer = ingest_text("a,b\n1.0,1e300\ninf,-1e308\n3.0,1e308\n")
    assert (_column(answer, "a")["mean"], _column(answer, "a")["max"]) == (2.0, 3.0)
    assert (_column(answer, "b")["mean"], _column(answer, "b")["histogram"]) == (None, None)
    assert {"infinite_values", "huge_values"} <= {warning["code"] for warning in answer["profile"]["warnings"]}


def test_large_data_is_estimated_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT i, i % 7 AS k, 'v' || i AS s FROM range(300000) t(i)) TO '{path}'")  # noqa: S608
    monkeypatch.setattr(source, "EXACT_ROWS", 1000)
    monkeypatch.setattr(profile, "CORRELATED_CELLS", 1000)
    schema: list[Any] = [
        {"name": "i", "type": "integer"},
        {"name": "k", "type": "integer"},
        {"name": "s", "type": "string"},
    ]
    with connect(memory_mb=256, threads=1) as connection:
        found = profile.profile_file(connection, path, schema, quiet)
    by_name = {column["name"]: column for column in found["columns"]}
    assert by_name["i"]["approximate"] == ["distinct", "top", "quantiles"]
    assert by_name["i"]["distinct"] == pytest.approx(300_000, rel=0.1)
    assert by_name["i"]["quantiles"] is not None
    assert by_name["i"]["quantiles"]["p50"] == pytest.approx(150_000, rel=0.02)
    assert (by_name["k"]["distinct"], by_name["k"]["top"][0]) == (7, {"value": 0, "count": 42858})
    assert found["duplicates"] == 0
    assert {"approximate", "approximate_correlations"} <= {warning["code"] for warning in found["warnings"]}


@pytest.mark.parametrize("name", ["file_row_number", "rowid", "row_number_0", "h", "moment", "value", "crossed"])
def test_names_that_sampling_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = tmp_path / "named.parquet"
    with duckdb.connect() as connection:
        columns = f'i % 500 AS "{name}", DATE \'2024-01-01\' + CAST(i AS INTEGER) AS "d", i % 3 AS k'
        connection.execute(f"COPY (SELECT {columns} FROM range(5000) t(i)) TO '{path}'")  # noqa: S608
    monkeypatch.setattr(source, "EXACT_ROWS", 1000)
    monkeypatch.setattr(source, "SAMPLE_ROWS", 2000)
    monkeypatch.setattr(source, "FEW_ROWS", 500)
    schema: list[Any] = [
        {"name": name, "type": "integer"},
        {"name": "d", "type": "date"},
        {"name": "k", "type": "integer"},
    ]
    with connect(memory_mb=256, threads=1) as connection:
        found = profile.profile_file(connection, path, schema, quiet)
    assert (found["columns"][0]["distinct"], found["columns"][0]["max"]) == (500, 499)
    assert found["columns"][0]["quantiles"] is not None
    assert found["columns"][0]["quantiles"]["p50"] == pytest.approx(250, abs=40)


def test_duplicates_of_large_data_are_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "doubled.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT i % 30000 AS i, 1 AS k FROM range(40000) t(i)) TO '{path}'")  # noqa: S608
    monkeypatch.setattr(source, "EXACT_ROWS", 1000)
    monkeypatch.setattr(duplicates, "SAMPLE_ROWS", 10_000)
    schema: list[Any] = [{"name": "i", "type": "integer"}, {"name": "k", "type": "integer"}]
    with connect(memory_mb=256, threads=1) as connection:
        found = profile.profile_file(connection, path, schema, quiet)
    assert found["duplicates"] == pytest.approx(10_000, rel=0.1)
    assert "duplicates" in found["approximate"]
