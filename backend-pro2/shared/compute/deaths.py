"""Counts the children that die over a job."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.compute.protocol import ComputeFailed
from shared.metrics import compute as metrics


@contextmanager
def counted_deaths() -> Iterator[None]:
    """A job that gets no answer within the block costs its child its life, save where it says itself what is wrong."""
    try:
        yield
    except ComputeFailed as failure:
        metrics.died(failure.code)
        raise
    except BaseException:
        metrics.died(metrics.Death.CANCELLED)
        raise
