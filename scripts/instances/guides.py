"""What a person is told when an instance is up: where everything is."""

from collections.abc import Callable, Iterable

from containers import published
from instance import Instance


def guide(instance: Instance, *, metrics: bool) -> str:
    """Where the parts of an instance of local mode are; `metrics` tells whether it has a Prometheus."""
    prometheus = instance.url("prometheus") if metrics else "no prometheus on this machine"
    return _text(instance, instance.url, prometheus, str(instance.logs))


def container_guide(instance: Instance, services: Iterable[str]) -> str:
    """The same for an instance in containers; `services` are those that are published."""
    view, open_ones = published(instance), set(services)

    def url(part: str) -> str:
        # In production the proxy has the gateway's port.
        return view.url(part) if part in open_ones or part == "api-gateway" else f"{part}: inside only"

    return _text(instance, url, url("prometheus"), f"./scripts/logs.sh --project {instance.name}")


def _text(instance: Instance, url: Callable[[str], str], metrics: str, logs: str) -> str:
    gateway, name = url("api-gateway"), instance.name
    return "\n".join(
        [
            f"{name}",
            f"  API         {gateway}/api/v1",
            f"  API docs    {gateway}/docs",
            f"  data, AI    {url('data-service')}  {url('ai-service')}",
            f"  storage     {url('postgres')}  {url('redis')}  {url('object-store')}",
            f"  metrics     {metrics}",
            f"  logs        {logs}",
            f"  Try it      ./scripts/demo.sh --project {name}",
            "  See it      ./scripts/status.sh",
            f"  Stop it     ./scripts/stop-dev.sh --project {name}",
        ]
    )
