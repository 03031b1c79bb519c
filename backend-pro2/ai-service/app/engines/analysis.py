"""The entry of the computing child: one job of any type, from JSON to JSON. Importing it loads all engines."""

from __future__ import annotations

import importlib.metadata
import platform
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from shared.compute import Report

from ..schemas.types import ANALYSIS_TYPES
from .ab_test import run_experiment
from .anomaly import find_anomalies
from .anova import analyse_variance
from .association import associate
from .auto import scan
from .caveats import caveats
from .changepoint import find_changes
from .cluster import cluster
from .correlation import correlate
from .describe import describe
from .forecast import forecast
from .hypothesis_test import run_test
from .job import Job, unpack
from .power import plan_sample
from .reduce import reduce_columns
from .regression import regress
from .results import Outcome
from .source import Source
from .stratified import stratify
from .survival import survive
from .texts import analyse_texts
from .timeseries import analyse_series

LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "statsmodels", "scikit-learn", "altair")

_ENGINES: Mapping[str, Callable[[Source, Any, Job], Outcome]] = {
    "describe": describe,
    "correlation": correlate,
    "regression": regress,
    "cluster": cluster,
    "hypothesis-test": run_test,
    "anova": analyse_variance,
    "forecast": forecast,
    "anomaly": find_anomalies,
    "timeseries": analyse_series,
    "stratified": stratify,
    "changepoint": find_changes,
    "survival": survive,
    "reduce": reduce_columns,
    "association": associate,
    "auto": scan,
    "power": plan_sample,
    "ab-test": run_experiment,
    "text": analyse_texts,
}


def analyse(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Run one analysis; `job` has the members of `Job`, the answer those of `Outcome.as_json` and `libraries`.

    Raises:
        ComputeError: the analysis cannot be done; its code and sentence are for the user.
    """
    unpacked = unpack(job, report)
    parameters = ANALYSIS_TYPES[unpacked.type].parameters.model_validate(unpacked.parameters)
    # Undefined quantities are nulls in the result; what a reader must know of them is among its warnings.
    with _THREADS.limit(limits=1), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = Source(unpacked.data.path)
        outcome = _ENGINES[unpacked.type](source, parameters, unpacked)
        outcome.warnings += caveats(source, parameters, outcome, unpacked)
    return {**outcome.as_json(), "libraries": libraries()}


def libraries() -> dict[str, str]:
    """Versions of what computes, for the manifest."""
    return dict(_VERSIONS)


# Once for all children: to find out takes a look at each loaded library, and at the description of each package.
_THREADS = ThreadpoolController()
_VERSIONS = {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in LIBRARIES}}
