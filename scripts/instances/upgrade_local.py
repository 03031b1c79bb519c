"""Upgrade an instance of local mode: back up, stop the services, migrate, start, verify."""

import asyncio
import time
from collections.abc import Iterable

import asyncpg

from backup import DEFAULT as BACKUPS
from console import Refusal, note
from database import migrate
from images import revision
from instance import Instance
from lifecycle import bring_up, locked
from modes import LOCAL
from preflight import examine
from programs import SERVICES
from selection import Selection
from status import GREEN, Status, inspect
from supervisor import Supervisor
from upgrade_containers import Wish
from upgrade_steps import FREE_BYTES, Stand, Steps, back_up, require_space, require_stamped, wanted_revision

VERIFY_SECONDS = 90.0
PAUSE_SECONDS = 1.0


def upgrade_local(instance: Instance, stand: Stand, wish: Wish, choice: str) -> None:
    """Do all of it; the services are away while the database is migrated, some seconds.

    Raises:
        Refusal: something failed; says in which step, and how to go back.
    """
    steps = Steps(1 if wish.only_check else 6 if wish.backup else 5)
    selection = steps.do("Look whether everything is there", lambda: _check(instance, wish, choice))
    note(f"      the database is at {_revision(instance)}; this code needs {wanted_revision(instance)}")
    if wish.only_check:
        return
    stand.begin({"from_revision": _revision(instance), "from_code": stand.facts.get("code", "")})
    try:
        with locked(instance):
            _do(instance, stand, wish, steps, selection)
    except Refusal as refusal:
        raise Refusal(f"{refusal}\n{_way_back(instance, stand, steps)}") from refusal
    except KeyboardInterrupt:
        note(_way_back(instance, stand, steps))
        raise
    stand.put(state="done", code=revision())


def _do(instance: Instance, stand: Stand, wish: Wish, steps: Steps, selection: Selection) -> None:
    if wish.backup:
        stand.put(backup=steps.do("Back up the database and the objects", lambda: back_up(instance, LOCAL)))
    steps.do("Stop the services", lambda: Supervisor(instance).stop(SERVICES))
    steps.do("Migrate the database", lambda: migrate(instance))
    steps.do("Start the services", lambda: bring_up(instance, selection, restart=False, servers_only=False))
    steps.do("Ask every part whether it works", lambda: _verify(instance))


def _check(instance: Instance, wish: Wish, choice: str) -> Selection:
    require_stamped(instance)
    if not Supervisor(instance).is_running:
        raise Refusal(f"{instance.name} does not run: ./scripts/start-dev.sh --project {instance.name} migrates it")
    if wish.tag:
        raise Refusal("--tag names images, which local mode has none of")
    if wish.backup:
        require_space(BACKUPS, "the backup", FREE_BYTES)
    return examine([instance], {instance.name: choice})[instance.name]


def _revision(instance: Instance) -> str:
    return asyncio.run(_read_revision(instance))


async def _read_revision(instance: Instance) -> str:
    at = instance.address("postgres")
    try:
        connection = await asyncpg.connect(
            host=at.host, port=at.port, user=at.user, password=at.password, database=at.name, timeout=5
        )
        try:
            return str(await connection.fetchval("SELECT coalesce(max(version_num), '') FROM alembic_version"))
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError) as error:
        raise Refusal(f"the database of {instance.name} does not answer: {error}") from error


def _verify(instance: Instance) -> None:
    deadline = time.monotonic() + VERIFY_SECONDS
    while bad := _not_green(rows := inspect(instance).services):
        # Under load a part may not answer in time once.
        if time.monotonic() > deadline:
            raise Refusal("; ".join(bad))
        time.sleep(PAUSE_SECONDS)
    note(f"      the database is at {_revision(instance)}; {len(rows)} parts are green")


def _not_green(rows: Iterable[Status]) -> list[str]:
    return [f"{row.service} is {row.state} {row.note}".strip() for row in rows if row.state not in GREEN]


def _way_back(instance: Instance, stand: Stand, steps: Steps) -> str:
    name, code = instance.name, stand.facts.get("from_code") or "the revision before (git reflog names it)"
    lines = [
        f"{name}: stopped in step {steps.number} of {steps.total}: {steps.title}",
        f"  to go on:   ./scripts/upgrade.sh --project {name}",
        f"  to go back: git checkout {code}, ./scripts/setup.sh, ./scripts/start-dev.sh --project {name} --restart",
    ]
    if place := stand.facts.get("backup"):
        lines.append(
            f"  and only if the data is damaged: ./scripts/restore.sh --project {name} --from {place} --replace"
        )
    return "\n".join(lines)
