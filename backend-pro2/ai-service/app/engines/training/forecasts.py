"""Models of what comes next in a series: the analysis `forecast` within a budget, kept as a table of times to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.compose import ColumnTransformer
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline

from shared.compute import ComputeError

from ...schemas.series_parameters import ForecastParameters
from ...schemas.train_parameters import TrainParameters
from ..forecast import forecast
from ..job import Job
from ..jobs.outcome import JobOutcome
from ..results import Chart, FileMade, Notice, Table
from ..source import FloatArray, Source
from .columns import describe
from .features import Feature, frame_of, numeric_names
from .isolation import DEAD, LARGE, isolated
from .model_files import MODEL_FILE, dump_model
from .profile import shares_in_bins

FALLBACK = "seasonal_naive"
METRIC = "mean_absolute_error"
# Methods whose limits are those of normal errors, so that one level tells all others.
NORMAL = frozenset({"seasonal_naive", "ets", "arima", "sarima"})
REPORT_SECONDS = 0.5
FALLBACK_SECONDS = 1.5
MEBIBYTE = 1 << 20


def train_forecast(parameters: TrainParameters, job: Job, started: float) -> tuple[JobOutcome, dict[str, Any]]:
    """As `train_model`: the method of least error in the back-test, or in too short a time the seasonal naive one.

    The model answers for the `horizon` times after the series alone, since nothing is known of later ones.

    Raises:
        ComputeError: those of the analysis `forecast`; `budget_too_small`.
    """
    job.report(0, 0, "Comparing methods on the past of the series")
    until = started + parameters.budget_seconds - REPORT_SECONDS
    answer = _forecast(parameters, job, parameters.algorithm, until, parameters.memory_mb)
    cut = answer.get("cut")
    if cut is not None and parameters.algorithm != "auto":
        raise _failure(parameters, cut)
    if cut is not None:
        answer = _forecast(parameters, job, FALLBACK, max(until, monotonic()) + FALLBACK_SECONDS, parameters.memory_mb)
    if "cut" in answer:
        raise _failure(parameters, answer["cut"])
    return _written(parameters, job, answer, monotonic() - started, cut=cut)


def _failure(parameters: TrainParameters, cut: str) -> ComputeError:
    """Nobody who named a method is to get another one."""
    named = "Not one method was" if parameters.algorithm == "auto" else f"{parameters.algorithm} was not"
    if cut == LARGE:
        return ComputeError("out_of_memory", f"{named} tried within {parameters.memory_mb} MB. Give it more.")
    if cut == DEAD:
        return ComputeError("not_converged", f"{named} fitted to this series. Choose another, or algorithm auto.")
    return ComputeError("budget_too_small", f"{named} tried within {parameters.budget_seconds:g} seconds. Give more.")


def _forecast(parameters: TrainParameters, job: Job, method: str, until: float, memory_mb: int) -> dict[str, Any]:
    order = ForecastParameters.model_validate(
        {
            "column": parameters.target,
            "time": parameters.time,
            "horizon": parameters.horizon,
            "season": parameters.season,
            "method": method,
            "alpha": 1 - parameters.level,
        }
    )
    # What the killable process tells would reach the pipe of this one.
    quiet = replace(job, report=lambda _done, _total, _message: None)
    return isolated(partial(_computed, order, quiet), until, memory_mb * MEBIBYTE)


def _computed(order: ForecastParameters, job: Job) -> dict[str, Any]:
    return forecast(Source(job.data.path), order, job).as_json()


def _written(
    parameters: TrainParameters, job: Job, answer: Mapping[str, Any], took_s: float, *, cut: str | None
) -> tuple[JobOutcome, dict[str, Any]]:
    source, target, time = Source(job.data.path), parameters.target, str(parameters.time)
    coming = _coming(answer, source.types[time], time)
    feature = describe(time, coming.column(time), source.types[time])
    estimator = _lookup(feature).fit(frame_of(coming, [feature]), coming.column("mean").to_numpy())
    dump_model(estimator, job.output / MODEL_FILE)
    outcome = _outcome(parameters, answer, took_s, cut=cut)
    model = {
        "file": MODEL_FILE,
        "problem": "forecast",
        "target": target,
        "target_type": source.types[target],
        "features": [feature.as_json()],
        "ignored": [],
        "algorithm": answer["summary"]["method"],
        "parameters": {name: answer["summary"][name] for name in ("model", "season", "horizon")},
        "classes": None,
        "metric": METRIC,
        "metrics": _metrics(answer),
        "baseline": {METRIC: _measure(_method(answer, FALLBACK).get("mae"))},
        "leaderboard": _leaderboard(answer),
        "importance": [],
        "conformal": _intervals(coming, feature, parameters.level, answer["summary"]["method"]),
        "calibration": None,
        "profile": _profile(source, target, coming, feature),
        "rows": answer["summary"]["n"],
        "seed": job.seed,
    }
    return outcome, {**model, "card": _card(model, outcome, answer)}


def _coming(answer: Mapping[str, Any], kind: str, time: str) -> pa.Table:
    """The forecast with its times as the dataset has them."""
    rows = next(table["rows"] for table in answer["tables"] if table["name"] == "forecast")
    moments = [datetime.fromisoformat(str(row[0])) for row in rows]
    times = pa.array(moments, pa.timestamp("us"))
    columns = {name: pa.array([row[place] for row in rows], pa.float64()) for place, name in _PARTS}
    return pa.table({time: times.cast(pa.date32(), safe=False) if kind == "date" else times, **columns})


_PARTS = ((1, "mean"), (2, "lower"), (3, "upper"))


def _lookup(feature: Feature) -> Pipeline:
    """The value of the nearest time; who serves it sees to it that the time is one of the forecast."""
    day = ColumnTransformer([("time", "passthrough", numeric_names(feature)[:1])])
    return Pipeline([("prepare", day), ("model", KNeighborsRegressor(n_neighbors=1, algorithm="brute"))])


def _intervals(coming: pa.Table, feature: Feature, level: float, method: str) -> dict[str, Any]:
    days = frame_of(coming, [feature])[numeric_names(feature)[0]]
    low, high = (coming.column(name).to_pylist() for name in ("lower", "upper"))
    told = {"method": "model", "level": level, "normal": method in NORMAL}
    return {**told, "days": days.tolist(), "low": low, "high": high}


def _outcome(parameters: TrainParameters, answer: Mapping[str, Any], took_s: float, *, cut: str | None) -> JobOutcome:
    summary, tested = answer["summary"], answer["summary"]["backtest"]
    tables = [Table(table["name"], table["columns"], table["rows"]) for table in answer["tables"]]
    outcome = JobOutcome(
        {
            "problem": "forecast",
            "target": parameters.target,
            "metric": METRIC,
            "score": tested["mae"],
            "ci_low": None,
            "ci_high": None,
            "baseline": _method(answer, FALLBACK).get("mae"),
            "candidates": len(_methods(answer)),
            "algorithm": summary["method"],
            "parameters": {"model": summary["model"], "season": summary["season"]},
            "backtest": tested,
            "horizon": parameters.horizon,
            "n": summary["n"],
            "took_s": round(took_s, 3),
        },
        tables,
    )
    outcome.charts = [Chart(chart["title"], chart["spec"]) for chart in answer["charts"]]
    outcome.warnings = [Notice(one["code"], one["message"]) for one in answer["warnings"]]
    if cut is not None:
        outcome.warnings.append(_instead(parameters, cut))
    outcome.artifacts = [FileMade(MODEL_FILE, "application/octet-stream")]
    return outcome


def _instead(parameters: TrainParameters, cut: str) -> Notice:
    """Why there is no comparison."""
    if cut == LARGE:
        text = f"Comparing all methods needed more than {parameters.memory_mb} MB; this is the seasonal naive one."
        return Notice("memory_cut", text)
    if cut == DEAD:
        text = "The methods could not be compared on this series; this is the seasonal naive one."
        return Notice("candidates_failed", text)
    text = f"The budget of {parameters.budget_seconds:g} seconds ended before all methods were compared"
    return Notice("budget_cut", f"{text}; this is the seasonal naive one.")


def _methods(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    table = next(table for table in answer["tables"] if table["name"] == "methods")
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def _method(answer: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next((one for one in _methods(answer) if one["method"] == name), {})


def _measure(value: Any) -> dict[str, Any]:
    """Four stretches of the past at most: too few for an interval."""
    return {"value": value, "ci_low": None, "ci_high": None}


def _metrics(answer: Mapping[str, Any]) -> dict[str, Any]:
    tested = answer["summary"]["backtest"]
    return {METRIC: _measure(tested["mae"]), "mase": _measure(tested["mase"]), "coverage": _measure(tested["coverage"])}


def _leaderboard(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    ranked = sorted(_methods(answer), key=lambda one: float("inf") if one["mae"] is None else one["mae"])
    return [
        {"rank": rank, "algorithm": one["method"], "parameters": {}, "score": one["mae"], "std": None,
         "metrics": {METRIC: one["mae"], "mase": one["mase"], "coverage": one["coverage"]}, "cut": None}
        for rank, one in enumerate(ranked, 1)
    ]  # fmt: skip


def _profile(source: Source, target: str, coming: pa.Table, feature: Feature) -> dict[str, Any]:
    days = frame_of(coming, [feature])[numeric_names(feature)[0]].to_numpy()
    return {
        "features": {feature.name: shares_in_bins(days)},
        "target": shares_in_bins(_finite(source.numbers(target))),
        "prediction": shares_in_bins(coming.column("mean").to_numpy()),
    }


def _finite(numbers: FloatArray) -> FloatArray:
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _card(model: Mapping[str, Any], outcome: JobOutcome, answer: Mapping[str, Any]) -> dict[str, Any]:
    limits = [
        f"It answers for the {model['parameters']['horizon']} times after the series, and for no others; train anew "
        "when there is more of the series.",
        "Intervals suppose that the series goes on as it was, with normal errors of one variance.",
    ]
    return {
        "data": {"rows": model["rows"], "features": [one["name"] for one in model["features"]]},
        "metrics": model["metrics"],
        "intervals": "Metrics: of forecasts from earlier origins, four at most, without intervals.",
        "calibration": None,
        "conformal": {"method": "model", "level": model["conformal"]["level"],
                      "coverage": answer["summary"]["backtest"]["coverage"]},
        "subgroups": [],
        "limits": [*limits, *(notice.message for notice in outcome.warnings)],
    }  # fmt: skip
