"""Models that this process has loaded, the least recently used of which goes when there are too many."""

from __future__ import annotations

from base64 import b64decode
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.compute import ComputeError

from ..training.served import Served, load
from .quick import quicken

MODELS_AT_MOST = 8
_loaded: OrderedDict[str, Served] = OrderedDict()


def served(job: Mapping[str, Any]) -> Served:
    """The model of the job's `key`, which stays loaded; the first time `model` and `path` or `content` say what it is.

    Raises:
        ComputeError: `not_loaded`: it has to be said again; `unsafe_model`.
    """
    key = job["key"]
    if key not in _loaded:
        if "model" not in job:
            raise ComputeError("not_loaded", "The model has to be loaded again.")
        source = b64decode(job["content"]) if "content" in job else Path(job["path"])
        _loaded[key] = quicken(load(source, job["model"]))
        while len(_loaded) > MODELS_AT_MOST:
            _loaded.popitem(last=False)
    _loaded.move_to_end(key)
    return _loaded[key]
