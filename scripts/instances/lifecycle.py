"""Bring an instance up, in order, and down again."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bucket import ensure_bucket
from console import Refusal, note
from database import ensure_database, migrate
from instance import Instance
from layout import prepare, ray_folder, socket_folder
from programs import SERVERS, SERVICES, programs
from readiness import wait_until_ready
from selection import Selection, read_state
from supervisor import Supervisor

SERVER_SECONDS = 30
SERVICE_SECONDS = 90
# What the services cannot start without; the others are waited for at the end.
NEEDED_FIRST = frozenset({"postgres", "redis", "object-store"})


@contextmanager
def locked(instance: Instance, name: str = "lock") -> Iterator[None]:
    """Only one start or stop of an instance at a time; another name is for what has such in it."""
    instance.run.mkdir(parents=True, exist_ok=True)
    with (instance.run / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"{instance.name}: another start or stop is under way; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def bring_up(instance: Instance, selection: Selection, *, restart: bool, servers_only: bool) -> bool:
    """Start what does not run and wait until all of it works; returns whether anything changed.

    Raises:
        Refusal: a part does not come up; says which, and shows the end of its log.
    """
    begun = time.monotonic()
    supervisor = Supervisor(instance)
    selection = prepare(instance, selection)
    enabled = [program for program in programs(instance, selection) if not servers_only or program.name in SERVERS]
    names = [program.name for program in enabled]
    _sweep(instance, supervisor)
    supervisor.configure(enabled)
    changed = supervisor.ensure()
    (instance.run / "up").touch()
    if restart:
        supervisor.stop(name for name in names if name in SERVICES)
    started = supervisor.start(name for name in names if name in SERVERS)
    if selection.postgres:
        ensure_database(instance, SERVER_SECONDS)
    idle = [name for name in names if name in SERVICES and _is_idle(supervisor, name)]
    if idle:
        wait_until_ready(instance, NEEDED_FIRST, SERVER_SECONDS)
        if selection.object_store:
            ensure_bucket(instance)
        migrate(instance)
    started += supervisor.start(idle)
    wait_until_ready(instance, names, SERVICE_SECONDS)
    if started or changed:
        note(f"{instance.name} is ready after {time.monotonic() - begun:.1f} s; started: {', '.join(started) or '-'}")
    return bool(started or changed)


def bring_down(instance: Instance) -> bool:
    """Stop everything; data stays. Returns whether anything ran."""
    stopped = Supervisor(instance).shut_down()
    (instance.run / "up").unlink(missing_ok=True)
    return stopped


def belongings(instance: Instance) -> list[Path]:
    """What a purge deletes; the .env of an instance of the checkout stays."""
    home = Path(read_state(instance).get("postgres_home", instance.run))
    sockets = socket_folder(instance)
    return [path for path in dict.fromkeys((instance.run, home, sockets)) if path.exists()]


def purge(instance: Instance) -> None:
    """Delete what belongs to the instance.

    Raises:
        Refusal: it still runs.
    """
    if Supervisor(instance).is_running:
        raise Refusal(f"{instance.name} still runs: stop it first")
    for path in belongings(instance):
        shutil.rmtree(path)


def _is_idle(supervisor: Supervisor, name: str) -> bool:
    process = supervisor.processes().get(name)
    return process is None or process.state not in {"RUNNING", "STARTING"}


def _sweep(instance: Instance, supervisor: Supervisor) -> None:
    """Ray leaves a folder of logs behind for each of its lives: keep none of the dead."""
    if supervisor.is_running:
        return
    for session in ray_folder(instance).glob("session_*"):
        if session.is_symlink():
            session.unlink()
        else:
            shutil.rmtree(session, ignore_errors=True)
