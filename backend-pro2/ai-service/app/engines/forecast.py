"""What comes next in a series, with intervals, and how well that would have worked before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.compute import ComputeError

from ..schemas.series_parameters import ForecastParameters
from . import series_charts
from .decomposition import season_of
from .forecast_methods import METHODS, fault_of
from .forecast_models import Form, Path, Task
from .job import Job
from .results import Chart, Notice, Outcome, Table
from .series import Series, read_series
from .source import FloatArray, Source

VALUES_AT_MOST = 2000
VALUES_AT_LEAST = 12
ORIGINS_AT_MOST = 4
STEPS = len(METHODS) + 2
FORECAST_COLUMNS = ("time", "mean", "lower", "upper")
METHOD_COLUMNS = ("method", "mae", "mase", "coverage", "origins")


@dataclass(frozen=True, slots=True)
class BackTest:
    """Errors of forecasts made from earlier origins; all NaN where the series is too short for one."""

    mae: float = float("nan")
    mase: float = float("nan")
    coverage: float = float("nan")
    origins: int = 0

    def members(self) -> dict[str, object]:
        """As a result shows them."""
        return {"mae": self.mae, "mase": self.mase, "coverage": self.coverage, "origins": self.origins}


def forecast(source: Source, parameters: ForecastParameters, job: Job) -> Outcome:
    """Table `forecast`, `backtest` in the summary; the newest 2000 values, gaps in time interpolated.

    The back-test forecasts the last stretches of `horizon` values, four at most, each from the values before it, the
    form of the model chosen on the shortest of them; a season that is not given is found on all values. MASE divides by
    the mean absolute seasonal difference of the same values (Hyndman and Koehler 2006, Int. J. Forecasting 22), so that
    below 1 it beats repeating the season. Intervals suppose normal errors of one variance, and the right model: they
    cover less where it is wrong, which `coverage` shows.

    Raises:
        ComputeError: the faults of `read_series`, or `too_few_rows` for the horizon or two seasons.
    """
    job.report(0, STEPS, "Reading columns")
    series = read_series(source, parameters, at_least=VALUES_AT_LEAST).last(VALUES_AT_MOST)
    period = _period(series, parameters)
    task = Task(series.values, period, parameters.horizon, parameters.alpha)
    names = _usable_methods(task, parameters.method)
    tests: dict[str, BackTest] = {}
    for done, name in enumerate(names, 1):
        job.report(done, STEPS, f"Testing {name} on the past")
        tests[name] = _back_test(name, task)
    chosen = min(names, key=lambda name: (np.nan_to_num(tests[name].mae, nan=0.0), names.index(name)))
    job.report(STEPS - 1, STEPS, "Forecasting")
    path = METHODS[chosen](task, None)
    times = _future(series, parameters.horizon)
    summary = {
        "method": chosen,
        "model": path.label,
        "n": len(series.values),
        "horizon": parameters.horizon,
        "season": period,
        "level": 1 - parameters.alpha,
        "backtest": tests[chosen].members(),
    }
    notices = [*series.notices, *_notices(tests[chosen], parameters)]
    return Outcome(summary, _tables(times, path, tests), [_chart(series, times, path)], notices)


def _usable_methods(task: Task, asked: str) -> list[str]:
    if asked == "auto":
        return [name for name in METHODS if fault_of(name, task) is None]
    fault = fault_of(asked, task)
    if fault is not None:
        raise fault
    return [asked]


def _period(series: Series, parameters: ForecastParameters) -> int:
    n = len(series.values)
    if parameters.horizon > n:
        detail = f"{n} values are too few to forecast {parameters.horizon}; a horizon may be as long as the series."
        raise ComputeError("too_few_rows", detail)
    period = 1 if parameters.season == 1 else season_of(series, parameters.season)[0] or 1
    if period > 1 and n < 2 * period + 2:
        detail = f"A season of {period} values needs {2 * period + 2} values; the series has {n}."
        raise ComputeError("too_few_rows", f"{detail} Set `season` to 1 to do without.")
    return period


def _back_test(name: str, task: Task) -> BackTest:
    values, horizon = task.values, task.horizon
    least = max(VALUES_AT_LEAST, 2 * task.period + 2)
    count = min(ORIGINS_AT_MOST, (len(values) - least) // horizon)
    form: Form | None = None
    errors, ratios, covered = [], [], []
    for ago in range(count, 0, -1):
        origin = len(values) - ago * horizon
        known, coming = values[:origin], values[origin : origin + horizon]
        path = METHODS[name](Task(known, task.period, horizon, task.alpha), form)
        form = path.form or None
        errors.append(np.abs(coming - path.mean))
        ratios.append(errors[-1] / _scale(known, task.period))
        covered.append((coming >= path.lower) & (coming <= path.upper))
    if not errors:
        return BackTest()
    return BackTest(float(np.mean(errors)), float(np.mean(ratios)), float(np.mean(covered)), count)


def _scale(known: FloatArray, period: int) -> float:
    """Undefined, not infinite, where the season repeats exactly."""
    return float(np.mean(np.abs(known[period:] - known[:-period]))) or float("nan")


def _future(series: Series, horizon: int) -> npt.NDArray[np.generic]:
    steps = np.arange(1, horizon + 1)
    if series.grid.kind != "order":
        last = series.grid.places(series.times[-1:])[0]
        return series.grid.times(last + steps)
    step = np.median(np.diff(series.times).astype(np.float64))
    moves = steps * step
    return np.asarray(series.times[-1] + (moves.astype("timedelta64[us]") if series.times.dtype.kind == "M" else moves))


def _tables(times: npt.NDArray[np.generic], path: Path, tests: dict[str, BackTest]) -> list[Table]:
    values = np.column_stack([path.mean, path.lower, path.upper]).tolist()
    rows = [[time, *row] for time, row in zip(times.tolist(), values, strict=True)]
    methods = [[name, *test.members().values()] for name, test in tests.items()]
    return [Table("forecast", FORECAST_COLUMNS, rows), Table("methods", METHOD_COLUMNS, methods)]


def _chart(series: Series, times: npt.NDArray[np.generic], path: Path) -> Chart:
    shown = min(len(series.values), max(4 * len(times), 100))
    past = (series.times[-shown:], series.values[-shown:])
    names = (series.time_name, series.name)
    return series_charts.fan(past, times, (path.mean, path.lower, path.upper), names, path.label)


def _notices(test: BackTest, parameters: ForecastParameters) -> list[Notice]:
    if test.origins == 0:
        text = "The series is too short to test a forecast on its own past, so nothing says how good this one is."
        return [Notice("no_backtest", text)]
    notices = []
    if parameters.method == "auto":
        text = "The method was chosen by the same back-test that is shown, so its error is a little flattering."
        notices.append(Notice("selected_by_backtest", text))
    if test.coverage < 1 - parameters.alpha - 0.15:
        text = f"On the past the intervals covered {100 * test.coverage:.0f} % of the values, fewer than they promise."
        notices.append(Notice("low_coverage", text))
    return notices
