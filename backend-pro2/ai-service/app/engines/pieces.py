"""Pieces of work as they cross to another process: a function's name and JSON, never code or pickled data."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

from threadpoolctl import threadpool_limits

from shared.compute import ComputeError, timings
from shared.compute.pieces_log import logged

Piece = Mapping[str, Any]
Answer = dict[str, Any]
PieceFunction = Callable[[Piece, Piece], Answer]
_FAULT = "compute_error"
_WHEN = "worked_on"


def call_json(function: str, item: str, shared: str, traced: bool = False, about: str = "") -> str:
    """What a Ray worker runs: `item` and `shared` are JSON, the answer or its ComputeError is JSON too.

    Where it is `traced`, the answer tells when it was worked on, and by whom. `about` is JSON too: for whom it works.
    """
    with logged(function, json.loads(about)) if about else nullcontext():
        return _called(function, item, shared, traced)


def _called(function: str, item: str, shared: str, traced: bool) -> str:
    started = time.time()
    try:
        answer = dict(single_threaded(resolve(function), json.loads(item), _parsed(shared)))
    except ComputeError as error:
        answer = {_FAULT: {"code": error.code, "detail": error.detail}}
    return json.dumps({**answer, _WHEN: timings.stretch("ray.piece", started)} if traced else answer)


def answer_of(text: str) -> Answer:
    """What `call_json` answered.

    Raises:
        ComputeError: the function raised it.
    """
    answer: Answer = json.loads(text)
    if (when := answer.pop(_WHEN, None)) is not None:
        timings.note(when)
    if _FAULT in answer:
        raise ComputeError(**answer[_FAULT])
    return answer


def resolve(name: str) -> PieceFunction:
    """The function that "module.path:name" names; the path may hold hyphens."""
    module, _, attribute = name.partition(":")
    function: PieceFunction = getattr(importlib.import_module(module), attribute)
    return function


def name_of(function: PieceFunction) -> str:
    """The name that `resolve` understands."""
    return f"{function.__module__}:{function.__name__}"


def single_threaded(call: PieceFunction, item: Piece, shared: Piece) -> Answer:
    """The function's answer, computed the same way wherever it is called."""
    # OpenMP adds partial sums in the order threads finish; one thread gives the same bits every time.
    with threadpool_limits(limits=1):
        return call(item, shared)


@lru_cache(maxsize=2)
def _parsed(text: str) -> Piece:
    # It may hold a fitted model of many megabytes, and comes with every piece of one job.
    shared: Piece = json.loads(text)
    return shared
