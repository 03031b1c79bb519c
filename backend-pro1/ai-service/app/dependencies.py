"""What the routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from shared.resources import Resources
from shared.tasks import TaskLedger

from .services.analyses import Analyses
from .services.certifications import Certifications
from .services.cluster import ClusterWatch
from .services.hypotheses import Hypotheses
from .services.jobs import Jobs
from .services.model_aliases import ModelAliases
from .services.model_uses import ModelUses
from .services.model_versions import ModelVersions
from .services.models import Models
from .services.predictions import Predictions
from .services.queues import QueueWatch
from .services.rendering import Renderings
from .services.replays import Replays
from .services.schedules import Schedules
from .services.task_history import TaskHistory
from .services.tasks import Tasks
from .services.trainings import Trainings


def analyses(request: Request) -> Analyses:
    """Use cases of analyses."""
    return Analyses(_resources(request))


def replays(request: Request) -> Replays:
    """Use cases of replays."""
    return Replays(_resources(request))


def certifications(request: Request) -> Certifications:
    """Use cases of certifications."""
    return Certifications(_resources(request))


def tasks(request: Request) -> Tasks:
    """Use cases around tasks."""
    return Tasks(_resources(request))


def hypotheses(request: Request) -> Hypotheses:
    """Use cases of the ledger of hypotheses."""
    return Hypotheses(_resources(request))


def jobs(request: Request) -> Jobs:
    """Use cases of distributed jobs."""
    return Jobs(_resources(request), cluster_watch(request))


def trainings(request: Request) -> Trainings:
    """Use case of training."""
    return Trainings(_resources(request), cluster_watch(request))


def models(request: Request) -> Models:
    """Use cases of models."""
    return Models(_resources(request))


def model_versions(request: Request) -> ModelVersions:
    """Use cases of versions of models."""
    return ModelVersions(_resources(request))


def model_aliases(request: Request) -> ModelAliases:
    """Use cases of aliases of models."""
    return ModelAliases(_resources(request))


def model_uses(request: Request) -> ModelUses:
    """Use cases of a model on whole datasets."""
    return ModelUses(_resources(request), cluster_watch(request))


def predictions(request: Request) -> Predictions:
    """Use cases of a model's answers to rows."""
    return Predictions(_resources(request), request.app.state.model_serving)


def renderings(request: Request) -> Renderings:
    """Results as pictures and documents."""
    return Renderings(_resources(request), request.app.state.renderer)


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
CertificationsDep = Annotated[Certifications, Depends(certifications)]
ReplaysDep = Annotated[Replays, Depends(replays)]
HypothesesDep = Annotated[Hypotheses, Depends(hypotheses)]
JobsDep = Annotated[Jobs, Depends(jobs)]
TrainingsDep = Annotated[Trainings, Depends(trainings)]
ModelsDep = Annotated[Models, Depends(models)]
ModelVersionsDep = Annotated[ModelVersions, Depends(model_versions)]
ModelAliasesDep = Annotated[ModelAliases, Depends(model_aliases)]
ModelUsesDep = Annotated[ModelUses, Depends(model_uses)]
PredictionsDep = Annotated[Predictions, Depends(predictions)]
RenderingsDep = Annotated[Renderings, Depends(renderings)]
SchedulesDep = Annotated[Schedules, Depends(schedules)]
TasksDep = Annotated[Tasks, Depends(tasks)]
HistoryDep = Annotated[TaskHistory, Depends(task_history)]
QueuesDep = Annotated[QueueWatch, Depends(queue_watch)]
LedgerDep = Annotated[TaskLedger, Depends(ledger)]
ClusterDep = Annotated[ClusterWatch, Depends(cluster_watch)]
