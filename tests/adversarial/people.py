"""Everybody who may stand at the door, and what an operation owes to each by its rule."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..e2e.api import Api
from .forge import Forge
from .places import Place
from .rules import LOGIN, OPEN, Least, Rule
from .wire import Answer, own_address
from .world import World

# By these it is known that somebody got in, whatever came of it.
ADMITTED = "let in"
NOBODY = "401"
FORBIDDEN = "403"
UNSEEN = "404"

UNKNOWN = ("nobody", "garbage", "refresh token", "expired", "another instance's")
KNOWN = ("stranger", "viewer", "editor", "owner", "administrator")
KEYS = ("key to read", "key to another area", "fitting key")
_RANKS = {"viewer": 1, "editor": 2, "owner": 3}
_LEAST = {Least.VIEWER: 1, Least.EDITOR: 2, Least.OWNER: 3}


def owed(rule: Rule, who: str) -> str:
    """What `who` must get: one of the four above."""
    due = _owed(rule, who)
    return UNSEEN if rule.absent and due == ADMITTED else due


def _owed(rule: Rule, who: str) -> str:
    if rule.least is Least.ANYBODY:
        return ADMITTED
    if who in UNKNOWN:
        return NOBODY
    if who in KEYS:
        return _owed_to_key(rule, who)
    if who == "administrator" and (rule.admin or rule.least is Least.ADMIN):
        return ADMITTED
    return _owed_to_person(rule, who)


def _owed_to_key(rule: Rule, who: str) -> str:
    if rule.key == OPEN:
        return ADMITTED
    reads = rule.key.endswith(":read")
    fits = rule.key != LOGIN and (who == "fitting key" or (who == "key to read" and reads))
    return ADMITTED if fits else FORBIDDEN


def _owed_to_person(rule: Rule, who: str) -> str:
    if rule.least is Least.USER:
        return ADMITTED
    if rule.told_first:
        return FORBIDDEN
    if rule.least is Least.SELF:
        return ADMITTED if who == "owner" else UNSEEN
    if who not in _RANKS:
        return UNSEEN
    return ADMITTED if _RANKS[who] >= _LEAST.get(rule.least, 4) else FORBIDDEN


def _elsewhere(rule: Rule) -> tuple[str, str]:
    """Scopes of an area that the operation is not in."""
    area = "users" if rule.key.startswith("models:") else "models"
    return f"{area}:read", f"{area}:write"


def given(rule: Rule, answer: Answer) -> str:
    """What somebody got; where no credentials are asked for, a refusal concerns what was sent."""
    is_refused = rule.least is not Least.ANYBODY and answer.status in (401, 403, 404)
    return str(answer.status) if is_refused else ADMITTED


@dataclass
class People:
    """Their tokens. `world` is the one whose things are asked for."""

    place: Place
    elsewhere: Place
    world: World
    administrator: Api
    strangers: World
    newcomer: Api
    _keys: dict[str, str] = field(default_factory=dict)

    def token(self, who: str, rule: Rule, world: World) -> str | None:
        """The credential of `who` where the things of `world` are asked for."""
        made: dict[str, Callable[[], str | None]] = {
            "nobody": lambda: None,
            "garbage": lambda: "not.a.token",
            "refresh token": lambda: str(world.owner.tokens["refresh_token"]),
            "expired": lambda: self._expired(world),
            "another instance's": lambda: str(self.newcomer.tokens["access_token"]),
            "stranger": lambda: str(self.strangers.owner.tokens["access_token"]),
            "owner": lambda: str(world.owner.tokens["access_token"]),
            "administrator": lambda: str(self.administrator.tokens["access_token"]),
            "key to read": lambda: self._key(world, "read"),
            "key to another area": lambda: self._key(world, *_elsewhere(rule)),
            "fitting key": lambda: self._fitting(rule, world),
        }
        return made[who]() if who in made else str(world.helpers[who].tokens["access_token"])

    def _expired(self, world: World) -> str:
        forge = Forge(world.owner.tokens["access_token"], self.place.key)
        return forge.with_claims(iat=forge.claims["iat"] - 7200, exp=forge.claims["iat"] - 60)

    def _fitting(self, rule: Rule, world: World) -> str:
        if rule.key == "admin":
            return self._keys.setdefault("admin", self._admin_key())
        return self._key(world, rule.key if ":" in rule.key else "write")

    def _admin_key(self) -> str:
        made = self.administrator.ok("POST", "/auth/api-keys", json={"name": "tests", "scopes": ["admin"]})
        return str(made["key"])

    def _key(self, world: World, *scopes: str) -> str:
        name = f"{id(world)} {scopes}"
        if name not in self._keys:
            self._keys[name] = world.key(*scopes)
        return self._keys[name]


def join(base_url: str, opened: list[Api]) -> Api:
    """Somebody new, noted in `opened` to be let go at the end."""
    opened.append(Api(base_url, own_address()))
    return opened[-1].signed_up()
