"""Use case of training: a model is ordered, and trained by a task."""

from __future__ import annotations

from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, Invalid
from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task

from ..repositories import models
from ..repositories.analyses import TRAIN
from ..repositories.models import NamedModel
from ..repositories.versions import DatasetVersion
from ..schemas.train_parameters import TrainParameters
from ..schemas.trainings import TrainingOrder, TrainRequest
from .cluster import ClusterWatch
from .dataset_versions import orderable_version
from .parameters import check_columns

MOST_MODELS = 1000
MOST_VERSIONS = 10_000
LONGEST_NAME = 120
# What a task takes beside its budget: to fetch the data, to start, and to store what comes out.
MARGIN_SECONDS = 60.0


class Trainings:
    """What a caller, named by `user_id`, may have trained in the projects that the caller belongs to."""

    def __init__(self, resources: Resources, cluster: ClusterWatch) -> None:
        self._settings = resources.settings
        self._database = resources.database
        self._ledger = resources.ledger
        self._cluster = cluster

    async def submit(self, user_id: UUID, request: TrainRequest, request_id: str | None, wait: float = 0) -> Task:
        """Accept a training; once this returns, it will be done. The task comes as it stands after `wait` seconds.

        Raises:
            ServiceUnavailable: `ray_disabled` or `ray_unavailable`, and the training insists on Ray.
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
        request: TrainRequest,
        request_id: str | None,
        schedule_id: UUID | None = None,
    ) -> Task:
        """The same in the caller's transaction; ring the task after the commit.

        A training on a version that is still being made waits for it; its columns are checked when it runs.

        Raises:
            Invalid: a column does not fit, or `budget_too_large`. NotFound: absent, or not the caller's to see.
            Conflict: `dataset_not_ready`, `version_expired`, `version_blocked`, `model_mismatch`, `too_many_models`,
                `too_many_versions`.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        await require_project(session, request.project_id, user_id, minimum=ProjectRole.EDITOR)
        version = await self.check(session, request.project_id, request.dataset_id, request.version, request)
        new = NewTask(
            kind=TRAIN,
            queue=Queue.TRAIN,
            project_id=request.project_id,
            created_by=user_id,
            params={
                "name": request.name or made_name(request.target, version.name),
                "description": request.description,
                "tags": request.tags,
                "params": request.parameters().model_dump(mode="json"),
                "seed": request.seed,
                "executor": request.executor,
                "promote": request.promote,
            },
            dataset_id=version.dataset_id,
            version=version.version,
            priority=request.priority,
            after=(version.task_id,) if version.is_coming and version.task_id else (),
            deadline=request.deadline,
            schedule_id=schedule_id,
            request_id=request_id,
        )
        return await self._ledger.submit(session, new)

    async def check(
        self, session: Session, project_id: UUID, dataset_id: UUID, number: int | None, order: TrainingOrder
    ) -> DatasetVersion:
        """The version to learn from, once everything fits that can be known now.

        Raises:
            As `accept`.
        """
        longest = self._settings.task_timeout_seconds - MARGIN_SECONDS
        if order.budget_seconds > longest:
            detail = f"budget_seconds: a task of this instance may learn for {max(longest, 1):g} seconds at most."
            raise Invalid(detail, code="budget_too_large")
        version = await orderable_version(session, project_id, dataset_id, number)
        if version.is_ready:
            check_columns(order.parameters(), version.types)
        found = await models.named(session, project_id, order.name or made_name(order.target, version.name))
        if found is not None:
            require_same(found, order.target, order.problem)
        elif await models.count(session, project_id) >= MOST_MODELS:
            detail = f"A project may have {MOST_MODELS} models. Remove some that are no longer used."
            raise Conflict(detail, code="too_many_models")
        return version


def made_name(target: str, dataset: str) -> str:
    """The name of a model that was given none."""
    return " ".join(f"{target} of {dataset}".split())[:LONGEST_NAME].strip() or "model"


def require_same(found: NamedModel, target: str, problem: str) -> None:
    """Let a further version of a model pass that predicts what those before it do; problem auto: whatever it is.

    Raises:
        Conflict: `model_mismatch`; `too_many_versions`.
    """
    fits = problem == found.problem or (problem == "auto" and found.problem != "forecast")
    if target != found.target or not fits:
        detail = (
            f"Model {found.name!r} is a {found.problem} of {found.target!r}, and so its further versions must be. "
            "Choose another name."
        )
        raise Conflict(detail, code="model_mismatch")
    if found.last_version >= MOST_VERSIONS:
        detail = f"A model may have {MOST_VERSIONS} versions. Choose another name."
        raise Conflict(detail, code="too_many_versions")


def problem_of(found: NamedModel | None, parameters: TrainParameters) -> str:
    """The problem asked for; of a further version that of those before it."""
    return found.problem if found is not None and parameters.problem == "auto" else parameters.problem
