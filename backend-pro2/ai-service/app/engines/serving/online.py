"""The entries of the resident child, from JSON to JSON. Importing it loads what models are made of."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import sklearn

from shared.compute import Report

from ..results import Notice, plain
from .explain import explain_rows
from .loaded import served
from .notices import notices_of, without_interval
from .what_if import points_of

Job = dict[str, Any]
# What comes from `frame_of` is as the estimators want it; to look once more costs more than a prediction.
sklearn.set_config(assume_finite=True, skip_parameter_validation=True)


def predict(job: Job, _report: Report) -> Job:
    """`rows`, and `level` if not that of the training → `predictions`, `level` and `notices`.

    Raises:
        ComputeError: `not_loaded`, `invalid_rows`, `level_unavailable`.
    """
    model, level = served(job), job.get("level")
    conformal = model.conformal_at(level)
    with _quietly():
        frame = model.frame_of(job["rows"])
        predictions = model.predict_frame(frame, level)
        notices = [*notices_of(frame, model.features), *without_interval(predictions, conformal)]
        return {"predictions": predictions, "level": conformal["level"], "notices": _as_json(notices)}


def explain(job: Job, _report: Report) -> Job:
    """`rows`, or `data` {path} and `sample`, with `seed` and `of_class` → `method`, `explanations`, `mean_absolute`.

    Raises:
        ComputeError: `not_loaded`, `invalid_rows`, `unknown_class`; of a dataset as `Served.predict_table`.
    """
    model = served(job)
    with _quietly():
        frame, answer = explain_rows(model, job)
        return {**_plain(answer), "notices": _as_json(notices_of(frame, model.features))}


def what_if(job: Job, _report: Report) -> Job:
    """`row` and `changes` or `grid` → `original`, `points`.

    Raises:
        ComputeError: `not_loaded`, `invalid_rows`, `grid_too_large`.
    """
    model = served(job)
    with _quietly():
        frame, answer = points_of(model, job)
        return {**answer, "notices": _as_json(notices_of(frame, model.features))}


def _plain(answer: Mapping[str, Any]) -> Job:
    found: Job = plain(answer)
    return found


def _as_json(notices: Sequence[Notice]) -> list[dict[str, str]]:
    return [{"code": notice.code, "message": notice.message} for notice in notices]


@contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings: what a reader must know is among the notices."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
