"""The last fit, to all rows, calibrated and written; in a process that is killed when the budget ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from .calibration import NONE, fit_calibrators, with_calibrators
from .candidates import Candidate
from .data import TrainingData
from .isolation import isolated
from .model_files import MODEL_FILE, dump_model
from .pipelines import learning_rows, pipeline


@dataclass(frozen=True, slots=True)
class Order:
    """Which candidate, calibrated how, from which out-of-fold scores, from how many rows, on how many threads."""

    candidate: Candidate
    method: str
    scores: Any
    balanced: bool
    seed: int
    rows: int
    threads: int = 1


def refit(orders: Sequence[Order], data: TrainingData, output: Path, until: float, most_bytes: float) -> int | None:
    """Write the first of the models that can be made; its number, None if none could."""
    for number, order in enumerate(orders):
        answer = isolated(partial(_made, order, data, output), until, most_bytes)
        if "cut" not in answer:
            return number
    return None


def _made(order: Order, data: TrainingData, output: Path) -> dict[str, Any]:
    rows = learning_rows(order.candidate.algorithm, data.y, np.arange(len(data.y)), order.rows, order.seed)
    model: Any = pipeline(
        order.candidate.algorithm, order.candidate.settings, data.problem, data.features, order.seed,
        balanced=order.balanced,
    )  # fmt: skip
    with threadpool_limits(limits=order.threads):
        model.fit(data.x.iloc[rows], data.labels[rows])
    if data.classifies and order.method != NONE:
        calibrators = fit_calibrators(order.method, order.scores, data.y, len(data.classes))
        model = with_calibrators(model, order.method, calibrators)
    part = output / f"{MODEL_FILE}.part"
    dump_model(model, part)
    part.replace(output / MODEL_FILE)
    return {}
