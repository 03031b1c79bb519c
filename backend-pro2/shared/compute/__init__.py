"""Computation in killable children: a pool that is awaited, a fork server, a child per job."""

from .child import Report
from .pool import ComputePool
from .protocol import ComputeError, ComputeFailed, Progress

__all__ = ["ComputeError", "ComputeFailed", "ComputePool", "Progress", "Report"]
