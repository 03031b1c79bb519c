"""Statistics of small random tables beside what pandas and scipy make of them."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from shared.tabular.duck import connect

from ..app.engines.ingest import describe
from .conftest import quiet

CLOSE = 1e-9
# Dyadic, so that differences carry no rounding of their own.
FINITE = st.integers(-(10**9), 10**9).map(lambda number: number / 1024)
NUMBERS = st.one_of(FINITE, st.none(), st.just(-0.0), st.integers(-5, 5).map(float))
TABLES = st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from(["a", "b", "c", None])), min_size=1, max_size=40)


def profile_of(tmp_path: Path, columns: dict[str, Any]) -> Any:
    """The profile of a table with these columns."""
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(columns), path)
    with connect(memory_mb=256, threads=1, scratch=tmp_path) as connection:
        return describe(connection, path, 0, quiet)["profile"]


def column_of(tmp_path: Path, values: Any) -> Any:
    """The profile of one column."""
    return profile_of(tmp_path, {"x": values})["columns"][0]


def close(found: float | None, expected: float, *, scale: float = 1.0) -> bool:
    """Whether they are equal to nine digits of `scale`; where pandas has NaN, null is meant."""
    if math.isnan(expected):
        return found is None
    return found is not None and math.isclose(found, expected, rel_tol=CLOSE, abs_tol=CLOSE * scale)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=TABLES)
def test_random_tables(tmp_path: Path, rows: Sequence[tuple[float | None, float | None, str | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["x", "y", "s"]).astype({"x": "float64", "y": "float64"})
    types = {"x": pa.float64(), "y": pa.float64(), "s": pa.string()}
    columns = {name: pa.array([row[i] for row in rows], kind) for i, (name, kind) in enumerate(types.items())}
    found = profile_of(tmp_path, columns)
    for column in found["columns"][:2]:
        _compare(column, frame[column["name"]])
    texts = frame["s"].dropna()
    assert (found["columns"][2]["count"], found["columns"][2]["distinct"]) == (texts.count(), texts.nunique())
    assert found["duplicates"] == frame.duplicated().sum()
    _compare_coefficient(found["correlations"], frame, "pearson")
    _compare_coefficient(found["correlations"]["spearman"], frame, "spearman")


def _compare(column: dict[str, Any], values: Any) -> None:
    present = values.dropna()
    assert (column["count"], column["nulls"]) == (present.count(), values.isna().sum())
    assert column["distinct"] == present.nunique()
    if present.empty:
        return
    scale = float(present.abs().max()) or 1.0
    assert (column["min"], column["max"]) == (present.min(), present.max())
    assert (column["zeros"], column["negatives"]) == ((present == 0).sum(), (present < 0).sum())
    assert close(column["mean"], present.mean(), scale=scale)
    assert close(column["std"], present.std(), scale=scale)
    for key, share in {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}.items():
        assert close(column["quantiles"][key], present.quantile(share), scale=scale)
    assert sorted((top["count"] for top in column["top"]), reverse=True) == list(present.value_counts().head(10))
    if present.min() < present.max():
        assert column["histogram"]["counts"] == _exact_histogram(list(present))
        if present.std() > scale * 1e-3:
            assert close(column["skewness"], float(present.skew()))
            assert close(column["kurtosis"], float(present.kurt()))


def _exact_histogram(values: Sequence[float]) -> list[int]:
    low, high = Fraction(min(values)), Fraction(max(values))
    places = [min(19, math.floor((Fraction(value) - low) * 20 / (high - low))) for value in values]
    return [places.count(index) for index in range(20)]


def _compare_coefficient(found: dict[str, Any], frame: Any, method: str) -> None:
    if found["columns"] == ["x", "y"] and all(frame[name].std() > 1e-3 for name in "xy"):
        both = frame[["x", "y"]].dropna()
        if len(both) > 2 and all(both[name].std() > 1e-3 * frame[name].abs().max() for name in "xy"):
            assert close(found["matrix"][0][1], both.corr(method=method).iloc[0, 1])


def test_digits_beside_a_huge_offset(tmp_path: Path) -> None:
    near = np.random.default_rng(1).integers(0, 1000, 500) / 8
    column = column_of(tmp_path, near + 2.0**40)
    assert close(column["std"], float(near.std(ddof=1)))
    assert close(column["skewness"], float(stats.skew(near, bias=False)))
    assert close(column["kurtosis"], float(stats.kurtosis(near, bias=False)))


def test_a_first_value_far_from_all_others(tmp_path: Path) -> None:
    values = np.concatenate([[1e12], np.random.default_rng(2).normal(0, 1, 999)])
    column = column_of(tmp_path, values)
    assert close(column["std"], float(values.std(ddof=1)))
    assert close(column["skewness"], float(stats.skew(values, bias=False)))


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    column = column_of(tmp_path, [1.0, float("nan"), float("inf"), float("-inf"), 3.0, None])
    assert (column["count"], column["nulls"]) == (5, 1)
    assert (column["min"], column["max"], column["mean"]) == (1.0, 3.0, 2.0)
    assert sum(column["histogram"]["counts"]) == 2
    nan = column_of(tmp_path, [float("nan")] * 3)
    assert (nan["min"], nan["mean"], nan["std"], nan["histogram"]) == (None, None, None, None)


def test_the_largest_and_smallest_integers(tmp_path: Path) -> None:
    column = column_of(tmp_path, pa.array([-(2**63), 2**63 - 1, 0, None]))
    assert (column["min"], column["max"]) == (str(-(2**63)), str(2**63 - 1))
    assert close(column["std"], float(np.std([-(2.0**63), 2.0**63, 0.0], ddof=1)))
    assert (column["zeros"], column["negatives"], sum(column["histogram"]["counts"])) == (1, 1, 3)


@pytest.mark.parametrize("values", [[5.0] * 7, [1e300, -1e300], [5e-324, 0.0, 1e-320]])
def test_ranges_at_the_ends_of_what_a_double_holds(tmp_path: Path, values: list[float]) -> None:
    column = column_of(tmp_path, values)
    assert (column["min"], column["max"]) == (min(values), max(values))
    assert column["std"] in {0.0, None} or math.isfinite(column["std"])


def test_nothing_but_nulls(tmp_path: Path) -> None:
    for kind in (pa.int64(), pa.float64(), pa.string(), pa.date32(), pa.timestamp("us"), pa.bool_()):
        column = column_of(tmp_path, pa.array([None, None], kind))
        assert (column["count"], column["nulls"], column["distinct"], column["min"]) == (0, 2, 0, None)
        assert (column["top"], column["text"], column["time"], column["histogram"]) == ([], None, None, None)


def test_a_table_without_rows(tmp_path: Path) -> None:
    found = profile_of(tmp_path, {"x": pa.array([], pa.int64()), "s": pa.array([], pa.string())})
    assert (found["rows"], found["duplicates"], [column["count"] for column in found["columns"]]) == (0, 0, [0, 0])


def test_all_kinds_of_columns(tmp_path: Path) -> None:
    kinds = {
        "decimal": pa.array([1, 2, 2], pa.decimal128(9, 2)),
        "float": pa.array([0.5, 1.5, None], pa.float32()),
        "bytes": pa.array([b"a", b"\xff", None]),
        "time": pa.array([1, 2, 3], pa.time64("us")),
        "zoned": pa.array([0, 10**6, None], pa.timestamp("us", "Europe/Berlin")),
        "list": pa.array([[1], [1], [2]]),
        "struct": pa.array([{"a": 1}, None, {"a": 1}]),
        "unsigned": pa.array([2**64 - 1, 0, 1], pa.uint64()),
    }
    columns = {column["name"]: column for column in profile_of(tmp_path, kinds)["columns"]}
    assert {name: column["distinct"] for name, column in columns.items()} == {
        "decimal": 2, "float": 2, "bytes": 2, "time": 3, "zoned": 2, "list": 2, "struct": 1, "unsigned": 3,
    }  # fmt: skip
    assert columns["list"]["top"][0] == {"value": [1], "count": 2}
    assert columns["zoned"]["max"] == "1970-01-01T00:00:01Z"
    assert columns["unsigned"]["max"] == str(2**64 - 1)


def test_cramers_v(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    a = random.choice(list("xyz"), 300)
    b = np.where(random.random(300) < 0.5, a, random.choice(list("xyz"), 300))
    found = profile_of(tmp_path, {"a": a, "b": b})["correlations"]["cramers_v"]
    counts = pd.crosstab(a, b).to_numpy()
    n, (r, k) = counts.sum(), counts.shape
    phi = max(0.0, stats.chi2_contingency(counts, correction=False).statistic / n - (k - 1) * (r - 1) / (n - 1))
    smaller = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)) - 1
    assert found["columns"] == ["a", "b"]
    assert close(found["matrix"][0][1], math.sqrt(phi / smaller))
