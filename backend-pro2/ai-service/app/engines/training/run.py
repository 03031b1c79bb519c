"""The entry of the computing child for training, from JSON to JSON."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from time import monotonic
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from shared.compute import Report

from ...schemas.train_parameters import TrainParameters
from ..job import unpack
from ..source import Source
from .training import train_model

MEMORY_SHARE = 0.9
LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "skops", "altair")


def train(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Train one model; `job` has the members of `Job` and perhaps `budget_seconds` and `memory_limit_mb`.

    The answer has the members of `JobOutcome.as_json`, `libraries`, and `model`, all that is to be known of the model
    whose file is `model.skops` in `output`.

    Raises:
        ComputeError: nothing can be trained; its code and sentence are for the user.
    """
    started = monotonic()
    unpacked = unpack(job, report)
    parameters = _bounded(TrainParameters.model_validate(_merged(job)), job.get("memory_limit_mb"))
    with threadpool_limits(limits=1), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = Source(unpacked.data.path)
        source.require(parameters.uses())
        outcome, model = train_model(parameters, unpacked, started)
    versions = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    return {**outcome.as_json(), "libraries": versions, "model": {**model, "libraries": versions}}


def _bounded(parameters: TrainParameters, limit_mb: int | None) -> TrainParameters:
    """Candidates are cut before this process and they together reach its own limit, at which the training fails."""
    if limit_mb is None:
        return parameters
    return parameters.model_copy(update={"memory_mb": min(parameters.memory_mb, int(MEMORY_SHARE * limit_mb))})


def _merged(job: Mapping[str, Any]) -> dict[str, Any]:
    budget = job.get("budget_seconds")
    return {**job["parameters"], **({} if budget is None else {"budget_seconds": budget})}
