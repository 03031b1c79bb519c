"""Predictions for data of any size by a model that is fitted first: one named in the order, or a search's winner."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shared.compute import ComputeError

from ...schemas.columns import NUMERIC, ColumnUse, uses_to_learn
from ...schemas.job_parameters import PredictionParameters
from ..job import Job
from ..serving.batch import Form, predict_dataset
from ..source import Source
from ..training.data import TrainingData, load
from ..training.features import TIMES, Feature
from ..training.model_files import MODEL_FILE, dump_model
from ..training.pipelines import learning_rows, pipeline
from .grids import GRIDS, question_of, suits
from .outcome import JobOutcome

_ACCEPTED = {"numeric": NUMERIC | TIMES, "date": TIMES}


def batch_prediction(source: Source, parameters: PredictionParameters, job: Job) -> JobOutcome:
    """Artifact `predictions.parquet`: `row`, `prediction`, and the probability of each class of a classification.

    `job.training` {algorithm, parameters, target, features, problem, seed, data} says what to fit first.

    Raises:
        ComputeError: a feature is absent or of another type than in the data learnt from; `too_few_rows`; those of
            `training.data.load`.
    """
    training: Mapping[str, Any] = job.training or {}
    job.report(0, 0, "Fitting the model")
    data = _learnt_from(training)
    _require(source, data.features)
    file = _fitted(training, data, job.output / MODEL_FILE)
    form = Form(numbered=True, bare=not parameters.probabilities)
    outcome = predict_dataset(_told(training, data), file, form, job)
    outcome.summary |= {"features": [feature.name for feature in data.features], "trained_rows": len(data.y)}
    outcome.warnings = [*data.notices, *outcome.warnings]
    return outcome


def _learnt_from(training: Mapping[str, Any]) -> TrainingData:
    path, target, features = Path(training["data"]["path"]), training["target"], training["features"]
    Source(path).require(uses_to_learn(target, features))
    data = load(question_of(path, target, features, training["problem"], training["seed"]))
    if not suits(training["algorithm"], data.problem):
        detail = f"train.algorithm: {training['algorithm']} does not suit a {data.problem}."
        raise ComputeError("invalid_parameters", detail)
    return data


def _require(source: Source, features: Sequence[Feature]) -> None:
    source.require([ColumnUse(feature.name, "features", _ACCEPTED.get(feature.kind)) for feature in features])


def _fitted(training: Mapping[str, Any], data: TrainingData, path: Path) -> dict[str, str]:
    """The model's file with its content, since nobody else has it."""
    name, settings, seed = training["algorithm"], training["parameters"], training["seed"]
    settings = GRIDS[name][0] if settings is None else settings
    rows = learning_rows(name, data.y, np.arange(len(data.y)), len(data.y), seed)
    model = pipeline(name, settings, data.problem, data.features, seed)
    dump_model(model.fit(data.x.iloc[rows], data.labels[rows]), path)
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "content": b64encode(content).decode()}


def _told(training: Mapping[str, Any], data: TrainingData) -> dict[str, Any]:
    """What training tells of a model, as far as predicting asks for it; nobody has measured its errors."""
    return {
        "problem": data.problem,
        "target": training["target"],
        "target_type": data.target_type,
        "features": [feature.as_json() for feature in data.features],
        "ignored": list(data.ignored),
        "algorithm": training["algorithm"],
        "classes": list(data.classes) or None,
        "conformal": {},
    }
