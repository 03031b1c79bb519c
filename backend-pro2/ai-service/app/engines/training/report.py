"""The result of a training: summary, leaderboard, charts, warnings, and the JSON of the model with its card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...schemas.train_parameters import TrainParameters
from ..jobs.outcome import JobOutcome
from ..results import FileMade, Notice, Table
from .calibration import reliability
from .candidates import Candidate
from .conformal import conform_classes, conform_numbers
from .data import TrainingData
from .families import FAMILIES
from .isolation import UNBEGUN
from .model_files import MODEL_FILE
from .profile import profile_of
from .scores import LOWER_IS_BETTER
from .search import Search
from .subgroups import subgroups_of
from .training_charts import charts_of

if TYPE_CHECKING:
    from .training import Chosen

MODEL = FileMade(MODEL_FILE, "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Found:
    """All that a training found out."""

    parameters: TrainParameters
    data: TrainingData
    search: Search
    chosen: Chosen
    metric: str
    baseline: Mapping[str, Mapping[str, float]]
    importance: list[dict[str, Any]] | None
    notices: list[Notice]
    folds: int
    seed: int
    took_s: float


def written(found: Found) -> tuple[JobOutcome, dict[str, Any]]:
    """The outcome, and the model's JSON."""
    board = leaderboard(found)
    calibration = _calibration(found)
    model = _model(found, board, calibration)
    outcome = JobOutcome(_summary(found), _tables(found, board, model))
    outcome.charts = charts_of(found, calibration)
    outcome.warnings = list(found.notices)
    outcome.artifacts = [MODEL]
    return outcome, model


def _summary(found: Found) -> dict[str, object]:
    metric, chosen, data = found.metric, found.chosen, found.data
    score = chosen.metrics[metric]
    return {
        "problem": data.problem,
        "target": found.parameters.target,
        "metric": metric,
        "score": score["value"],
        "ci_low": score["ci_low"],
        "ci_high": score["ci_high"],
        "baseline": found.baseline.get(metric, {}).get("value"),
        "candidates": found.search.tried,
        "compared": len(found.search.ranked),
        "algorithm": chosen.candidate.algorithm,
        "parameters": dict(chosen.candidate.settings),
        "budget_exhausted": found.search.exhausted,
        "folds": found.folds,
        "n": len(data.y),
        "features": len(data.features),
        "took_s": round(found.took_s, 3),
    }


def leaderboard(found: Found) -> list[dict[str, Any]]:
    """Whole candidates by rank, then the baseline, then those compared on few rows or cut."""
    search, metric = found.search, found.metric
    rows = [_place(one, metric, rank) for rank, one in enumerate(search.ranked, 1)]
    rows += [_place(search.baseline, metric, None)] if search.baseline else []
    rows += [_place(one, metric, None) for one in search.done if one.cut not in (None, UNBEGUN)]
    whole = {(one.algorithm, json.dumps(dict(one.settings))) for one in search.done}
    last = {(one.algorithm, json.dumps(dict(one.settings))): one for one in search.partly if one.cut != UNBEGUN}
    return rows + [_place(one, metric, None) for key, one in last.items() if key not in whole]


def _place(one: Candidate, metric: str, rank: int | None) -> dict[str, Any]:
    spread = None
    if one.values is not None and len(one.values) > 1:
        spread = float(np.nanstd(one.values, ddof=1))
    return {
        "rank": rank,
        "algorithm": one.algorithm,
        "parameters": dict(one.settings),
        "score": one.means.get(metric),
        "std": spread,
        "metrics": dict(one.means),
        "rows": one.rows,
        "fit_seconds": round(one.fit_seconds, 4),
        "cut": one.cut,
    }


def _calibration(found: Found) -> dict[str, Any] | None:
    calibrated = found.chosen.calibrated
    if calibrated is None:
        return None
    rows, error = reliability(calibrated.probabilities, found.data.y, len(found.data.classes))
    return {
        "method": calibrated.method,
        "log_losses": dict(calibrated.losses),
        "brier": found.chosen.metrics["brier"]["value"],
        "ece": error,
        "reliability": rows,
    }


def _model(found: Found, board: Sequence[Mapping[str, Any]], calibration: Mapping[str, Any] | None) -> dict[str, Any]:
    data, chosen, parameters = found.data, found.chosen, found.parameters
    predicted = chosen.said.p
    level = parameters.level
    if data.classifies:
        conformal = conform_classes(data.y, predicted, chosen.marks, level)
        names: Any = np.array(data.classes, dtype=object)[chosen.said.named]
    else:
        conformal, names = conform_numbers(data.y, predicted, chosen.marks, level), predicted
    subgroups = subgroups_of(data, chosen.said, found.metric, 0.95, found.seed)
    model = {
        "file": MODEL_FILE,
        "problem": data.problem,
        "target": parameters.target,
        "target_type": data.target_type,
        "features": [feature.as_json() for feature in data.features],
        "ignored": list(data.ignored),
        "algorithm": chosen.candidate.algorithm,
        "parameters": dict(chosen.candidate.settings),
        "classes": list(data.classes) if data.classifies else None,
        "decision": None if data.decide is None else data.decide.tolist(),
        "metric": found.metric,
        "metrics": {name: dict(value) for name, value in chosen.metrics.items()},
        "baseline": {name: dict(value) for name, value in found.baseline.items()},
        "leaderboard": list(board),
        "importance": found.importance or [],
        "conformal": conformal,
        "calibration": calibration,
        "profile": profile_of(data, names),
        "rows": len(data.y),
        "seed": found.seed,
    }
    return {**model, "card": _card(found, model, subgroups)}


def _card(found: Found, model: Mapping[str, Any], subgroups: list[dict[str, Any]]) -> dict[str, Any]:
    """After Mitchell et al. (2019, Model cards for model reporting)."""
    data = found.data
    classes = None
    if data.classifies:
        counts = np.bincount(data.y, minlength=len(data.classes))
        classes = dict(zip(data.classes, counts.tolist(), strict=True))
    return {
        "data": {
            "rows": data.total,
            "learnt_from": len(data.y),
            "without_target": data.dropped,
            "features": [feature.name for feature in data.features],
            "left_out": list(data.ignored),
            "classes": classes,
            "folds": found.folds,
            "shuffled": found.parameters.shuffle,
        },
        "metrics": model["metrics"],
        "intervals": "Metrics: 95 % bootstrap of the rows left out, within folds. Importance: 95 % corrected "
        "resampled t over folds (Nadeau and Bengio 2003). Predictions: conformal, from out-of-fold errors.",
        "calibration": model["calibration"],
        "conformal": {key: model["conformal"][key] for key in ("method", "level", "coverage")},
        "subgroups": subgroups,
        "limits": _limits(found, subgroups),
    }


def _limits(found: Found, subgroups: Sequence[Mapping[str, Any]]) -> list[str]:
    data = found.data
    limits = [
        "The measures hold for rows drawn like those learnt from; they say nothing about a changed world.",
        "The best of several candidates was chosen by the same folds that measure it, which flatters it a little.",
    ]
    numbers = [f for f in data.features if f.kind in ("numeric", "date")]
    if numbers and found.chosen.candidate.algorithm not in ("linear", "ridge", "lasso", "logistic"):
        limits.append("Outside the ranges learnt from, predictions stay at the level of the nearest rows.")
    most = min(found.chosen.candidate.rows, FAMILIES[found.chosen.candidate.algorithm].rows)
    if len(data.y) > most:
        limits.append(f"It learnt from {most} rows, a random sample of the {len(data.y)}, and was tested on all.")
    weak = [row for row in subgroups if _worse(row, found)]
    limits += [f"Clearly worse than overall where {row['feature']} is {row['level']}." for row in weak[:10]]
    return limits + [f"{notice.message}" for notice in found.notices if notice.code in _LIMITING]


_LIMITING = frozenset({"target_leakage", "tiny_classes", "small_sample", "more_features_than_rows", "budget_cut"})


def _worse(row: Mapping[str, Any], found: Found) -> bool:
    value = found.chosen.metrics[found.metric]["value"]
    if found.metric in LOWER_IS_BETTER:
        return bool(row["ci_low"] > value)
    return bool(row["ci_high"] < value)


def _tables(found: Found, board: Sequence[Mapping[str, Any]], model: Mapping[str, Any]) -> list[Table]:
    others = [name for name in found.chosen.metrics if name != found.metric]
    columns = ["rank", "algorithm", "parameters", found.metric, "std", *others, "rows", "fit_seconds", "cut"]
    rows = [
        [
            one["rank"], one["algorithm"], json.dumps(one["parameters"]), one["score"], one["std"],
            *(one["metrics"].get(name) for name in others), one["rows"], one["fit_seconds"], one["cut"],
        ]
        for one in board
    ]  # fmt: skip
    tables = [Table("leaderboard", columns, rows), _metrics_table(found)]
    if found.importance:
        names = ["feature", "mean", "ci_low", "ci_high"]
        tables.append(Table("importance", names, [[row[name] for name in names] for row in found.importance]))
    subgroups = model["card"]["subgroups"]
    if subgroups:
        names = list(subgroups[0])
        tables.append(Table("subgroups", names, [[row[name] for name in names] for row in subgroups]))
    if model["calibration"]:
        names = ["low", "high", "n", "mean_probability", "observed"]
        bins = model["calibration"]["reliability"]
        tables.append(Table("reliability", names, [[row[name] for name in names] for row in bins]))
    return tables


def _metrics_table(found: Found) -> Table:
    rows = [
        [name, value["value"], value["ci_low"], value["ci_high"], found.baseline.get(name, {}).get("value")]
        for name, value in found.chosen.metrics.items()
    ]
    return Table("metrics", ["metric", "value", "ci_low", "ci_high", "baseline"], rows)


def notices_of(
    parameters: TrainParameters, search: Search, chosen: Chosen, baseline: Mapping[str, Any], importance: Any,
    metric: str,
) -> list[Notice]:  # fmt: skip
    """What happened on the way."""
    notices = []
    if search.exhausted:
        text = f"The budget of {parameters.budget_seconds:g} seconds ended the search: {search.tried} candidates were"
        text = f"{text} tried, {len(search.ranked)} of them on all rows. Another run may find another winner."
        notices.append(Notice("budget_cut", text))
    large = sorted({one.algorithm for one in (*search.done, *search.partly) if one.cut == "memory"})
    if large:
        text = f"{', '.join(large)}: needed more than {parameters.memory_mb} MB together with what ran beside it."
        notices.append(Notice("memory_cut", text))
    if any(one.cut == "crashed" for one in (*search.done, *search.partly)):
        failed = sorted({one.algorithm for one in (*search.done, *search.partly) if one.cut == "crashed"})
        notices.append(Notice("candidates_failed", f"{', '.join(failed)}: could not be fitted to these data."))
    if baseline and not _better(chosen.metrics[metric], baseline[metric], metric):
        text = "No candidate is clearly better than a model that looks at no feature."
        notices.append(Notice("no_better_than_baseline", text))
    if importance is None:
        notices.append(Notice("importance_cut", "The budget ended before the importance of features was measured."))
    return notices


def _better(score: Mapping[str, float], baseline: Mapping[str, float], metric: str) -> bool:
    if metric in LOWER_IS_BETTER:
        return score["ci_high"] < baseline["value"]
    return score["ci_low"] > baseline["value"]
