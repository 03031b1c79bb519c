"""Each check sees the mistakes that it is there for: one planted fault at a time turns it red."""

import pytest

from kube_check import CHECKS
from manifests import Manifest

from .conftest import Rendered
from .plant import Spoil, configure, put, put_into, remove, write

MAIN = "containers.0"
POLICY = "NetworkPolicy"
RULES = "spec.ingress.0"
Fault = tuple[str, Spoil, str]

KINDS: dict[str, Fault] = {
    "a field with a slip": ("pro1", put("beat", "dnsPolicyy", "Default"), "dnsPolicyy"),
    "a number as text": ("pro1", put_into("Deployment", "beat", "spec.replicas", "1"), "spec.replicas"),
    "a kind of somebody's": ("pro1", put_into("Service", "redis", "kind", "Servise"), "none of the kinds"),
    "a version that is gone": (
        "pro1",
        put_into("PodDisruptionBudget", "ai-service", "apiVersion", "policy/v1beta1"),
        "none of the kinds",
    ),
    "a name that is there twice": ("pro1", put_into("Service", "redis", "metadata.name", "postgres"), "twice"),
    "another namespace": ("pro1", put_into("Service", "redis", "metadata.namespace", "default"), "'default'"),
}
HARDENING: dict[str, Fault] = {
    "root": ("pro1", put("api-gateway", "securityContext.runAsNonRoot", value=False), "runAsNonRoot"),
    "another user": ("pro1", put("api-gateway", "securityContext.runAsUser", 1000), "runAsUser"),
    "no seccomp": ("pro1", put("data-service", "securityContext.seccompProfile", None), "seccompProfile"),
    "a token": ("pro1", put("beat", "automountServiceAccountToken", value=True), "automountServiceAccountToken"),
    "service links": ("pro1", put("beat", "enableServiceLinks", None), "enableServiceLinks"),
    "the node's network": ("pro1", put("ray-head", "hostNetwork", value=True), "hostNetwork"),
    "a root to write to": (
        "pro1",
        put("redis", f"{MAIN}.securityContext.readOnlyRootFilesystem", value=False),
        "readOnlyRoot",
    ),
    "of an init container": ("pro1", put("ai-worker-llm", "initContainers.0.securityContext", None), "readOnlyRoot"),
    "escalation": ("pro1", put("beat", f"{MAIN}.securityContext.allowPrivilegeEscalation", None), "Escalation"),
    "a capability": ("pro1", put("beat", f"{MAIN}.securityContext.capabilities.add", ["NET_RAW"]), "capabilities"),
    "a tag": ("pro1", put("migrate", f"{MAIN}.image", "registry.example.org/backend:latest"), "by its digest"),
    "a tag in a cluster of Ray": ("production", put("ray-worker", f"{MAIN}.image", "x:1"), "by its digest"),
    "a port of the node": ("pro1", put("api-gateway", f"{MAIN}.ports.0.hostPort", 80), "port of the node"),
    "a secret in the open": (
        "pro1",
        put("redis", f"{MAIN}.env.0", {"name": "REDISCLI_AUTH", "value": "x"}),
        "as a value",
    ),
    "a folder of the node": ("pro1", put("beat", "volumes.0", {"name": "work", "hostPath": {"path": "/"}}), "hostPath"),
    "a disk without end": ("pro1", put("data-service", "volumes.0.emptyDir", {}), "sizeLimit"),
    "in a job of every night": ("production", put("backup", "securityContext.runAsNonRoot", None), "runAsNonRoot"),
    "an account with a token": (
        "pro1",
        put_into("ServiceAccount", "ai-platform", "automountServiceAccountToken", None),
        "ServiceAccount",
    ),
    "a lenient namespace": ("pro1", put_into("Namespace", "ai-platform-pro1", "metadata.labels", {}), "pod security"),
    "a door of its own": ("pro1", put_into("Service", "postgres", "spec.type", "NodePort"), "from outside"),
}
REFERENCES: dict[str, Fault] = {
    "a selector": (
        "pro1",
        put_into("Deployment", "beat", "spec.selector.matchLabels", {"app.kubernetes.io/name": "beta"}),
        "its own pods",
    ),
    "a service's selector": (
        "pro1",
        put_into("Service", "redis", "spec.selector", {"app.kubernetes.io/name": "x"}),
        "no pod",
    ),
    "a service's port": (
        "pro1",
        put_into("Service", "api-gateway", "spec.ports.0.targetPort", "https"),
        "no port https",
    ),
    "a config map": ("pro1", put("beat", f"{MAIN}.envFrom.0.configMapRef.name", "config"), "no ConfigMap config"),
    "a secret": ("pro1", put("beat", f"{MAIN}.envFrom.1.secretRef.name", "secrets"), "no Secret secrets"),
    "a secret of an init container": (
        "pro1",
        put("ai-worker-llm", "initContainers.0.envFrom.1.secretRef.name", "x"),
        "no Secret x",
    ),
    "a key": ("pro1", put("redis", f"{MAIN}.env.0.valueFrom.secretKeyRef.key", "PASS"), "no key PASS"),
    "a key of a cluster of Ray": (
        "production",
        put("ray-head", f"{MAIN}.env.3.valueFrom.secretKeyRef.key", "X"),
        "no key X",
    ),
    "an account": ("pro1", put("beat", "serviceAccountName", "default"), "service account"),
    "a volume": ("pro1", put("beat", "volumes.0.name", "werk"), "no volume tmp"),
    "a volume for nobody": ("pro1", put("beat", f"{MAIN}.volumeMounts", []), "mounted by none"),
    "a claim": (
        "pro1",
        put_into("StatefulSet", "redis", "spec.volumeClaimTemplates.0.metadata.name", "d"),
        "no volume data",
    ),
    "a governing service": ("pro1", put_into("StatefulSet", "redis", "spec.serviceName", "rediss"), "rediss"),
    "a spread": (
        "pro1",
        put("ai-service", "topologySpreadConstraints.0.labelSelector.matchLabels", {"a": "b"}),
        "spread",
    ),
    "a budget": (
        "pro1",
        put_into("PodDisruptionBudget", "ai-service", "spec.selector.matchLabels", {"a": "b"}),
        "no pod",
    ),
    "an autoscaler": (
        "production",
        put_into("HorizontalPodAutoscaler", "ai-service", "spec.scaleTargetRef.name", "ai"),
        "no Deployment ai",
    ),
    "an ingress": ("pro1", remove("Service", "api-gateway"), "no service api-gateway"),
    "an ingress's port": (
        "pro1",
        put_into("Ingress", "api-gateway", "spec.rules.0.http.paths.0.backend.service.port.name", "web"),
        "no port web",
    ),
    "a certificate": ("pro1", put_into("Ingress", "api-gateway", "spec.rules.0.host", "x.example.org"), "certificate"),
    "a route": (
        "production",
        put_into("HTTPRoute", "ai-platform", "spec.rules.0.backendRefs.0.port", 8000),
        "no port 8000",
    ),
    "a policy": ("pro1", put_into(POLICY, "redis", "spec.podSelector.matchLabels", {"a": "b"}), "chooses no pod"),
    "a client of a policy": (
        "pro1",
        put_into(POLICY, "redis", f"{RULES}.from.0.podSelector", {"matchLabels": {"a": "b"}}),
        "chooses no pod",
    ),
    "a monitor": (
        "production",
        put_into("ServiceMonitor", "ai-service", "spec.endpoints.0.port", "metrics"),
        "no service",
    ),
    "a monitor of pods": (
        "production",
        put_into("PodMonitor", "ray", "spec.podMetricsEndpoints.0.port", "web"),
        "port web",
    ),
}
SETTINGS: dict[str, Fault] = {
    "a slip": ("pro1", configure(DATABSE_POOL_MAX_SIZE="5"), "DATABSE_POOL_MAX_SIZE"),
    "a variable of a container": ("pro1", put("ai-worker-llm", f"{MAIN}.env.1.name", "WORKER_QUEUE"), "WORKER_QUEUE"),
    "what only one machine has": ("pro1", configure(DATA_SERVICE_URL=None), "DATA_SERVICE_URL is not given"),
    "a bucket": ("pro1", configure(S3_BUCKET=None), "S3_BUCKET is not given"),
    "no number": ("pro1", configure(WORKER_DRAIN_SECONDS="long"), "worker_drain_seconds"),
    "a secret beside the secrets": ("pro1", configure(SENTRY_DSN="https://x"), "SENTRY_DSN stands in a config map"),
    "development": ("pro1", configure(ENVIRONMENT=None), "ENVIRONMENT is not given"),
    "no secrets": ("pro1", put("migrate", f"{MAIN}.envFrom.1", None), "SECRET_KEY"),
}
PORTS: dict[str, Fault] = {
    "of a container": ("pro1", put("api-gateway", f"{MAIN}.ports.0.containerPort", 8080), "http is not 8000"),
    "of metrics": ("pro1", put("data-worker-ingest", f"{MAIN}.ports.0.containerPort", 8041), "metrics is not"),
    "that nobody knows": (
        "pro1",
        put("redis", f"{MAIN}.ports", [{"name": "redis", "containerPort": 6379}, {"name": "x", "containerPort": 1}]),
        "in no plan",
    ),
    "of a setting": ("pro1", configure(AI_SERVICE_PORT="8102"), "AI_SERVICE_PORT is not 8002"),
    "of a service": ("pro1", put_into("Service", "data-service", "spec.ports.0.port", 80), "is not 8001"),
    "of Ray": ("pro1", put("ray-head", f"{MAIN}.command.4", "--port=6379"), "Ray's port is not 8010"),
    "of a cluster of Ray": (
        "production",
        put_into("RayCluster", "ray", "spec.headGroupSpec.rayStartParams.port", "6379"),
        "Ray's port",
    ),
}
FLOWS: dict[str, Fault] = {
    "no denial": ("pro1", remove(POLICY, "default-deny"), "denies"),
    "one side": ("pro1", remove(POLICY, "reach-postgres"), "cannot reach postgres"),
    "the other side": ("pro1", remove(POLICY, "redis"), "cannot reach redis"),
    "a port": ("pro1", put_into(POLICY, "object-store", f"{RULES}.ports.0.port", 9001), "cannot reach object-store"),
    "everybody": ("pro1", lambda m: _open(m, "postgres"), "may reach postgres"),
    "every port": ("pro1", lambda m: _every_port(m, "redis"), "need not"),
    "the world": ("pro1", put_into(POLICY, "llm-outside", "spec.podSelector", {}), "reaches the world"),
    "metadata of the cloud": (
        "pro1",
        put_into(POLICY, "gateway-outside", "spec.egress.0.to.0.ipBlock", {"cidr": "0.0.0.0/0"}),
        "169.254.169.254",
    ),
    "no names": ("pro1", remove(POLICY, "dns"), "cannot look names up"),
    "another namespace": (
        "pro1",
        put_into(POLICY, "dns", "spec.egress.0.to.0.namespaceSelector", {}),
        "may reach other namespaces",
    ),
    "no way in": ("pro1", remove(POLICY, "api-gateway-from-ingress"), "lets in nobody"),
    "anybody from outside": (
        "pro1",
        put_into(POLICY, "api-gateway-from-ingress", f"{RULES}.from.0", {"namespaceSelector": {}}),
        "anybody",
    ),
    "no way for Prometheus": ("production", remove(POLICY, "ray-from-monitoring"), "lets in"),
    "a name that leads nowhere": ("pro1", configure(AI_SERVICE_URL="http://ai:8002"), "leads to ai:8002"),
    "a port that leads nowhere": ("pro1", configure(S3_ENDPOINT_URL="http://object-store:9002"), "object-store:9002"),
}
LIFECYCLE: dict[str, Fault] = {
    "no readiness": ("pro1", put("data-service", f"{MAIN}.readinessProbe", None), "no readinessProbe"),
    "a readiness that is health": (
        "pro1",
        put("ai-service", f"{MAIN}.readinessProbe.httpGet.path", "/health"),
        "/ready",
    ),
    "a liveness that asks the stores": (
        "pro1",
        put("ai-service", f"{MAIN}.livenessProbe.httpGet.path", "/ready"),
        "/health",
    ),
    "another port": ("pro1", put("ai-service", f"{MAIN}.startupProbe.httpGet.port", 8000), "at the port http"),
    "impatience": ("pro1", put("ai-service", f"{MAIN}.readinessProbe.timeoutSeconds", 1), "heard all"),
    "a worker nobody asks": ("pro1", put("ai-worker-llm", f"{MAIN}.livenessProbe", None), "no livenessProbe"),
    "another file": ("pro1", put("ai-worker-llm", f"{MAIN}.livenessProbe.exec.command.4", "/tmp/x"), "touches"),  # noqa: S108
    "none while one is replaced": (
        "pro1",
        put_into("Deployment", "ai-service", "spec.strategy.rollingUpdate.maxUnavailable", 1),
        "before a new one",
    ),
    "two heads": ("pro1", put_into("Deployment", "ray-head", "spec.strategy", {"type": "RollingUpdate"}), "twice"),
    "no farewell": ("pro1", put("api-gateway", f"{MAIN}.lifecycle", None), "preStop"),
    "a hasty farewell": ("pro1", put("api-gateway", "terminationGracePeriodSeconds", 30), "is killed after 30 s"),
    "a hasty worker": ("pro1", configure(WORKER_DRAIN_SECONDS="80"), "needs 100 to leave"),
    "no limit": ("pro1", put("beat", f"{MAIN}.resources.limits.memory", None), "no limits of memory"),
    "no request": ("production", put("backup", f"{MAIN}.resources.requests", None), "no requests"),
    "more than the limit": ("pro1", put("beat", f"{MAIN}.resources.requests.memory", "1Gi"), "than its limit"),
    "a disk larger than the limit": ("pro1", put("data-service", "volumes.1.emptyDir.sizeLimit", "99Gi"), "ephemeral"),
    "too little memory": ("pro1", configure(WORKER_CONCURRENCY="4"), "4 computations of ingest"),
    "all on one node": ("pro1", put("ai-service", "topologySpreadConstraints", None), "one node"),
    "two who count": ("production", put_into("Deployment", "ai-service", "spec.replicas", 2), "take back"),
    "nobody who counts": ("pro1", put_into("Deployment", "ai-service", "spec.replicas", None), "how many"),
    "a node that is never empty": ("pro1", put_into("Deployment", "ai-service", "spec.replicas", 1), "emptied"),
}
RELABELED = "relabelings.0"
MONITORS: dict[str, Fault] = {
    "series of no instance": (
        "production",
        put_into("ServiceMonitor", "ai-service", f"spec.endpoints.0.{RELABELED}", None),
        "no label project",
    ),
    "the namespace for the instance": (
        "production",
        put_into("PodMonitor", "ray", "spec.podMetricsEndpoints.0.relabelings.1.sourceLabels.0", "__meta_namespace"),
        "would have the project ''",
    ),
    "another instance": ("production", configure(PROJECT_ID="pro2"), "which is not PROJECT_ID"),
    "an operator's pods without a name": (
        "production",
        put_into("RayCluster", "ray", "spec.headGroupSpec.template.metadata.labels.ai-platform/instance", None),
        "ray-head",
    ),
}
PLANTED = {
    "kinds and schemas": KINDS,
    "hardening": HARDENING,
    "references": REFERENCES,
    "settings": SETTINGS,
    "ports": PORTS,
    "network policies": FLOWS,
    "lifecycle": LIFECYCLE,
    "monitors": MONITORS,
}


def _open(manifests: list[Manifest], name: str) -> None:
    for policy, side in ((name, "ingress.0.from.0"), (f"reach-{name}", "podSelector")):
        selector: dict[str, object] = {} if side == "podSelector" else {"podSelector": {}}
        put_into(POLICY, policy, f"spec.{side}", selector)(manifests)


def _every_port(manifests: list[Manifest], name: str) -> None:
    for policy, way in ((name, "ingress"), (f"reach-{name}", "egress")):
        write(next(one for one in manifests if (one.kind, one.name) == (POLICY, policy)).raw, f"spec.{way}.0.ports", [])


def test_there_are_faults_for_every_check() -> None:
    assert set(PLANTED) == set(CHECKS)


@pytest.mark.parametrize(("check", "fault"), [(check, fault) for check, faults in PLANTED.items() for fault in faults])
def test_is_seen(check: str, fault: str, rendered: Rendered) -> None:
    folder, spoil, word = PLANTED[check][fault]
    manifests = rendered(folder)
    spoil(manifests)
    found = list(CHECKS[check](manifests))
    assert any(word in one for one in found), found
