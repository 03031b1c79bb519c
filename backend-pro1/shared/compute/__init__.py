"""Computation in killable children: pools that are awaited, a fork server, a child per job or one for many."""

from .child import Report
from .pool import ComputePool
from .protocol import ComputeBusy, ComputeError, ComputeFailed, Progress
from .resident import ResidentPool

__all__ = ["ComputeBusy", "ComputeError", "ComputeFailed", "ComputePool", "Progress", "Report", "ResidentPool"]
