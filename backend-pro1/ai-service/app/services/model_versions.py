"""Use cases of versions of models: list, read, take out, remove."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.membership import ProjectRole, require_project
from shared.removed_objects import remove_objects
from shared.resources import Resources

from ..repositories import model_aliases, model_versions, models
from ..repositories.model_aliases import Move
from ..repositories.model_versions import ModelVersion
from ..schemas.models import CardModel, VersionChoice, VersionModel, VersionSummary
from .model_cards import card_of, markdown_of
from .model_files import Export, export_model


class ModelVersions:
    """What a member may do with versions of a project's models.

    Raises (all methods):
        NotFound: the model or the version is absent, or not the caller's to see.
        Forbidden, ProjectArchived: a change that the role or the project does not allow.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._database = resources.database

    async def page(self, user_id: UUID, model_id: UUID, *, below: int | None, limit: int) -> list[ModelVersion]:
        """Versions, newest first, older than `below`, without their details."""
        async with self._database.transaction(read_only=True) as session:
            if await models.visible(session, model_id, user_id) is None:
                raise NotFound
            return await model_versions.page(session, model_id, user_id, below=below, limit=limit)

    async def read(self, user_id: UUID, model_id: UUID, choice: VersionChoice) -> ModelVersion:
        """The version that is meant, with its details."""
        async with self._database.transaction(read_only=True) as session:
            return await chosen(session, user_id, model_id, choice)

    async def card(self, user_id: UUID, model_id: UUID, choice: VersionChoice) -> CardModel:
        """What anybody should know who uses the version."""
        async with self._database.transaction(read_only=True) as session:
            found = await chosen(session, user_id, model_id, choice)
            model = await models.visible(session, model_id, user_id)
        if model is None:
            raise NotFound
        return card_of(model, found)

    async def export(self, user_id: UUID, model_id: UUID, choice: VersionChoice) -> Export:
        """The version's file with all that is known of it.

        Raises:
            ModelNotGenuine: its signature does not hold. ServiceUnavailable: the store is away, or its file damaged.
        """
        found = await self.read(user_id, model_id, choice)
        card = await self.card(user_id, model_id, VersionChoice(found.version))
        return await export_model(self._resources, found, markdown_of(card))

    async def remove(self, user_id: UUID, model_id: UUID, version: int, *, force: bool) -> None:
        """Remove a version with its file; with `force` also aliases that point to it.

        Raises:
            Conflict: `alias_in_use`; `last_version`, a model without versions would say nothing.
        """
        async with self._database.transaction() as session:
            found = await chosen(session, user_id, model_id, VersionChoice(version))
            await require_project(session, found.project_id, user_id, minimum=ProjectRole.EDITOR)
            if not await models.lock(session, model_id):
                raise NotFound
            found = await chosen(session, user_id, model_id, VersionChoice(version))
            if await model_versions.count(session, model_id) == 1:
                detail = "This is the model's only version; remove the model instead."
                raise Conflict(detail, code="last_version")
            await _take_aliases(session, found, user_id, force=force)
            await model_versions.delete(session, model_id, version)
            await models.update(session, model_id, models.ModelState())
        await remove_files(self._resources, [found.key])


async def chosen(session: Session, user_id: UUID, model_id: UUID, choice: VersionChoice) -> ModelVersion:
    """The version that is meant.

    Raises:
        NotFound: there is no such model or version, or the user may not see it.
    """
    number = await model_versions.number_of(session, model_id, choice.version, choice.alias)
    found = None if number is None else await model_versions.visible(session, model_id, number, user_id)
    if found is not None:
        return found
    model = await models.visible(session, model_id, user_id)
    if model is None:
        raise NotFound
    if choice.alias is not None:
        there = f"it has {', '.join(sorted(model.aliases))}" if model.aliases else "it has none"
        raise NotFound(f"The model has no alias {choice.alias!r}; {there}.")
    raise NotFound(f"The model has no version {choice.version}; its newest is {model.newest_version}.")


def described(found: ModelVersion) -> VersionModel:
    """The version with what training told of it."""
    told = found.details
    kept = {member: told[member] for member in ("parameters", "baseline", "seed", "libraries")}
    summary = VersionSummary.model_validate(found).model_dump()
    return VersionModel.model_validate(
        {**summary, "row_count": found.row_count, "inputs": told["features"], "classes": told.get("classes"), **kept}
    )


async def remove_files(resources: Resources, keys: list[str]) -> None:
    """Remove files of versions that have gone; to be called after the commit."""
    # What remains while the store is away, or a backup is made, is an orphan, and the sweep finds it.
    with suppress(ServiceUnavailable):
        await remove_objects(resources.database, resources.object_store, *keys)


async def _take_aliases(session: Session, found: ModelVersion, user_id: UUID, *, force: bool) -> None:
    """Refuse a version that aliases point to, or take these away."""
    names = await model_aliases.of_version(session, found.model_id, found.version)
    if names and not force:
        detail = f"Version {found.version} is {', '.join(names)}. Move the alias first, or say force=true."
        raise Conflict(detail, code="alias_in_use")
    for name in names:
        gone = Move(found.model_id, name, found.version, None, user_id, "The version was removed.")
        await model_aliases.move(session, gone)
