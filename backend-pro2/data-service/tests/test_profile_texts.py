"""Texts, moments and warnings of a profile."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ..app.engines.profiling import personal
from .test_profile_numbers import column_of, profile_of

CARD, IBAN = "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"


def _codes(found: Any) -> set[str]:
    return {warning["code"] for warning in found["warnings"]}


def test_lengths_and_forms(tmp_path: Path) -> None:
    text = column_of(tmp_path, ["AB-123", "Äé 9", " x", "", "CD-4", None])["text"]
    assert (text["min_length"], text["max_length"], text["mean_length"]) == (0, 6, 16 / 5)
    assert (text["empty"], text["whitespace"]) == (1, 1)
    assert text["patterns"][0] == {"pattern": "A-9", "count": 2}
    assert {"pattern": "Aa 9", "count": 1} in text["patterns"]


def test_steps_and_gaps(tmp_path: Path) -> None:
    start = dt.datetime(1969, 12, 31, 22, tzinfo=dt.UTC)
    hours = [0, 1, 2, 3, 10, 11, 12]
    time = column_of(tmp_path, [start + dt.timedelta(hours=hour) for hour in hours])["time"]
    assert (time["range_seconds"], time["median_step"], time["regular"]) == (12 * 3600, 3600, False)
    assert time["gaps"] == [{"from": "1970-01-01T01:00:00Z", "to": "1970-01-01T08:00:00Z"}]


def test_regular_days_to_the_end_of_time(tmp_path: Path) -> None:
    column = column_of(tmp_path, [dt.date(9999, 12, day) for day in (29, 30, 31)] * 2)
    assert (column["time"]["regular"], column["time"]["median_step"], column["time"]["gaps"]) == (True, 86400, [])
    assert (column["max"], column["histogram"]["edges"][-1]) == ("9999-12-31", "9999-12-31")
    assert sum(column["histogram"]["counts"]) == 6


@pytest.mark.parametrize("value", [CARD, IBAN, "ann@example.org", "10.0.0.1", "::1", "+49 30 1234567"])
def test_personal_data_is_named_without_a_value(tmp_path: Path, value: str) -> None:
    found = profile_of(tmp_path, {"x": [value] * 3, "y": [1, 2, 3]})
    message = next(warning["message"] for warning in found["warnings"] if warning["code"] == "personal_data")
    assert "'x'" in message
    assert not any(value in warning["message"] for warning in found["warnings"])


@pytest.mark.parametrize(
    "values", [["2024-01-02"] * 3, ["1.234.567", "2.0", "3"], ["4111 1111 1111 1112"] * 3, ["a", "b", "c"]]
)
def test_what_is_not_personal(tmp_path: Path, values: list[str]) -> None:
    assert "personal_data" not in _codes(profile_of(tmp_path, {"x": values}))


def test_check_digits() -> None:
    assert personal.is_card(CARD)
    assert not personal.is_card(CARD[:-1] + "2")
    assert personal.is_iban(IBAN)
    assert not personal.is_iban(IBAN[:-1] + "1")
    assert personal.is_phone("030 1234567", hinted=True)
    assert not personal.is_phone("030 1234567", hinted=False)


def test_headers_of_names(tmp_path: Path) -> None:
    assert "personal_data" in _codes(profile_of(tmp_path, {"First Name": ["Ann", "Bob", "Jürgen"]}))
    assert "personal_data" not in _codes(profile_of(tmp_path, {"product": ["Ann", "Bob", "Jürgen"]}))


def test_warnings_about_values(tmp_path: Path) -> None:
    size = 200
    found = profile_of(
        tmp_path,
        {
            "id": list(range(size)),
            "skewed": [1.0] * (size - 1) + [1e9],
            "same": [True] * (size - 2) + [False] * 2,
            "mixed": [str(number) for number in range(size - 10)] + ["?"] * 10,
            "case": ["Yes", "yes", "no ", "no"] * (size // 4),
        },
    )
    named = {(warning["code"], warning["message"].split("'")[1]) for warning in found["warnings"]}
    assert {
        ("unique_column", "id"),
        ("skewed", "skewed"),
        ("imbalanced", "same"),
        ("mixed_types", "mixed"),
        ("high_cardinality", "mixed"),
        ("case_variants", "case"),
        ("whitespace", "case"),
    } == named


def test_columns_that_give_each_other_away(tmp_path: Path) -> None:
    codes = [index % 7 for index in range(100)]
    x = [float(index % 31) for index in range(100)]
    found = profile_of(
        tmp_path,
        {
            "code": codes,
            "label": [f"L{code}" for code in codes],
            "x": x,
            "double": [2 * value + 1 + (index == 3) * 1e-3 for index, value in enumerate(x)],
            "id": list(range(100)),
        },
    )
    leaks = [warning["message"] for warning in found["warnings"] if warning["code"] == "leakage_candidate"]
    assert len(leaks) == 2
    assert "'code' and 'label'" in leaks[0]
    assert "'x' and 'double'" in leaks[1]


def test_warnings_are_bounded(tmp_path: Path) -> None:
    found = profile_of(tmp_path, {f"c{number}": pa.array([1, 1]) for number in range(60)})
    constant = [warning for warning in found["warnings"] if warning["code"] == "constant_column"]
    assert len(constant) == 51
    assert constant[-1]["message"] == "There are 10 more warnings of this kind."
    assert len(found["correlations"]["columns"]) == 40
