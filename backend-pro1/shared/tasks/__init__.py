"""The ledger of long-running work: nothing accepted is lost, and its effects happen once."""

from .ledger import TaskLedger
from .queues import Queue
from .records import PROJECT_REMOVAL, NewTask, StaleAttempt, Task, TaskError, TaskEvent, TaskFailed, TaskStatus
from .run import Handler, TaskHandler, TaskRun

__all__ = [
    "PROJECT_REMOVAL",
    "Handler",
    "NewTask",
    "Queue",
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
