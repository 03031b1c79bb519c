"""Fitted models as bytes of skops: loading them runs no code but that of the types named here."""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Any
from zipfile import ZIP_DEFLATED

import skops.io

from ..training.model_files import TRUSTED


def dump_model(model: Any) -> str:
    """The fitted model as text."""
    return b64encode(skops.io.dumps(model, compression=ZIP_DEFLATED, compresslevel=1)).decode()


@lru_cache(maxsize=1)
def load_model(text: str) -> Any:
    """The model of `dump_model`; kept for the pieces that follow in the same process.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: it holds a type that is not trusted.
    """
    return skops.io.loads(b64decode(text), trusted=list(TRUSTED))
