"""Differences between versions: random edits, found and applied again, and cases that can be checked by eye."""

import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from shared.compute.protocol import ComputeError

from .differing import Compared, Table, converted, edited, frozen


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edited())
def test_applying_a_diff_to_the_earlier_version_gives_the_later(edit: tuple[Table, Table, list[str]]) -> None:
    before, after, key = edit
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = before.write(folder / "a.parquet"), after.write(folder / "b.parquet")
        compared = Compared(folder, paths[0], paths[1], key)
        rows = compared.rows()
        by_kind = {kind: compared.rows(kind, limit=100) for kind in ("removed", "changed", "added")}
    assert rows == by_kind["removed"] + by_kind["changed"] + by_kind["added"]
    assert {kind: len(found) for kind, found in by_kind.items()} == {
        kind: compared.summary[f"rows_{kind}"] for kind in by_kind
    }
    taken, added = (frozen([row[side] for row in rows if row[side] is not None]) for side in ("before", "after"))
    assert not taken - frozen(before.rows)
    left = taken.copy()
    kept = []
    for row in before.rows:
        (text,) = frozen([row])
        if left[text]:
            left[text] -= 1
        else:
            kept.append(row)
    assert len(kept) == compared.summary["rows_unchanged"]
    assert frozen([converted(row, before, after) for row in kept]) + added == frozen(after.rows)
    if before.kinds == after.kinds:
        assert len(kept) == (frozen(before.rows) & frozen(after.rows)).total()


def compare(folder: Path, before: str, after: str, *key: str) -> Compared:
    paths = []
    for name, select in (("a", before), ("b", after)):
        paths.append(str(folder / f"{name}.parquet"))
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({select}) TO '{paths[-1]}' (FORMAT parquet)")
    return Compared(folder, paths[0], paths[1], key)


def counts(compared: Compared) -> tuple[int, int, int, int]:
    added, removed, changed, unchanged = (
        compared.summary[f"rows_{kind}"] for kind in ("added", "removed", "changed", "unchanged")
    )
    return added, removed, changed, unchanged


A = "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) AS t (id, s)"
B = "SELECT * FROM (VALUES (2, 'B'), (3, 'c'), (4, 'd')) AS t (id, s)"


def test_without_a_key_rows_are_only_added_and_removed(tmp_path: Path) -> None:
    assert counts(compare(tmp_path, A, B)) == (2, 2, 0, 1)


def test_with_a_key_rows_are_changed(tmp_path: Path) -> None:
    compared = compare(tmp_path, A, B, "ID")
    assert counts(compared) == (1, 1, 1, 1)
    assert compared.rows() == [
        {"kind": "removed", "before": {"id": 1, "s": "a"}, "after": None},
        {"kind": "changed", "before": {"id": 2, "s": "b"}, "after": {"id": 2, "s": "B"}},
        {"kind": "added", "before": None, "after": {"id": 4, "s": "d"}},
    ]
    assert compared.summary["samples"]["changed"] == compared.rows("changed")


def test_rows_that_share_a_key_are_not_taken_for_one_another(tmp_path: Path) -> None:
    before = "SELECT * FROM (VALUES (1, 'a'), (1, 'b'), (1, 'c'), (NULL, 'n')) AS t (id, s)"
    after = "SELECT * FROM (VALUES (1, 'a'), (1, 'x'), (1, 'y'), (NULL, 'm')) AS t (id, s)"
    compared = compare(tmp_path, before, after, "id")
    assert counts(compared) == (2, 2, 1, 1)
    assert [row["before"]["s"] for row in compared.rows("changed")] == ["n"]


def test_equal_rows_are_counted(tmp_path: Path) -> None:
    before = "SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (1, 'a'), (2, 'b')) AS t (id, s)"
    after = "SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (2, 'b'), (2, 'b'), (2, 'b')) AS t (id, s)"
    assert counts(compare(tmp_path, before, after)) == (2, 1, 0, 3)
    assert counts(compare(tmp_path, before, after, "id")) == (2, 1, 0, 3)


@pytest.mark.parametrize("turned", [False, True])
def test_one_row_against_two_of_its_key_is_not_changed(tmp_path: Path, turned: bool) -> None:
    one = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t (id, s)"
    two = "SELECT * FROM (VALUES (1, 'x'), (1, 'y'), (2, 'b')) AS t (id, s)"
    found = counts(compare(tmp_path, *((two, one) if turned else (one, two)), "id"))
    assert found == ((1, 2, 0, 1) if turned else (2, 1, 0, 1))


@pytest.mark.parametrize(
    ("before", "after", "equal"),
    [
        ("-0.0::DOUBLE", "-0.0::DOUBLE", True),
        ("-0.0::DOUBLE", "0.0::DOUBLE", False),
        ("'nan'::DOUBLE", "'nan'::DOUBLE", True),
        ("0.0::DOUBLE", "-0.0::DOUBLE", False),
        ("NULL::VARCHAR", "''", False),
        ("1", "1.0::DOUBLE", True),
        ("'01'", "1", False),
        ("'1'", "1", True),
        ("'x'", "NULL::BIGINT", False),
        ("1.5::DOUBLE", "2", False),
        (f"{2**53 + 1}", f"{2**53}::DOUBLE", False),
        ("DATE '2024-01-01'", "TIMESTAMP '2024-01-01 00:00:00'", True),
        ("'2024-01-01 10:00:00'", "DATE '2024-01-01'", False),
        ("[0.0::DOUBLE]", "[-0.0::DOUBLE]", False),
        ("{'a': 1}", "{'a': 1}", True),
        ("{'a': 1}", "{'a': 1, 'b': NULL::INT}", False),
        ("INTERVAL 1 MONTH", "INTERVAL 30 DAY", False),
        ("1.10::DECIMAL(5,2)", "1.1::DECIMAL(9,4)", True),
    ],
)
def test_values_are_compared_exactly(tmp_path: Path, before: str, after: str, equal: bool) -> None:
    compared = compare(tmp_path, f"SELECT {before} AS v", f"SELECT {after} AS v")
    assert counts(compared) == ((0, 0, 0, 1) if equal else (1, 1, 0, 0))


def test_columns(tmp_path: Path) -> None:
    summary = compare(
        tmp_path, "SELECT 1 AS id, 2 AS old, 3 AS n", "SELECT 1 AS id, 3.5::DOUBLE AS n, 'x' AS new"
    ).summary
    assert summary["columns_added"] == [{"name": "new", "type": "string"}]
    assert summary["columns_removed"] == [{"name": "old", "type": "integer"}]
    assert summary["columns_changed"] == [{"name": "n", "from_type": "integer", "to_type": "number"}]


def test_a_column_without_values_changes_no_row(tmp_path: Path) -> None:
    assert counts(compare(tmp_path, "SELECT 1 AS id", "SELECT 1 AS id, NULL::VARCHAR AS s")) == (0, 0, 0, 1)


def test_a_column_with_the_name_of_the_row_number(tmp_path: Path) -> None:
    before = "SELECT i AS file_row_number, 'x' AS n FROM range(3) r (i)"
    compared = compare(tmp_path, before, f"{before} WHERE i <> 1", "file_row_number")
    assert compared.rows() == [{"kind": "removed", "before": {"file_row_number": 1, "n": "x"}, "after": None}]


def test_values_that_json_has_not(tmp_path: Path) -> None:
    values = (
        "'-inf'::DOUBLE AS a, ['nan'::DOUBLE] AS b, 9007199254740993 AS c, TIMESTAMPTZ '2024-01-01 02:00:00+02' AS d"
    )
    row = compare(tmp_path, f"SELECT {values} WHERE false", f"SELECT {values}").rows()[0]
    assert row["after"] == {"a": "-Infinity", "b": ["NaN"], "c": "9007199254740993", "d": "2024-01-01T00:00:00Z"}


def test_samples_are_cut(tmp_path: Path) -> None:
    compared = compare(tmp_path, "SELECT '' AS s", "SELECT repeat('x', 1000) AS s")
    assert len(compared.summary["samples"]["added"][0]["after"]["s"]) == 501
    assert len(compared.rows("added")[0]["after"]["s"]) == 1000


def test_an_unknown_key(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match="The later version has no column 'old'") as caught:
        compare(tmp_path, "SELECT 1 AS id, 2 AS old", "SELECT 1 AS id", "old")
    assert caught.value.code == "unknown_column"


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ComputeError) as caught:
        Compared(tmp_path, str(tmp_path / "none"), str(tmp_path / "none"))
    assert caught.value.code == "file_gone"
