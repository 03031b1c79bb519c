"""Who calls: somebody with belongings, an administrator, somebody with a bad token, and nobody at all."""

import random
import re
from collections import deque
from contextlib import suppress
from functools import cached_property

import httpx

from ..adversarial.forge import Forge
from ..adversarial.places import Place
from ..adversarial.rules import OPEN, RULES, Least, Rule
from ..adversarial.wire import own_address
from ..adversarial.world import World
from ..e2e.api import Api

# Whoever does this may have lost an account, a project or a dataset: it is done with belongings that few depend on.
HARMFUL = {
    "auth_logout",
    "auth_logout_all",
    "auth_change_password",
    "users_me_delete",
    "users_delete",
    "users_update",
    "users_role_set",
    "projects_delete",
    "projects_archive",
    "projects_members_add",
    "projects_members_update",
    "projects_members_remove",
    "projects_quotas_set",
    "datasets_delete",
}
_NAME = re.compile(r"\{(\w+)\}")
HOLDERS = ("whole", "spare")
# So many of the tasks that cases have ordered may wait or work; otherwise what belongings are made of waits for hours.
OPEN_TASKS = 6
# Of a service's own routes, which the gateway does not show.
_OWN = Rule(Least.ANYBODY, OPEN)


def rule_of(operation: str) -> Rule:
    """Who may do it, and a request that is allowed."""
    return RULES.get(operation, _OWN)


class Callers:
    """Their credentials, and what there is for them to ask for; whatever was lost is made anew."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._worlds = {name: World(place.gateway) for name in HOLDERS}
        # The last of them, as addresses of who ordered them.
        self._ordered: deque[tuple[Api, str]] = deque()

    @cached_property
    def _administrator(self) -> Api:
        person = Api(self._place.gateway, own_address())
        return person.log_in(self._place.instance.values["ADMIN_EMAIL"], self._place.instance.values["ADMIN_PASSWORD"])

    def credential(self, who: str, operation: str, rng: random.Random) -> str | None:
        """What the Authorization header says; None: there is none."""
        if who == "none":
            return None
        token = self._token(operation) if who == "valid" else rng.choice(self._bad_tokens(operation))
        return f"Bearer {token}"

    def _token(self, operation: str) -> str:
        return str(self._person(operation).tokens["access_token"])

    def _person(self, operation: str) -> Api:
        rule = rule_of(operation)
        return self._administrator if rule.admin or rule.least is Least.ADMIN else self._world(operation).owner

    def _bad_tokens(self, operation: str) -> list[str]:
        owner = self._world(operation).owner
        forge = Forge(owner.tokens["access_token"], self._place.key)
        expired = forge.with_claims(iat=forge.claims["iat"] - 7200, exp=forge.claims["iat"] - 60)
        return ["not.a.token", str(owner.tokens["refresh_token"]), forge.good[:-4] + "AAAA", expired]

    def look(self, operation: str, name: str) -> str | None:
        """What a name in a path or body stands for: an attribute of somebody's world, if it is one."""
        if not hasattr(World, name):
            return None
        for _ in range(2):
            # What it is made of may have been lost by an earlier case.
            with suppress(AssertionError, httpx.HTTPError, StopIteration, IndexError, KeyError):
                return str(getattr(self._world(operation), name))
            self._revive(self._holder(operation))
        return None

    def note(self, operation: str, path: str, status: int) -> None:
        """What `operation` has used up, answering with `status`, is made anew."""
        if status == httpx.codes.UNAUTHORIZED and rule_of(operation).least is not Least.ANYBODY:
            self.revive()
        elif status < httpx.codes.BAD_REQUEST:
            self._note_success(operation, path)

    def ordered(self, operation: str, task_id: str) -> None:
        """`operation` was accepted as a task: the oldest of those that nobody has looked after is called off."""
        person = self._person(operation)
        self._ordered.append((person, f"/tasks/{task_id}/cancel"))
        if len(self._ordered) > OPEN_TASKS:
            who, path = self._ordered.popleft()
            # Whose account, project or session is gone cannot: 401, 404; and a task that has ended answers 409.
            with suppress(httpx.HTTPError, RuntimeError):
                who.client.post(path)

    def _note_success(self, operation: str, path: str) -> None:
        if operation in HARMFUL:
            self._revive(self._holder(operation))
        elif rule_of(operation).spends:
            for name in _spent(rule_of(operation), path):
                vars(self._world(operation)).pop(name, None)

    def revive(self) -> None:
        """Whoever has lost an account, a project or a dataset gets new ones."""
        for holder in HOLDERS:
            self._revive(holder)

    def _revive(self, holder: str) -> None:
        if not self._is_whole(self._worlds[holder]):
            self._renew(holder)

    def _is_whole(self, world: World) -> bool:
        made = vars(world)
        if "owner" not in made:
            return True
        paths = ["/auth/me"]
        paths += [f"/projects/{made['project_id']}"] if "project_id" in made else []
        paths += [f"/datasets/{made['dataset']['id']}"] if "dataset" in made else []
        answers = [world.owner.client.get(path) for path in paths]
        return all(answer.is_success and not _is_put_away(answer.json()) for answer in answers)

    def _renew(self, holder: str) -> None:
        self._worlds[holder].close()
        self._worlds[holder] = World(self._place.gateway)

    def _holder(self, operation: str) -> str:
        return "spare" if operation in HARMFUL else "whole"

    def _world(self, operation: str) -> World:
        return self._worlds[self._holder(operation)]

    def close(self) -> None:
        """Let everybody go."""
        for world in self._worlds.values():
            world.close()
        if "_administrator" in vars(self):
            self._administrator.client.close()


def _spent(rule: Rule, path: str) -> list[str]:
    """Which attributes of a world the last name in a path stands for, and what has to be there before."""
    last = _NAME.findall(path)[-1:]
    return [rule.needs, *(found for name in last for found in _NAME.findall(rule.path.get(name, f"{{{name}}}")))]


def _is_put_away(thing: dict[str, object]) -> bool:
    return any(thing.get(name) for name in ("archived_at", "deleted_at"))
