"""All ways to continue a series by name, and which series each of them can continue."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.compute import ComputeError

from .forecast_boosting import boosting
from .forecast_models import MODELS, Form, Path, Task
from .forecast_seasonal import SARIMA_SEASON_AT_MOST, ets_multiplicative, sarima

METHODS: Mapping[str, Callable[[Task, Form | None], Path]] = {
    **MODELS,
    "ets_multiplicative": ets_multiplicative,
    "sarima": sarima,
    "boosting": boosting,
}
ETS_SEASON_AT_MOST = 24
BOOSTING_VALUES_AT_LEAST = 40


def fault_of(name: str, task: Task) -> ComputeError | None:
    """Why the method cannot continue this series; None if it can."""
    if name == "ets_multiplicative" and task.values.min() <= 0:
        detail = f"ets_multiplicative needs values above zero, but the least is {task.values.min():g}"
        return ComputeError("out_of_range", f"{detail}. Choose the method ets.")
    if name == "ets_multiplicative" and task.period > ETS_SEASON_AT_MOST:
        return ComputeError("no_season", f"ets_multiplicative takes seasons up to {ETS_SEASON_AT_MOST} values.")
    if name == "sarima" and not 1 < task.period <= SARIMA_SEASON_AT_MOST:
        detail = f"sarima needs a season of 2 to {SARIMA_SEASON_AT_MOST} values, but it is {task.period} here"
        return ComputeError("no_season", f"{detail}. Choose the method arima.")
    if name == "boosting" and len(task.values) < max(BOOSTING_VALUES_AT_LEAST, 3 * task.period):
        needed = max(BOOSTING_VALUES_AT_LEAST, 3 * task.period)
        return ComputeError("too_few_rows", f"boosting needs {needed} values; the series has {len(task.values)}.")
    return None
