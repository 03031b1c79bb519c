"""Whether a pod may no more than it needs."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from manifests import Manifest, Manifests, Pod, pods

# The user of our images, and those of the images of PostgreSQL and Redis.
USERS = {"store": {999, 10001}}
OUR_USER = 10001
BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
LEVELS = ("enforce", "audit", "warn")
USER_FIELDS = ("runAsUser", "runAsGroup", "fsGroup")
REFUSED_FIELDS = ("automountServiceAccountToken", "enableServiceLinks")
NODE_FIELDS = ("hostNetwork", "hostPID", "hostIPC")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$|AUTH$")
GENERATED = re.compile(r"-[a-z0-9]{10}$")


def faults(manifests: Manifests) -> Iterator[str]:
    """What a pod may that it should not, or does not say that it may not."""
    for pod in pods(manifests):
        for fault in (*_of_pod(pod), *_of_volumes(pod)):
            yield f"{pod}: {fault}"
        for container in pod.containers:
            for fault in _of_container(container):
                yield f"{pod}: container {container.get('name')}: {fault}"
    yield from _of_objects(manifests)


def _of_pod(pod: Pod) -> Iterator[str]:
    spec, context = pod.spec, pod.spec.get("securityContext") or {}
    users = USERS.get(pod.part, {OUR_USER})
    profile = (context.get("seccompProfile") or {}).get("type")
    yield from _unlike("true", {"runAsNonRoot": context.get("runAsNonRoot") is True})
    yield from _unlike("RuntimeDefault", {"seccompProfile": profile == "RuntimeDefault"})
    yield from _unlike("one of the images' users", {name: context.get(name) in users for name in USER_FIELDS})
    yield from _unlike("false", {name: spec.get(name) is False for name in REFUSED_FIELDS})
    yield from _unlike("left out", {name: not spec.get(name) for name in NODE_FIELDS})


def _unlike(wanted: str, fields: Mapping[str, bool]) -> Iterator[str]:
    return (f"{name} is not {wanted}" for name, is_so in fields.items() if not is_so)


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    context = container.get("securityContext") or {}
    capabilities = context.get("capabilities") or {}
    yield from _unlike("false", {"allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False})
    yield from _unlike("true", {"readOnlyRootFilesystem": context.get("readOnlyRootFilesystem") is True})
    yield from _unlike("left out", {"privileged": not context.get("privileged")})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "keeps capabilities"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "takes a port of the node"
    if not BY_DIGEST.fullmatch(str(container.get("image"))):
        yield f"the image {container.get('image')} is not named by its digest"
    for name in (one["name"] for one in container.get("env", ()) if "value" in one and SECRET.search(one["name"])):
        yield f"the secret {name} stands in it as a value"


def _of_volumes(pod: Pod) -> Iterator[str]:
    for volume in pod.spec.get("volumes", ()):
        kind = next((key for key in volume if key != "name"), "")
        if kind not in {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}:
            yield f"the volume {volume['name']} is a {kind}"
        elif kind == "emptyDir" and "sizeLimit" not in (volume["emptyDir"] or {}):
            yield f"the volume {volume['name']} has no sizeLimit"


def _of_objects(manifests: Manifests) -> Iterator[str]:
    for manifest in manifests:
        if check := OF_KIND.get(manifest.kind):
            yield from (f"{manifest}: {fault}" for fault in check(manifest))


def _of_account(account: Manifest) -> Iterator[str]:
    field = "automountServiceAccountToken"
    return _unlike("false", {field: account.raw.get(field) is False})


def _of_namespace(namespace: Manifest) -> Iterator[str]:
    labels = {level: namespace.labels.get(f"pod-security.kubernetes.io/{level}") for level in LEVELS}
    return _unlike("restricted", {f"pod security {level}": label == "restricted" for level, label in labels.items()})


def _of_secret(secret: Manifest) -> Iterator[str]:
    if not GENERATED.search(secret.name):
        yield "a secret stands among the manifests, and is not made by a generator"


def _of_service(service: Manifest) -> Iterator[str]:
    if service.spec.get("type", "ClusterIP") != "ClusterIP":
        yield f"is reached from outside by {service.spec['type']}"


OF_KIND: dict[str, Callable[[Manifest], Iterable[str]]] = {
    "ServiceAccount": _of_account,
    "Namespace": _of_namespace,
    "Secret": _of_secret,
    "Service": _of_service,
}
