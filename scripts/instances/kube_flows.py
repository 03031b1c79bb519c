"""Whether the network policies let through exactly what the parts of an instance say to each other."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from kube_references import service_ports
from kube_settings import settings_of
from manifests import Manifests, Pod, matches, of_kind, pods

SERVICES = ("api-gateway", "data-service", "ai-service")
WORKERS = ("data-worker-ingest", "data-worker-maintenance", "ai-worker-analysis", "ai-worker-train", "ai-worker-llm")
RAY = ("ray-head", "ray-worker")
NODE_PORTS = frozenset({*range(8010, 8018), *range(8100, 8200)})
# Who opens connections to whom, at which ports.
FLOWS: Mapping[str, tuple[tuple[frozenset[int], tuple[str, ...]], ...]] = {
    "data-service": ((frozenset({8001}), ("api-gateway",)),),
    "ai-service": ((frozenset({8002}), ("api-gateway",)),),
    "postgres": ((frozenset({5432}), (*SERVICES, *WORKERS, "migrate", "backup")),),
    "redis": ((frozenset({6379}), (*SERVICES, *WORKERS, "beat")),),
    "object-store": ((frozenset({9000}), (*SERVICES, *WORKERS, *RAY, "bucket", "backup")),),
    "ray-head": ((NODE_PORTS, RAY), (frozenset({8018}), ("ai-service", "ai-worker-analysis", "ai-worker-train"))),
    "ray-worker": ((NODE_PORTS, RAY),),
}
# Who opens connections to the public world: webhooks and mail, imports from URLs, the LLM, the bucket of backups.
OUTSIDE = {
    "api-gateway": {80, 443, 465, 587},
    "data-worker-ingest": {80, 443},
    "ai-worker-llm": {80, 443},
    "backup": {443},
}
PRIVATE = ("10.1.2.3", "172.16.1.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1")
RESOLVER = ("kubernetes.io/metadata.name", "kube-system")
NAMES = {(RESOLVER, "UDP", 53), (RESOLVER, "TCP", 53)}
EVERYWHERE = ("0.0.0.0/0", "::/0")


def faults(manifests: Manifests) -> Iterator[str]:
    """What may speak to whom and need not, or must and may not."""
    every, policies = list(pods(manifests)), [one.spec for one in of_kind(manifests, "NetworkPolicy")]
    if not any(_denies_all(policy) for policy in policies):
        yield "no network policy denies what no other allows"
        return
    for source in every:
        for target in every:
            allowed, needed = _allowed(source, target, policies), _needed(source.name, target.name)
            if missing := needed - allowed:
                yield f"{source}: cannot reach {target.name} at {_shown(missing)}"
            if extra := allowed - needed:
                yield f"{source}: may reach {target.name} at {_shown(extra)} and need not"
        yield from _outwards(source, policies)
        yield from _names(source, policies)
        yield from _inwards(source, policies, manifests)
    yield from _addresses(every, manifests)


def _denies_all(policy: Mapping[str, Any]) -> bool:
    both = set(policy.get("policyTypes", ())) == {"Ingress", "Egress"}
    return both and not policy["podSelector"] and not policy.get("ingress") and not policy.get("egress")


def _needed(source: str, target: str) -> set[int]:
    return {port for ports, clients in FLOWS.get(target, ()) if source in clients for port in ports}


def _allowed(source: Pod, target: Pod, policies: Iterable[Mapping[str, Any]]) -> set[int]:
    out = _through(source, target, policies, "egress", "to")
    return out & _through(target, source, policies, "ingress", "from")


def _through(own: Pod, other: Pod, policies: Iterable[Mapping[str, Any]], direction: str, side: str) -> set[int]:
    return {
        port
        for policy in policies
        if matches(policy["podSelector"], own.labels)
        for rule in policy.get(direction, ())
        if any(_is_ours(peer) and matches(peer["podSelector"], other.labels) for peer in rule.get(side, ()))
        for port in _ports(rule)
    }


def _is_ours(peer: Mapping[str, Any]) -> bool:
    return "podSelector" in peer and "namespaceSelector" not in peer


def _ports(rule: Mapping[str, Any]) -> set[int]:
    """Ports of a rule; one that names none lets everything through."""
    if not rule.get("ports"):
        return set(range(1, 65536))
    return {
        number
        for port in rule["ports"]
        if port.get("protocol", "TCP") == "TCP"
        for number in range(port["port"], port.get("endPort", port["port"]) + 1)
    }


def _outwards(pod: Pod, policies: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    world: set[int] = set()
    for policy in policies:
        for rule in policy.get("egress", ()) if matches(policy["podSelector"], pod.labels) else ():
            if "to" not in rule:
                yield f"{pod}: may reach everybody"
            for block in (peer["ipBlock"] for peer in rule.get("to", ()) if "ipBlock" in peer):
                if block["cidr"] in EVERYWHERE:
                    world |= _ports(rule)
                    yield from (f"{pod}: may reach the private address {one}" for one in PRIVATE if _holds(block, one))
    expected = OUTSIDE.get(pod.name, set())
    if world != expected:
        yield f"{pod}: reaches the world at {_shown(world)}, and should at {_shown(expected)}"


def _names(pod: Pod, policies: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """In other namespaces nobody is reached but who looks names up."""
    found = {
        (*sorted((peer["namespaceSelector"].get("matchLabels") or {}).items()), port.get("protocol"), port["port"])
        for policy in policies
        if matches(policy["podSelector"], pod.labels)
        for rule in policy.get("egress", ())
        for peer in rule.get("to", ())
        if "namespaceSelector" in peer
        for port in rule.get("ports", ({"port": 0},))
    }
    if missing := NAMES - found:
        yield f"{pod}: cannot look names up by {', '.join(sorted(str(one[1]) for one in missing))}"
    if found - NAMES:
        yield f"{pod}: may reach other namespaces"


def _holds(block: Mapping[str, Any], address: str) -> bool:
    def inside(network: str) -> bool:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)

    return inside(block["cidr"]) and not any(inside(one) for one in block.get("except", ()))


def _inwards(pod: Pod, policies: Iterable[Mapping[str, Any]], manifests: Manifests) -> Iterator[str]:
    """From other namespaces only the controller comes, to what it routes to, and the two operators."""
    found: dict[str, set[int]] = {}
    for policy in policies:
        for rule in policy.get("ingress", ()) if matches(policy["podSelector"], pod.labels) else ():
            for peer in rule.get("from", ({},)):
                if not _is_ours(peer):
                    labels = (peer.get("namespaceSelector") or {}).get("matchLabels") or {"anybody": ""}
                    found.setdefault(next(iter(labels)), set()).update(_ports(rule))
    expected = _visitors(pod, manifests)
    if found != expected:
        yield f"{pod}: lets in {_visits(found)}, and should {_visits(expected)}"


def _visitors(pod: Pod, manifests: Manifests) -> dict[str, set[int]]:
    routed = {
        backend["name"] for route in of_kind(manifests, "HTTPRoute") for rule in route.spec["rules"]
        for backend in rule["backendRefs"]
    }  # fmt: skip
    routed |= {
        path["backend"]["service"]["name"] for ingress in of_kind(manifests, "Ingress")
        for rule in ingress.spec["rules"] for path in rule["http"]["paths"]
    }  # fmt: skip
    found = {"ai-platform/ingress": {pod.port("http") or 0}} if pod.name in routed else {}
    scraped = pod.port("metrics") or pod.port("http")
    if scraped and any(of_kind(manifests, "PodMonitor")):
        found["ai-platform/monitoring"] = {scraped}
    if pod.owner.kind == "RayCluster" and pod.name == "ray-head":
        found["ai-platform/operator"] = {8010}
    return found


def _addresses(every: Iterable[Pod], manifests: Manifests) -> Iterator[str]:
    """What settings call by a name of the namespace is a service that there is, at that port."""
    known = service_ports(manifests)
    for pod in every:
        for name, value in sorted(settings_of(pod, manifests).items()):
            parts = urlsplit(value if "//" in value else "")
            if not parts.hostname or "." in parts.hostname or not parts.port:
                continue
            # Stores outside the cluster: their addresses are in the secret that is made there.
            if parts.hostname in {"postgres", "redis"} and parts.hostname not in known:
                continue
            if parts.port not in known.get(parts.hostname, {}).values():
                yield f"{pod}: {name} leads to {parts.hostname}:{parts.port}, where there is no service"


def _shown(ports: Iterable[int]) -> str:
    some = sorted(ports)
    return ", ".join(map(str, some[:6])) + (", …" if len(some) > 6 else "") if some else "no port"


def _visits(found: Mapping[str, set[int]]) -> str:
    return "; ".join(f"{who} at {_shown(ports)}" for who, ports in sorted(found.items())) or "nobody"
