"""Whether every port is the one of the plan. An instance is a namespace, so that all have the ports of pro1."""

import re
from collections.abc import Iterator
from functools import cache

from kube_references import service_ports
from kube_settings import settings_of
from manifests import Manifests, Pod, pods
from project_parts import ports_of

STORES = {"postgres": "POSTGRES_PORT", "redis": "REDIS_PORT", "object-store": "S3_PORT"}
SERVICES = {"api-gateway": "API_GATEWAY_PORT", "data-service": "DATA_SERVICE_PORT", "ai-service": "AI_SERVICE_PORT"}
WORKERS = {"data-worker": "DATA_WORKER_METRICS_PORT", "ai-worker": "AI_WORKER_METRICS_PORT"}
# Beside Ray's own port, as in local mode: the offsets of what a node listens at, and where its processes do.
RAY_OFFSETS = {
    "dashboard-agent-listen-port": 2,
    "dashboard-agent-grpc-port": 3,
    "runtime-env-agent-port": 4,
    "metrics-export-port": 5,
    "object-manager-port": 6,
    "node-manager-port": 7,
    "ray-client-server-port": 8,
}
NAMED = {"gcs": 0, "metrics": 5, "client": 8}


@cache
def plan() -> dict[str, int]:
    """The ports of pro1."""
    return {name: int(port) for name, port in ports_of(1).items()}


def faults(manifests: Manifests) -> Iterator[str]:
    """What listens, or is looked for, at another port."""
    for pod in pods(manifests):
        listens = {port.get("name"): port["containerPort"] for port in pod.main.get("ports", ())}
        for name, port in wanted(pod).items():
            if listens.pop(name, None) != port:
                yield f"{pod}: its port {name} is not {port}, that of the plan"
        for name in listens:
            yield f"{pod}: the port {name} is in no plan"
        if pod.part == "ray":
            yield from _of_ray(pod)
        elif pod.part in {"service", "worker"}:
            yield from _of_settings(pod, manifests)
    yield from _of_services(manifests)


def wanted(pod: Pod) -> dict[str, int]:
    """What the plan has the pod listen at, by name."""
    if pod.name in SERVICES:
        return {"http": plan()[SERVICES[pod.name]]}
    if pod.name in STORES:
        return {pod.name: plan()[STORES[pod.name]]}
    if pod.part == "worker":
        return {"metrics": plan()[WORKERS[pod.name.rpartition("-")[0]]]}
    if pod.part == "ray":
        names = NAMED if pod.name == "ray-head" else ("metrics",)
        return {name: plan()["RAY_PORT"] + NAMED[name] for name in names}
    return {}


def _of_settings(pod: Pod, manifests: Manifests) -> Iterator[str]:
    given = settings_of(pod, manifests)
    for variable in (*SERVICES.values(), *WORKERS.values()):
        if given.get(variable) != str(plan()[variable]):
            yield f"{pod}: {variable} is not {plan()[variable]}, that of the plan"


def _of_ray(pod: Pod) -> Iterator[str]:
    told = dict(re.findall(r"--([a-z-]+)=(\S+)", " ".join(pod.main.get("command", ()))))
    if pod.owner.kind == "RayCluster":
        groups = [pod.owner.spec["headGroupSpec"], *pod.owner.spec["workerGroupSpecs"]]
        told = next(group["rayStartParams"] for group in groups if group["template"] is pod.template)
    base, is_head = plan()["RAY_PORT"], pod.name == "ray-head"
    expected = {name: str(base + offset) for name, offset in RAY_OFFSETS.items()}
    expected |= {"port": str(base)} if is_head else {}
    if not is_head:
        del expected["ray-client-server-port"]
    for name, port in expected.items():
        if told.get(name) != port:
            yield f"{pod}: Ray's {name} is not {port}, that of the plan"


def _of_services(manifests: Manifests) -> Iterator[str]:
    known = service_ports(manifests)
    for name, variable in (SERVICES | STORES).items():
        if name in known and plan()[variable] not in known[name].values():
            yield f"Service/{name}: its port is not {plan()[variable]}, that of the plan"
