"""What kind of series it is: unit roots, autocorrelations, and its parts."""

from __future__ import annotations

import numpy as np
from scipy import stats
from statsmodels.tsa.stattools import acf, pacf

from shared.compute import ComputeError

from ..schemas.series_parameters import TimeseriesParameters
from . import series_charts
from .decomposition import decompose
from .evidence import Assumption, Evidence, verdict
from .job import Job
from .results import Chart, Outcome, Table
from .series import Series, read_series
from .source import FloatArray, Source
from .unit_roots import examine_unit_roots

VALUES_AT_MOST = 50_000
VALUES_AT_LEAST = 12
ACF_COLUMNS = ("lag", "acf", "acf_band", "pacf", "pacf_band", "q", "p_value")


def analyse_series(source: Source, parameters: TimeseriesParameters, job: Job) -> Outcome:
    """One of the three methods, on the newest 50,000 values at most, gaps in time interpolated.

    Raises:
        ComputeError: the faults of `read_series`, `too_few_rows`, `out_of_range` or `no_season`.
    """
    job.report(0, 2, "Reading columns")
    series = read_series(source, parameters, at_least=VALUES_AT_LEAST).last(VALUES_AT_MOST)
    job.report(1, 2, "Analysing the series")
    if parameters.method == "stationarity":
        return examine_unit_roots(series, parameters)
    if parameters.method == "acf":
        return _correlogram(series, parameters)
    return decompose(series, parameters, job)


def _correlogram(series: Series, parameters: TimeseriesParameters) -> Outcome:
    """Autocorrelations, partial ones, and the portmanteau test of them all.

    Autocovariances divide by n (Box and Jenkins 1976); partial ones solve the Yule-Walker equations by Durbin and
    Levinson's recursion. Bands around zero: of the ACF Bartlett's (1946), which take the smaller lags for real; of the
    PACF z / sqrt(n) (Quenouille 1949). Q is Ljung and Box's (1978), with as many degrees of freedom as lags; it takes
    for granted that the series has not been fitted by a model.
    """
    n = len(series.values)
    lags = parameters.lags or min(int(10 * np.log10(n)), n // 2 - 1)
    if lags >= n // 2:
        detail = f"{n} values allow {n // 2 - 1} lags at most, but {lags} were asked for."
        raise ComputeError("too_few_rows", detail)
    rows = _lag_rows(series.values, lags, parameters.alpha)
    last = rows[-1]
    evidence = Evidence(
        statistic=last[5],
        df=float(lags),
        p_value=last[6],
        n=n,
        assumptions=[Assumption("stationary", None, "The method stationarity tests it.")],
        conclusion=verdict(
            last[6],
            parameters.alpha,
            f"Values of {series.name} depend on earlier ones, up to lag {lags}",
            f"No dependence of {series.name} on its past was found up to lag {lags}",
        ),
    )
    outside = [int(row[0]) for row in rows if abs(row[1]) > row[2]]
    partly = [int(row[0]) for row in rows if abs(row[3]) > row[4]]
    more = {"test": "Ljung-Box", "lags": lags, "acf_outside": outside, "pacf_outside": partly}
    table = Table("acf", ACF_COLUMNS, [[int(row[0]), *row[1:]] for row in rows])
    return Outcome(evidence.summary(more), [table], _charts(rows), list(series.notices))


def _lag_rows(values: FloatArray, lags: int, alpha: float) -> list[list[float]]:
    n, z = len(values), float(stats.norm.ppf(1 - alpha / 2))
    r = acf(values, nlags=lags, fft=True, result_object=False)[1:]
    partial = pacf(values, nlags=lags, method="ldbiased", result_object=False)[1:]
    bands = z * np.sqrt((1 + 2 * np.concatenate([[0.0], np.cumsum(r**2)[:-1]])) / n)
    steps = np.arange(1, lags + 1)
    q = n * (n + 2) * np.cumsum(r**2 / (n - steps))
    columns = (steps, r, bands, partial, np.full(lags, z / np.sqrt(n)), q, stats.chi2.sf(q, steps))
    rows: list[list[float]] = np.column_stack(columns).tolist()
    return rows


def _charts(rows: list[list[float]]) -> list[Chart]:
    columns = np.array(rows)
    return [
        series_charts.lag_bars(columns[:, 1], columns[:, 2], ("Autocorrelation", "Autocorrelations")),
        series_charts.lag_bars(columns[:, 3], columns[:, 4], ("Partial autocorrelation", "Partial autocorrelations")),
    ]
