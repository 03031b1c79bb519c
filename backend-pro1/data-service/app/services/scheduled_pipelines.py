"""The task `pipeline_trigger`: a schedule's pipeline is submitted, once however often the task is run."""

from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict
from shared.tasks import Task, TaskFailed, TaskRun, TryLater

from ..repositories.scheduled_pipelines import dataset_named, is_active
from ..schemas.pipelines import PipelineRun
from ..schemas.processes import Output, ProcessRequest
from .engine import Engine
from .pipelines import Pipelines
from .processes import Origin, PipelineRef, Processes

# What ends by itself; of two first runs that make a dataset of one name, the later one adds to it then.
PASSING = ("version_in_progress", "name_taken")
NOBODY = "The account on whose behalf the schedule runs is gone or inactive."


async def trigger_pipeline(run: TaskRun) -> None:
    """Check the steps, then submit them in the transaction that ends this task; its result names the new task.

    Raises:
        TaskFailed: `forbidden`, there is nobody left on whose behalf it could run.
        TryLater: another version of the dataset is being made.
        APIException: as for running the pipeline over HTTP.
    """
    task, resources = run.task, run.resources
    if task.created_by is None or not await _may_log_in(run, task.created_by):
        raise TaskFailed("forbidden", NOBODY)
    processes = Processes(resources, Engine(resources))
    pipeline_id, asked = UUID(task.params["pipeline_id"]), _asked(task)
    order, pipeline = await Pipelines(resources, processes).order(task.created_by, pipeline_id, asked)
    await processes.check(task.created_by, order)
    try:
        submitted = await _submit(run, processes, task.created_by, order, pipeline)
    except Conflict as error:
        if error.code in PASSING:
            raise TryLater(error.detail) from error
        raise
    await resources.ledger.ring(submitted)


async def _may_log_in(run: TaskRun, user_id: UUID) -> bool:
    async with run.resources.database.transaction(read_only=True) as session:
        return await is_active(session, user_id)


async def _submit(
    run: TaskRun, processes: Processes, user_id: UUID, order: ProcessRequest, pipeline: PipelineRef
) -> Task:
    result: dict[str, Any] = {}
    origin = Origin(run.task.request_id, pipeline, run.task.schedule_id)
    async with run.commit(result) as session:
        # A schedule runs again and again, so what the first run has made under a name gets the others' versions.
        submitted = await processes.submit_in(session, user_id, await _with_output(session, order), origin)
        result |= _named(submitted)
    return submitted


def _asked(task: Task) -> PipelineRun:
    return PipelineRun.model_validate({name: task.params.get(name) for name in PipelineRun.model_fields})


async def _with_output(session: Session, order: ProcessRequest) -> ProcessRequest:
    if order.output.name is None:
        return order
    dataset_id = await dataset_named(session, order.project_id, order.output.name)
    return order if dataset_id is None else order.model_copy(update={"output": Output(dataset_id=dataset_id)})


def _named(task: Task) -> dict[str, Any]:
    return {"task_id": str(task.id), "dataset_id": str(task.dataset_id), "version": task.version}
