"""Whatever a table holds, written by Python's csv module it is read back with equal values."""

import csv
import io
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..app.engines.readers.notations import MISSING
from .reading import Table, read_text

_HOSTILE = st.sampled_from(
    [
        '"',
        '""',
        ",",
        ";",
        "a,b",
        "\n",
        "x\ny",
        "'",
        "007",
        "1.5",
        "=1+1",
        "-",
        "NA",
        "é",
        "😀",
        "\u202eabc",
        "عربي",
        " x ",
    ]
)
_TEXTS = st.one_of(
    _HOSTILE, st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=12)
)
_VALUES = st.one_of(
    st.lists(_TEXTS, min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63)), min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.dates()), min_size=4, max_size=4),
    st.lists(st.one_of(_TEXTS, st.integers(), st.floats(), st.none()), min_size=4, max_size=4),
)


def _same(written: object, read: object) -> bool:
    """Equal, but for what is documented: words for a missing value are null, and numbers are compared as numbers."""
    if read is None:
        return written is None or str(written).strip().lower() in MISSING
    if isinstance(read, bool):
        return str(written).strip().lower()[:1] == str(read).lower()[:1] or str(written).lower() in ("yes", "no")
    if isinstance(read, int | float) and not isinstance(written, int | float):
        written = float(str(written).replace(",", ""))
    if isinstance(written, float) and isinstance(read, float):
        return written == read or math.isclose(written, read, rel_tol=0, abs_tol=0)
    if isinstance(written, date):
        written = written.isoformat()
    return str(written) == str(read) or written == read


def _written(columns: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([f"name {index}" for index in range(len(columns))])
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def _check(table: Table, columns: Sequence[Sequence[Any]]) -> None:
    assert table.report["rejected_rows"] == 0
    assert len(table.rows) == len(columns[0])
    for index, column in enumerate(columns):
        for written, read in zip(column, table.column(f"name {index}"), strict=True):
            assert _same(written, read), (written, read)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns=st.lists(_VALUES, min_size=2, max_size=4))
def test_what_csv_writes_is_read_back(tmp_path: Path, columns: list[list[Any]]) -> None:
    _check(read_text(tmp_path, _written([range(1, 5), *columns]), header=True), [range(1, 5), *columns])


@pytest.mark.parametrize(
    "values",
    [
        [-(2**63), 2**63 - 1, 0, None],
        [2**63, 1, 2, 3],
        [1.7976931348623157e308, 5e-324, -0.0, 0.1],
        ["01", "1", "2", "3"],
        ["1_000", "2", "3", "4"],
        ["0x10", "2", "3", "4"],
        ["1e3", "2", "3", "4"],
    ],
)
def test_extremes(tmp_path: Path, values: list[Any]) -> None:
    table = read_text(tmp_path, _written([["a"] * 4, values]))
    _check(table, [["a"] * 4, values])
