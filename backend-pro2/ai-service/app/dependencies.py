"""What the routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from shared.resources import Resources
from shared.tasks import TaskLedger

from .services.analyses import Analyses
from .services.tasks import ClusterWatch, Tasks


def analyses(request: Request) -> Analyses:
    """Use cases of analyses."""
    return Analyses(_resources(request))


def tasks(request: Request) -> Tasks:
    """Use cases around tasks."""
    return Tasks(_resources(request))


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
TasksDep = Annotated[Tasks, Depends(tasks)]
LedgerDep = Annotated[TaskLedger, Depends(ledger)]
ClusterDep = Annotated[ClusterWatch, Depends(cluster_watch)]
