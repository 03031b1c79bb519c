"""Rows of JSON as a table of the features' types, or the sentence that says which member of which row does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from shared.compute import ComputeError

from .features import Feature

_ABSENT = object()


def table_of(rows: Sequence[Mapping[str, Any]], features: Sequence[Feature], ignored: frozenset[str]) -> pa.Table:
    """A column for each feature; absent members and nulls are missing, those of `ignored` are passed over.

    Raises:
        ComputeError: `invalid_rows`, naming row (from 0) and member.
    """
    known = {feature.name for feature in features} | ignored
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ComputeError("invalid_rows", f"Row {number} is not an object of columns and values.")
        if not known.issuperset(row):
            name = next(name for name in row if name not in known)
            detail = f"Row {number}: the model knows no column {name!r:.60}; it predicts from {_listed(features)}."
            raise ComputeError("invalid_rows", detail)
    return pa.table({feature.name: _column(rows, feature) for feature in features})


def _column(rows: Sequence[Mapping[str, Any]], feature: Feature) -> pa.Array:
    read, kind = _READERS[_form(feature)]
    values = []
    for number, row in enumerate(rows):
        value = row.get(feature.name)
        if value is not None:
            value = read(value)
            if value is _ABSENT:
                detail = (
                    f"Row {number}: {feature.name!r} must be {_WORDS[_form(feature)]}, not {row[feature.name]!r:.60}."
                )
                raise ComputeError("invalid_rows", detail)
        values.append(value)
    return pa.array(values, kind)


def _form(feature: Feature) -> str:
    if feature.kind == "numeric":
        return "boolean" if feature.type == "boolean" else "number"
    return feature.type if feature.kind == "date" else "text"


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _ABSENT
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _boolean(value: object) -> object:
    return value if isinstance(value, bool) else _ABSENT


def _text(value: object) -> object:
    return value if isinstance(value, str) else _ABSENT


def _date(value: object) -> object:
    moment = _moment(value)
    return moment.date() if isinstance(moment, datetime) else moment


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a day has no zone
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _ABSENT
    else:
        return _ABSENT
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


_READERS: Mapping[str, tuple[Callable[[object], object], pa.DataType]] = {
    "number": (_number, pa.float64()),
    "boolean": (_boolean, pa.bool_()),
    "text": (_text, pa.string()),
    "date": (_date, pa.date32()),
    "datetime": (_moment, pa.timestamp("us")),
}
_WORDS = {
    "number": "a number",
    "boolean": "true or false",
    "text": "a text",
    "date": "a date such as 2026-01-31",
    "datetime": "a time such as 2026-01-31T12:00:00",
}


def _listed(features: Sequence[Feature]) -> str:
    names = [feature.name for feature in features[:20]]
    return ", ".join(names) + (", …" if len(features) > len(names) else "")
