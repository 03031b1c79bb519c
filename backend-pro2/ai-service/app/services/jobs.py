"""Use cases of distributed jobs: submit one of those that are registered."""

from __future__ import annotations

from uuid import UUID

from shared.database import Session
from shared.errors import NotFound
from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task

from ..repositories import results
from ..repositories.analyses import JOB
from ..repositories.versions import DatasetVersion
from ..schemas.analysis_type import AnalysisType
from ..schemas.columns import uses_to_learn
from ..schemas.job_parameters import PredictionParameters
from ..schemas.job_types import JOB_TYPES
from ..schemas.jobs import JobRequest
from ..schemas.parameters import Parameters
from .cluster import ClusterWatch
from .dataset_versions import orderable_version
from .parameters import check_columns, check_uses, find_entry, read_parameters

PLACE = "/tasks/jobs"
SEARCH = "model-search"


class Jobs:
    """What a caller, named by `user_id`, may order in the projects that the caller belongs to."""

    def __init__(self, resources: Resources, cluster: ClusterWatch) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._cluster = cluster

    async def submit(self, user_id: UUID, request: JobRequest, request_id: str | None, wait: float = 0) -> Task:
        """Accept a job; once this returns, it will be done. The task comes as it stands after `wait` seconds.

        Raises:
            ServiceUnavailable: `ray_disabled` or `ray_unavailable`, and the job insists on Ray.
            Otherwise as `accept`.
        """
        if request.executor == "ray":
            await self._cluster.require()
        async with self._database.transaction() as session:
            task = await self.accept(session, user_id, request, request_id)
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, user_id, wait)

    async def accept(
        self,
        session: Session,
        user_id: UUID,
        request: JobRequest,
        request_id: str | None,
        schedule_id: UUID | None = None,
    ) -> Task:
        """The same in the caller's transaction; ring the task after the commit.

        A job on a version that is still being made waits for it; its columns are checked when it runs.

        Raises:
            Invalid: the job, a parameter or a column does not fit.
            NotFound: absent, or not the caller's to see; also what the parameters name.
            Conflict: `dataset_not_ready`, `version_expired`, `version_blocked`.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        entry = find_job(request.job)
        parameters = read_job_parameters(entry, request.params)
        await require_project(session, request.project_id, user_id, minimum=ProjectRole.EDITOR)
        version = await orderable_version(session, request.project_id, request.dataset_id, request.version)
        if version.is_ready:
            check_columns(parameters, version.types)
        awaited = [version] if version.is_coming else []
        if isinstance(parameters, PredictionParameters):
            awaited += await _settle(session, request.project_id, parameters)
        new = NewTask(
            kind=JOB,
            queue=Queue.TRAIN,
            project_id=request.project_id,
            created_by=user_id,
            params={
                "job": entry.name,
                "params": parameters.model_dump(mode="json"),
                "seed": request.seed,
                "executor": request.executor,
            },
            dataset_id=version.dataset_id,
            version=version.version,
            priority=request.priority,
            after=tuple({coming.task_id for coming in awaited if coming.task_id is not None}),
            deadline=request.deadline,
            schedule_id=schedule_id,
            request_id=request_id,
        )
        return await self._ledger.submit(session, new)


def find_job(name: str) -> AnalysisType:
    """The catalogue's entry.

    Raises:
        Invalid: `unknown_job`; the detail names what there is.
    """
    return find_entry(JOB_TYPES, name, "job", "jobs", "unknown_job")


def read_job_parameters(entry: AnalysisType, params: dict[str, object]) -> Parameters:
    """The parameters of this job, with defaults filled in.

    Raises:
        Invalid: `invalid_parameters`.
    """
    return read_parameters(entry, params, PLACE)


async def _settle(session: Session, project_id: UUID, parameters: PredictionParameters) -> list[DatasetVersion]:
    """Make sure that there is something to fit, and say which version it is; that version if it is still coming."""
    if parameters.train is None:
        if await winner_of(session, project_id, parameters.search_task_id) is None:
            raise NotFound("This project has no model-search with that id that has succeeded.")
        return []
    train = parameters.train
    version = await orderable_version(session, project_id, train.dataset_id, train.version)
    if version.is_ready:
        check_uses(uses_to_learn(train.target, train.features), version.types)
    train.version = version.version
    return [version] if version.is_coming else []


async def winner_of(session: Session, project_id: UUID, task_id: UUID | None) -> results.Result | None:
    """The result of a search of this project."""
    found = await results.of_project(session, task_id, project_id) if task_id is not None else None
    return found if found is not None and found.type == SEARCH else None
