"""The sketch of one column: what a partition tells about it, and how those of all partitions become one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.columns import NUMERIC
from ..source import FloatArray, type_name
from .packing import pack, unpack_array
from .sketches import (
    COUNTERS,
    POINTS,
    Distinct,
    Frequent,
    HashArray,
    Moments,
    Quantiles,
    quantiles_json,
    quantiles_of,
)

TEXT_AT_MOST = 200


@dataclass(slots=True)
class ColumnSketch:
    """Of so many rows of a column; `count` are the values present, `low` and `high` their extremes."""

    rows: int = 0
    count: int = 0
    low: Any = None
    high: Any = None
    zeros: int = 0
    negatives: int = 0
    moments: Moments = field(default_factory=Moments)
    quantiles: Quantiles = field(default_factory=Quantiles)
    distinct: Distinct = field(default_factory=Distinct)
    frequent: Frequent = field(default_factory=Frequent)

    @classmethod
    def of(cls, array: pa.Array) -> ColumnSketch:
        """Of a batch of values."""
        plain = _plain(array)
        kept = plain.filter(pc.invert(pc.is_null(plain, nan_is_null=True)))
        sketch = cls(rows=len(plain), count=len(kept))
        if len(kept) == 0:
            return sketch
        counted = pc.value_counts(kept)
        values, counts = counted.field(0), counted.field(1).to_numpy()
        extremes = pc.min_max(values)
        sketch.low, sketch.high = _value(extremes["min"].as_py()), _value(extremes["max"].as_py())
        sketch.distinct = Distinct.of(_hashes(values))
        sketch.frequent = _frequent(values, counts)
        if type_name(array.type) in NUMERIC:
            sketch._add_numbers(kept)
        return sketch

    def merged(self, other: ColumnSketch) -> ColumnSketch:
        """Of the rows of both, those of `other` after ours."""
        return ColumnSketch(
            rows=self.rows + other.rows,
            count=self.count + other.count,
            low=_extreme(min, self.low, other.low),
            high=_extreme(max, self.high, other.high),
            zeros=self.zeros + other.zeros,
            negatives=self.negatives + other.negatives,
            moments=self.moments.merged(other.moments),
            quantiles=self.quantiles.merged(other.quantiles),
            distinct=self.distinct.merged(other.distinct),
            frequent=self.frequent.merged(other.frequent.counts, other.frequent.slack),
        )

    def _add_numbers(self, kept: pa.Array) -> None:
        numbers: FloatArray = np.asarray(kept.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        finite = numbers[np.isfinite(numbers)]
        self.zeros, self.negatives = int((numbers == 0).sum()), int((numbers < 0).sum())
        self.moments, self.quantiles = Moments.of(finite), Quantiles.of(finite)


def to_json(sketch: ColumnSketch) -> dict[str, Any]:
    """As JSON; its size is bounded whatever the number of rows."""
    moments = sketch.moments
    return {
        "rows": sketch.rows,
        "count": sketch.count,
        "low": sketch.low,
        "high": sketch.high,
        "zeros": sketch.zeros,
        "negatives": sketch.negatives,
        "moments": [moments.n, moments.mean, moments.m2, moments.m3, moments.m4],
        "quantiles": quantiles_json(sketch.quantiles.bounded(POINTS)),
        "distinct": pack(sketch.distinct.smallest),
        "frequent": [list(sketch.frequent.counts.items()), sketch.frequent.slack],
    }


def from_json(members: Mapping[str, Any]) -> ColumnSketch:
    """From `to_json`."""
    counts, slack = members["frequent"]
    figures = {name: members[name] for name in ("rows", "count", "low", "high", "zeros", "negatives")}
    return ColumnSketch(
        **figures,
        moments=Moments(*members["moments"]),
        quantiles=quantiles_of(members["quantiles"]),
        distinct=Distinct(unpack_array(members["distinct"], "<u8")),
        frequent=Frequent(dict(counts), slack),
    )


def _plain(array: pa.Array) -> pa.Array:
    """Without dictionaries, nested values and decimals."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_nested(array.type):
        texts = [None if value is None else json.dumps(value, default=str) for value in array.to_pylist()]
        return pa.array(texts, pa.string())
    return array.cast(pa.float64(), safe=False) if pa.types.is_decimal(array.type) else array


def _hashes(values: pa.Array) -> HashArray:
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_binary(values.type):
        return pd.util.hash_array(np.asarray(values.to_pylist(), dtype=object), categorize=False)
    if pa.types.is_floating(values.type) or pa.types.is_boolean(values.type):
        # Zero has two signs, and one hash.
        numbers = np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)) + 0.0
        return pd.util.hash_array(numbers)
    return pd.util.hash_array(np.asarray(values.cast(_integers(values.type)).to_numpy(zero_copy_only=False)))


def _integers(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return pa.int32()
    return pa.uint64() if pa.types.is_uint64(kind) else pa.int64()


def _frequent(values: pa.Array, counts: Any) -> Frequent:
    lost = 0
    if len(counts) > COUNTERS:
        lost = int(np.partition(counts, -COUNTERS - 1)[-COUNTERS - 1])
        kept = np.flatnonzero(counts > lost)
        values, counts = values.take(pa.array(kept)), counts[kept] - lost
    frequent = Frequent(slack=lost)
    for value, count in zip(map(_value, values.to_pylist()), counts.tolist(), strict=True):
        # Texts that are equal up to where they are cut count as one.
        frequent.counts[value] = frequent.counts.get(value, 0) + count
    return frequent


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= TEXT_AT_MOST else value[: TEXT_AT_MOST - 1] + "…"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.hex() if isinstance(value, bytes) else value


def _extreme(choose: Any, ours: Any, theirs: Any) -> Any:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return choose(ours, theirs)
