"""Which columns become features, of what kind, and which are left out, told by notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.compute import ComputeError

from ...schemas.columns import NUMERIC
from ..id_columns import id_reason
from ..results import Notice
from ..source import Source, is_missing
from .features import TIMES, Feature, numbers_of, numeric_names

FEATURES_AT_MOST = 500
LEVELS_KEPT = 1000
TEXT_WORDS = 3.0
TEXT_DISTINCT = 50
NAMED_AT_MOST = 10


@dataclass(slots=True)
class Choice:
    """The features in the order of the file or of the request, names left out, and what to tell."""

    features: list[Feature] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def candidates_of(source: Source, target: str, asked: Sequence[str] | None) -> list[str]:
    """Columns that may be features.

    Raises:
        ComputeError: `unsupported_column_type`, or `too_few_columns` if there is none.
    """
    names = asked if asked is not None else [n for n, kind in source.types.items() if n != target and kind != "json"]
    for name in names:
        if source.types[name] == "json":
            detail = f"Column {name!r} (features) holds nested values; derive columns from it first."
            raise ComputeError("unsupported_column_type", detail)
    if not names:
        raise ComputeError("too_few_columns", "There is no column to predict the target from.")
    return list(names)[:FEATURES_AT_MOST]


def choose(table: pa.Table, names: Sequence[str], types: dict[str, str], *, asked: bool) -> Choice:
    """What becomes of each of `names`, judged by the rows of `table`.

    Raises:
        ComputeError: `too_few_columns` if none is left, `invalid_parameters` if names clash.
    """
    choice, told = Choice(), dict[str, list[str]]()
    for name in names:
        array = table.column(name)
        fault = _useless(name, array, types[name])
        if fault is not None:
            told.setdefault(fault, []).append(name)
        if fault is not None and not (fault == "id_feature" and asked):
            choice.ignored.append(name)
        else:
            choice.features.append(describe(name, array, types[name]))
    choice.notices = [Notice(code, _SENTENCES[code].format(_listed(found))) for code, found in told.items()]
    _refuse_clashes(choice.features)
    if not choice.features:
        detail = "No column is left to predict the target from: all are constant, empty or ids."
        raise ComputeError("too_few_columns", f"{detail} Name features that vary.")
    return choice


def _refuse_clashes(features: Sequence[Feature]) -> None:
    """The parts of a date `a` are called `a:year` and so on, as another column may be called already."""
    names = {feature.name for feature in features}
    for feature in features:
        clash = names.intersection(numeric_names(feature)) if feature.kind == "date" else set()
        if clash:
            detail = f"Column {min(clash)!r} is called like a part of the date {feature.name!r}; leave one of them out."
            raise ComputeError("invalid_parameters", detail)


_SENTENCES = {
    "empty_features": "{0}: no value at all, so left out of the features.",
    "constant_features": "{0}: a single value, so left out of the features.",
    "id_feature": "{0}: looks like an id, which tells nothing about new rows; left out unless named in `features`.",
}


def describe(name: str, array: pa.ChunkedArray, kind: str) -> Feature:
    """The feature that a column becomes."""
    missing = float(np.mean(is_missing(array))) if len(array) else 0.0
    if kind in NUMERIC:
        numbers = numbers_of(array)
        low, high = (float(np.nanmin(numbers)), float(np.nanmax(numbers))) if not np.isnan(numbers).all() else (0, 0)
        return Feature(name, kind, "numeric", None, low, high, missing)
    if kind in TIMES:
        ends = pc.min_max(array)
        low, high = ends["min"].as_py().isoformat(), ends["max"].as_py().isoformat()
        return Feature(name, kind, "date", None, low, high, missing)
    texts = _plain(array).cast(pa.string()).drop_null()
    if _is_text(texts):
        return Feature(name, kind, "text", missing=missing)
    counted = sorted(pc.value_counts(texts).to_pylist(), key=lambda one: (-one["counts"], one["values"]))
    return Feature(name, kind, "categorical", tuple(one["values"] for one in counted[:LEVELS_KEPT]), missing=missing)


def _useless(name: str, array: pa.ChunkedArray, kind: str) -> str | None:
    plain = _plain(array)
    known = plain.filter(pa.array(~is_missing(plain)))
    if len(known) == 0 or (kind in NUMERIC and np.isnan(numbers_of(known)).all()):
        return "empty_features"
    distinct = pc.count_distinct(known).as_py()
    if distinct == 1 and len(known) == len(array):
        return "constant_features"
    return "id_feature" if not _is_text_column(known, kind) and id_reason(name, known) is not None else None


def _is_text_column(known: pa.ChunkedArray, kind: str) -> bool:
    return kind == "string" and _is_text(known.cast(pa.string()))


def _is_text(texts: pa.ChunkedArray) -> bool:
    """Whether there are many different values of several words each."""
    distinct = pc.unique(texts)
    if len(distinct) < TEXT_DISTINCT:
        return False
    words = pc.mean(pc.count_substring_regex(distinct, r"\S+")).as_py()
    return bool(words >= TEXT_WORDS)


def _plain(array: pa.ChunkedArray) -> pa.ChunkedArray:
    return array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(names[:NAMED_AT_MOST]) + more
