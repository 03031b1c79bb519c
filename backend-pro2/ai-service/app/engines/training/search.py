"""The search: cheap defaults first, then settings near the best, on few rows before on all, within a hard budget."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np

from shared.compute.memory import held_bytes

from ..executor import Executor
from ..pieces import name_of
from ..source import FloatArray
from .calibration import SIGMOID, crossfitted
from .data import TrainingData
from .evaluation import TEST_ROWS_OF_A_RUNG, evaluate, pieces_of, tested_rows, unpacked
from .families import BASELINE, FAMILIES
from .preparation import DISTANCE
from .proposals import first_ones, key_of, next_ones
from .scores import LOWER_IS_BETTER, Said, fold_values, measures_of

RUNGS = (4_000, 20_000)
RUNG_WORTH = 2.5
ROUND = 8
PARENTS = 4
KEPT_SHARE = 3
GROUP = 2
SHOWN = 5
CHEAP = 1
# Of the time that is left, for the comparison on few rows.
RUNG_SHARE = 0.5
# Fits take a little more than in proportion to the rows.
GROWTH = 1.1
REFITS = 2.0
SPARE_SECONDS = 1.0
UNBEGUN = "unbegun"


@dataclass(slots=True, eq=False)
class Candidate:
    """A candidate that learns from `rows` at most, and what came out: means over folds of all measures.

    A `whole` one is tested on all rows, each left out once, and has their scores while it is among the best.
    """

    algorithm: str
    settings: Mapping[str, Any]
    rows: int
    whole: bool = False
    means: dict[str, float] = field(default_factory=dict)
    values: FloatArray | None = None
    scores: FloatArray | None = None
    native: FloatArray | None = None
    fit_seconds: float = 0.0
    seconds: float = 0.0
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is searched, by what it is ranked, and until when, by the monotonic clock; `reserve` of a best candidate."""

    families: Sequence[str]
    metric: str
    max_candidates: int
    folds: Sequence[tuple[Any, Any]]
    shared: Mapping[str, Any]
    until: float
    reserve: Callable[[Candidate | None], float]
    seed: int
    threads: int


class Search:
    """One search; `ranked` afterwards are the whole candidates, the best first."""

    def __init__(self, plan: Plan, data: TrainingData, tell: Callable[[int, int, str], None]) -> None:
        self.plan, self.data, self._tell = plan, data, tell
        self.done: list[Candidate] = []
        self.partly: list[Candidate] = []
        self.exhausted = False
        self._tried: set[str] = set()
        self._rung_until = plan.until
        self._random = np.random.default_rng(plan.seed)
        self.rungs = [rows for rows in RUNGS if rows * RUNG_WORTH <= len(data.y)]

    @property
    def tried(self) -> int:
        """How many candidates beside the baseline were begun."""
        begun = [one for one in (*self.done, *self.partly) if one.cut != UNBEGUN]
        return len({key_of(one.algorithm, one.settings) for one in begun} - {key_of(BASELINE, {})})

    @property
    def baseline(self) -> Candidate | None:
        """The candidate that looks at no feature."""
        return next((one for one in self.done if one.algorithm == BASELINE and one.cut is None), None)

    @property
    def ranked(self) -> list[Candidate]:
        """Whole candidates, the best first, of equals the one that was tried first."""
        return self._sorted(one for one in self.done if one.cut is None and one.algorithm != BASELINE)

    def run(self, executor: Executor) -> None:
        """Search until the plan is through or its time is over."""
        self._compare(executor, [{"algorithm": BASELINE, "settings": {}}], [])
        found = first_ones(self.plan.families)[: self.plan.max_candidates]
        self._tried |= {key_of(**one) for one in found}
        # Something whole early, so that a short budget has it.
        cheap = found[:CHEAP]
        for one in cheap:
            self._compare(executor, [one], [])
        if len(found) > len(cheap):
            self._compare(executor, found[len(cheap) :], self.rungs)
        while not self.exhausted and self.tried < self.plan.max_candidates and self.ranked:
            count = min(ROUND, self.plan.max_candidates - self.tried)
            found = next_ones([_order(one) for one in self._parents()], self._tried, count, self._random)
            if not found:
                return
            self._compare(executor, found, self.rungs)

    def _parents(self) -> list[Candidate]:
        """The best candidate of each of the best families, the best family twice by its second candidate."""
        seen: dict[str, int] = {}
        chosen = []
        for one in self._pool():
            if seen.get(one.algorithm, 0) < (2 if not seen or next(iter(seen)) == one.algorithm else 1):
                chosen.append(one)
                seen[one.algorithm] = seen.get(one.algorithm, 0) + 1
        return chosen[:PARENTS]

    def _pool(self) -> list[Candidate]:
        if not self.rungs:
            return self.ranked
        first = [one for one in self.partly if one.rows == self.rungs[0] and one.cut is None]
        return self._sorted(first) or self.ranked

    def _sorted(self, candidates: Any) -> list[Candidate]:
        sign = 1 if self.plan.metric in LOWER_IS_BETTER else -1

        def key(one: Candidate) -> float:
            value = one.means.get(self.plan.metric, np.nan)
            return np.inf if np.isnan(value) else sign * value

        return sorted(candidates, key=key)

    def _compare(self, executor: Executor, found: Sequence[Mapping[str, Any]], rungs: Sequence[int]) -> None:
        """Through the rungs, of which each lets the best third through (Jamieson and Talwalkar 2016), to all rows."""
        going: list[Candidate] = []
        places = 0
        for rows in rungs:
            part = [Candidate(one["algorithm"], one["settings"], rows) for one in found]
            self._rung_until = monotonic() + RUNG_SHARE * (self._until() - monotonic())
            self._evaluate(executor, part, [0])
            self.partly += part
            through = self._sorted(one for one in part if one.cut is None)
            if not through:
                # What has come through fewer rows may yet be compared on all of them.
                break
            going, places = through, max(1, -(-len(part) // KEPT_SHARE))
            found = [_order(one) for one in going[:places]]
        if rungs:
            self._promote(executor, going, places)
            return
        whole = [Candidate(one["algorithm"], one["settings"], len(self.data.y), whole=True) for one in found]
        self._evaluate(executor, whole, range(len(self.plan.folds)))

    def _promote(self, executor: Executor, going: Sequence[Candidate], places: int) -> None:
        """The first that the time suffices for."""
        for one in going:
            places -= self._promoted(executor, one)
            if places == 0:
                return

    def _promoted(self, executor: Executor, one: Candidate) -> bool:
        """Whether it was compared on all rows, learning from as many of them as the time allows."""
        rounds = -(-len(self.plan.folds) // max(1, self.plan.threads))
        for rows in (len(self.data.y), *reversed(self.rungs)):
            fit, predict = foreseen(one, rows, len(self.data.y), len(self.plan.folds))
            if rounds * (fit + predict) + REFITS * fit + SPARE_SECONDS <= self.plan.until - monotonic():
                whole = Candidate(one.algorithm, one.settings, rows, whole=True)
                self._evaluate(executor, [whole], range(len(self.plan.folds)))
                return True
            self.exhausted = True
        return False

    def _evaluate(self, executor: Executor, candidates: Sequence[Candidate], folds: Sequence[int]) -> None:
        size = max(GROUP, getattr(executor, "cpus", 0) // max(1, len(folds)))
        # A round on few rows has one piece a candidate.
        size = int(size if len(folds) > 1 else max(size, self.plan.threads))
        size = 1 if self.rungs and len(folds) > 1 else size
        for start in range(0, len(candidates), size):
            group = candidates[start : start + size]
            self._evaluate_group(executor, group, folds)
            if group[0].whole:
                self.done += group
                self._drop_scores()
            self._told()

    def _evaluate_group(self, executor: Executor, group: Sequence[Candidate], folds: Sequence[int]) -> None:
        until = self._until()
        if monotonic() >= (until if group[0].whole else min(until, self._rung_until)):
            self._give_up(group)
            return
        if not group[0].whole:
            until = (until + min(until, self._rung_until)) / 2
        pieces = pieces_of(folds, len(self.data.y))
        items = [
            {**_order(one), "folds": piece, "rows": one.rows, "whole": one.whole} for one in group for piece in pieces
        ]
        isolates = executor.name == "local"
        parent = held_bytes_here()
        most = max(parent, (self.plan.shared["memory_bytes"] - parent) / self.plan.threads)
        shared = {**self.plan.shared, "until": until, "isolated": isolates, "most_bytes": most}
        seconds = None if isolates else until - monotonic()
        answers = executor.map(name_of(evaluate), items, shared, lambda _done: None, seconds=seconds)
        for number, one in enumerate(group):
            self._fill(one, answers[number * len(pieces) : (number + 1) * len(pieces)], folds)

    def _until(self) -> float:
        """When the search must end for the rest to be done in time."""
        ranked = self.ranked
        return self.plan.until - self.plan.reserve(ranked[0] if ranked else None)

    def _give_up(self, group: Sequence[Candidate]) -> None:
        self.exhausted = True
        for one in group:
            one.cut = UNBEGUN

    def _fill(self, one: Candidate, answers: Sequence[Any], folds: Sequence[int]) -> None:
        cuts = [("late" if answer is None else answer.get("cut")) for answer in answers]
        if any(cuts):
            one.cut = next(cut for cut in cuts if cut)
            self.exhausted |= one.cut == "late"
            return
        answers = [answer for piece in answers for answer in piece["answers"]]
        classes = len(self.data.classes)
        tests = [tested_rows(self.plan.folds[fold][1], whole=one.whole) for fold in folds]
        parts = [unpacked(answer, classes) for answer in answers]
        rows, marks = np.concatenate(tests), np.repeat(folds, [len(test) for test in tests])
        scores = np.concatenate([part[0] for part in parts])
        native = None if parts[0][1] is None else np.concatenate([part[1] for part in parts])
        one.fit_seconds = float(np.mean([answer["fit_seconds"] for answer in answers]))
        one.seconds = float(np.mean([answer["seconds"] for answer in answers]))
        self._measure(one, scores, native, rows, marks)
        if one.whole:
            order = np.argsort(rows, kind="stable")
            one.scores, one.native = scores[order], None if native is None else native[order]

    def _measure(self, one: Candidate, scores: FloatArray, native: Any, rows: Any, marks: Any) -> None:
        y = self.data.y[rows]
        if self.data.classifies and native is None:
            parts = marks if len(np.unique(marks)) > 1 else np.arange(len(y)) % 2
            native = crossfitted(SIGMOID, scores, y, parts, len(self.data.classes))
        said = Said(y, native if self.data.classifies else scores)
        for name, measure in measures_of(classifies=self.data.classifies).items():
            values = fold_values(measure, said, marks)
            one.means[name] = float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
            if name == self.plan.metric:
                one.values = values

    def _drop_scores(self) -> None:
        """Only those of the best are looked at again."""
        kept = self.ranked[:GROUP]
        for one in self.done:
            if one not in kept and one.algorithm != BASELINE:
                one.scores = one.native = None

    def _told(self) -> None:
        best = [[one.algorithm, round(one.means[self.plan.metric], 5)] for one in self.ranked[:SHOWN]]
        message = {"tried": self.tried, "metric": self.plan.metric, "leaderboard": best}
        self._tell(min(self.tried, self.plan.max_candidates), self.plan.max_candidates, json.dumps(message))


def foreseen(one: Candidate, rows: int, total: int, folds: int) -> tuple[float, float]:
    """Seconds to learn from `rows` and to predict one fold of all, from what fewer rows took."""
    family = FAMILIES[one.algorithm]
    learns = min(rows, total * (folds - 1) / folds, family.rows)
    more = max(1.0, learns / min(one.rows, family.rows))
    tests = max(1.0, total / folds / TEST_ROWS_OF_A_RUNG)
    predict = (one.seconds - one.fit_seconds) * tests * (more if family.style == DISTANCE else 1)
    return one.fit_seconds * more**GROWTH, predict


def held_bytes_here() -> int:
    """Resident memory of this process and its children."""
    return held_bytes(os.getpid())


def _order(one: Candidate) -> dict[str, Any]:
    return {"algorithm": one.algorithm, "settings": dict(one.settings)}
