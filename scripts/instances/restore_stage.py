"""An instance whose servers run while its services stand still, and afterwards the whole of it again."""

import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from backup_reach import reach
from bucket import ensure_bucket
from by_mode import local_servers
from console import Refusal, note
from container_lifecycle import bring_containers_up
from container_preflight import examine_containers
from containers import containers
from database import ensure_database
from environment import inherited
from instance import Instance
from lifecycle import bring_up, locked
from modes import DOCKER
from preflight import examine
from programs import SERVICES
from selection import Selection

SERVER_SECONDS = 30
LAST_LINES = 8
STORES = ("postgres", "redis", "object-store")


@dataclass(frozen=True)
class Stage:
    """An instance under a restore; `reached` is how its servers are reached from this machine."""

    instance: Instance
    mode: str
    reached: Instance

    def start(self) -> None:
        """Start the whole of it, migrated to this code's schema, and wait until it works.

        Raises:
            Refusal: a part does not come up.
        """
        if self.mode == DOCKER:
            bring_containers_up(self.instance, examine_containers([self.instance])[self.instance.name], restart=False)
        else:
            bring_up(self.instance, _selection(self.instance), restart=False, servers_only=False)

    def forget_redis(self) -> None:
        """Empty the instance's Redis: sessions, limits, answers and doorbells of another past."""
        with redis.Redis.from_url(self.reached.values["REDIS_URL"], socket_timeout=30) as client:
            client.flushdb()

    def migrate(self, database: str) -> None:
        """Bring another database of the instance's server to this code's schema.

        Raises:
            Refusal: a migration failed; holds the end of what it said.
        """
        url = urllib.parse.urlsplit(self.reached.values["DATABASE_URL"])._replace(path=f"/{database}").geturl()
        done = subprocess.run(
            [sys.executable, "-m", "alembic", "-c", "scripts/alembic.ini", "upgrade", "head"],
            cwd=self.instance.code,
            # In the environment, which goes before the file; everybody on the machine sees arguments.
            env=inherited() | {"ENV_FILE": str(self.instance.env_file), "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            end = "\n  ".join(done.stderr.strip().splitlines()[-LAST_LINES:])
            raise Refusal(f"the restored database cannot be migrated:\n  {end}")


@contextmanager
def set_up(instance: Instance, mode: str) -> Iterator[Stage]:
    """The instance with its servers up, its services down, and nobody else to start or stop it meanwhile.

    Raises:
        Refusal: its servers do not come up.
    """
    with locked(instance):
        if mode == DOCKER:
            _stop_containers(instance)
        else:
            _stop_services(instance)
        reached = reach(instance, mode)
        ensure_database(reached, SERVER_SECONDS)
        ensure_bucket(reached)
        yield Stage(instance, mode, reached)


def _stop_services(instance: Instance) -> None:
    note(f"{instance.name}: stopping the services; the servers go on")
    bring_up(instance, _selection(instance), restart=False, servers_only=True)


def _selection(instance: Instance) -> Selection:
    return examine([instance], {instance.name: local_servers(instance)})[instance.name]


def _stop_containers(instance: Instance) -> None:
    plan = examine_containers([instance])[instance.name]
    if not set(STORES) <= {one.service for one in containers(instance) if one.state == "running"}:
        # As a whole: images, networks and volumes are made as ever.
        bring_containers_up(instance, plan, restart=False)
    note(f"{instance.name}: stopping the containers of the services; the stores go on")
    plan.compose.run("stop", *(name for name in plan.services if name in SERVICES))
