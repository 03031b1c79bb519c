"""Whether pods come, go, are asked how they are and are placed as rollouts without a lost request need."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kube_settings import defaults, settings_of
from manifests import ROOT, Manifests, Pod, matches, of_kind, pods

# What the healthy part of a container is found by; others work or end.
HTTP = {"startupProbe": "/health", "livenessProbe": "/health", "readinessProbe": "/ready"}
HEALTHCHECK = ["python", "-S", "-m", "shared.healthcheck"]
UNPROBED = {"beat", "job", "backup"}
# Probes of the readiness ask each dependency for so long.
READY_SECONDS = 2
# To close everything when the rest is over.
MARGIN_SECONDS = 5
# A worker hands back what is left.
HAND_BACK_SECONDS = 20
SLOTS = {"train": 1, "maintenance": 1}
OWN_MEMORY = 512 * 1024**2
RESOURCES = ("cpu", "memory", "ephemeral-storage")
UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}
# Two heads at once would be two clusters.
ONE_AT_A_TIME = {"ray-head"}


def faults(manifests: Manifests) -> Iterator[str]:
    """What would lose requests or tasks, starve, or run beside its like for no reason."""
    for pod in pods(manifests):
        for check in (_probes, _rollout, _resources, _spread):
            yield from (f"{pod}: {fault}" for fault in check(pod))
        yield from (f"{pod}: {fault}" for fault in _farewell(pod, manifests))
        if pod.part == "worker":
            yield from (f"{pod}: {fault}" for fault in _memory(pod, manifests))
    yield from _scaling(manifests)
    yield from _budgets(manifests)


def _probes(pod: Pod) -> Iterator[str]:
    if pod.part in UNPROBED:
        return
    for name in HTTP:
        probe = pod.main.get(name)
        if probe is None:
            yield f"has no {name}"
        elif pod.part == "service":
            yield from _asked(name, probe)
        elif pod.part in {"worker", "ray"} and probe.get("exec", {}).get("command", [])[:4] != HEALTHCHECK:
            yield f"its {name} does not ask shared.healthcheck"
        elif pod.part == "worker" and probe["exec"]["command"][4:] != ["/tmp/alive"]:  # noqa: S108 - as in the image
            yield f"its {name} does not look at the file that the worker touches"


def _asked(name: str, probe: Mapping[str, Any]) -> Iterator[str]:
    get = probe.get("httpGet", {})
    if (get.get("path"), get.get("port")) != (HTTP[name], "http"):
        yield f"its {name} does not ask {HTTP[name]} at the port http"
    if name == "readinessProbe" and probe.get("timeoutSeconds", 1) <= READY_SECONDS:
        yield "its readinessProbe ends before /ready has heard all that it depends on"


def _rollout(pod: Pod) -> Iterator[str]:
    if pod.owner.kind != "Deployment":
        return
    strategy = pod.owner.spec.get("strategy", {})
    rolling = strategy.get("rollingUpdate") or {}
    if pod.name in ONE_AT_A_TIME:
        if strategy.get("type") != "Recreate":
            yield "would run twice while it is replaced"
    elif strategy.get("type") != "RollingUpdate" or rolling.get("maxUnavailable") != 0 or not rolling.get("maxSurge"):
        yield "an old pod goes before a new one is ready"
    if not pod.owner.spec.get("progressDeadlineSeconds"):
        yield "a rollout that hangs is not told (progressDeadlineSeconds)"


def _farewell(pod: Pod, manifests: Manifests) -> Iterator[str]:
    grace, given = pod.spec.get("terminationGracePeriodSeconds", 30), settings_of(pod, manifests)
    if pod.part == "service":
        sleep = pod.main.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
        if sleep[:1] != ["sleep"] or float(sleep[1]) < MARGIN_SECONDS:
            yield "does not wait (preStop) until nobody sends it anything new"
            return
        needs = float(sleep[1]) + float(given["KEEP_ALIVE_DRAIN_SECONDS"]) + request_seconds() + MARGIN_SECONDS
    elif pod.part == "worker":
        needs = float(given["WORKER_DRAIN_SECONDS"]) + HAND_BACK_SECONDS
    else:
        return
    if grace < needs:
        yield f"is killed after {grace} s, and needs {needs:g} to leave in good order"


def request_seconds() -> float:
    """What shared/serve.py gives requests in progress."""
    text = (ROOT / "backend-pro1" / "shared" / "serve.py").read_text()
    return float(re.search(r"^GRACE_SECONDS = (\d+)", text, re.MULTILINE)[1])  # type: ignore[index]


def _resources(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        name, resources = container["name"], container.get("resources") or {}
        least, most = (resources.get(side) or {} for side in ("requests", "limits"))
        yield from (f"container {name} has no requests of {kind}" for kind in RESOURCES if kind not in least)
        yield from (f"container {name} has no limits of {kind}" for kind in RESOURCES if kind not in most)
        for kind in least.keys() & most.keys():
            if amount(least[kind]) > amount(most[kind]):
                yield f"container {name} asks for more {kind} than its limit"
    folders = (volume.get("emptyDir") or {} for volume in pod.volumes)
    on_disk = sum(amount(one.get("sizeLimit", 0)) for one in folders if one.get("medium") != "Memory")
    if on_disk > amount(pod.main.get("resources", {}).get("limits", {}).get("ephemeral-storage", 0)):
        yield "its volumes may hold more than its limit of ephemeral-storage"


def amount(quantity: str | int) -> float:
    """A quantity as a number: bytes or cores."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m|Ki|Mi|Gi)?", str(quantity))
    if match is None:
        return float("nan")
    return float(match[1]) * (UNITS.get(match[2], 1) if match[2] != "m" else 0.001)


def _memory(pod: Pod, manifests: Manifests) -> Iterator[str]:
    given = settings_of(pod, manifests)
    queue = given.get("WORKER_QUEUES", "")
    known = defaults() | given
    slots = SLOTS.get(queue) or int(known["LLM_CONCURRENCY" if queue == "llm" else "WORKER_CONCURRENCY"])
    each = int(known["QUERY_MEMORY_LIMIT_MB" if queue == "llm" else "TASK_MEMORY_LIMIT_MB"]) * 1024**2
    limit = amount(pod.main["resources"]["limits"]["memory"])
    if limit < slots * each + OWN_MEMORY:
        yield f"its memory does not hold {slots} computations of {queue} and the worker itself"


def _spread(pod: Pod) -> Iterator[str]:
    alone = pod.part in {"beat", "job", "store", "backup"} or pod.name == "ray-head" or pod.owner.kind == "RayCluster"
    if not alone and not pod.spec.get("topologySpreadConstraints"):
        yield "its pods may all come to one node (topologySpreadConstraints)"


def _scaling(manifests: Manifests) -> Iterator[str]:
    scaled = {scaler.spec["scaleTargetRef"]["name"] for scaler in of_kind(manifests, "HorizontalPodAutoscaler")}
    for deployment in of_kind(manifests, "Deployment"):
        if deployment.name in scaled and "replicas" in deployment.spec:
            yield f"{deployment}: each apply would take back what its autoscaler did"
        if deployment.name not in scaled and "replicas" not in deployment.spec:
            yield f"{deployment}: nobody says how many there are"


def _budgets(manifests: Manifests) -> Iterator[str]:
    scalers = of_kind(manifests, "HorizontalPodAutoscaler")
    least = {scaler.spec["scaleTargetRef"]["name"]: scaler.spec["minReplicas"] for scaler in scalers}
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        for pod in pods(manifests):
            replicas = pod.owner.spec.get("replicas", least.get(pod.owner.name, 1))
            if matches(budget.spec["selector"], pod.labels) and budget.spec.get("minAvailable", 0) >= replicas:
                yield f"{budget}: no node with {pod.owner.name} could ever be emptied"
