"""Training from question to model: search, choice, calibration, examination and the last fit, within the budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np

from shared.compute import ComputeError

from ...schemas.train_parameters import CLASSIFICATION_METRICS, TrainParameters
from ..data_files import as_piece
from ..executor import LocalExecutor, Place, somewhere
from ..job import Job
from ..jobs.outcome import JobOutcome
from ..pieces import name_of
from ..results import Notice, plain
from . import report as reports
from .calibration import NONE, Calibrated, calibrate
from .candidates import Candidate, Plan, order_of
from .data import CLASSIFICATION, Question, TrainingData, balanced, load
from .doubts import doubts_of
from .ensemble import ensemble_of
from .evaluation import as_shared, folds_of, pieces_of
from .families import BASELINE, ENSEMBLE, families_for
from .forecasts import train_forecast
from .importance import LEARN_ROWS, REPEATS, TEST_ROWS, examine, summarised
from .isolation import DEAD, LARGE, left_bytes
from .refit import Order, refit
from .scores import Said, measured
from .search import Search

MANY_ROWS, FOLDS, FOLDS_OF_MANY = 20_000, 5, 3
# What is kept back of the budget for what comes after the search: the report, and twice the refit as it is foreseen.
REPORT_SECONDS = 0.8
REFIT_SAFETY = 1.6
GRACE_SECONDS = 0.9
BACKUP_ROWS = 5_000
# The report takes so many times what measuring the baseline has taken, which tells how busy the machine is; of the
# budget so much at most.
REPORT_TIMES, REPORT_AT_MOST = 2.5, 0.2
IMPORTANCE_SHARE = 0.12
FIRST_SHARE = 0.25
# What an ensemble may take beyond its best member.
ENSEMBLE_SHARE = 0.06
MEBIBYTE = 1 << 20
# More cannot be learnt from in the time, whatever the model.
ROWS_A_SECOND = 15_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best candidate with what its out-of-fold predictions say."""

    candidate: Candidate
    calibrated: Calibrated | None
    said: Said
    marks: Any
    metrics: Mapping[str, Mapping[str, float]]


def train_model(parameters: TrainParameters, job: Job, started: float) -> tuple[JobOutcome, dict[str, Any]]:
    """The outcome and the JSON of the model; `started` by the monotonic clock is when the budget began to run.

    Raises:
        ComputeError: those of `load`, `invalid_parameters`, `budget_too_small`.
    """
    if parameters.problem == "forecast":
        return train_forecast(parameters, job, started)
    job.report(0, 0, "Reading columns")
    features = None if parameters.features is None else tuple(parameters.features)
    most = min(parameters.max_rows, int(ROWS_A_SECOND * parameters.budget_seconds))
    question = Question(job.data.path, parameters.target, features, parameters.problem, most, job.seed)
    data = load(question)
    run = _Run(parameters, job, question, data, started)
    return run.train()


class _Run:
    """What the steps of one training share."""

    def __init__(
        self, parameters: TrainParameters, job: Job, question: Question, data: TrainingData, started: float
    ) -> None:
        self.parameters, self.job, self.started = parameters, job, started
        self.data = balanced(data) if parameters.class_weight == "balanced" and data.classifies else data
        self.metric = _metric(parameters, data)
        self.families = _families(parameters, data)
        wanted = parameters.folds or (FOLDS_OF_MANY if len(data.y) > MANY_ROWS else FOLDS)
        self.folds = folds_of(question, _folds(wanted, data), shuffle=parameters.shuffle)
        self.until = started + parameters.budget_seconds
        self.report_seconds = REPORT_SECONDS
        self.baseline: Mapping[str, Mapping[str, float]] = {}
        self.kept: Candidate | None = None
        self.shared: dict[str, Any] = {
            "question": as_shared(question),
            "data": as_piece(job.data),
            "folds": len(self.folds),
            "shuffle": parameters.shuffle,
            "balanced": parameters.class_weight == "balanced",
            "metric": self.metric,
            "memory_bytes": parameters.memory_mb * MEBIBYTE,
        }

    def train(self) -> tuple[JobOutcome, dict[str, Any]]:
        doubts = doubts_of(self.data, self.parameters.target)
        search, place = self._search()
        chosen = self._choose(search)
        made, cut = self._refit(chosen)
        if made is not chosen.candidate:
            chosen = self._described(made)
        self.job.report(0, 0, "Examining the best candidate")
        importance = self._importance(chosen.candidate)
        notices = [*self.data.notices, *doubts, *self._notices(search, chosen, importance), *cut]
        found = reports.Found(
            parameters=self.parameters, data=self.data, search=search, chosen=chosen, metric=self.metric,
            baseline=self.baseline, importance=importance, notices=notices, folds=len(self.folds), seed=self.job.seed,
            took_s=monotonic() - self.started,
        )  # fmt: skip
        outcome, model = reports.written(found)
        return outcome.done_at(place), plain(model)

    def _search(self) -> tuple[Search, Place]:
        plan = Plan(
            self.families, self.metric, self.parameters.max_candidates, self.folds, self.shared, self.until,
            self._reserve, self._keep, self.job.seed, self.job.threads,
        )  # fmt: skip

        def work(executor: Any) -> Search:
            search = Search(plan, self.data, self.job.report)
            search.run(executor)
            return search

        return somewhere(self.job, work, prefer_ray=False)

    def _keep(self, one: Candidate) -> None:
        """Measure the baseline, or see to it that there is a model of this candidate, whatever comes."""
        if one.algorithm == BASELINE:
            begun = monotonic()
            self.baseline = self._metrics(one)
            most = max(REPORT_SECONDS, REPORT_AT_MOST * self.parameters.budget_seconds)
            self.report_seconds = min(most, REPORT_SECONDS + REPORT_TIMES * (monotonic() - begun))
            return
        until = self.until - self.report_seconds
        made = refit([self._order(one, min(one.rows, BACKUP_ROWS))], self.data, self.job.output, until, self._most())
        self.kept = self.kept if made is None else replace(one)

    def _most(self) -> float:
        """Bytes that the last fit may hold."""
        return left_bytes(self.shared["memory_bytes"])

    def _reserve(self, best: Candidate | None) -> float:
        """Seconds that the rest will take if this candidate is the best one; a share of all while there is none."""
        if best is None:
            return FIRST_SHARE * self.parameters.budget_seconds
        k = len(self.folds)
        refit_seconds = best.fit_seconds * (k / (k - 1) if best.rows >= len(self.data.y) else 1)
        rounds = -(-k // max(self.job.threads, 1))
        predicting = (best.seconds - best.fit_seconds) * (1 + REPEATS * len(self.data.features))
        fewer = min(1.0, LEARN_ROWS * k / (k - 1) / len(self.data.y))
        examining = rounds * (best.fit_seconds * fewer + predicting * min(1.0, TEST_ROWS * k / len(self.data.y))) * 1.3
        importance = min(IMPORTANCE_SHARE * self.parameters.budget_seconds, examining)
        more = ENSEMBLE_SHARE * self.parameters.budget_seconds if best.algorithm != ENSEMBLE else 0
        return self.report_seconds + REFIT_SAFETY * refit_seconds + importance + more

    def _choose(self, search: Search) -> Chosen:
        ranked = [one for one in search.ranked if one.scores is not None]
        if not ranked:
            raise ComputeError("budget_too_small", self._why_none(search))
        ensemble = self._ensemble(ranked) if self.parameters.algorithm == "auto" else None
        search.done += [] if ensemble is None else [ensemble]
        return self._described(ensemble or ranked[0])

    def _why_none(self, search: Search) -> str:
        """What became of the candidates, none of which was compared."""
        advice = "Give more, or fewer rows or features."
        cuts = Counter(one.cut for one in (*search.done, *search.partly))
        if cuts[LARGE]:
            return (
                f"{cuts[LARGE]} candidates needed more memory than {self.parameters.memory_mb} MB leave them. {advice}"
            )
        if cuts[DEAD]:
            return f"No candidate can be fitted to these columns: {cuts[DEAD]} failed."
        return f"No candidate was compared within {self.parameters.budget_seconds:g} seconds. {advice}"

    def _ensemble(self, ranked: Sequence[Candidate]) -> Candidate | None:
        until = self.until - self._reserve(ranked[0]) + ENSEMBLE_SHARE * self.parameters.budget_seconds
        made = ensemble_of(ranked, self.data, self.metric, self._marks(), until)
        return made if made is not None and self._reserve(made) <= self.until - monotonic() else None

    def _described(self, one: Candidate) -> Chosen:
        calibrated, said = self._said(one)
        marks = self._marks()
        metrics = measured(said, marks, self.job.seed, 0.95, classifies=self.data.classifies)
        return Chosen(one, calibrated, said, marks, metrics)

    def _metrics(self, one: Candidate) -> Mapping[str, Mapping[str, float]]:
        _, said = self._said(one)
        return measured(said, self._marks(), self.job.seed, 0.95, classifies=self.data.classifies)

    def _said(self, one: Candidate) -> tuple[Calibrated | None, Said]:
        scores: Any = one.scores
        if not self.data.classifies:
            return None, Said(self.data.y, scores)
        calibrated = calibrate(scores, one.native, self.data.y, self._marks(), len(self.data.classes))
        return calibrated, Said(self.data.y, calibrated.probabilities, self.data.decide)

    def _marks(self) -> Any:
        """The fold that each row was left out in."""
        marks = np.empty(len(self.data.y), dtype=np.int64)
        for number, (_, test) in enumerate(self.folds):
            marks[test] = number
        return marks

    def _refit(self, chosen: Chosen) -> tuple[Candidate, list[Notice]]:
        """Of the best one; what was kept on the way if that takes longer than there is."""
        self.job.report(0, 0, "Fitting the best candidate to all rows")
        until = self.until + GRACE_SECONDS - self.report_seconds / 2
        best = chosen.candidate
        if self.kept is not None and order_of(best) == order_of(self.kept) and best.rows <= BACKUP_ROWS:
            return best, []
        orders = [self._order(best, best.rows)]
        if refit(orders, self.data, self.job.output, until, self._most()) is not None:
            return chosen.candidate, []
        if self.kept is None:
            detail = "The best candidate could not be fitted to all rows within the time and memory given."
            raise ComputeError("budget_too_small", f"{detail} Give more, or fewer rows.")
        text = f"The best candidate ({chosen.candidate.algorithm}) could not be fitted to all rows in time"
        text = f"{text}; an earlier one is kept, fitted to {BACKUP_ROWS} rows at most."
        return self.kept, [Notice("refit_cut", text)]

    def _order(self, one: Candidate, rows: int) -> Order:
        calibrated, _ = self._said(one)
        method = NONE if calibrated is None else calibrated.method
        # Of few rows more threads gain nothing, and would let the last digits depend on their number.
        threads = self.job.threads if rows > MANY_ROWS else 1
        return Order(one, method, one.scores, self.shared["balanced"], self.job.seed, rows, threads)

    def _importance(self, one: Candidate) -> list[dict[str, Any]] | None:
        """None if the budget does not suffice for one fold."""
        until = self.until - self.report_seconds / 2
        if until <= monotonic():
            return None
        items = [
            {"algorithm": one.algorithm, "settings": dict(one.settings), "folds": piece}
            for piece in pieces_of(range(len(self.folds)), len(self.data.y))
        ]
        most = left_bytes(self.shared["memory_bytes"], self.job.threads)
        shared = {**self.shared, "until": until, "most_bytes": most}
        # Here, wherever the search was: to connect to a cluster once more takes longer than these small fits.
        answers = LocalExecutor(self.job.threads).map(name_of(examine), items, shared, lambda _done: None)
        whole = [one for answer in answers if answer is not None for one in answer.get("answers", ())]
        return summarised(whole, self.data.features, 0.95) if whole else None

    def _notices(self, search: Search, chosen: Chosen, importance: Any) -> list[Notice]:
        return reports.notices_of(self.parameters, search, chosen, self.baseline, importance, self.metric)


def _metric(parameters: TrainParameters, data: TrainingData) -> str:
    metric = parameters.metric or ("roc_auc" if data.classifies else "r2")
    if (metric in CLASSIFICATION_METRICS) != data.classifies:
        detail = f"metric: {metric} does not measure a {data.problem}, which the target asks for."
        raise ComputeError("invalid_parameters", detail)
    if parameters.class_weight == "balanced" and data.problem != CLASSIFICATION:
        raise ComputeError("invalid_parameters", "class_weight: a regression has no classes to balance.")
    return metric


def _families(parameters: TrainParameters, data: TrainingData) -> list[str]:
    names = families_for(data.problem, parameters.algorithm, len(data.y))
    if not names:
        raise ComputeError("invalid_parameters", f"algorithm: {parameters.algorithm} does not suit a {data.problem}.")
    return names


def _folds(wanted: int, data: TrainingData) -> int:
    """No more than the most frequent class has rows, or pairs of rows there are."""
    most = int(np.bincount(data.y).max()) if data.classifies else len(data.y) // 2
    if wanted > most:
        detail = f"{wanted} folds are more than the data can be cut into, at most {most}; take fewer."
        raise ComputeError("too_few_rows", detail)
    return wanted
