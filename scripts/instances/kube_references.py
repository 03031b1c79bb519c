"""Whether everything that an object refers to is there."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kube_secrets import OUTSIDE_SECRETS
from manifests import Manifest, Manifests, Pod, matches, of_kind, pods

KEY_REFERENCES = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}
# Made by KubeRay's operator for the head of a RayCluster called `ray`.
OPERATORS_SERVICES = {"ray-head-svc": {8010, 8018}}


def faults(manifests: Manifests) -> Iterator[str]:
    """What is referred to and is not there."""
    every = list(pods(manifests))
    for pod in every:
        for fault in (*_of_pod(pod, manifests), *_of_volumes(pod, manifests)):
            yield f"{pod}: {fault}"
    for check in (_selectors, _services, _targets, _policies, _monitors):
        yield from check(manifests, every)
    yield from _routes(manifests)


def _of_pod(pod: Pod, manifests: Manifests) -> Iterator[str]:
    accounts = {account.name for account in of_kind(manifests, "ServiceAccount")}
    if pod.spec.get("serviceAccountName") not in accounts:
        yield f"there is no service account {pod.spec.get('serviceAccountName')}"
    for kind, name, key in _sources(pod):
        keys = keys_of(kind, name, manifests)
        if keys is None:
            yield f"there is no {kind} {name}"
        elif key and key not in keys:
            yield f"the {kind} {name} has no key {key}"


def _sources(pod: Pod) -> Iterator[tuple[str, str, str]]:
    """Kind, name and key, if it is one, of each config map and secret that it takes variables or files from."""
    for container in pod.containers:
        for source in container.get("envFrom", ()):
            kind = "ConfigMap" if "configMapRef" in source else "Secret"
            yield kind, (source.get("configMapRef") or source["secretRef"])["name"], ""
        for origin in (variable.get("valueFrom") or {} for variable in container.get("env", ())):
            for field in KEY_REFERENCES.keys() & origin.keys():
                yield KEY_REFERENCES[field], origin[field]["name"], origin[field]["key"]
    yield from (("ConfigMap", one["configMap"]["name"], "") for one in pod.volumes if "configMap" in one)
    yield from (("Secret", one["secret"]["secretName"], "") for one in pod.volumes if "secret" in one)


def keys_of(kind: str, name: str, manifests: Manifests) -> set[str] | None:
    """The keys of a config map, or of a secret, which somebody else makes; None if there is none of that name."""
    for manifest in of_kind(manifests, kind):
        if manifest.name == name:
            return {*manifest.raw.get("data", {}), *manifest.raw.get("stringData", {})}
    return set(OUTSIDE_SECRETS[name]) if kind == "Secret" and name in OUTSIDE_SECRETS else None


def _of_volumes(pod: Pod, manifests: Manifests) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pod.volumes}
    claims = {claim["metadata"]["name"] for claim in pod.owner.spec.get("volumeClaimTemplates", ())}
    mounted = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", ())}
    for name in sorted(mounted - volumes.keys() - claims):
        yield f"there is no volume {name} to be mounted"
    for name in sorted((volumes.keys() | claims) - mounted):
        yield f"the volume {name} is mounted by none"
    there = {claim.name for claim in of_kind(manifests, "PersistentVolumeClaim")}
    for volume in volumes.values():
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim and claim not in there:
            yield f"there is no persistent volume claim {claim}"


def _selectors(manifests: Manifests, every: Iterable[Pod]) -> Iterator[str]:
    for pod in every:
        selector = pod.owner.spec.get("selector")
        if pod.owner.kind in {"Deployment", "StatefulSet"} and not (selector and matches(selector, pod.labels)):
            yield f"{pod}: its selector does not choose its own pods"
        governing = pod.owner.spec.get("serviceName")
        if governing and governing not in {service.name for service in of_kind(manifests, "Service")}:
            yield f"{pod}: there is no service {governing}"
        for spread in pod.spec.get("topologySpreadConstraints", ()):
            if not matches(spread["labelSelector"], pod.labels):
                yield f"{pod}: its topology spread counts other pods"


def _services(manifests: Manifests, every: Iterable[Pod]) -> Iterator[str]:
    for service in of_kind(manifests, "Service"):
        chosen = [pod for pod in every if matches({"matchLabels": service.spec["selector"]}, pod.labels)]
        if not chosen:
            yield f"{service}: its selector chooses no pod"
        for port in service.spec["ports"]:
            if any(pod.port(port.get("targetPort", port["port"])) is None for pod in chosen):
                yield f"{service}: its pods have no port {port.get('targetPort', port['port'])}"


def _targets(manifests: Manifests, every: Iterable[Pod]) -> Iterator[str]:
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        if not any(matches(budget.spec["selector"], pod.labels) for pod in every):
            yield f"{budget}: its selector chooses no pod"
    for scaler in of_kind(manifests, "HorizontalPodAutoscaler"):
        target = scaler.spec["scaleTargetRef"]
        if not any((target["kind"], target["name"]) == (one.kind, one.name) for one in manifests):
            yield f"{scaler}: there is no {target['kind']} {target['name']}"


def _policies(manifests: Manifests, every: Iterable[Pod]) -> Iterator[str]:
    for policy in of_kind(manifests, "NetworkPolicy"):
        selectors = [policy.spec["podSelector"]]
        for rule in (*policy.spec.get("ingress", ()), *policy.spec.get("egress", ())):
            peers = (*rule.get("from", ()), *rule.get("to", ()))
            # Pods of other namespaces are none of ours.
            selectors += [peer["podSelector"] for peer in peers if "podSelector" in peer and len(peer) == 1]
        for selector in selectors:
            if not any(matches(selector, pod.labels) for pod in every):
                yield f"{policy}: the selector {dict(selector)} chooses no pod"


def _routes(manifests: Manifests) -> Iterator[str]:
    for ingress in of_kind(manifests, "Ingress"):
        hosts = {host for tls in ingress.spec.get("tls", ()) for host in tls["hosts"]}
        for rule in ingress.spec["rules"]:
            if rule.get("host") not in hosts:
                yield f"{ingress}: the host {rule.get('host')} has no certificate"
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                port = backend["port"].get("name") or backend["port"].get("number")
                yield from _backend(ingress, backend["name"], port, manifests)
    for route in of_kind(manifests, "HTTPRoute"):
        for rule in route.spec["rules"]:
            for backend in rule["backendRefs"]:
                yield from _backend(route, backend["name"], backend["port"], manifests)


def _backend(owner: Manifest, name: str, port: Any, manifests: Manifests) -> Iterator[str]:
    ports = service_ports(manifests).get(name)
    if ports is None:
        yield f"{owner}: there is no service {name}"
    elif port not in {*ports, *ports.values()}:
        yield f"{owner}: the service {name} has no port {port}"


def service_ports(manifests: Manifests) -> dict[str, Mapping[str, int]]:
    """The ports of each service by name, the operators' included where theirs will be."""
    known = {
        service.name: {port["name"]: port["port"] for port in service.spec["ports"]}
        for service in of_kind(manifests, "Service")
    }
    if any(of_kind(manifests, "RayCluster")):
        known |= {name: {str(port): port for port in ports} for name, ports in OPERATORS_SERVICES.items()}
    return known  # type: ignore[return-value]


def _monitors(manifests: Manifests, every: Iterable[Pod]) -> Iterator[str]:
    for monitor in of_kind(manifests, "ServiceMonitor"):
        chosen = [one for one in of_kind(manifests, "Service") if matches(monitor.spec["selector"], one.labels)]
        ports = {port["name"] for service in chosen for port in service.spec["ports"]}
        for endpoint in monitor.spec["endpoints"]:
            if endpoint["port"] not in ports:
                yield f"{monitor}: no service that it chooses has a port {endpoint['port']}"
    for monitor in of_kind(manifests, "PodMonitor"):
        found = [pod for pod in every if matches(monitor.spec["selector"], pod.labels)]
        for endpoint in monitor.spec["podMetricsEndpoints"]:
            if not found or any(pod.port(endpoint["port"]) is None for pod in found):
                yield f"{monitor}: not every pod that it chooses has a port {endpoint['port']}"
