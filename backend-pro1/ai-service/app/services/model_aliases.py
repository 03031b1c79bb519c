"""Use cases of aliases: promote, roll back, look up where they have pointed."""

from __future__ import annotations

from uuid import UUID

from shared.errors import Conflict, Invalid, NotFound
from shared.resources import Resources

from ..repositories import model_aliases, model_versions, models
from ..repositories.model_aliases import Alias, AliasMove, Move
from ..schemas.model_aliases import LATEST, AliasTarget
from .models import hold_model

MOST_ALIASES = 50


class ModelAliases:
    """What a member may do with the aliases of a model.

    Raises (all methods):
        NotFound: the model is absent, or not the caller's to see.
        Forbidden, ProjectArchived: a change that the role or the project does not allow.
    """

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def all(self, user_id: UUID, model_id: UUID) -> list[Alias]:
        """Where the aliases point."""
        async with self._database.transaction(read_only=True) as session:
            if await models.visible(session, model_id, user_id) is None:
                raise NotFound
            return await model_aliases.of_model(session, model_id, user_id)

    async def put(self, user_id: UUID, model_id: UUID, alias: str, target: AliasTarget) -> Alias:
        """Let the alias point to a version; the same again changes nothing.

        Raises:
            Invalid: `alias_reserved`. Conflict: `too_many_aliases`. NotFound: also the version.
        """
        if alias == LATEST:
            raise Invalid("The alias 'latest' always means the newest version; take another.", code="alias_reserved")
        async with self._database.transaction() as session:
            model = await hold_model(session, user_id, model_id)
            if await model_versions.number_of(session, model_id, target.version, None) is None:
                raise NotFound(f"The model has no version {target.version}; its newest is {model.newest_version}.")
            before = await model_aliases.points_to(session, model_id, alias)
            if before is None and await model_aliases.count(session, model_id) >= MOST_ALIASES:
                detail = f"A model may have {MOST_ALIASES} aliases. Remove some."
                raise Conflict(detail, code="too_many_aliases")
            if before != target.version:
                move = Move(model_id, alias, before, target.version, user_id, target.reason)
                await model_aliases.move(session, move)
                await models.update(session, model_id, models.ModelState())
            return (await model_aliases.of_model(session, model_id, user_id, alias))[0]

    async def remove(self, user_id: UUID, model_id: UUID, alias: str) -> None:
        """Remove the alias; its history stays.

        Raises:
            NotFound: also the alias.
        """
        async with self._database.transaction() as session:
            await hold_model(session, user_id, model_id)
            before = await model_aliases.points_to(session, model_id, alias)
            if before is None:
                raise NotFound(f"The model has no alias {alias!r}.")
            await model_aliases.move(session, Move(model_id, alias, before, None, user_id))
            await models.update(session, model_id, models.ModelState())

    async def moves(
        self, user_id: UUID, model_id: UUID, *, alias: str, before: UUID | None, limit: int
    ) -> list[AliasMove]:
        """Where the alias has pointed, the latest move first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            if await models.visible(session, model_id, user_id) is None:
                raise NotFound
            return await model_aliases.moves(session, model_id, user_id, alias=alias, before=before, limit=limit)
