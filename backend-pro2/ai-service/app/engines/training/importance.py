"""How much worse a model becomes when a feature's values are shuffled among rows that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from .data import TrainingData, balanced, load
from .evaluation import folds_of, question_of
from .features import Feature, numeric_names
from .isolation import isolated
from .pipelines import learning_rows, pipeline, says_probabilities, says_scores
from .scores import LOWER_IS_BETTER, Said, measures_of

LEARN_ROWS = 20_000
TEST_CELLS = 100_000
TEST_ROWS = 2_000
REPEATS = 3
ROWS_AT_ONCE = 20_000


def examine(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {algorithm, settings, folds}; of each fold `drops` of the metric, one a feature."""
    question = question_of(shared)
    data = balanced(load(question)) if shared["balanced"] else load(question)
    folds = folds_of(question, shared["folds"], shuffle=shared["shuffle"])

    def call() -> dict[str, Any]:
        return {"answers": [_drops(item, data, number, folds[number], shared) for number in item["folds"]]}

    return isolated(call, shared["until"], shared["most_bytes"])


def _drops(
    item: Mapping[str, Any], data: TrainingData, number: int, fold: tuple[Any, Any], shared: Mapping[str, Any]
) -> dict[str, Any]:
    seed, metric = shared["question"]["seed"], shared["metric"]
    learn = learning_rows(item["algorithm"], data.y, fold[0], LEARN_ROWS, seed)
    most = min(TEST_ROWS, max(100, TEST_CELLS // len(data.features)))
    random = np.random.default_rng([seed, number])
    test = np.sort(random.permutation(fold[1])[:most])
    model = pipeline(
        item["algorithm"], item["settings"], data.problem, data.features, seed, balanced=shared["balanced"]
    ).fit(data.x.iloc[learn], data.labels[learn])
    x, y = data.x.iloc[test].reset_index(drop=True), data.y[test]
    sign = -1 if metric in LOWER_IS_BETTER else 1
    frames = [x, *(_shuffled(x, feature, random) for feature in data.features for _ in range(REPEATS))]
    scores = np.array([score for part in _batches(frames) for score in _scores(model, part, y, data, metric)])
    drops = (sign * (scores[0] - scores[1:].reshape(-1, REPEATS).mean(axis=1))).tolist()
    return {"drops": drops, "learnt": len(learn), "tested": len(test)}


def _shuffled(x: pd.DataFrame, feature: Feature, random: np.random.Generator) -> pd.DataFrame:
    """Parts of one date stay together."""
    names = numeric_names(feature) if feature.kind == "date" else [feature.name]
    order = random.permutation(len(x))
    return x.assign(**{name: x[name].to_numpy()[order] for name in names})


def _batches(frames: Sequence[pd.DataFrame]) -> Iterator[Sequence[pd.DataFrame]]:
    """Together as many as are worth one call of the model."""
    size = max(1, ROWS_AT_ONCE // max(1, len(frames[0])))
    for start in range(0, len(frames), size):
        yield frames[start : start + size]


def _scores(model: Any, frames: Sequence[pd.DataFrame], y: Any, data: TrainingData, metric: str) -> list[float]:
    """The measure of each frame."""
    x = pd.concat(frames, ignore_index=True)
    if data.classifies:
        predicted = says_probabilities(model, x)
        if predicted is None:
            predicted = _squashed(says_scores(model, x, len(data.classes)))
    else:
        predicted = np.asarray(model.predict(x), dtype=np.float64)
    measure = measures_of(classifies=data.classifies)[metric]
    parts = np.split(predicted, len(frames))
    return [float(measure(Said(y, part, data.decide), np.ones((1, len(y))))[0]) for part in parts]


def _squashed(scores: Any) -> Any:
    """Distances from a margin as something between 0 and 1 that keeps their order."""
    if scores.shape[1] == 1:
        scores = np.column_stack([-scores[:, 0], scores[:, 0]]) / 2
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def summarised(answers: Sequence[Mapping[str, Any]], features: Sequence[Feature], level: float) -> list[dict[str, Any]]:
    """The most important first: mean drop over the folds, and a t-interval by the corrected resampled variance.

    Folds share rows to learn from, so the variance is (1/k + tested/learnt) times that of the folds (Nadeau and Bengio
    2003, Machine Learning 52). Limits are NaN of a single fold.
    """
    drops = np.array([answer["drops"] for answer in answers])
    ratio = float(np.mean([answer["tested"] / answer["learnt"] for answer in answers]))
    k = len(drops)
    mean = drops.mean(axis=0)
    margin = np.full(len(features), np.nan)
    if k > 1:
        margin = stats.t.ppf((1 + level) / 2, k - 1) * np.sqrt(drops.var(axis=0, ddof=1) * (1 / k + ratio))
    rows = [
        {"feature": feature.name, "mean": float(m), "ci_low": float(m - w), "ci_high": float(m + w)}
        for feature, m, w in zip(features, mean, margin, strict=True)
    ]
    return sorted(rows, key=lambda row: -np.nan_to_num(row["mean"], nan=-np.inf))
