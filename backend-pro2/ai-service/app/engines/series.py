"""A series in the order of time: what repeats, what is missing, and the even grid that it lies on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shared.compute import ComputeError

from ..schemas.series_parameters import SeriesParameters
from .frames import IndexArray, refuse_extreme
from .results import Notice
from .source import FloatArray, Source, is_missing
from .time_grid import Grid, find_grid, in_order


@dataclass(frozen=True, slots=True)
class Series:
    """Values in the order of time.

    `times` has the shape of `values` and holds datetime64[us], numbers, or positions where no time is named. `rows`
    are positions in the version, or -1 for what is no row of its own: a mean of equal times, an interpolated value.
    """

    name: str
    time_name: str | None
    values: FloatArray
    times: npt.NDArray[np.generic]
    rows: IndexArray
    grid: Grid
    notices: tuple[Notice, ...]

    def last(self, count: int) -> Series:
        """The newest `count` values, with a notice if there are more."""
        if len(self.values) <= count:
            return self
        text = f"The series has {len(self.values)} values; only the newest {count} are used, to bound the time."
        return Series(
            self.name,
            self.time_name,
            self.values[-count:],
            self.times[-count:],
            self.rows[-count:],
            self.grid,
            (*self.notices, Notice("series_cut", text)),
        )


def read_series(source: Source, parameters: SeriesParameters, *, at_least: int, even: bool = True) -> Series:
    """The values that are there, in order; equal times become their mean. With `even`, gaps are interpolated.

    Raises:
        ComputeError: `column_not_found`, `not_numeric`, `unsupported_column_type`, `out_of_range`, `too_few_rows` when
            fewer than `at_least` values are there, or `constant_column`.
    """
    source.require(parameters.uses())
    series = _ordered(source, parameters.column, parameters.time)
    _check(series, at_least, source.rows)
    return _on_grid(series) if even else series


def _ordered(source: Source, name: str, time_name: str | None) -> Series:
    numbers = source.numbers(name)
    values = np.where(np.isfinite(numbers), numbers, np.nan)
    times, timed = _times(source, time_name)
    order = np.flatnonzero(timed)
    order = order[np.argsort(times[order], kind="stable")]
    notices = []
    if len(order) < len(values):
        text = f"{len(values) - len(order)} rows have no time in {time_name!r}, and were left out."
        notices.append(Notice("missing_times", text))
    times, values = times[order], values[order]
    # The grid is that of all rows with a time: a missing value is a gap in it, not a wider step.
    grid = in_order() if time_name is None else find_grid(np.unique(times))
    there = ~np.isnan(values)
    if time_name is not None:
        # Gaps are told with the grid; without times a missing value leaves its place in the order.
        notices += _missing_notice(int((~there).sum()))
        times, values, order = times[there], values[there], order[there]
    merged = _merge_equal_times(times, values, order)
    if len(merged[0]) < len(times):
        text = f"{len(times) - len(merged[0])} rows repeat a time of {time_name!r}; equal times became their mean."
        notices.append(Notice("repeated_times", text))
    return Series(name, time_name, merged[1], merged[0], merged[2], grid, tuple(notices))


def _missing_notice(count: int) -> list[Notice]:
    return [Notice("missing_values", f"{count} values are missing.")] if count else []


def _times(source: Source, name: str | None) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
    """The times, and which of them are there."""
    if name is None:
        return np.arange(source.rows), np.ones(source.rows, dtype=np.bool_)
    if source.types[name] in ("integer", "number"):
        numbers = source.numbers(name)
        there = np.isfinite(numbers)
        whole = source.types[name] == "integer"
        return np.where(there, numbers, 0).astype(np.int64 if whole else np.float64), there
    column = source.column(name)
    stamps = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False)
    # Arrow gives the instant in UTC without saying so; the missing become NaT.
    return np.asarray(stamps.to_numpy(), dtype="datetime64[us]"), ~is_missing(column)


def _merge_equal_times(
    times: npt.NDArray[np.generic], values: FloatArray, rows: IndexArray
) -> tuple[npt.NDArray[np.generic], FloatArray, IndexArray]:
    distinct, first, counts = np.unique(times, return_index=True, return_counts=True)
    if len(distinct) == len(times):
        return times, values, rows
    means = np.add.reduceat(values, first) / counts
    return distinct, means, np.where(counts == 1, rows[first], -1)


def _check(series: Series, at_least: int, total: int) -> None:
    there = series.values[~np.isnan(series.values)]
    if len(there) < at_least:
        detail = f"{len(there)} of {total} rows give a value of the series {series.name!r}; this needs {at_least}."
        raise ComputeError("too_few_rows", detail)
    refuse_extreme(series.name, there)
    if np.ptp(there) == 0:
        detail = f"Column {series.name!r} has the single value {there[0]:g}, so there is nothing to learn from it."
        raise ComputeError("constant_column", detail)


def _on_grid(series: Series) -> Series:
    places = series.grid.places(series.times)
    if not series.grid.even:
        text = f"The times in {series.time_name!r} are not evenly spaced; the values are taken one after the other."
        return _without_gaps(series, places, (Notice("uneven_times", text),))
    return _without_gaps(series, places, ())


def _without_gaps(series: Series, places: IndexArray, more: tuple[Notice, ...]) -> Series:
    there = ~np.isnan(series.values)
    places, values = places[there], series.values[there]
    first, length = int(places[0]), int(places[-1] - places[0]) + 1
    if length == len(values):
        return Series(
            series.name,
            series.time_name,
            values,
            series.times[there],
            series.rows[there],
            series.grid,
            (*series.notices, *more),
        )
    every = np.arange(first, first + length)
    rows = np.full(length, -1, dtype=np.intp)
    rows[places - first] = series.rows[there]
    text = f"{length - len(values)} values between the first and the last are absent, and were interpolated linearly."
    notices = (*series.notices, *more, Notice("interpolated", text))
    filled = np.interp(every, places, values)
    return Series(series.name, series.time_name, filled, series.grid.times(every), rows, series.grid, notices)
