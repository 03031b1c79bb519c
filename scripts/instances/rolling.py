"""Replace the containers of an instance one by one: the next is ready before the last one goes, so no request fails."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compose import Compose, docker, execute_docker
from console import Refusal, note
from containers import Container, containers
from instance import Instance, read_facts, write_facts

# Workers first: they know the tasks of the services before them and of those after them.
WORKERS = ("ray-head", "ray-worker", "data-worker", "ai-worker", "beat", "flower")
PORTS = {"ai-service": 8002, "data-service": 8001, "api-gateway": 8000}
PROXY = "edge"
READY_SECONDS = 120.0
# Two commands of the engine each time: more often, they would take the half of a core from what is served.
PERIOD_SECONDS = 1.0
RESTARTS = 3
LAST_LINES = 15
JOURNAL = "roll.json"


@dataclass(frozen=True)
class Engine:
    """What a roll asks of the container engine, for one instance."""

    instance: Instance

    def of(self, service: str) -> list[Container]:
        """The containers of a service, oldest first."""
        found = (one for one in containers(self.instance) if one.service == service)
        return sorted(found, key=lambda one: one.started_at)

    def add(self, service: str, count: int) -> None:
        """Start as many as are missing until there are `count`; those that there are stay as they are."""
        options = ("--detach", "--no-deps", "--no-recreate", "--no-build", "--scale", f"{service}={count}")
        Compose(self.instance).run("up", *options, service)

    def replace(self, service: str, count: int) -> None:
        """Stop a service, which gives it its time, and start it from the image of now."""
        options = ("--detach", "--no-deps", "--force-recreate", "--no-build", "--scale", f"{service}={count}")
        Compose(self.instance).run("up", *options, service)

    def answers(self, container: Container) -> bool:
        """Whether its service says that it is ready."""
        url = f"http://127.0.0.1:{PORTS[container.service]}/ready"
        return execute_docker("exec", container.id, *_CHECK, url).returncode == 0

    def remove(self, container: Container) -> None:
        """Let it finish what it does, within its stop_grace_period, and take it away."""
        docker("stop", container.id)
        docker("rm", "--force", container.id)

    def log(self, container: Container) -> list[str]:
        """The last it said."""
        done = execute_docker("logs", "--tail", str(LAST_LINES), container.id)
        return (done.stdout + done.stderr).splitlines()[-LAST_LINES:]


_CHECK = ("python", "-S", "-m", "shared.healthcheck")


class NotReady(Refusal):
    """A new container did not become ready; the old ones still serve."""


def roll(engine: Engine, say: Callable[[str], None] = note) -> None:
    """Replace every container of the instance's own images.

    Raises:
        NotReady: a new one does not get ready; it is removed, and what was not replaced yet stays.
        Refusal: the instance does not run in production mode.
    """
    require_proxy(engine)
    journal = Journal(engine.instance.run / JOURNAL)
    for worker in WORKERS:
        if engine.of(worker):
            _replace(engine, worker, say)
    for service in PORTS:
        _roll(engine, service, journal, say)
    journal.forget()


def has_proxy(engine: Engine) -> bool:
    """Whether the instance runs in production mode."""
    return any(map(_runs, engine.of(PROXY)))


def require_proxy(engine: Engine) -> None:
    """Without the proxy two containers of a service cannot stand side by side.

    Raises:
        Refusal: the proxy or a service does not run.
    """
    name = engine.instance.name
    missing = [service for service in (PROXY, *PORTS) if not any(map(_runs, engine.of(service)))]
    if missing:
        raise Refusal(
            f"{name}: {', '.join(missing)} does not run in a container. A roll needs all of the production mode: "
            f"COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml in {engine.instance.env_file}, "
            f"and ./scripts/start-dev.sh --project {name} --docker"
        )


class Journal:
    """How many containers each service had before: a roll that was killed leaves one more, which the next one takes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counts: Mapping[str, int] = read_facts(file) if file.exists() else {}

    def count(self, service: str, found: int) -> int:
        """The number to keep."""
        if service not in self._counts:
            self._counts = {**self._counts, service: found}
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_facts(self._file, self._counts)
        return self._counts[service]

    def forget(self) -> None:
        """The roll is complete."""
        self._file.unlink(missing_ok=True)


def _roll(engine: Engine, service: str, journal: Journal, say: Callable[[str], None]) -> None:
    old = _worst_first(engine, engine.of(service))
    wanted = journal.count(service, len(old))
    for number, container in enumerate(old, start=1):
        begun = time.monotonic()
        # Where an interrupted roll left one more, that one serves while this one goes.
        if len(old) - number + 1 <= wanted:
            _add(engine, service)
        elif not _others_serve(engine, container):
            raise NotReady(f"{engine.instance.name}: no other container of {service} is ready: see ./scripts/logs.sh")
        engine.remove(container)
        say(f"  {service}: {number} of {len(old)} replaced in {time.monotonic() - begun:.1f} s")


def _worst_first(engine: Engine, found: Iterable[Container]) -> list[Container]:
    return sorted(found, key=lambda one: (_runs(one) and engine.answers(one), one.started_at))


def _others_serve(engine: Engine, leaving: Container) -> bool:
    others = (one for one in engine.of(leaving.service) if one.id != leaving.id)
    return any(_runs(one) and engine.answers(one) for one in others)


def _add(engine: Engine, service: str) -> None:
    before = {one.id for one in engine.of(service)}
    try:
        engine.add(service, len(before) + 1)
        _wait(engine, service, lambda one: one.id not in before, ready=True)
    except BaseException:
        # Interrupted or failed: nothing half-made stays beside what serves.
        for one in engine.of(service):
            if one.id not in before:
                engine.remove(one)
        raise


def _replace(engine: Engine, worker: str, say: Callable[[str], None]) -> None:
    begun = time.monotonic()
    engine.replace(worker, len(engine.of(worker)))
    _wait(engine, worker, lambda _: True, ready=False)
    say(f"  {worker}: replaced in {time.monotonic() - begun:.1f} s")


def _wait(engine: Engine, service: str, concerns: Callable[[Container], bool], *, ready: bool) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        new = [one for one in engine.of(service) if concerns(one)]
        if new and all(_is_well(one) and (not ready or engine.answers(one)) for one in new):
            return
        ended = [one for one in new if _is_lost(one)]
        if ended or time.monotonic() > deadline:
            raise NotReady(_story(engine, service, ended or new))
        time.sleep(PERIOD_SECONDS)


def _runs(container: Container) -> bool:
    return container.state == "running"


def _is_well(container: Container) -> bool:
    return _runs(container) and container.health in {"", "healthy"}


def _is_lost(container: Container) -> bool:
    # One that ends that often has not just been early.
    often = container.restarts >= RESTARTS
    return often or container.state in {"exited", "dead"} or container.health == "unhealthy"


def _story(engine: Engine, service: str, found: list[Container]) -> str:
    lines = "".join(f"\n    {line[:400]}" for line in engine.log(found[0])) if found else ""
    reason = found[0].complaint or found[0].health or found[0].state if found else "there is none"
    return f"{engine.instance.name}: the new container of {service} does not get ready ({reason})" + (
        f"; it ends with:{lines}" if lines else ""
    )
