"""The entry of the computing child for distributed jobs, from JSON to JSON. Importing it loads all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from shared.compute import Report

from ...schemas.job_types import JOB_TYPES
from ..analysis import libraries
from ..job import Job, unpack
from ..source import Source
from .bootstrap import bootstrap
from .outcome import JobOutcome
from .permutation import permutation
from .prediction import batch_prediction
from .profile import partitioned_profile
from .search import model_search

_ENGINES: Mapping[str, Callable[[Source, Any, Job], JobOutcome]] = {
    "partitioned-profile": partitioned_profile,
    "batch-prediction": batch_prediction,
    "bootstrap": bootstrap,
    "permutation": permutation,
    "model-search": model_search,
}


def run_job(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Run one job; `job` has the members of `Job`, the answer those of `JobOutcome.as_json` and `libraries`.

    Raises:
        ComputeError: the job cannot be done; its code and sentence are for the user.
    """
    unpacked = unpack(job, report)
    parameters = JOB_TYPES[unpacked.type].parameters.model_validate(unpacked.parameters)
    # Undefined quantities are nulls in the result; what a reader must know of them is among its warnings.
    with threadpool_limits(limits=1), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = _ENGINES[unpacked.type](Source(unpacked.data.path), parameters, unpacked)
    return {**outcome.as_json(), "libraries": libraries()}
