"""A series as trend, season and rest; and the period of the season where nobody names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import signal
from statsmodels.tsa.seasonal import STL, seasonal_decompose
from statsmodels.tsa.stattools import acf

from shared.compute import ComputeError

from ..schemas.series_parameters import TimeseriesParameters
from . import series_charts
from .job import Job
from .results import FileMade, Notice, Outcome, Table
from .series import Series
from .source import FloatArray

COMPONENTS = FileMade("components.csv", "text/csv")
COMPONENT_COLUMNS = ("time", "observed", "trend", "seasonal", "residual")
ROWS_AT_MOST = 2000
PERIOD_AT_MOST = 2000
# An autocorrelation at the period below this is no season worth the name, whatever the calendar suggests.
SEASON_AT_LEAST = 0.1


@dataclass(frozen=True, slots=True)
class Parts:
    """All of one shape; the ends of a classical trend, and so of the residual, are NaN."""

    trend: FloatArray
    seasonal: FloatArray
    residual: FloatArray


def decompose(series: Series, parameters: TimeseriesParameters, job: Job) -> Outcome:
    """Trend, season and rest; table `components`, all rows as the artifact `components.csv`.

    stl: Cleveland, Cleveland, McRae and Terpenning (1990, J. Official Statistics 6) with a seasonal window of 7; of a
    multiplicative model it works on logarithms. classical: centred moving averages and mean seasonal figures. The
    strengths of trend and season, 0 to 1, are max(0, 1 - var(rest) / var(rest + part)), of logarithms where the model
    is multiplicative (Wang, Smith and Hyndman 2006; Hyndman and Athanasopoulos, Forecasting, section 4.3). The season
    is taken to be of one length throughout.

    Raises:
        ComputeError: `no_season`, `too_few_rows`, or `out_of_range` for a multiplicative model of values below zero.
    """
    period, found_by = season_of(series, parameters.period)
    if period is None:
        detail = f"No season was found in {series.name!r}. Name its length in `period`, such as 12 for months."
        raise ComputeError("no_season", detail)
    if len(series.values) < 2 * period:
        detail = f"A season of {period} values needs two of them, {2 * period} values; the series has"
        raise ComputeError("too_few_rows", f"{detail} {len(series.values)}.")
    multiplicative = parameters.model == "multiplicative"
    if multiplicative and series.values.min() <= 0:
        detail = f"A multiplicative model needs values above zero, but {series.name!r} has {series.values.min():g}."
        raise ComputeError("out_of_range", f"{detail} Choose the model additive.")
    parts = _split(series.values, period, parameters)
    summary = {
        "method": parameters.decomposition,
        "model": parameters.model,
        "n": len(series.values),
        "period": period,
        "period_from": found_by,
        **_strengths(parts, multiplicative=multiplicative),
    }
    table, notices = _table(series, parts, job)
    named = [("observed", series.values), ("trend", parts.trend)]
    named += [("seasonal", parts.seasonal), ("residual", parts.residual)]
    chart = series_charts.panels(series.times, named, (series.time_name, series.name), f"Parts of {series.name}")
    return Outcome(summary, [table], [chart], [*series.notices, *notices], [COMPONENTS])


def season_of(series: Series, asked: int | None) -> tuple[int | None, Literal["given", "calendar", "data", ""]]:
    """Length of the season, None if there is none, and where it is known from."""
    if asked is not None:
        return asked, "given"
    values = signal.detrend(series.values)
    most = min(len(values) // 3, PERIOD_AT_MOST)
    if most < 3 or np.ptp(values) <= 1e-10 * np.abs(series.values).max():
        return None, ""
    r = acf(values, nlags=most + 1, fft=True, result_object=False)
    least = max(SEASON_AT_LEAST, 2 / np.sqrt(len(values)))
    calendar = series.grid.season
    if calendar is not None and calendar <= most and r[calendar] > least:
        return calendar, "calendar"
    # The first peak that is nearly as high as the highest: multiples of a period are peaks too.
    peaks = [lag for lag in range(2, most + 1) if r[lag] > least and r[lag] > r[lag - 1] and r[lag] >= r[lag + 1]]
    highest = max((r[lag] for lag in peaks), default=0)
    return next(((lag, "data") for lag in peaks if r[lag] > 0.8 * highest), (None, ""))


def _split(values: FloatArray, period: int, parameters: TimeseriesParameters) -> Parts:
    if parameters.decomposition == "classical":
        found: Any = seasonal_decompose(values, model=parameters.model, period=period)
        return Parts(np.asarray(found.trend), np.asarray(found.seasonal), np.asarray(found.resid))
    if parameters.model == "additive":
        return stl_parts(values, period, robust=parameters.robust)
    parts = stl_parts(np.log(values), period, robust=parameters.robust)
    return Parts(np.exp(parts.trend), np.exp(parts.seasonal), np.exp(parts.residual))


def stl_parts(values: FloatArray, period: int, *, robust: bool, steady: bool = False) -> Parts:
    """STL's additive parts of values on an even grid; with `steady` the season keeps its shape throughout."""
    # A window over many times the whole makes each seasonal figure a (weighted) mean: R's s.window = "periodic".
    # So wide a window gives a figure so smooth that it need not be fitted at each cycle, whose cost is quadratic.
    cycles = len(values) // period
    window = {"seasonal": 10 * cycles + 1, "seasonal_deg": 0, "seasonal_jump": max(1, cycles // 50)} if steady else {}
    found: Any = STL(values, period=period, robust=robust, **window).fit()
    return Parts(np.asarray(found.trend), np.asarray(found.seasonal), np.asarray(found.resid))


def _strengths(parts: Parts, *, multiplicative: bool) -> dict[str, object]:
    trend, seasonal, rest = parts.trend, parts.seasonal, parts.residual
    if multiplicative:
        trend, seasonal, rest = np.log(trend), np.log(seasonal), np.log(rest)
    there = ~np.isnan(rest)
    trend, seasonal, rest = trend[there], seasonal[there], rest[there]
    return {"trend_strength": _strength(trend, rest), "seasonal_strength": _strength(seasonal, rest)}


def _strength(part: FloatArray, rest: FloatArray) -> float:
    together = float(np.var(part + rest))
    return max(0.0, 1 - float(np.var(rest)) / together) if together > 0 else float("nan")


def _table(series: Series, parts: Parts, job: Job) -> tuple[Table, list[Notice]]:
    columns = (series.values, parts.trend, parts.seasonal, parts.residual)
    frame = pd.DataFrame(dict(zip(COMPONENT_COLUMNS, (series.times, *columns), strict=True)))
    frame.to_csv(job.output / COMPONENTS.name, index=False, lineterminator="\n")
    first = max(0, len(series.values) - ROWS_AT_MOST)
    values = np.column_stack(columns)[first:].tolist()
    rows = [[time, *row] for time, row in zip(series.times[first:].tolist(), values, strict=True)]
    text = f"The table holds the newest {ROWS_AT_MOST} of {len(series.values)} values; {COMPONENTS.name} holds all."
    notices = [Notice("table_cut", text)] if first else []
    return Table("components", COMPONENT_COLUMNS, rows), notices
