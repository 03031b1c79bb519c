"""Which model predicts a target best: families with small grids, compared by cross-validation within a budget."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from shared.compute import ComputeError

from ...schemas.job_parameters import CLASSIFICATION_METRICS, SearchParameters
from ..data_files import as_piece, locate
from ..executor import somewhere
from ..job import Job
from ..pieces import name_of
from ..results import Notice, Table
from ..source import Source
from .candidates import BASELINE, CLASSIFICATION, FAMILIES, families_for, pipeline
from .metrics import LOWER_IS_BETTER, METRICS, measure
from .outcome import JobOutcome
from .training_data import TrainingData, load_training


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate all of whose folds have ended: means over the folds, and the spread of the chosen metric."""

    algorithm: str
    settings: Mapping[str, Any]
    means: Mapping[str, float]
    std: float


def score_fold(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {algorithm, settings, fold}; all metrics on the fold that was left out."""
    features = None if shared["features"] is None else tuple(shared["features"])
    path, seed = locate(shared["data"]), shared["seed"]
    data = load_training(path, shared["target"], features, shared["problem"], seed)
    learn, test = _folds(path, shared["target"], features, shared["problem"], seed, shared["folds"])[item["fold"]]
    chosen = data.features
    model = pipeline(item["algorithm"], item["settings"], data.problem, chosen.numeric, chosen.categorical, seed)
    model.fit(data.x.iloc[learn], data.y[learn])
    return {"metrics": measure(model, data.x.iloc[test], data.y[test], data.problem)}


@lru_cache(maxsize=1)
def _folds(
    path: Path, target: str, features: tuple[str, ...] | None, problem: str, seed: int, folds: int
) -> list[tuple[Any, Any]]:
    data = load_training(path, target, features, problem, seed)
    kind = StratifiedKFold if data.problem == CLASSIFICATION else KFold
    return list(kind(folds, shuffle=True, random_state=seed).split(data.x, data.y))


def model_search(source: Source, parameters: SearchParameters, job: Job) -> JobOutcome:
    """Table `leaderboard`, the best first; summary `winner` names all that is needed to fit the best one again.

    Raises:
        ComputeError: `budget_too_small`, `invalid_parameters`, and those of `load_training`.
    """
    source.require(parameters.uses())
    features = None if parameters.features is None else tuple(parameters.features)
    job.report(0, 0, "Reading columns")
    data = load_training(job.data.path, parameters.target, features, parameters.problem, job.seed)
    metric = _metric(parameters, data)
    _require_members(data, parameters.folds)
    # Before threads ask for them all at once.
    _folds(job.data.path, parameters.target, features, parameters.problem, job.seed, parameters.folds)
    candidates = _candidates(data.problem, parameters)
    items = [{**candidate, "fold": fold} for candidate in candidates for fold in range(parameters.folds)]
    shared = {
        "data": as_piece(job.data),
        "target": parameters.target,
        "features": parameters.features,
        "problem": parameters.problem,
        "folds": parameters.folds,
        "seed": job.seed,
    }

    def tell(done: int) -> None:
        job.report(done, len(items), f"{done // parameters.folds} of {len(candidates)} candidates compared")

    tell(0)
    answers, place = somewhere(
        job,
        lambda executor: executor.map(name_of(score_fold), items, shared, tell, seconds=parameters.budget_seconds),
        prefer_ray=False,
    )
    scored = _scored(candidates, answers, parameters.folds, metric)
    return _outcome(scored, len(candidates), metric, data, parameters, job).done_at(place)


def _metric(parameters: SearchParameters, data: TrainingData) -> str:
    metric = parameters.metric or ("balanced_accuracy" if data.problem == CLASSIFICATION else "r2")
    if (metric in CLASSIFICATION_METRICS) != (data.problem == CLASSIFICATION):
        detail = f"metric: {metric} does not measure a {data.problem}, which the target asks for."
        raise ComputeError("invalid_parameters", detail)
    return metric


def _require_members(data: TrainingData, folds: int) -> None:
    if data.problem == CLASSIFICATION:
        fewest = min(np.unique(data.y.astype(str), return_counts=True)[1])
        if fewest < folds:
            detail = f"The rarest class has {fewest} rows, but each of the {folds} folds needs one."
            raise ComputeError("too_few_rows", f"{detail} Take fewer folds, or leave rare classes out.")
    elif len(data.y) < 2 * folds:
        detail = f"{len(data.y)} rows are too few for {folds} folds of two rows each; take fewer folds."
        raise ComputeError("too_few_rows", detail)


def _candidates(problem: str, parameters: SearchParameters) -> list[dict[str, Any]]:
    names = families_for(problem, parameters.candidates)
    if not names:
        detail = f"candidates: none of {', '.join(parameters.candidates or [])} suits a {problem}."
        raise ComputeError("invalid_parameters", detail)
    return [
        {"algorithm": name, "settings": dict(settings)}
        for name in (BASELINE, *names)
        for settings in FAMILIES[name].grid
    ]


def _scored(
    candidates: Sequence[Mapping[str, Any]], answers: Sequence[dict[str, Any] | None], folds: int, metric: str
) -> list[Scored]:
    found = []
    for number, candidate in enumerate(candidates):
        ended = [answer["metrics"] for answer in answers[number * folds : (number + 1) * folds] if answer is not None]
        if len(ended) == folds:
            means = {name: _mean([fold[name] for fold in ended]) for name in METRICS if name in ended[0]}
            spread = float(np.std([fold[metric] for fold in ended], ddof=1))
            found.append(Scored(candidate["algorithm"], candidate["settings"], means, spread))
    return found


def _mean(values: Sequence[float | None]) -> float:
    return float(np.mean([np.nan if value is None else value for value in values]))


def _outcome(
    scored: list[Scored], wanted: int, metric: str, data: TrainingData, parameters: SearchParameters, job: Job
) -> JobOutcome:
    baseline = next((candidate for candidate in scored if candidate.algorithm == BASELINE), None)
    sign = 1 if metric in LOWER_IS_BETTER else -1
    ranked = sorted(
        (candidate for candidate in scored if candidate is not baseline), key=lambda c: sign * c.means[metric]
    )
    if not ranked or baseline is None:
        detail = f"No candidate was compared within {parameters.budget_seconds:g} seconds."
        raise ComputeError("budget_too_small", f"{detail} Give more time, fewer features or fewer folds.")
    best = ranked[0]
    summary = {
        "problem": data.problem,
        "metric": metric,
        "score": best.means[metric],
        "score_std": best.std,
        "baseline": baseline.means[metric],
        "candidates": wanted - 1,
        "compared": len(ranked),
        "folds": parameters.folds,
        "n": len(data.y),
        "dropped_rows": data.dropped,
        "winner": {
            "algorithm": best.algorithm,
            "parameters": dict(best.settings),
            "target": parameters.target,
            "features": data.features.names,
            "problem": data.problem,
            "seed": job.seed,
        },
    }
    outcome = JobOutcome(summary, [_leaderboard([*ranked, baseline], metric)])
    better = sign * best.means[metric] < sign * baseline.means[metric]
    outcome.warnings = _notices(data, wanted - 1 - len(ranked), parameters, better=better)
    return outcome


def _leaderboard(ranked: Sequence[Scored], metric: str) -> Table:
    others = [name for name in ranked[0].means if name != metric]
    columns = ["rank", "algorithm", "parameters", metric, f"{metric}_std", *others]
    rows = [
        [
            None if one.algorithm == BASELINE else rank,
            one.algorithm,
            json.dumps(dict(one.settings)),
            one.means[metric],
            one.std,
            *(one.means[name] for name in others),
        ]
        for rank, one in enumerate(ranked, 1)
    ]
    return Table("leaderboard", columns, rows)


def _notices(data: TrainingData, cut: int, parameters: SearchParameters, *, better: bool) -> list[Notice]:
    notices = []
    if cut:
        text = f"The budget of {parameters.budget_seconds:g} seconds ended before {cut} candidates were compared."
        notices.append(Notice("budget_cut", text))
    if not better:
        notices.append(Notice("no_better_than_baseline", "No model predicts better than one that looks at no feature."))
    if data.sampled:
        text = f"The models learnt from a random sample of {len(data.y)} of {data.total} rows."
        notices.append(Notice("rows_sampled", text))
    if data.dropped:
        notices.append(Notice("rows_dropped", f"{data.dropped} rows without a target were left out."))
    return notices
