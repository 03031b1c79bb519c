"""Descriptive statistics of every type of column."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from .support import Analyse


def described(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = result["tables"][0]
    assert found["name"] == "columns"
    return {row[0]: dict(zip(found["columns"], row, strict=True)) for row in found["rows"]}


class TestNumbers:
    def test_members(self, analyse_columns: Analyse) -> None:
        values = [1.0, 2.0, 2.0, 5.0, 10.0, None]
        row = described(analyse_columns("describe", {"v": values}, {}))["v"]
        present = np.array(values[:5], dtype=float)
        assert (row["type"], row["count"], row["nulls"], row["distinct"]) == ("number", 5, 1, 4)
        assert (row["min"], row["max"], row["mean"]) == (1.0, 10.0, 4.0)
        assert row["std"] == pytest.approx(np.std(present, ddof=1))
        assert row["quantiles"] == pytest.approx({"p05": 1.2, "p25": 2.0, "p50": 2.0, "p75": 5.0, "p95": 9.0})
        assert row["skewness"] == pytest.approx(stats.skew(present, bias=False))
        assert row["top"][0] == {"value": 2.0, "count": 2}
        assert sum(row["histogram"]["counts"]) == 5
        assert len(row["histogram"]["edges"]) == len(row["histogram"]["counts"]) + 1

    def test_nist_numacc(self, analyse_columns: Analyse) -> None:
        # NIST StRD, univariate, "NumAcc3": certified mean 1000000.2, sample standard deviation 0.1.
        values = [1000000.2, *[1000000.1, 1000000.3] * 500]
        row = described(analyse_columns("describe", {"v": values}, {}))["v"]
        assert row["mean"] == pytest.approx(1000000.2, rel=1e-14)
        assert row["std"] == pytest.approx(0.1, rel=1e-9)

    @pytest.mark.parametrize("values", [[3], [None], [], [float("nan")], [float("inf"), 1.0]])
    def test_hardly_any(self, analyse_columns: Analyse, values: list[Any]) -> None:
        row = described(analyse_columns("describe", {"v": np.array(values, dtype=float)}, {}))["v"]
        assert row["std"] is None
        assert row["nulls"] == sum(value is None or value != value for value in values)

    def test_the_ends_of_the_range(self, analyse_columns: Analyse) -> None:
        row = described(analyse_columns("describe", {"v": [1e308, -1e308, 1e308]}, {}))["v"]
        assert (row["min"], row["max"], row["histogram"]) == (-1e308, 1e308, None)

    def test_equal_values_deviate_by_nothing(self, analyse_columns: Analyse) -> None:
        row = described(analyse_columns("describe", {"v": [0.1] * 7}, {}))["v"]
        assert (row["mean"], row["std"]) == (0.1, 0.0)

    def test_a_constant_column_is_told(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("describe", {"v": [4, 4, 4]}, {})
        assert [warning["code"] for warning in result["warnings"]] == ["constant_column"]
        assert result["charts"][0]["title"] == "Distribution of v"


class TestOtherTypes:
    COLUMNS: ClassVar[dict[str, list[Any]]] = {
        "flag": [True, True, False],
        "text": ["b", "a", "b"],
        "when": [datetime(2026, 1, day, tzinfo=UTC) for day in (3, 1, 2)],
        "day": [date(2026, 1, day) for day in (3, 1, 2)],
        "money": [Decimal("1.50"), Decimal("2.50"), None],
        "long": ["x" * 5000] * 3,
    }

    def test_members(self, analyse_columns: Analyse) -> None:
        rows = described(analyse_columns("describe", self.COLUMNS, {}))
        assert {name: row["type"] for name, row in rows.items()} == {
            "flag": "boolean", "text": "string", "when": "datetime", "day": "date", "money": "number", "long": "string",
        }  # fmt: skip
        assert rows["text"]["top"] == [{"value": "b", "count": 2}, {"value": "a", "count": 1}]
        assert rows["text"]["mean"] is None
        assert rows["when"]["min"] == "2026-01-01T00:00:00+00:00"
        assert rows["day"]["max"] == "2026-01-03"
        assert (rows["money"]["mean"], rows["money"]["min"]) == (2.0, 1.5)
        assert rows["flag"]["mean"] == pytest.approx(2 / 3)
        assert len(rows["long"]["min"]) == 200

    def test_nested_and_dictionary_columns(self, analyse_columns: Analyse) -> None:
        columns = {"point": [{"x": 1}, None, {"x": 1}], "level": pa.array(["low", "high", "low"]).dictionary_encode()}
        rows = described(analyse_columns("describe", columns, {}))
        assert (rows["point"]["type"], rows["level"]["type"]) == ("json", "string")
        assert rows["point"]["top"] == [{"value": '{"x": 1}', "count": 2}]
        assert rows["level"]["min"] == "high"

    def test_an_empty_column_is_told(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("describe", {"text": np.array([None, None], dtype=object)}, {})
        assert result["warnings"][0]["code"] == "empty_column"
        assert result["summary"] == {"rows": 2, "columns": 1, "numeric_columns": 0, "nulls": 2, "null_share": 1.0}


def test_names_that_look_like_paths(analyse_columns: Analyse) -> None:
    columns = {"a": [1, 2], "a.b": [3, 4], "c[0]": [5, 6], "naïve 列": [7, 8]}
    rows = described(analyse_columns("describe", columns, {}))
    assert [row["max"] for row in rows.values()] == [2, 4, 6, 8]


def test_only_the_columns_asked_for(analyse_columns: Analyse) -> None:
    rows = described(analyse_columns("describe", {"a": [1], "b": [2], "c": [3]}, {"columns": ["c", "a", "c"]}))
    assert list(rows) == ["c", "a"]


def test_wide_data_is_bounded(analyse_columns: Analyse) -> None:
    result = analyse_columns("describe", {f"c{i}": [i, 0] for i in range(510)}, {})
    assert [warning["code"] for warning in result["warnings"]][:2] == ["columns_limited", "charts_limited"]
    assert (result["summary"]["columns"], len(result["charts"])) == (500, 12)
