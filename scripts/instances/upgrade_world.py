"""The real instance in containers, as an upgrade deals with it."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from backup import DEFAULT as BACKUPS
from compose import Compose, docker, docker_environment, execute, execute_docker, last_line
from console import Refusal, note
from container_preflight import examine_containers
from container_status import inspect_containers
from containers import running
from images import ensure_images, revision, source_digest
from instance import Instance
from lifecycle import locked
from modes import DOCKER
from rolling import PORTS, Engine, require_proxy, roll
from status import GREEN
from upgrade_containers import Wish
from upgrade_steps import FREE_BYTES, back_up, require_space, require_stamped, restore, wanted_revision

IMAGES_BYTES = 3_000_000_000
DEFAULT_TAG = "dev"
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
CHECK = ("python", "-S", "-m", "shared.healthcheck")


@dataclass
class Containers:
    """One instance; its .env is read anew each time, since an upgrade changes it."""

    instance: Instance

    @property
    def name(self) -> str:
        """Its name."""
        return self.instance.name

    @property
    def _now(self) -> Instance:
        return replace(self.instance)

    def check(self, wish: Wish) -> None:
        """Settings, the parts at work, room, copies, the tag."""
        instance = self._now
        examine_containers([instance])
        require_stamped(instance)
        engine = Engine(instance)
        require_proxy(engine)
        if idle := [one.service for name in PORTS for one in engine.of(name) if not engine.answers(one)]:
            raise Refusal(f"{', '.join(idle)} is not ready as it is: see ./scripts/status.sh --project {self.name}")
        require_space(Path(docker("info", "--format", "{{.DockerRootDir}}").strip()), "the images", IMAGES_BYTES)
        if wish.backup:
            size = int(self._ask("SELECT pg_database_size(current_database())"))
            require_space(BACKUPS, "the backup", FREE_BYTES + size)
        if not TAG.fullmatch(self.next_tag(wish)):
            raise Refusal(f"--tag {wish.tag}: a tag is of letters, digits and any of _.-")

    def tag(self) -> str:
        """IMAGE_TAG."""
        return self._now.values.get("IMAGE_TAG") or DEFAULT_TAG

    def next_tag(self, wish: Wish) -> str:
        """The commit and the content, so that each state of the code has images of its own."""
        if wish.tag:
            return wish.tag
        if self._now.values.get("IMAGE_REGISTRY"):
            raise Refusal("the images come from a registry: say which with --tag")
        base = Compose(self._now).services()["api-gateway"].build_arguments["PYTHON_IMAGE"]
        return f"{revision()[:12]}-{source_digest(self.instance.code, base)[:8]}"

    def use_tag(self, tag: str) -> None:
        """Write IMAGE_TAG."""
        set_variable(self.instance.env_file, "IMAGE_TAG", tag)

    def revision(self) -> str:
        """What alembic noted in the database."""
        return self._ask("SELECT coalesce(max(version_num), '') FROM alembic_version")

    def wanted_revision(self) -> str:
        """That of the checkout."""
        return wanted_revision(self.instance)

    def back_up(self) -> str:
        """By scripts/backup.sh."""
        return back_up(self.instance, DOCKER)

    def get_images(self) -> None:
        """By the compose files, with the tag of now."""
        ensure_images(self._now, Compose(self._now).services())

    def migrate(self) -> None:
        """In a container of its own; migrators wait for each other at a lock in the database."""
        Compose(self._now).run("run", "--rm", "--no-deps", "-T", "migrate")

    def roll(self) -> None:
        """All services."""
        with locked(self.instance):
            roll(Engine(self._now))

    def verify(self) -> None:
        """The schema, each container's own word, the status of every part, and the way through the proxy."""
        engine = Engine(self._now)
        for service, port in PORTS.items():
            for one in engine.of(service):
                for path in ("ready", "health/detailed"):
                    said = execute_docker("exec", one.id, *CHECK, f"http://127.0.0.1:{port}/{path}")
                    if said.returncode != 0:
                        raise Refusal(f"{service} is not well: {last_line(said.stderr)}")
        rows = inspect_containers(self._now).services
        if bad := [f"{row.service} is {row.state} {row.note}".strip() for row in rows if row.state not in GREEN]:
            raise Refusal("; ".join(bad))
        note(f"      the database is at {self.revision()}; {len(rows)} parts are green")

    def restore(self, place: str) -> None:
        """By scripts/restore.sh."""
        restore(self.instance, DOCKER, place)

    def _ask(self, statement: str) -> str:
        address = self._now.address("postgres")
        command = ("docker", "exec", "--env", "PGPASSWORD", running(self._now, "postgres"), "psql", "--no-psqlrc")
        options = ("-h", "127.0.0.1", "-U", address.user, "-d", address.name, "-tAc", statement)
        done = execute((*command, *options), docker_environment() | {"PGPASSWORD": address.password})
        if done.returncode != 0:
            raise Refusal(f"the database of {self.name} does not answer: {last_line(done.stderr)}")
        return done.stdout.strip()


def set_variable(file: Path, name: str, value: str) -> None:
    """Change one variable of an .env at once or not at all; it stays private."""
    text = file.read_text()
    line = f"{name}={value}"
    changed, found = re.subn(rf"^#?{name}=.*$", lambda _: line, text, count=1, flags=re.MULTILINE)
    draft = file.with_name(file.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as opened:
        opened.write(changed if found else f"{text.rstrip()}\n{line}\n")
    draft.replace(file)
