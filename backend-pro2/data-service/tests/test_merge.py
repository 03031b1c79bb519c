"""Append and upsert, with answers that can be checked by eye."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.compute.protocol import ComputeError

from ..app.engines.ingest import ingest
from ..app.engines.merges import merge
from .conftest import quiet

BASE = "SELECT * FROM (VALUES (1, 'a', 1.5), (2, 'b', 2.5), (3, 'c', NULL)) AS t (id, s, x)"


class Merging:
    """Files of one test: the base's rows by a SELECT, the upload as text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def base(self, select: str) -> None:
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({select}) TO '{self.folder / 'base.parquet'}' (FORMAT parquet)")

    def run(self, text: str, mode: str = "append", key: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        """The answer of the ingest."""
        (self.folder / "raw").write_text(text, encoding="utf-8")
        merge = {"mode": mode, "base": str(self.folder / "base.parquet"), "key": list(key)}
        file = {"source": str(self.folder / "raw"), "filename": "more.csv", "options": options, "merge": merge}
        limits = {"max_columns": 1000, "max_unpacked_bytes": 2**30, "memory_mb": 1024, "threads": 2}
        target = {"parquet": str(self.folder / "data.parquet"), "scratch": str(self.folder)}
        return ingest({**file, **limits, **target}, quiet)

    def refused(self, text: str, mode: str = "append", key: tuple[str, ...] = ()) -> ComputeError:
        """The error it ends with."""
        with pytest.raises(ComputeError) as caught:
            self.run(text, mode, key)
        return caught.value

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """What was written."""
        with duckdb.connect() as connection:
            return connection.read_parquet(str(self.folder / "data.parquet")).fetchall()


@pytest.fixture
def merging(tmp_path: Path) -> Merging:
    made = Merging(tmp_path)
    made.base(BASE.replace("1.5", "1.5::DOUBLE"))
    return made


def _types(answer: dict[str, Any]) -> list[str]:
    return [column["type"] for column in answer["schema"]]


def test_append_puts_the_file_behind_the_base(merging: Merging) -> None:
    answer = merging.run("S,x,id\nd,4.5,4\ne,,5\n")
    assert merging.rows == [(1, "a", 1.5), (2, "b", 2.5), (3, "c", None), (4, "d", 4.5), (5, "e", None)]
    assert [column["name"] for column in answer["schema"]] == ["id", "s", "x"]
    counts = {"rows_before": 3, "rows_added": 2, "rows_updated": 0, "duplicates_in_file": 0}
    assert answer["report"]["merge"] == {"mode": "append", **counts}
    assert (answer["rows"], answer["profile"]["rows"], answer["report"]["format"]) == (5, 5, "csv")


def test_upsert_replaces_in_place_and_adds_behind(merging: Merging) -> None:
    answer = merging.run("id,s,x\n9,z,9\n2,old,0\n2,B,20\n1,A,10\n", "upsert", ("ID",))
    assert merging.rows == [(1, "A", 10.0), (2, "B", 20.0), (3, "c", None), (9, "z", 9.0)]
    counts = {"rows_before": 3, "rows_added": 1, "rows_updated": 2, "duplicates_in_file": 1}
    assert answer["report"]["merge"] == {"mode": "upsert", **counts}


def test_null_is_a_key_like_any_other(merging: Merging) -> None:
    merging.base("SELECT * FROM (VALUES (1, NULL, 'a'), (1, 'k', 'b'), (NULL, 'k', 'c')) AS t (id, k, v)")
    merging.run("id,k,v\n1,,A\n,k,C\n,,D\n", "upsert", ("id", "k"))
    assert merging.rows == [(1, None, "A"), (1, "k", "b"), (None, "k", "C"), (None, None, "D")]


def test_a_key_that_the_dataset_has_twice_is_refused_only_where_it_is_used(merging: Merging) -> None:
    merging.base("SELECT * FROM (VALUES (1, 'a'), (1, 'b'), (2, 'c')) AS t (id, s)")
    error = merging.refused("id,s\n1,z\n", "upsert", ("id",))
    assert (error.code, "'id'" in error.detail) == ("key_not_unique", True)
    merging.run("id,s\n2,C\n", "upsert", ("id",))
    assert merging.rows == [(1, "a"), (1, "b"), (2, "C")]


def test_text_takes_values_as_they_are_written(merging: Merging) -> None:
    merging.base("SELECT 'x' AS code, 1 AS n")
    answer = merging.run("code,n\n00123,1\n1.50,2\n2024-01-01,3\n")
    assert merging.rows == [("x", 1), ("00123", 1), ("1.50", 2), ("2024-01-01", 3)]
    assert _types(answer) == ["string", "integer"]


def test_a_text_column_of_numbers_in_another_case_is_read_again(merging: Merging) -> None:
    merging.base("SELECT 'x' AS code, 1 AS n")
    merging.run("Code,N\n123,1\n1.50,2\n")
    assert merging.rows == [("x", 1), ("123", 1), ("1.50", 2)]


@pytest.mark.parametrize(
    ("base", "text", "kind", "rows"),
    [
        ("1::BIGINT", "1.5", "number", [(1.0,), (1.5,)]),
        ("1::BIGINT", "2.0", "integer", [(1,), (2,)]),
        ("1::INTEGER", "3000000000", "integer", [(1,), (3000000000,)]),
        ("1.5::DOUBLE", "2", "number", [(1.5,), (2.0,)]),
    ],
)
def test_columns_are_widened_if_no_value_changes(
    merging: Merging, base: str, text: str, kind: str, rows: list[tuple[Any, ...]]
) -> None:
    merging.base(f"SELECT {base} AS a, 'k' AS k")
    answer = merging.run(f"a,k\n{text},k\n")
    assert (_types(answer)[0], [row[:1] for row in merging.rows]) == (kind, rows)
    widened = [note["note"] for note in answer["report"]["conversions"] if "widened" in note["note"]]
    assert widened == (["widened from integer to number"] if (base, kind) == ("1::BIGINT", "number") else [])


def test_dates_become_moments(merging: Merging) -> None:
    merging.base("SELECT DATE '2024-01-01' AS d, TIMESTAMP '2024-01-01 10:00:00' AS m")
    answer = merging.run("d,m\n2024-01-02 12:30:00,2024-01-03\n")
    assert [tuple(map(str, row)) for row in merging.rows] == [
        ("2024-01-01 00:00:00", "2024-01-01 10:00:00"),
        ("2024-01-02 12:30:00", "2024-01-03 00:00:00"),
    ]
    assert _types(answer) == ["datetime", "datetime"]


def test_a_number_that_would_lose_digits_is_refused(merging: Merging) -> None:
    merging.base(f"SELECT {2**53 + 1}::BIGINT AS a, 'k' AS k")
    assert merging.refused("a,k\n1.5,k\n").code == "schema_mismatch"


def test_a_column_without_values_fits_any_type(merging: Merging) -> None:
    merging.base("SELECT 1 AS n, DATE '2024-01-01' AS d, true AS b, 'x' AS s")
    merging.run("n,d,b,s\n,,,a\n,,,b\n")
    assert [row[:3] for row in merging.rows[1:]] == [(None, None, None)] * 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,s\n1,a\n", "it lacks 'x'"),
        ("id,s,x,more,other\n1,a,2,3,4\n", "it has the unknown 'more', 'other'"),
        ("id,t,x\n1,a,2\n", "it lacks 's'; it has the unknown 't'"),
        ("id,s,x\noops,a,2\n", "'id'"),
        ("id,s,x\n1,a,2024-01-01\n", "'x'"),
    ],
)
def test_what_does_not_fit_is_refused_with_names(merging: Merging, text: str, says: str) -> None:
    error = merging.refused(text)
    assert (error.code, says in error.detail) == ("schema_mismatch", True), error.detail


def test_a_late_misfit_is_no_null(merging: Merging) -> None:
    text = "id,s,x\n" + "".join(f"{number},a,1\n" for number in range(25_000)) + "25000,a,oops\n"
    error = merging.refused(text)
    assert (error.code, "'x'" in error.detail) == ("schema_mismatch", True), error.detail


def test_an_unknown_key_names_the_nearest(merging: Merging) -> None:
    error = merging.refused("id,s,x\n1,a,2\n", "upsert", ("idd",))
    assert (error.code, "Did you mean 'id'?" in error.detail) == ("unknown_column", True)


def test_the_order_of_rows_is_kept(merging: Merging) -> None:
    merging.base("SELECT i AS id, 'v' || i AS v FROM range(130000) r (i)")
    changes = "".join(f"{number},w{number}\n" for number in range(140_000, 0, -2))
    merging.run(f"id,v\n{changes}", "upsert", ("id",))
    behind = list(range(140_000, 129_999, -2))
    assert [row[0] for row in merging.rows] == [*range(130_000), *behind]
    assert all(value[0] == ("w" if number % 2 == 0 and number else "v") for number, value in merging.rows)


def test_a_column_may_have_the_name_of_a_row_number(merging: Merging) -> None:
    merging.base("SELECT 5 AS file_row_number, 'a' AS n")
    merging.run("file_row_number,n\n5,b\n6,c\n", "upsert", ("file_row_number",))
    assert merging.rows == [(5, "b"), (6, "c")]


def test_wide_tables_are_put_together_from_groups_of_columns(merging: Merging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "SORTED_AT_ONCE", 10)
    names = [f"c{number}" for number in range(25)]
    columns = ", ".join(f"i + {number} AS c{number}" for number in range(25))
    merging.base(f"SELECT i AS id, {columns} FROM range(5) r (i)")  # noqa: S608 - numbers
    header = ",".join(["id", *names])
    answer = merging.run(f"{header}\n9{',9' * 25}\n3{',3' * 25}\n", "upsert", ("id",))
    assert [column["name"] for column in answer["schema"]] == ["id", *names]
    rows = {number: (number, *range(number, number + 25)) for number in (0, 1, 2, 4)}
    assert merging.rows == [rows[0], rows[1], rows[2], (3,) * 26, rows[4], (9,) * 26]
