"""The ledger of long-running work: nothing accepted is lost, and its effects happen once."""

from .ledger import TaskLedger
from .records import NewTask, StaleAttempt, Task, TaskError, TaskEvent, TaskFailed, TaskStatus
from .run import Handler, TaskHandler, TaskRun

__all__ = [
    "Handler",
    "NewTask",
    "StaleAttempt",
    "Task",
    "TaskError",
    "TaskEvent",
    "TaskFailed",
    "TaskHandler",
    "TaskLedger",
    "TaskRun",
    "TaskStatus",
]
