"""Use cases of models: list, read, describe, compare, remove."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.etags import etag_of, require_current
from shared.membership import ProjectRole, require_project
from shared.resources import Resources

from ..repositories import models
from ..repositories.model_versions import ModelVersion
from ..repositories.models import Model, ModelState
from ..schemas.model_comparisons import Chosen
from ..schemas.models import ModelChange, ModelFilter, VersionChoice
from .model_versions import chosen, remove_files


class Models:
    """What a member may do with the models of a project.

    Raises (all methods):
        NotFound: absent, or not the caller's to see.
        Forbidden, ProjectArchived: a change that the role or the project does not allow.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._database = resources.database

    async def page(self, user_id: UUID, wanted: ModelFilter, *, before: UUID | None, limit: int) -> list[Model]:
        """Models, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            if wanted.project_id is not None:
                await require_project(session, wanted.project_id, user_id)
            return await models.page(session, user_id, wanted, before=before, limit=limit)

    async def read(self, user_id: UUID, model_id: UUID) -> Model:
        """The model, with figures of the version in use."""
        async with self._database.transaction(read_only=True) as session:
            return _known(await models.visible(session, model_id, user_id))

    async def change(self, user_id: UUID, model_id: UUID, change: ModelChange, if_match: str | None) -> Model:
        """Change what `change` names.

        Raises:
            Conflict: `name_taken`. PreconditionFailed: it has changed since the state in `if_match`.
        """
        async with self._database.transaction() as session:
            found = await hold_model(session, user_id, model_id)
            require_current(if_match, etag(found), "model")
            await models.update(session, model_id, ModelState(**change.model_dump()))
            return _known(await models.visible(session, model_id, user_id))

    async def remove(self, user_id: UUID, model_id: UUID, if_match: str | None, *, force: bool) -> None:
        """Remove the model with all versions and their files; tasks and predictions that it made stay.

        Raises:
            Conflict: `alias_in_use`, unless `force`d. PreconditionFailed: it has changed since `if_match`.
        """
        async with self._database.transaction() as session:
            found = await hold_model(session, user_id, model_id)
            require_current(if_match, etag(found), "model")
            if found.aliases and not force:
                names = ", ".join(sorted(found.aliases))
                detail = f"Aliases point to versions of this model: {names}. Remove them first, or say force=true."
                raise Conflict(detail, code="alias_in_use")
            keys = await models.delete(session, model_id)
        await remove_files(self._resources, keys)

    async def several(self, user_id: UUID, wanted: Sequence[Chosen]) -> list[ModelVersion]:
        """Versions of models that are to be compared, in the order asked for."""
        async with self._database.transaction(read_only=True) as session:
            return [
                await chosen(session, user_id, one.model_id, VersionChoice(one.version, one.alias)) for one in wanted
            ]


async def hold_model(session: Session, user_id: UUID, model_id: UUID) -> Model:
    """The model, which nobody else can change until the transaction ends, for a caller who may change it.

    Raises:
        NotFound, Forbidden, ProjectArchived: the caller may not.
    """
    found = _known(await models.visible(session, model_id, user_id))
    await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
    await models.lock(session, model_id)
    return _known(await models.visible(session, model_id, user_id))


def etag(model: Model) -> str:
    """The entity tag of a model's state; versions and aliases count."""
    return etag_of(f"{model.id} {model.updated_at.isoformat()}".encode())


def _known(found: Model | None) -> Model:
    if found is None:
        raise NotFound
    return found
