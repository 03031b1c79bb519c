"""Whether what Prometheus scrapes carries the label by which rules and dashboards tell instances apart."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from manifests import Manifest, Manifests, Pod, matches, of_kind, pods

LABEL = "project"
ENDPOINTS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}
# How Prometheus calls a pod's labels, with _ for what may not stand in a name.
META = "__meta_kubernetes_pod_label_"


def faults(manifests: Manifests) -> Iterator[str]:
    """Series that would be of no instance, or of another."""
    instances = {one.raw["data"].get("PROJECT_ID") for one in of_kind(manifests, "ConfigMap") if "data" in one.raw}
    for monitor in of_kind(manifests, *ENDPOINTS):
        for endpoint in monitor.spec[ENDPOINTS[monitor.kind]]:
            rules = [rule for rule in endpoint.get("relabelings", ()) if rule.get("targetLabel") == LABEL]
            if len(rules) != 1:
                yield f"{monitor}: its series have no label {LABEL}"
                continue
            for pod in _chosen(monitor, manifests):
                if (value := _value(rules[0], pod)) not in instances:
                    yield f"{monitor}: series of {pod} would have the {LABEL} {value!r}, which is not PROJECT_ID"


def _chosen(monitor: Manifest, manifests: Manifests) -> Iterator[Pod]:
    selectors = [monitor.spec["selector"]]
    if monitor.kind == "ServiceMonitor":
        services = (one for one in of_kind(manifests, "Service") if matches(selectors[0], one.labels))
        selectors = [{"matchLabels": service.spec["selector"]} for service in services]
    return (pod for pod in pods(manifests) if any(matches(selector, pod.labels) for selector in selectors))


def _value(rule: Mapping[str, Any], pod: Pod) -> str:
    """What a relabeling, of the kind that copies, makes of a pod's labels."""
    labels = {META + re.sub(r"\W", "_", name): value for name, value in pod.labels.items()}
    return ";".join(labels.get(source, "") for source in rule.get("sourceLabels", ()))
