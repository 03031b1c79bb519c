"""A piece of the search: one candidate fitted to the rows of one fold, and what it says of the rows left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from ..data_files import locate
from ..jobs.packing import pack, unpack_array
from ..source import FloatArray
from .data import Question, TrainingData, load
from .isolation import guarded, isolated
from .pipelines import learning_rows, pipeline, says_probabilities, says_scores

TEST_ROWS_OF_A_RUNG = 10_000
ROWS_A_PIECE = 3_000


def question_of(shared: Mapping[str, Any]) -> Question:
    """What `shared` asks of the file, wherever the file is here."""
    asked = shared["question"]
    features = None if asked["features"] is None else tuple(asked["features"])
    return Question(**{**asked, "features": features, "path": locate(shared["data"])})


def as_shared(question: Question) -> dict[str, Any]:
    """The question as JSON, its path left to `locate`."""
    return {**asdict(question), "path": ""}


@lru_cache(maxsize=1)
def folds_of(question: Question, folds: int, *, shuffle: bool) -> list[tuple[Any, Any]]:
    """Rows to learn from and rows left out, of each fold."""
    data = load(question)
    kind = StratifiedKFold if data.classifies else KFold
    split = kind(folds, shuffle=shuffle, random_state=question.seed if shuffle else None)
    return list(split.split(np.zeros(len(data.y)), data.y))


def evaluate(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {algorithm, settings, folds, rows, whole}; `answers`, one a fold, on the rows left out.

    One that cannot be fitted has {"cut": …} instead; where pieces are isolated, also one that is late or large.
    """
    question = question_of(shared)
    data = load(question)
    folds = folds_of(question, shared["folds"], shuffle=shared["shuffle"])

    def call() -> dict[str, Any]:
        return {"answers": [_evaluated(item, data, folds[fold], shared) for fold in item["folds"]]}

    return isolated(call, shared["until"], shared["most_bytes"]) if shared["isolated"] else guarded(call)


def _evaluated(
    item: Mapping[str, Any], data: TrainingData, fold: tuple[Any, Any], shared: Mapping[str, Any]
) -> dict[str, Any]:
    started = perf_counter()
    seed = shared["question"]["seed"]
    learn = learning_rows(item["algorithm"], data.y, fold[0], item["rows"], seed)
    test = tested_rows(fold[1], whole=item["whole"])
    model = pipeline(
        item["algorithm"], item["settings"], data.problem, data.features, seed, balanced=shared["balanced"]
    )
    model.fit(data.x.iloc[learn], data.labels[learn])
    fitted = perf_counter()
    answer = _said(model, data, test)
    return {**answer, "fit_seconds": fitted - started, "seconds": perf_counter() - started, "learnt": len(learn)}


def pieces_of(folds: Sequence[int], rows: int) -> list[list[int]]:
    """How folds are shared out: all in one piece where a process of its own would cost more than the fit."""
    return [list(folds)] if rows < ROWS_A_PIECE else [[fold] for fold in folds]


def tested_rows(test: Any, *, whole: bool) -> Any:
    """Of a fold's rows all, or in the first rounds a bounded number."""
    return test if whole else test[:: max(1, len(test) // TEST_ROWS_OF_A_RUNG)]


def _said(model: Any, data: TrainingData, test: Any) -> dict[str, Any]:
    x = data.x.iloc[test]
    if not data.classifies:
        return {"scores": pack(np.asarray(model.predict(x), dtype=np.float64)), "probabilities": None}
    probabilities = says_probabilities(model, x)
    return {
        "scores": pack(says_scores(model, x, len(data.classes))),
        "probabilities": None if probabilities is None else pack(probabilities),
    }


def unpacked(answer: Mapping[str, Any], classes: int) -> tuple[FloatArray, FloatArray | None]:
    """Scores and probabilities of an answer, of the shapes that they had."""
    scores = unpack_array(answer["scores"], "<f8")
    if classes == 0:
        return scores, None
    packed = answer["probabilities"]
    probabilities = None if packed is None else unpack_array(packed, "<f8").reshape(-1, classes)
    return scores.reshape(-1, 1 if classes == 2 else classes), probabilities
