"""Dates and moments are found in the notations that people use, and never guessed in silence."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from ..app.engines.readers import csv_file
from .reading import read_text

MANY = 250


@pytest.fixture(autouse=True)
def _few_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows behind the first MANY are late ones."""
    monkeypatch.setattr(csv_file, "SAMPLE_ROWS", 100)


def _moment(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - files say no zone


def _column(*texts: str) -> str:
    return "d;n\n" + "".join(f"{text};1\n" for text in texts)


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (("2020-12-31", "2020-01-02"), date(2020, 12, 31)),
        (("1900-01-01", "2020-01-02"), date(1900, 1, 1)),
        (("2020/12/31", "2020/1/2"), date(2020, 12, 31)),
        (("31.12.2020", "1.2.2020"), date(2020, 12, 31)),
        (("31/12/2020", "01/02/2020"), date(2020, 12, 31)),
        (("12/31/2020", "01/02/2020"), date(2020, 12, 31)),
        (("5-Jan-2020", "06-FEB-2021"), date(2020, 1, 5)),
        (("Jan 5, 2020", "Feb 6, 2020"), date(2020, 1, 5)),
        (("2020-01-02 10:11:12", "2020-01-02 10:11:13"), _moment(2020, 1, 2, 10, 11, 12)),
        (("2020-01-02T10:11", "2020-01-02T10:12"), _moment(2020, 1, 2, 10, 11)),
        (("2020-01-02 10:11:12.5", "2020-01-02 10:11:12"), _moment(2020, 1, 2, 10, 11, 12, 500_000)),
        (("2020-01-02T10:11:12Z", "2020-01-02T10:11:12+02:00"), _moment(2020, 1, 2, 10, 11, 12)),
        (("31.12.2020 10:11", "1.2.2020 10:11:12"), _moment(2020, 12, 31, 10, 11)),
        (("12/31/2020 1:05 PM", "1/2/2020 12:00 AM"), _moment(2020, 12, 31, 13, 5)),
        (("2020-01-02", "NA"), date(2020, 1, 2)),
    ],
)
def test_notations(tmp_path: Path, texts: tuple[str, ...], first: Any) -> None:
    table = read_text(tmp_path, _column(*texts))
    assert table.types["d"] == ("datetime" if isinstance(first, datetime) else "date")
    assert table.column("d")[0] == first


@pytest.mark.parametrize(
    "texts",
    [
        ("2020-01-02", "1.2.2020"),
        ("31.02.2020", "01.02.2020"),
        ("2020-01-02", "infinity"),
        ("2020-01-02 10:11:12.123456789", "2020-01-02 10:11:12"),
        ("2020-01-02T10:11:12Z", "2020-01-02T10:11:12"),
        ("2020-01-02", "2020-01-02 10:00:00"),
    ],
)
def test_mixtures_stay_text(tmp_path: Path, texts: tuple[str, ...]) -> None:
    table = read_text(tmp_path, _column(*texts))
    assert (table.types["d"], table.column("d")) == ("string", list(texts))


def test_the_order_of_day_and_month_is_told(tmp_path: Path) -> None:
    table = read_text(tmp_path, _column("01/02/2024", "03/04/2024"))
    assert table.notes["d"] == "read as dates written d/m/Y; the other order of day and month fits as well"
    assert read_text(tmp_path, _column("2024-01-02")).notes == {}


def test_another_column_decides_the_order(tmp_path: Path) -> None:
    table = read_text(tmp_path, "d,e\n01/02/2024,12/31/2024\n03/04/2024,01/01/2024\n")
    assert table.rows[0] == (date(2024, 1, 2), date(2024, 12, 31))


@pytest.mark.parametrize(
    ("late", "kind", "note"),
    [
        ("13/02/2024", "date", "read as dates written d/m/Y"),
        ("02/13/2024", "date", "read as dates written m/d/Y"),
        ("2024-01-01", "string", "kept as text: it holds '2024-01-01'"),
    ],
)
def test_a_late_row_decides_the_order(tmp_path: Path, late: str, kind: str, note: str) -> None:
    table = read_text(tmp_path, _column(*["01/02/2024"] * MANY, late))
    assert (table.types["d"], table.notes["d"]) == (kind, note)


@pytest.mark.parametrize("late", ["2024-02-01 10:00:00", "infinity", "2024-02-30", "epoch"])
def test_a_late_text_that_is_no_date_is_kept(tmp_path: Path, late: str) -> None:
    table = read_text(tmp_path, _column(*["2024-02-01"] * MANY, late))
    assert (table.types["d"], table.column("d")[-1]) == ("string", late)
    assert table.report["rejected_rows"] == 0


@pytest.mark.parametrize("late", ["2024-02-01 10:00:00+02:00", "2024-02-01 10:00:00.123456789", "infinity"])
def test_a_late_text_that_is_another_moment_is_kept(tmp_path: Path, late: str) -> None:
    table = read_text(tmp_path, _column(*["2024-02-01 10:00:00"] * MANY, late))
    assert (table.types["d"], table.column("d")[-1]) == ("string", late)
