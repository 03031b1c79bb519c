"""What schedules can do. Another kind of action is a class here, its entry in `Actions`, and its model in schemas."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from pydantic import TypeAdapter

from shared.database import Session
from shared.errors import NotFound
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task, TaskLedger

from ..repositories import schedules
from ..schemas.analyses import AnalysisRequest
from ..schemas.jobs import JobRequest
from ..schemas.schedules import Action, AnalysisAction, JobAction, PipelineAction, TrainAction
from ..schemas.trainings import TrainRequest
from .analyses import Analyses
from .cluster import ClusterWatch
from .dataset_versions import orderable_version
from .jobs import Jobs, find_job, read_job_parameters
from .parameters import check_columns, find_type, read_parameters
from .trainings import Trainings

# Done by the data service, to which pipelines belong; it submits the real work once.
TRIGGER = "pipeline_trigger"
_ACTION: TypeAdapter[Action] = TypeAdapter(Action)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose task it will be, and which schedule or request made it."""

    project_id: UUID
    user_id: UUID
    schedule_id: UUID
    request_id: str | None = None


class Kind(Protocol):
    """One kind of action. Both raise what submitting it over HTTP would."""

    async def check(self, session: Session, project_id: UUID, action: Any) -> None:
        """Refuse what could not be submitted now."""

    async def submit(self, session: Session, origin: Origin, action: Any) -> Task:
        """Submit it in the caller's transaction; ring the task after the commit."""


class Actions:
    """All kinds, by the name that requests give them."""

    def __init__(self, resources: Resources) -> None:
        self._kinds: Mapping[str, Kind] = {
            "analysis": _Analysis(Analyses(resources)),
            "pipeline": _Pipeline(resources.ledger),
            "job": _Job(Jobs(resources, ClusterWatch(resources))),
            "train": _Train(Trainings(resources, ClusterWatch(resources))),
        }

    async def check(self, session: Session, project_id: UUID, action: Action) -> None:
        """Refuse what could not be submitted now.

        Raises:
            Invalid, NotFound, Conflict: as its submission.
        """
        await self._kinds[action.kind].check(session, project_id, action)

    async def submit(self, session: Session, origin: Origin, stored: Mapping[str, Any]) -> Task:
        """Submit an action as it was stored, in the caller's transaction; ring the task after the commit.

        Raises:
            APIException: as its submission over HTTP.
        """
        action = _ACTION.validate_python(stored)
        return await self._kinds[action.kind].submit(session, origin, action)


class _Analysis:
    """An analysis, submitted like any other."""

    def __init__(self, analyses: Analyses) -> None:
        self._analyses = analyses

    async def check(self, session: Session, project_id: UUID, action: AnalysisAction) -> None:
        """Its type, parameters, dataset and, where they are known, columns."""
        parameters = read_parameters(find_type(action.type), action.params)
        version = await orderable_version(session, project_id, action.dataset_id, action.version)
        if version.is_ready:
            check_columns(parameters, version.types)

    async def submit(self, session: Session, origin: Origin, action: AnalysisAction) -> Task:
        """Submit it over the version that is meant now."""
        content = action.model_dump(exclude={"kind", "project_id"})
        request = AnalysisRequest(project_id=origin.project_id, **content)
        return await self._analyses.accept(session, origin.user_id, request, origin.request_id, origin.schedule_id)


class _Job:
    """A distributed job, submitted like any other."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def check(self, session: Session, project_id: UUID, action: JobAction) -> None:
        """Its name, parameters, dataset and, where they are known, columns."""
        parameters = read_job_parameters(find_job(action.job), action.params)
        version = await orderable_version(session, project_id, action.dataset_id, action.version)
        if version.is_ready:
            check_columns(parameters, version.types)

    async def submit(self, session: Session, origin: Origin, action: JobAction) -> Task:
        """Submit it over the version that is meant now."""
        content = action.model_dump(exclude={"kind", "project_id"})
        request = JobRequest(project_id=origin.project_id, **content)
        return await self._jobs.accept(session, origin.user_id, request, origin.request_id, origin.schedule_id)


class _Train:
    """A training, submitted like any other; its model gets a further version with each."""

    def __init__(self, trainings: Trainings) -> None:
        self._trainings = trainings

    async def check(self, session: Session, project_id: UUID, action: TrainAction) -> None:
        """Its budget, dataset, model and, where they are known, columns."""
        await self._trainings.check(session, project_id, action.dataset_id, action.version, action)

    async def submit(self, session: Session, origin: Origin, action: TrainAction) -> Task:
        """Submit it over the version that is meant now."""
        content = action.model_dump(exclude={"kind", "project_id"})
        request = TrainRequest(project_id=origin.project_id, **content)
        return await self._trainings.accept(session, origin.user_id, request, origin.request_id, origin.schedule_id)


class _Pipeline:
    """A pipeline of the data service, begun by a task of its worker."""

    def __init__(self, ledger: TaskLedger) -> None:
        self._ledger = ledger

    async def check(self, session: Session, project_id: UUID, action: PipelineAction) -> None:
        """Its pipeline and datasets; whether steps and columns fit is found out by each run."""
        await self._awaited(session, project_id, action)

    async def submit(self, session: Session, origin: Origin, action: PipelineAction) -> Task:
        """Submit its trigger, which waits for a dataset that is still being read."""
        awaited = await self._awaited(session, origin.project_id, action)
        new = NewTask(
            kind=TRIGGER,
            queue=Queue.INGEST,
            project_id=origin.project_id,
            created_by=origin.user_id,
            params=action.model_dump(mode="json", exclude_none=True, exclude={"kind", "project_id"}),
            dataset_id=action.dataset_id,
            version=action.version,
            after=awaited,
            schedule_id=origin.schedule_id,
            request_id=origin.request_id,
        )
        return await self._ledger.submit(session, new)

    async def _awaited(self, session: Session, project_id: UUID, action: PipelineAction) -> tuple[UUID, ...]:
        if not await schedules.pipeline_exists(session, project_id, action.pipeline_id, action.pipeline_version):
            raise NotFound("The project has no such pipeline, or not this version of it.")
        target = action.output.dataset_id
        if target is not None and not await schedules.dataset_exists(session, project_id, target):
            raise NotFound("The project has no dataset with the id in `output`.")
        version = await orderable_version(session, project_id, action.dataset_id, action.version)
        return (version.task_id,) if version.is_coming and version.task_id else ()
