"""What the routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from shared.resources import Resources
from shared.tasks import TaskLedger

from .services.analyses import Analyses
from .services.cluster import ClusterWatch
from .services.jobs import Jobs
from .services.queues import QueueWatch
from .services.replays import Replays
from .services.schedules import Schedules
from .services.task_history import TaskHistory
from .services.tasks import Tasks


def analyses(request: Request) -> Analyses:
    """Use cases of analyses."""
    return Analyses(_resources(request))


def replays(request: Request) -> Replays:
    """Use cases of replays."""
    return Replays(_resources(request))


def tasks(request: Request) -> Tasks:
    """Use cases around tasks."""
    return Tasks(_resources(request))


def jobs(request: Request) -> Jobs:
    """Use cases of distributed jobs."""
    return Jobs(_resources(request), cluster_watch(request))


def schedules(request: Request) -> Schedules:
    """Use cases of schedules."""
    return Schedules(_resources(request))


def task_history(request: Request) -> TaskHistory:
    """What happened to tasks."""
    return TaskHistory(_resources(request))


def queue_watch(request: Request) -> QueueWatch:
    """What carries the tasks."""
    return QueueWatch(_resources(request))


def ledger(request: Request) -> TaskLedger:
    """The ledger of all tasks."""
    return _resources(request).ledger


def cluster_watch(request: Request) -> ClusterWatch:
    """The one watch over the Ray cluster."""
    watch: ClusterWatch = request.app.state.cluster_watch
    return watch


def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


AnalysesDep = Annotated[Analyses, Depends(analyses)]
ReplaysDep = Annotated[Replays, Depends(replays)]
JobsDep = Annotated[Jobs, Depends(jobs)]
SchedulesDep = Annotated[Schedules, Depends(schedules)]
TasksDep = Annotated[Tasks, Depends(tasks)]
HistoryDep = Annotated[TaskHistory, Depends(task_history)]
QueuesDep = Annotated[QueueWatch, Depends(queue_watch)]
LedgerDep = Annotated[TaskLedger, Depends(ledger)]
ClusterDep = Annotated[ClusterWatch, Depends(cluster_watch)]
