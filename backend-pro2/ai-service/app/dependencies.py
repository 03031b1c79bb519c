"""What the routes are given. `async`, since FastAPI calls in a thread what is not, and that takes longer."""

from typing import Annotated

from fastapi import Depends, Request

from shared.resources import Resources
from shared.tasks import TaskLedger

from .services.analyses import Analyses
from .services.ask_streams import AskStreams
from .services.asks import Asks
from .services.certifications import Certifications
from .services.cluster import ClusterWatch
from .services.conversations import Conversations
from .services.feedback import FeedbackGiven
from .services.glossary import Glossary
from .services.hypotheses import Hypotheses
from .services.insights import Insights
from .services.jobs import Jobs
from .services.llm_policies import LlmPolicies
from .services.model_aliases import ModelAliases
from .services.model_uses import ModelUses
from .services.model_versions import ModelVersions
from .services.models import Models
from .services.predictions import Predictions
from .services.queues import QueueWatch
from .services.rendering import Renderings
from .services.replays import Replays
from .services.schedules import Schedules
from .services.sql_checks import SqlChecks
from .services.suggestions import Suggestions
from .services.task_history import TaskHistory
from .services.tasks import Tasks
from .services.trainings import Trainings
from .services.verified_queries import VerifiedQueries


async def analyses(request: Request) -> Analyses:
    """Use cases of analyses."""
    return Analyses(_resources(request))


async def asks(request: Request) -> Asks:
    """Use cases of questions."""
    return Asks(_resources(request))


async def insights(request: Request) -> Insights:
    """Use cases of insights, explanations and descriptions of columns."""
    return Insights(_resources(request))


async def replays(request: Request) -> Replays:
    """Use cases of replays."""
    return Replays(_resources(request))


async def certifications(request: Request) -> Certifications:
    """Use cases of certifications."""
    return Certifications(_resources(request))


async def tasks(request: Request) -> Tasks:
    """Use cases around tasks."""
    return Tasks(_resources(request))


async def hypotheses(request: Request) -> Hypotheses:
    """Use cases of the ledger of hypotheses."""
    return Hypotheses(_resources(request))


async def jobs(request: Request) -> Jobs:
    """Use cases of distributed jobs."""
    return Jobs(_resources(request), _watch(request))


async def trainings(request: Request) -> Trainings:
    """Use case of training."""
    return Trainings(_resources(request), _watch(request))


async def models(request: Request) -> Models:
    """Use cases of models."""
    return Models(_resources(request))


async def model_versions(request: Request) -> ModelVersions:
    """Use cases of versions of models."""
    return ModelVersions(_resources(request))


async def model_aliases(request: Request) -> ModelAliases:
    """Use cases of aliases of models."""
    return ModelAliases(_resources(request))


async def model_uses(request: Request) -> ModelUses:
    """Use cases of a model on whole datasets."""
    return ModelUses(_resources(request), _watch(request))


async def predictions(request: Request) -> Predictions:
    """Use cases of a model's answers to rows."""
    return Predictions(_resources(request), request.app.state.model_serving)


async def renderings(request: Request) -> Renderings:
    """Results as pictures and documents."""
    return Renderings(_resources(request), request.app.state.renderer)


async def schedules(request: Request) -> Schedules:
    """Use cases of schedules."""
    return Schedules(_resources(request))


async def task_history(request: Request) -> TaskHistory:
    """What happened to tasks."""
    return TaskHistory(_resources(request))


async def queue_watch(request: Request) -> QueueWatch:
    """What carries the tasks."""
    return QueueWatch(_resources(request))


async def ledger(request: Request) -> TaskLedger:
    """The ledger of all tasks."""
    return _resources(request).ledger


async def cluster_watch(request: Request) -> ClusterWatch:
    """The one watch over the Ray cluster."""
    return _watch(request)


async def llm_policies(request: Request) -> LlmPolicies:
    """Use cases of what the LLM may see."""
    return LlmPolicies(_resources(request))


async def ask_streams(request: Request) -> AskStreams:
    """Streams of questions."""
    resources = _resources(request)
    return AskStreams(resources, request.app.state.ask_deltas, Asks(resources).answer)


async def conversations(request: Request) -> Conversations:
    """Use cases of conversations."""
    return Conversations(_resources(request))


async def feedback(request: Request) -> FeedbackGiven:
    """Use case of feedback."""
    return FeedbackGiven(_resources(request))


async def suggestions(request: Request) -> Suggestions:
    """Use case of suggested questions."""
    return Suggestions(_resources(request))


async def glossary(request: Request) -> Glossary:
    """Use cases of the glossary."""
    return Glossary(_resources(request), sql_checks(request))


async def verified_queries(request: Request) -> VerifiedQueries:
    """Use cases of verified queries."""
    return VerifiedQueries(_resources(request), sql_checks(request))


def sql_checks(request: Request) -> SqlChecks:
    """The process's one way to check SQL."""
    checks: SqlChecks = request.app.state.sql_checks
    return checks


def _watch(request: Request) -> ClusterWatch:
    watch: ClusterWatch = request.app.state.cluster_watch
    return watch


def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


AnalysesDep = Annotated[Analyses, Depends(analyses)]
AsksDep = Annotated[Asks, Depends(asks)]
InsightsDep = Annotated[Insights, Depends(insights)]
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
LlmPoliciesDep = Annotated[LlmPolicies, Depends(llm_policies)]
AskStreamsDep = Annotated[AskStreams, Depends(ask_streams)]
ConversationsDep = Annotated[Conversations, Depends(conversations)]
FeedbackDep = Annotated[FeedbackGiven, Depends(feedback)]
SuggestionsDep = Annotated[Suggestions, Depends(suggestions)]
GlossaryDep = Annotated[Glossary, Depends(glossary)]
VerifiedQueriesDep = Annotated[VerifiedQueries, Depends(verified_queries)]
