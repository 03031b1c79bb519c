"""Pipelines: saved, replaced by a next version, run, removed."""

from uuid import UUID

import orjson

from shared.database import Session
from shared.errors import Conflict, Invalid, NotFound
from shared.etags import etag_of, require_current
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import Task

from ..repositories import pipelines
from ..repositories.pipelines import Pipeline, PipelineState, PipelineVersion
from ..schemas.pipelines import NewPipeline, PipelineContent, PipelineRun
from ..schemas.processes import ProcessRequest
from .processes import PipelineRef, Processes
from .steps import Steps, load_operations, other_inputs

MAX_PIPELINES = 1000
MAX_VERSIONS = 10_000
# Lists show the steps of each; and none of this counts as stored bytes of the project.
MAX_STEPS_BYTES = 256 * 1024
MAX_STORED_BYTES = 256 * 1024 * 1024


class Pipelines:
    """What a member may do with the pipelines of a project.

    Raises (all methods):
        NotFound: absent, or not the caller's to see.
        Forbidden, ProjectArchived: a change that the role or the project does not allow.
    """

    def __init__(self, resources: Resources, processes: Processes) -> None:
        self._database = resources.database
        self._processes = processes

    async def create(self, user_id: UUID, new: NewPipeline) -> Pipeline:
        """Save a pipeline.

        Raises:
            Invalid: `invalid_step`. Conflict: `name_taken`, `too_many_pipelines`.
        """
        await _require_good(new.steps)
        state = PipelineState(new_id(), new.name, new.description, 1, new.steps, user_id)
        async with self._database.transaction() as session:
            await require_project(session, new.project_id, user_id, minimum=ProjectRole.EDITOR)
            if await pipelines.count(session, new.project_id) >= MAX_PIPELINES:
                detail = f"A project may have {MAX_PIPELINES} pipelines. Remove some that are no longer run."
                raise Conflict(detail, code="too_many_pipelines")
            await pipelines.insert(session, new.project_id, state)
            await _require_room(session, new.project_id)
            made = _known(await pipelines.visible(session, state.id, user_id))
            await keep_answer(session, made)
        return made

    async def page(self, user_id: UUID, *, project_id: UUID | None, before: UUID | None, limit: int) -> list[Pipeline]:
        """Pipelines, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            if project_id is not None:
                await require_project(session, project_id, user_id)
            return await pipelines.page(session, user_id, project_id=project_id, before=before, limit=limit)

    async def read(self, user_id: UUID, pipeline_id: UUID) -> Pipeline:
        """The pipeline with the steps of its newest version."""
        async with self._database.transaction(read_only=True) as session:
            return _known(await pipelines.visible(session, pipeline_id, user_id))

    async def replace(
        self, user_id: UUID, pipeline_id: UUID, content: PipelineContent, if_match: str | None
    ) -> Pipeline:
        """Make the next version.

        Raises:
            Invalid: `invalid_step`. Conflict: `name_taken`, `too_many_versions`, `too_many_pipelines`.
            PreconditionFailed: it has changed since the state that `if_match` names.
        """
        await _require_good(content.steps)
        async with self._database.transaction() as session:
            found = _known(await pipelines.visible(session, pipeline_id, user_id))
            await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
            await pipelines.lock(session, pipeline_id)
            found = _known(await pipelines.visible(session, pipeline_id, user_id))
            require_current(if_match, etag(found), "pipeline")
            if found.version >= MAX_VERSIONS:
                detail = f"A pipeline may have {MAX_VERSIONS} versions. Save the steps as another pipeline."
                raise Conflict(detail, code="too_many_versions")
            state = (content.name, content.description, found.version + 1, content.steps)
            await pipelines.replace(session, PipelineState(pipeline_id, *state, user_id))
            await _require_room(session, found.project_id)
            return _known(await pipelines.visible(session, pipeline_id, user_id))

    async def remove(self, user_id: UUID, pipeline_id: UUID, if_match: str | None) -> None:
        """Remove the pipeline with its versions; what it has made stays.

        Raises:
            PreconditionFailed: it has changed since the state that `if_match` names.
        """
        async with self._database.transaction() as session:
            found = _known(await pipelines.visible(session, pipeline_id, user_id))
            await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
            await pipelines.lock(session, pipeline_id)
            found = _known(await pipelines.visible(session, pipeline_id, user_id))
            require_current(if_match, etag(found), "pipeline")
            await pipelines.delete(session, pipeline_id)

    async def versions(
        self, user_id: UUID, pipeline_id: UUID, *, below: int | None, limit: int
    ) -> list[PipelineVersion]:
        """Versions, newest first, older than `below`."""
        async with self._database.transaction(read_only=True) as session:
            _known(await pipelines.visible(session, pipeline_id, user_id))
            return await pipelines.versions(session, pipeline_id, user_id, below=below, limit=limit)

    async def runs(self, user_id: UUID, pipeline_id: UUID, *, before: UUID | None, limit: int) -> list[Task]:
        """Tasks that ran it, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            _known(await pipelines.visible(session, pipeline_id, user_id))
            return await pipelines.runs(session, pipeline_id, user_id, before=before, limit=limit)

    async def run(
        self, user_id: UUID, pipeline_id: UUID, asked: PipelineRun, request_id: str | None, wait: float = 0
    ) -> Task:
        """Submit its steps over a dataset of its project.

        Raises:
            NotFound, Invalid, Conflict, TooManyTasks: also as for Processes.submit.
        """
        order, pipeline = await self.order(user_id, pipeline_id, asked)
        return await self._processes.submit(user_id, order, request_id, wait, pipeline)

    async def order(self, user_id: UUID, pipeline_id: UUID, asked: PipelineRun) -> tuple[ProcessRequest, PipelineRef]:
        """What running it over a dataset of its project means: its steps as they are now, and where they come from."""
        async with self._database.transaction(read_only=True) as session:
            found = _known(await pipelines.visible(session, pipeline_id, user_id))
            number = asked.pipeline_version or found.version
            version = await pipelines.version(session, pipeline_id, number, user_id)
        if version is None:
            raise NotFound(f"The pipeline has no version {number}; its newest is {found.version}.")
        order = ProcessRequest(
            project_id=found.project_id,
            dataset_id=asked.dataset_id,
            version=asked.version,
            steps=version.steps,
            output=asked.output,
        )
        return order, PipelineRef(found.id, number)


def etag(pipeline: Pipeline) -> str:
    """The entity tag of a pipeline's state."""
    return etag_of(f"{pipeline.id} {pipeline.version} {pipeline.updated_at.isoformat()}".encode())


async def _require_good(steps: Steps) -> None:
    if len(orjson.dumps(steps)) > MAX_STEPS_BYTES:
        detail = f"The steps of a pipeline may take {MAX_STEPS_BYTES} bytes as JSON. Save them as several pipelines."
        raise Invalid(detail, code="invalid_step")
    await load_operations()
    other_inputs(steps)


async def _require_room(session: Session, project_id: UUID) -> None:
    if await pipelines.stored_bytes(session, project_id) > MAX_STORED_BYTES:
        detail = f"The pipelines of a project may take {MAX_STORED_BYTES} bytes. Remove some that are no longer run."
        raise Conflict(detail, code="too_many_pipelines")


def _known(found: Pipeline | None) -> Pipeline:
    if found is None:
        raise NotFound
    return found
