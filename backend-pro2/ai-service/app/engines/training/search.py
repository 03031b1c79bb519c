"""The search: cheap defaults first, then settings near the best, on few rows before on all, within a hard budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

import numpy as np

from ..executor import Executor
from ..pieces import name_of
from .candidates import (
    REFITS,
    SPARE_SECONDS,
    Candidate,
    Plan,
    finish_seconds,
    foreseen,
    learns,
    measure,
    order_of,
    ordered,
    promise_of,
    slopes_of,
    various,
)
from .data import TrainingData
from .evaluation import evaluate, pieces_of, tested_rows, unpacked
from .families import BASELINE, ENSEMBLE
from .isolation import LATE, UNBEGUN, left_bytes
from .proposals import STEP, first_ones, key_of, next_ones

RUNGS = (4_000, 20_000, 100_000)
RUNG_WORTH = 2.5
ROUND = 8
PARENTS = 4
KEPT_SHARE = 3
SHOWN = 5
CHEAP = 1
# Scores of so many candidates at most are kept, of fewer where there are many rows.
SCORES_KEPT, CELLS_KEPT = 12, 4_000_000
# Of the time that is left: for the first comparison on few rows, for each further one, and at most for the last one.
FIRST_SHARE, RUNG_SHARE, FINISH_SHARE = 0.3, 0.35, 0.6
INSURANCE_SHARE, PIECE_SHARE = 0.4, 0.15
FINALISTS = 2
SMALLER_STEPS, SMALLEST_STEP = 0.9, 0.25


class Search:
    """One search; `ranked` afterwards are the whole candidates, the best first."""

    def __init__(self, plan: Plan, data: TrainingData, tell: Callable[[int, int, str], None]) -> None:
        self.plan, self.data, self._tell = plan, data, tell
        self.done: list[Candidate] = []
        self.partly: list[Candidate] = []
        self.exhausted = False
        self._tried: set[str] = set()
        self._random = np.random.default_rng(plan.seed)
        self._step = STEP
        self._left = 0.0
        self.rungs = [rows for rows in RUNGS if rows * RUNG_WORTH <= len(data.y)]

    @property
    def tried(self) -> int:
        """How many candidates beside the baseline were begun."""
        begun = [one for one in (*self.done, *self.partly) if one.cut != UNBEGUN]
        return len({key_of(one.algorithm, one.settings) for one in begun if one.algorithm not in (BASELINE, ENSEMBLE)})

    @property
    def baseline(self) -> Candidate | None:
        """The candidate that looks at no feature."""
        return next((one for one in self.done if one.algorithm == BASELINE and one.cut is None), None)

    @property
    def ranked(self) -> list[Candidate]:
        """Whole candidates, the best first, of equals the one that was tried first."""
        return self._ordered(one for one in self.done if one.cut is None and one.algorithm != BASELINE)

    def run(self, executor: Executor) -> None:
        """Search until the plan is through or its time is over."""
        self._whole(executor, [{"algorithm": BASELINE, "settings": {}}])
        if self.baseline is not None:
            self.plan.keep(self.baseline)
        found = first_ones(self.plan.families)[: self.plan.max_candidates]
        self._tried |= {key_of(**one) for one in found}
        if self.rungs:
            self._climb(executor, found)
            return
        # Something whole early, so that a short budget has it.
        self._whole(executor, found[:CHEAP])
        self._keep()
        self._whole(executor, found[CHEAP:])
        while self.ranked and (found := self._next()):
            self._whole(executor, found)

    def _whole(self, executor: Executor, found: Sequence[dict[str, Any]], rows: int | None = None) -> None:
        """Test on all rows what learns from all, or from so many, while there is time."""
        most = len(self.data.y) if rows is None else rows
        whole = [Candidate(one["algorithm"], one["settings"], most, whole=True) for one in found]
        until = self._until()
        self._evaluate(executor, whole, until, until)

    def _climb(self, executor: Executor, found: Sequence[dict[str, Any]]) -> None:
        """Rungs of more and more rows, of which each lets the best third through (Jamieson and Talwalkar 2016).

        Then settings near the best, each on the rung of its family, as long as what they promise on all rows can still
        be had afterwards.
        """
        self._whole(executor, found[:CHEAP], self.rungs[0])
        self._keep()
        for number, rows in enumerate(self.rungs):
            self._left = self.plan.until - monotonic()
            share = RUNG_SHARE if number else FIRST_SHARE
            self._rung(executor, found, rows, monotonic() + share * self._searching_seconds())
            if number == 0:
                self._insure(executor)
            places = max(FINALISTS, -(-len(found) // KEPT_SHARE))
            rising = [
                one for one in self._pool() if one.rows == rows and learns(replace(one, rows=2 * rows)) > 1.5 * rows
            ]
            found = [order_of(one) for one in various(rising, 2, of_best=3)[:places]]
        self._left = self.plan.until - monotonic()
        while self._searching_seconds() > 0 and (found := self._next()):
            self._rung(executor, found, None, monotonic() + self._searching_seconds())
        self._finish(executor)

    def _insure(self, executor: Executor) -> None:
        """Compare the best that is cheap enough on all rows, should there be no time for more."""
        left = self.plan.until - monotonic()
        for one in self._pool():
            if self._finish_seconds(one, self.rungs[0]) <= INSURANCE_SHARE * left:
                self._whole(executor, [order_of(one)], self.rungs[0])
                self._keep()
                return

    def _keep(self) -> None:
        for best in self.ranked[:1]:
            self.plan.keep(best)

    def _rung(self, executor: Executor, found: Sequence[dict[str, Any]], rows: int | None, until: float) -> None:
        """On so many rows, or on as many as its family has come to."""
        heights = {one.algorithm: one.rows for one in self._pool()}
        part = [Candidate(**one, rows=rows or heights[one["algorithm"]]) for one in found]
        size = self.plan.threads * (2 if rows == self.rungs[0] else 1)
        # What has been begun may go on for a while, but not for so long that all rows are out of the question.
        most = PIECE_SHARE * (self.plan.until - monotonic())
        self._evaluate(executor, part, until, (until + max(until, self._until())) / 2, size, most)
        self.partly += part

    def _next(self) -> list[dict[str, Any]]:
        """Settings near the best ones, in smaller and smaller steps; none when the plan is through or the time over."""
        count = min(ROUND, self.plan.max_candidates - self.tried)
        if self.exhausted or count < 1:
            return []
        parents = [order_of(one) for one in various(self._pool(), of_best=2)[:PARENTS]]
        if not parents:
            return []
        if self.rungs:
            count = min(count, max(2, self.plan.threads))
        found = next_ones(parents, self._tried, count, self._random, self._step)
        self._step = max(self._step * SMALLER_STEPS, STEP * SMALLEST_STEP)
        return found

    def _pool(self) -> list[Candidate]:
        """What further ones are made of: the most promising first, of each family those on its highest rung."""
        if not self.rungs:
            return self.ranked
        through = [one for one in self.partly if one.cut is None]
        highest: dict[str, int] = {}
        for one in through:
            highest[one.algorithm] = max(one.rows, highest.get(one.algorithm, 0))
        slopes, metric = slopes_of(through, self.plan.metric), self.plan.metric
        best = [one for one in through if one.rows == highest[one.algorithm]]
        return sorted(best, key=lambda one: promise_of(one, len(self.data.y), slopes, metric))

    def _ordered(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        return ordered(candidates, self.plan.metric)

    def _searching_seconds(self) -> float:
        """What may be spent on few rows, so that the most promising ones can still be compared on many."""
        most, needed, seen = FINISH_SHARE * self._left, 0.0, set[str]()
        for one, rows in self._options():
            cost = self._finish_seconds(one, rows)
            wanted = one.algorithm not in seen and (not seen or rows == len(self.data.y))
            if wanted and needed + cost <= most and len(seen) < FINALISTS:
                needed += cost
                seen.add(one.algorithm)
        return self.plan.until - monotonic() - needed

    def _finish_seconds(self, one: Candidate, rows: int) -> float:
        return finish_seconds(one, rows, self.plan, len(self.data.y))

    def _finish(self, executor: Executor) -> None:
        """Compare the best on as many rows as the time allows, then the best of another family on all."""
        through: list[Candidate] = []
        owed = 0.0
        for one, rows in self._options():
            if one.algorithm in {other.algorithm for other in through} or (through and rows < len(self.data.y)):
                continue
            if owed + self._finish_seconds(one, rows) > self.plan.until - monotonic():
                self.exhausted = True
                continue
            fit, _ = foreseen(one, rows, len(self.data.y), len(self.plan.folds))
            whole = Candidate(one.algorithm, one.settings, rows, whole=True)
            until = self.plan.until - owed - REFITS * fit - SPARE_SECONDS
            self._evaluate(executor, [whole], until, until)
            if whole.cut is None:
                through.append(whole)
                owed += REFITS * fit
            if len(through) == FINALISTS:
                return

    def _options(self) -> list[tuple[Candidate, int]]:
        """The best of each family with each number of rows to learn from, by what that promises."""
        slopes, metric = slopes_of(self.partly, self.plan.metric), self.plan.metric
        total = len(self.data.y)
        heights = [total >> halved for halved in range(total.bit_length()) if total >> halved >= self.rungs[0]]
        options = [(one, rows) for one in various(self._pool()) for rows in heights]
        return sorted(options, key=lambda option: promise_of(option[0], option[1], slopes, metric))

    def _evaluate(
        self, executor: Executor, candidates: Sequence[Candidate], begun: float, until: float, size: int = 0,
        most: float = np.inf,
    ) -> None:  # fmt: skip
        """In groups that are begun before `begun`, and end before `until` and after so many seconds at `most`."""
        folds = range(len(self.plan.folds)) if candidates and candidates[0].whole else [0]
        size = int(max(size or 2 * self.plan.threads, getattr(executor, "cpus", 0) // len(folds)))
        for start in range(0, len(candidates), size):
            group = candidates[start : start + size]
            if monotonic() >= begun:
                self.exhausted = True
                for one in group:
                    one.cut = UNBEGUN
            else:
                self._evaluate_group(executor, group, folds, min(until, monotonic() + most))
            if group[0].whole:
                self.done += group
                self._drop_scores()
            self._told()

    def _evaluate_group(
        self, executor: Executor, group: Sequence[Candidate], folds: Sequence[int], until: float
    ) -> None:
        pieces = pieces_of(folds, len(self.data.y))
        items = [
            {**order_of(one), "folds": piece, "rows": one.rows, "whole": one.whole} for one in group for piece in pieces
        ]
        isolates = executor.name == "local"
        most = left_bytes(self.plan.shared["memory_bytes"], self.plan.threads)
        shared = {**self.plan.shared, "until": until, "isolated": isolates, "most_bytes": most}
        seconds = None if isolates else until - monotonic()
        answers = executor.map(name_of(evaluate), items, shared, lambda _done: None, seconds=seconds)
        for number, one in enumerate(group):
            self._fill(one, answers[number * len(pieces) : (number + 1) * len(pieces)], folds)

    def _until(self) -> float:
        """When the search must end for the rest to be done in time."""
        ranked = self.ranked
        return self.plan.until - self.plan.reserve(ranked[0] if ranked else None)

    def _fill(self, one: Candidate, answers: Sequence[Any], folds: Sequence[int]) -> None:
        cuts = [(LATE if answer is None else answer.get("cut")) for answer in answers]
        if any(cuts):
            one.cut = next(cut for cut in cuts if cut)
            self.exhausted |= one.cut in (LATE, UNBEGUN)
            return
        answers = [answer for piece in answers for answer in piece["answers"]]
        tests = [tested_rows(self.plan.folds[fold][1], whole=one.whole) for fold in folds]
        parts = [unpacked(answer, len(self.data.classes)) for answer in answers]
        rows, marks = np.concatenate(tests), np.repeat(folds, [len(test) for test in tests])
        scores = np.concatenate([part[0] for part in parts])
        native = None if parts[0][1] is None else np.concatenate([part[1] for part in parts])
        one.fit_seconds = float(np.mean([answer["fit_seconds"] for answer in answers]))
        one.seconds = float(np.mean([answer["seconds"] for answer in answers]))
        measure(one, self.data, self.plan.metric, (scores, native), rows, marks)
        if one.whole:
            order = np.argsort(rows, kind="stable")
            one.scores, one.native = scores[order], None if native is None else native[order]

    def _drop_scores(self) -> None:
        """Only those of the best are looked at again."""
        cells = len(self.data.y) * max(1, len(self.data.classes))
        kept = self.ranked[: max(2, min(SCORES_KEPT, CELLS_KEPT // cells))]
        for one in self.done:
            if one not in kept and one.algorithm != BASELINE:
                one.scores = one.native = None

    def _told(self) -> None:
        best = [[one.algorithm, round(one.means[self.plan.metric], 5)] for one in self.ranked[:SHOWN]]
        message = {"tried": self.tried, "metric": self.plan.metric, "leaderboard": best}
        self._tell(min(self.tried, self.plan.max_candidates), self.plan.max_candidates, json.dumps(message))
