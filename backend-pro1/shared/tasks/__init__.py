"""The ledger of long-running work: nothing accepted is lost, and its effects happen once."""

from .ledger import TaskLedger
from .listing import TaskFilter
from .queues import Queue
from .records import (
    PROJECT_REMOVAL,
    Attempt,
    NewTask,
    Outcome,
    StaleAttempt,
    Task,
    TaskError,
    TaskEvent,
    TaskFailed,
    TaskStatus,
)
from .run import Handler, TaskHandler, TaskRun, TryLater

__all__ = [
    "PROJECT_REMOVAL",
    "Attempt",
    "Handler",
    "NewTask",
    "Outcome",
    "Queue",
    "StaleAttempt",
    "Task",
    "TaskError",
    "TaskEvent",
    "TaskFailed",
    "TaskFilter",
    "TaskHandler",
    "TaskLedger",
    "TaskRun",
    "TaskStatus",
    "TryLater",
]
