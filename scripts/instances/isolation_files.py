"""Crossings by files and settings: files that others can read; secrets, names and ports that two instances have."""

import stat
from collections.abc import Iterator
from pathlib import Path

from instance import PORT_VARIABLES, URL_VARIABLES, Instance
from isolation import Crossing, Side
from modes import LOCAL

SECRETS = (
    *("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"),
    *("RAY_AUTH_TOKEN", "FLOWER_PASSWORD", "GRAFANA_PASSWORD", "ADMIN_PASSWORD"),
)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
# To pass through is not to read: PostgreSQL's own user must reach its data.
OTHERS_READ = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
# The chart of demo.sh, of public data, for a browser that may be another user's.
SHOWN = frozenset({"demo"})
SERVICE_PORTS = (*PORT_VARIABLES, *URL_VARIABLES, "ray")


def crossings() -> list[Crossing]:
    """Those of this module."""
    return [
        Crossing("files", "read the other's .env", _env_file),
        Crossing("files", "read the other's data and logs", _run_folder),
        Crossing("settings", "a secret of one's own that is the other's, too", _equal_secrets),
        Crossing("settings", "a name that is the other's, too", _equal_names),
        Crossing("settings", "a port that is the other's, too", _equal_ports),
    ]


def secrets_of(instance: Instance) -> dict[str, str]:
    """The secrets of the .env, each with the variable that has it."""
    values = instance.values
    found = [(values.get(name, ""), name) for name in SECRETS]
    found += [(key.strip(), "SECRET_KEYS_PREVIOUS") for key in values.get("SECRET_KEYS_PREVIOUS", "").split(",")]
    found += [(instance.address(server).password, URL_VARIABLES[server]) for server in ("postgres", "redis")]
    return {secret: name for secret, name in reversed(found) if secret}


def _equal_secrets(who: Side, at: Side) -> str:
    own, theirs = secrets_of(who.instance), secrets_of(at.instance)
    names = sorted((own[secret], theirs[secret]) for secret in own.keys() & theirs)
    return ", ".join(one if one == other else f"{one} is the other's {other}" for one, other in names)


def _equal_names(who: Side, at: Side) -> str:
    own, theirs = who.instance.values, at.instance.values
    equal = [name for name in ("PROJECT_ID", "S3_BUCKET") if own.get(name) == theirs.get(name)]
    databases = {side.instance.address("postgres").name for side in (who, at)}
    return ", ".join([*equal, *(["the database's name"] if len(databases) == 1 else [])])


def _equal_ports(who: Side, at: Side) -> str:
    own, theirs = dict(_ports(who.instance)), dict(_ports(at.instance))
    return ", ".join(f"{own[port]} has the port of {theirs[port]}, {port}" for port in sorted(own.keys() & theirs))


def _ports(instance: Instance) -> Iterator[tuple[int, str]]:
    """The ports of what the instance runs itself; several may be guests of one external server."""
    for service in SERVICE_PORTS:
        if service in PORT_VARIABLES or not instance.is_external(service):
            yield instance.address(service).port, service


def _env_file(_: Side, at: Side) -> str:
    return _open_to_others(at.instance.env_file, OTHERS)


def _run_folder(_: Side, at: Side) -> str:
    folder = at.instance.run
    if not folder.exists():
        return ""
    secrets = [secret.encode() for secret in secrets_of(at.instance)]
    entries = [path for path in folder.iterdir() if path != at.instance.env_file and path.name not in SHOWN]
    kept = [path for path in entries if path.is_dir() or (path.is_file() and _holds(path, secrets))]
    # In docker mode what matters is in volumes, and the folder holds marks of the scripts.
    kept += [folder] if at.mode == LOCAL else []
    return ", ".join(filter(None, (_open_to_others(path, OTHERS_READ) for path in kept)))


def _holds(path: Path, secrets: list[bytes]) -> bool:
    content = path.read_bytes()
    return any(secret in content for secret in secrets)


def _open_to_others(path: Path, bits: int) -> str:
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"{path.name} has mode {mode:o}" if mode & bits else ""
