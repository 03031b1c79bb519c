"""Files that came in, or did not."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from prometheus_client import Counter
from starlette.requests import ClientDisconnect

from shared.errors import APIException, ServiceUnavailable

from . import REGISTRY
from .harmless import harmless

UPLOADS = Counter("uploads_total", "Files sent or fetched, by what came of them.", ("outcome",), registry=REGISTRY)
UPLOAD_BYTES = Counter("upload_bytes_total", "Bytes of the files that were accepted.", registry=REGISTRY)


class UploadOutcome(StrEnum):
    """What came of a file on its way in."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Its sender is told why."""
    CUT_OFF = "cut_off"
    """Its sender has gone, or the process stops."""
    FAILED = "failed"
    """Something that it needs is away or broken."""


_OUTCOMES = {outcome: UPLOADS.labels(outcome) for outcome in UploadOutcome}


@harmless
def accepted(size: int) -> None:
    """Count a file of so many bytes that a committed row names."""
    _OUTCOMES[UploadOutcome.ACCEPTED].inc()
    UPLOAD_BYTES.inc(size)


@contextmanager
def receiving() -> Iterator[None]:
    """Count a file that does not get through the block."""
    try:
        yield
    except BaseException as error:
        _lost(error)
        raise


@harmless
def _lost(error: BaseException) -> None:
    _OUTCOMES[_outcome_of(error)].inc()


def _outcome_of(error: BaseException) -> UploadOutcome:
    if isinstance(error, ClientDisconnect | asyncio.CancelledError):
        return UploadOutcome.CUT_OFF
    if isinstance(error, APIException) and not isinstance(error, ServiceUnavailable):
        return UploadOutcome.REFUSED
    return UploadOutcome.FAILED
