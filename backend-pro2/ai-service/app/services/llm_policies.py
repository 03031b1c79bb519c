"""What the LLM may see of a project: read by whoever asks it, decided by the owner."""

from __future__ import annotations

from uuid import UUID

from shared.config import Settings
from shared.database import Session
from shared.etags import etag_of_model, require_current
from shared.logging import get_logger
from shared.membership import ProjectRole, require_project
from shared.resources import Resources

from ..repositories import llm_policies
from ..schemas.llm_policies import Level, LlmPolicyModel

log = get_logger(__name__)


async def policy_of(session: Session, settings: Settings, project_id: UUID) -> Level:
    """The project's level as it stands now."""
    found = await llm_policies.find(session, project_id)
    return Level(found.level if found else settings.llm_policy)


class LlmPolicies:
    """Use cases of /analysis/llm/policy.

    Raises (all methods):
        NotFound: the project is absent or not the user's to see.
    """

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._settings = resources.settings

    async def read(self, user_id: UUID, project_id: UUID) -> LlmPolicyModel:
        """The level, and who decided it."""
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, project_id, user_id)
            return await self._body(session, project_id)

    async def set(self, user_id: UUID, project_id: UUID, level: Level | None, if_match: str | None) -> LlmPolicyModel:
        """Decide what may leave from now on; requests that are on their way are not called back.

        Raises:
            Forbidden: the user is no owner. ProjectArchived.
            PreconditionFailed: somebody else decided since the caller looked.
        """
        async with self._database.transaction() as session:
            await require_project(session, project_id, user_id, minimum=ProjectRole.OWNER)
            await llm_policies.lock(session, project_id)
            require_current(if_match, etag_of_model(await self._body(session, project_id)), "policy")
            if level is None:
                await llm_policies.remove(session, project_id)
            else:
                await llm_policies.put(session, project_id, level, user_id)
            after = await self._body(session, project_id)
        log.info("llm_policy_set", project_id=str(project_id), level=str(after.level), default=after.default)
        return after

    async def _body(self, session: Session, project_id: UUID) -> LlmPolicyModel:
        found = await llm_policies.find(session, project_id)
        return LlmPolicyModel(
            project_id=project_id,
            level=Level(found.level if found else self._settings.llm_policy),
            default=found is None,
            updated_by=found.updated_by if found else None,
            updated_at=found.updated_at if found else None,
        )
