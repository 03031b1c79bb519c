"""The entries of the worker's computing child for models on whole datasets, from JSON to JSON."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from shared.compute import Report

from ..analysis import libraries
from ..job import Job, unpack
from ..results import Outcome
from ..training.conformal import at_level
from ..training.served import load
from .batch import Form, predict_dataset
from .evaluate import evaluate
from .monitor import monitor


def use_model(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Do what the job's `type` says; beside the members of `Job` it has `model`, `file` {path, sha256, url}, `columns`
    and `level`.

    Raises:
        ComputeError: it cannot be done; its code and sentence are for the user.
    """
    with threadpool_limits(limits=1), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = _USES[job["type"]](unpack(job, report), job)
    return {**outcome.as_json(), "libraries": libraries()}


def _predict(job: Job, told: Mapping[str, Any]) -> Outcome:
    level = told.get("level")
    shown = at_level(told["model"]["conformal"], level)["level"]
    outcome = predict_dataset(told["model"], told["file"], Form(told["columns"], level), job)
    outcome.summary["level"] = shown
    return outcome


def _evaluate(job: Job, told: Mapping[str, Any]) -> Outcome:
    return evaluate(load(Path(told["file"]["path"]), told["model"]), job.data.path, job.seed)


def _monitor(job: Job, told: Mapping[str, Any]) -> Outcome:
    return monitor(load(Path(told["file"]["path"]), told["model"]), job.data.path, job.seed)


_USES: Mapping[str, Callable[[Job, Mapping[str, Any]], Outcome]] = {
    "prediction": _predict,
    "evaluation": _evaluate,
    "monitoring": _monitor,
}
