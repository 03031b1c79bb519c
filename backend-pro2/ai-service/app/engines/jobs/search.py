"""Which model predicts a target best: families with small grids, compared by cross-validation within a budget."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from shared.compute import ComputeError

from ...schemas.job_parameters import Metric, SearchParameters
from ...schemas.train_parameters import CLASSIFICATION_METRICS
from ..data_files import as_piece
from ..executor import somewhere
from ..job import Job
from ..pieces import name_of
from ..results import Notice, Table
from ..source import Source
from ..training.data import TrainingData, load
from ..training.evaluation import as_shared, evaluate, folds_of, question_of, unpacked
from ..training.families import BASELINE
from ..training.scores import LOWER_IS_BETTER, Said, measures_of
from . import grids
from .outcome import JobOutcome

METRICS: tuple[str, ...] = get_args(Metric)


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate all of whose folds have ended: means over the folds, and the spread of the chosen metric."""

    algorithm: str
    settings: Mapping[str, Any]
    means: Mapping[str, float]
    std: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The candidates that were scored, how many were late, and the families that could not be fitted."""

    scored: Sequence[Scored]
    late: int
    failed: Sequence[str]
    metric: str

    @property
    def baseline(self) -> Scored | None:
        """The candidate that looks at no feature."""
        return next((one for one in self.scored if one.algorithm == BASELINE), None)

    @property
    def ranked(self) -> list[Scored]:
        """The others, the best first, of equals the one that was given first."""
        return sorted((one for one in self.scored if one.algorithm != BASELINE), key=self.cost)

    def cost(self, one: Scored) -> float:
        """What is the less the better a candidate is."""
        value = one.means[self.metric]
        return np.inf if np.isnan(value) else value if self.metric in LOWER_IS_BETTER else -value


def score_fold(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {algorithm, settings, fold}; `metrics` on the fold that was left out, or why there are none."""
    question = question_of(shared)
    data = load(question)
    _, test = folds_of(question, shared["folds"], shuffle=shared["shuffle"])[item["fold"]]
    answer = evaluate({**item, "folds": [item["fold"]], "rows": len(data.y), "whole": True}, shared)
    if "cut" in answer:
        return answer
    scores, probabilities = unpacked(answer["answers"][0], len(data.classes))
    said = Said(data.y[test], scores if probabilities is None else probabilities)
    evenly = np.ones((1, len(test)))
    found = measures_of(classifies=data.classifies)
    return {"metrics": {name: float(found[name](said, evenly)[0]) for name in METRICS if name in found}}


def model_search(source: Source, parameters: SearchParameters, job: Job) -> JobOutcome:
    """Table `leaderboard`, the best first; summary `winner` names all that is needed to fit the best one again.

    Raises:
        ComputeError: `budget_too_small`, `invalid_parameters`, and those of `load`.
    """
    source.require(parameters.uses())
    job.report(0, 0, "Reading columns")
    question = grids.question_of(job.data.path, parameters.target, parameters.features, parameters.problem, job.seed)
    data = load(question)
    metric = _metric(parameters, data)
    _require_members(data, parameters.folds)
    # Before threads ask for them all at once.
    folds_of(question, parameters.folds, shuffle=True)
    candidates = _candidates(data.problem, parameters)
    items = [{**candidate, "fold": fold} for candidate in candidates for fold in range(parameters.folds)]
    shared = {
        "question": as_shared(question),
        "data": as_piece(job.data),
        "folds": parameters.folds,
        "shuffle": True,
        "balanced": False,
        "isolated": False,
    }

    def tell(done: int) -> None:
        job.report(done, len(items), f"{done // parameters.folds} of {len(candidates)} candidates compared")

    tell(0)
    answers, place = somewhere(
        job,
        lambda executor: executor.map(name_of(score_fold), items, shared, tell, seconds=parameters.budget_seconds),
        prefer_ray=False,
    )
    comparison = _compared(candidates, answers, parameters.folds, metric)
    return _outcome(comparison, len(candidates) - 1, data, parameters, job).done_at(place)


def _metric(parameters: SearchParameters, data: TrainingData) -> str:
    metric = parameters.metric or ("balanced_accuracy" if data.classifies else "r2")
    if (metric in CLASSIFICATION_METRICS) != data.classifies:
        detail = f"metric: {metric} does not measure a {data.problem}, which the target asks for."
        raise ComputeError("invalid_parameters", detail)
    return metric


def _require_members(data: TrainingData, folds: int) -> None:
    if data.classifies:
        fewest = int(np.bincount(data.y).min())
        if fewest < folds:
            detail = f"The rarest class has {fewest} rows, but each of the {folds} folds needs one."
            raise ComputeError("too_few_rows", f"{detail} Take fewer folds, or leave rare classes out.")
    elif len(data.y) < 2 * folds:
        detail = f"{len(data.y)} rows are too few for {folds} folds of two rows each; take fewer folds."
        raise ComputeError("too_few_rows", detail)


def _candidates(problem: str, parameters: SearchParameters) -> list[dict[str, Any]]:
    asked = parameters.candidates
    names = [name for name in grids.GRIDS if grids.suits(name, problem) and (asked is None or name in asked)]
    names = [name for name in names if name != BASELINE]
    if not names:
        detail = f"candidates: none of {', '.join(asked or [])} suits a {problem}."
        raise ComputeError("invalid_parameters", detail)
    return [
        {"algorithm": name, "settings": dict(settings)} for name in (BASELINE, *names) for settings in grids.GRIDS[name]
    ]


def _compared(
    candidates: Sequence[Mapping[str, Any]], answers: Sequence[dict[str, Any] | None], folds: int, metric: str
) -> Comparison:
    scored, late, failed = [], 0, set()
    for number, candidate in enumerate(candidates):
        ended = [answer for answer in answers[number * folds : (number + 1) * folds] if answer is not None]
        if any("cut" in answer for answer in ended):
            failed.add(candidate["algorithm"])
        elif len(ended) < folds:
            late += 1
        else:
            scored.append(_scored(candidate, [answer["metrics"] for answer in ended], metric))
    return Comparison(scored, late, sorted(failed), metric)


def _scored(candidate: Mapping[str, Any], folds: Sequence[Mapping[str, float]], metric: str) -> Scored:
    values = {name: [fold[name] for fold in folds] for name in folds[0]}
    means = {name: float(np.mean(found)) for name, found in values.items()}
    return Scored(candidate["algorithm"], candidate["settings"], means, float(np.std(values[metric], ddof=1)))


def _outcome(
    comparison: Comparison, candidates: int, data: TrainingData, parameters: SearchParameters, job: Job
) -> JobOutcome:
    ranked, baseline, metric = comparison.ranked, comparison.baseline, comparison.metric
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
        "candidates": candidates,
        "compared": len(ranked),
        "folds": parameters.folds,
        "n": len(data.y),
        "dropped_rows": data.dropped,
        "winner": {
            "algorithm": best.algorithm,
            "parameters": dict(best.settings),
            "target": parameters.target,
            "features": [feature.name for feature in data.features],
            "problem": data.problem,
            "seed": job.seed,
        },
    }
    outcome = JobOutcome(summary, [_leaderboard([*ranked, baseline], metric)])
    better = comparison.cost(best) < comparison.cost(baseline)
    outcome.warnings = [*_notices(comparison, parameters, better=better), *data.notices]
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


def _notices(comparison: Comparison, parameters: SearchParameters, *, better: bool) -> list[Notice]:
    notices = []
    if comparison.late:
        text = f"The budget of {parameters.budget_seconds:g} seconds ended before {comparison.late} candidates were"
        notices.append(Notice("budget_cut", f"{text} compared."))
    if comparison.failed:
        text = f"{', '.join(comparison.failed)}: could not be fitted to these data."
        notices.append(Notice("candidates_failed", text))
    if not better:
        notices.append(Notice("no_better_than_baseline", "No model predicts better than one that looks at no feature."))
    return notices
