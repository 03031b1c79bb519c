"""Use cases of a model on whole datasets: ordered here, done by a task; and what came of evaluations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task

from ..repositories import model_evaluations, models, served_models
from ..repositories.analyses import EVALUATION, MONITORING, PREDICTION
from ..repositories.model_evaluations import Evaluation
from ..repositories.served_models import ServedModel
from ..repositories.versions import DatasetVersion, dataset_named
from ..schemas.batch_predictions import BatchRequest, EvaluateRequest, MonitorRequest
from ..schemas.columns import ColumnUse
from ..schemas.models import VersionChoice
from ..schemas.predictions import DatasetUse
from .cluster import ClusterWatch
from .dataset_versions import orderable_version
from .model_versions import chosen
from .parameters import check_uses


class ModelUses:
    """What a member may order of a project's models. The task comes as it stands after `wait` seconds.

    Raises (all that order):
        NotFound: the model, the version or the dataset is absent, or not the caller's to see.
        Forbidden, ProjectArchived: the role or the project does not allow it. TooManyTasks: the project's quota.
        Conflict: `dataset_not_ready`, `version_expired`, `version_blocked`. Invalid: `column_not_found`.
    """

    def __init__(self, resources: Resources, cluster: ClusterWatch) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._cluster = cluster

    async def predict(
        self, user_id: UUID, model_id: UUID, request: BatchRequest, request_id: str | None, wait: float = 0
    ) -> Task:
        """A prediction of all rows, which makes a dataset.

        Raises:
            Conflict: also `name_taken`. ServiceUnavailable: it insists on Ray, which is away.
        """
        if request.executor == "ray":
            await self._cluster.require()
        # Its id is known from the start, so that no two runs of the task make two of it.
        more = {"output": str(new_id()), **request.model_dump(include={"name", "columns", "level", "executor"})}
        return await self._submit(PREDICTION, user_id, model_id, request, more, request_id, wait)

    async def evaluate(
        self, user_id: UUID, model_id: UUID, request: EvaluateRequest, request_id: str | None, wait: float = 0
    ) -> Task:
        """Measures on data with a known target."""
        return await self._submit(EVALUATION, user_id, model_id, request, {}, request_id, wait)

    async def monitor(
        self, user_id: UUID, model_id: UUID, request: MonitorRequest, request_id: str | None, wait: float = 0
    ) -> Task:
        """A comparison with the training data."""
        return await self._submit(MONITORING, user_id, model_id, request, {}, request_id, wait)

    async def evaluations(
        self,
        user_id: UUID,
        model_id: UUID,
        kind: str | None,
        version: int | None,
        *,
        before: UUID | None,
        limit: int,
    ) -> list[Evaluation]:
        """What evaluations and comparisons found, newest first."""
        async with self._database.transaction(read_only=True) as session:
            if await models.visible(session, model_id, user_id) is None:
                raise NotFound
            return await model_evaluations.page(session, model_id, user_id, kind, version, before=before, limit=limit)

    async def _submit(
        self,
        kind: str,
        user_id: UUID,
        model_id: UUID,
        request: DatasetUse,
        more: dict[str, Any],
        request_id: str | None,
        wait: float,
    ) -> Task:
        async with self._database.transaction() as session:
            found = await _model(session, user_id, model_id, request)
            await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
            version = await orderable_version(session, found.project_id, request.dataset_id, request.version)
            await _check(session, found, version, more)
            new = NewTask(
                kind=kind,
                queue=Queue.ANALYSIS,
                project_id=found.project_id,
                created_by=user_id,
                params={"model_id": str(model_id), "model_version": found.version, **more},
                dataset_id=version.dataset_id,
                version=version.version,
                priority=request.priority,
                after=(version.task_id,) if version.is_coming and version.task_id else (),
                request_id=request_id,
            )
            task = await self._ledger.submit(session, new)
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, user_id, wait)


async def _model(session: Session, user_id: UUID, model_id: UUID, request: DatasetUse) -> ServedModel:
    found = await served_models.chosen(session, user_id, model_id, request.model_version, request.alias)
    if found is None:
        # It knows the words for what is missing.
        await chosen(session, user_id, model_id, VersionChoice(request.model_version, request.alias))
        raise NotFound
    return found


async def _check(session: Session, found: ServedModel, version: DatasetVersion, more: dict[str, Any]) -> None:
    """What can be known before the work is done."""
    if version.is_ready and more.get("columns"):
        check_uses([ColumnUse(name, "columns") for name in more["columns"]], version.types)
    name = more.get("name")
    if name is not None and await dataset_named(session, found.project_id, name):
        detail = f"The project already has a dataset {name!r}. Choose another name."
        raise Conflict(detail, code="name_taken")
