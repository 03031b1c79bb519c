"""Whether every object is one of those that we mean to make, and is what its schema says."""

from collections.abc import Iterator

import kubernetes_validate

from manifests import Manifest, Manifests

# By the newest schemas that the package knows. An unknown kind would pass it, so that the kinds are named here.
KINDS = {
    "apps/v1": {"Deployment", "StatefulSet"},
    "autoscaling/v2": {"HorizontalPodAutoscaler"},
    "batch/v1": {"CronJob", "Job"},
    "networking.k8s.io/v1": {"Ingress", "NetworkPolicy"},
    "policy/v1": {"PodDisruptionBudget"},
    "v1": {"ConfigMap", "Namespace", "Secret", "Service", "ServiceAccount"},
}
# Kinds of operators, whose schemas are theirs: what they refer to is checked, not each of their fields.
CUSTOM_KINDS = {
    "gateway.networking.k8s.io/v1": {"HTTPRoute"},
    "monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule", "ServiceMonitor"},
    "ray.io/v1": {"RayCluster"},
}
CLUSTER_WIDE = {"Namespace"}


def faults(manifests: Manifests) -> Iterator[str]:
    """What is no object of ours, is there twice, or breaks its schema."""
    version = kubernetes_validate.latest_version()
    seen: set[tuple[str, str]] = set()
    for manifest in manifests:
        if manifest.kind not in KINDS.get(manifest.api, set()) | CUSTOM_KINDS.get(manifest.api, set()):
            yield f"{manifest}: {manifest.api} {manifest.kind} is none of the kinds that are meant to be here"
        elif manifest.api in KINDS:
            yield from _broken(manifest, version)
        if (manifest.kind, manifest.name) in seen:
            yield f"{manifest}: is there twice"
        seen.add((manifest.kind, manifest.name))
    yield from _strays(manifests)


def _broken(manifest: Manifest, version: str) -> Iterator[str]:
    try:
        kubernetes_validate.validate(manifest.raw, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        place = ".".join(str(part) for part in error.path)
        yield f"{manifest}: {place}: {error.message}"


def _strays(manifests: Manifests) -> Iterator[str]:
    namespaces = {manifest.name for manifest in manifests if manifest.kind == "Namespace"}
    for manifest in manifests:
        if manifest.kind not in CLUSTER_WIDE and namespaces != {manifest.namespace}:
            yield f"{manifest}: is in the namespace {manifest.namespace!r}, not in that of the instance"
