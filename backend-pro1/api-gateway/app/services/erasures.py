"""A user leaves the instance: what was theirs alone goes with them, what they shared stays."""

from uuid import UUID

from shared.errors import Conflict
from shared.identity import SessionCache
from shared.logging import get_logger
from shared.models.user import LoggedIn
from shared.tasks import Task

from ..core.exceptions import LastOwner
from ..repositories import Repositories, UnitOfWork
from .avatars import AvatarService
from .removals import RemovalService
from .users import found, require_other_administrator, require_sight

log = get_logger(__name__)

PROJECTS = 1000


class ErasureService:
    """Use case of DELETE /users/{id}."""

    def __init__(
        self, begin: UnitOfWork, cache: SessionCache, avatars: AvatarService, removals: RemovalService
    ) -> None:
        self._begin = begin
        self._cache = cache
        self._avatars = avatars
        self._removals = removals

    async def erase(self, caller: LoggedIn, user_id: UUID) -> None:
        """Remove a user for ever, at their own wish or an administrator's.

        Sessions and keys end at once. Projects without other members are removed; in others, what the user made stays
        and names nobody. Records of API calls lose user, key and address within minutes (`api_log_anonymity`).

        Raises:
            NotFound: absent, or not the caller's to see.
            LastAdministrator: nobody else could administer the instance.
            LastOwner: projects with other members would have no owner.
        """
        require_sight(caller, user_id)
        async with self._begin() as repositories:
            await repositories.users.lock_administrators()
            await repositories.erasures.lock_projects(user_id)
            user = found(await repositories.users.lock(user_id))
            await require_other_administrator(repositories, user)
            if orphaned := await repositories.erasures.count_orphaned(user_id):
                raise _last_owner_of(orphaned)
            tasks = await self._remove_projects(repositories, user_id, None if caller.id == user_id else caller.id)
            profile = await repositories.profiles.read(user_id)
            access = await repositories.access.live(user_id)
            await repositories.users.delete(user_id)
        await self._cache.forget(access)
        await self._avatars.discard(profile.avatar_key if profile else None)
        for task in tasks:
            await self._removals.ring(task)
        log.info("user_erased", user_id=str(user_id), by=str(caller.id), projects=len(tasks))

    async def _remove_projects(self, repositories: Repositories, user_id: UUID, asked_by: UUID | None) -> list[Task]:
        tasks: list[Task] = []
        while alone := await repositories.erasures.projects_alone(user_id, PROJECTS):
            tasks += [await self._removals.remove_within(repositories, one, asked_by) for one in alone]
        return tasks


def _last_owner_of(projects: int) -> Conflict:
    says = f"Projects with other members but no other owner: {projects}."
    return Conflict(f"{says} Make somebody else an owner of each, or delete it.", code=LastOwner.code)
