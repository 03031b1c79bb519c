"""Every overlay and example renders, holds what it should, and has no fault that shows without a cluster."""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import kube_rules
from kube_check import CHECKS, faults, folders
from kube_ports import plan
from kube_references import keys_of
from kube_secrets import OUTSIDE_SECRETS, REQUIRED
from manifests import DEPLOYMENTS, ROOT, Manifest, of_kind, pods, render
from project_parts import fill_overlay

from .conftest import Rendered

WHOLE = Counter(
    ConfigMap=1, Deployment=11, Ingress=1, Job=2, Namespace=1, NetworkPolicy=19, PodDisruptionBudget=3, Service=7,
    ServiceAccount=1, StatefulSet=3,
)  # fmt: skip
PRODUCTION = Counter(
    ConfigMap=1, CronJob=1, Deployment=9, HTTPRoute=1, HorizontalPodAutoscaler=7, Job=2, Namespace=1, NetworkPolicy=24,
    PodDisruptionBudget=3, PodMonitor=3, PrometheusRule=len(list(kube_rules.SOURCES.glob("*.yml"))), RayCluster=1,
    Service=3, ServiceAccount=1, ServiceMonitor=3,
)  # fmt: skip
SMALL = Counter(
    ConfigMap=1, Deployment=9, Job=2, Namespace=1, NetworkPolicy=15, Service=6, ServiceAccount=1, StatefulSet=3
)
KINDS = {"pro1": WHOLE, "pro2": WHOLE, "production": PRODUCTION, "small": SMALL}
QUEUES = {"data-service": {"ingest", "maintenance"}, "ai-service": {"analysis", "train", "llm"}}


@pytest.mark.parametrize("name", KINDS)
class TestEach:
    def test_holds_so_many_of_each_kind(self, name: str, rendered: Rendered) -> None:
        assert Counter(manifest.kind for manifest in rendered(name)) == KINDS[name]

    @pytest.mark.parametrize("check", CHECKS)
    def test_has_no_fault(self, name: str, check: str, rendered: Rendered) -> None:
        assert list(CHECKS[check](rendered(name))) == []

    def test_has_a_worker_for_every_queue(self, name: str, rendered: Rendered) -> None:
        found: dict[str, set[str]] = {}
        for pod in pods(rendered(name)):
            if pod.part == "worker":
                service = re.search(r"(data|ai)-service", " ".join(pod.main["command"]))
                assert service
                queue = next(one["value"] for one in pod.main["env"] if one["name"] == "WORKER_QUEUES")
                found.setdefault(service[0], set()).add(queue)
        assert found == QUEUES


def test_all_of_them_are_known_here() -> None:
    assert {folder.name for folder in folders()} >= set(KINDS)


def test_every_component_is_in_one_of_them() -> None:
    texts = [(folder / "kustomization.yaml").read_text() for folder in folders()]
    used = {name for text in texts for name in re.findall(r"components/([a-z-]+)", text)}
    assert used == {folder.name for folder in (DEPLOYMENTS / "components").iterdir()}


def test_the_queues_are_those_of_the_code() -> None:
    command = "import json; from shared.tasks.queues import SERVICE_QUEUES as q; print(json.dumps(q))"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT / "backend-pro1", capture_output=True, text=True, check=True
    )
    assert {service: set(queues) for service, queues in yaml.safe_load(done.stdout).items()} == QUEUES


def test_the_overlay_of_the_next_instance_has_no_fault(kubectl: None) -> None:
    # Beside the others, since it refers to the base by a relative path.
    with tempfile.TemporaryDirectory(dir=DEPLOYMENTS / "overlays", prefix=".test-") as place:
        fill_overlay(Path(place), "pro7")
        made = render(Path(place))
        assert not re.search(r"(?<![a-z])pro1(?!\d)", "".join(file.read_text() for file in Path(place).iterdir()))
    assert Counter(manifest.kind for manifest in made) == WHOLE
    assert {manifest.namespace for manifest in made} == {"ai-platform-pro7", ""}
    assert faults(made) == []


def test_the_second_overlay_is_made_like_the_next(tmp_path: Path) -> None:
    fill_overlay(tmp_path, "pro2")
    theirs = DEPLOYMENTS / "overlays" / "pro2"
    # What people write into one (components, hosts, digests) is theirs; these files are what makes it one.
    assert {file.name for file in tmp_path.iterdir()} <= {file.name for file in theirs.iterdir()}
    assert (tmp_path / "namespace.yaml").read_text() == (theirs / "namespace.yaml").read_text()


def test_instances_share_nothing_but_what_is_outside(rendered: Rendered) -> None:
    one, other = rendered("pro1"), rendered("pro2")
    assert {manifest.namespace for manifest in one} == {"ai-platform-pro1", ""}
    assert {manifest.namespace for manifest in other} == {"ai-platform-pro2", ""}
    for name, value in next(of_kind(other, "ConfigMap")).raw["data"].items():
        assert "pro1" not in value, name
    hosts = [next(of_kind(some, "Ingress")).spec["rules"][0]["host"] for some in (one, other)]
    assert hosts == ["pro1.example.org", "pro2.example.org"]


def test_the_plan_is_what_containers_listen_at_under_compose_too() -> None:
    text = (ROOT / "backend-pro1" / "docker-compose.yml").read_text()
    found = {int(port) for port in re.findall(r"(?:http|ray)://[a-z-]+:(\d+)", text)}
    assert found == {plan()[f"{name}_PORT"] for name in ("DATA_SERVICE", "AI_SERVICE", "S3")} | {plan()["RAY_PORT"] + 8}


def test_paths_of_the_direct_routes_are_those_of_the_gateway(rendered: Rendered) -> None:
    command = "import json; from shared.links import GATEWAY_ROUTES as r; print(json.dumps([list(map(str, (x.gateway_prefix, x.upstream_prefix, x.service))) for x in r]))"  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT / "backend-pro1", capture_output=True, text=True, check=True
    )
    found = []
    for rule in next(of_kind(rendered("production"), "HTTPRoute")).spec["rules"][:-1]:
        rewritten = rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"]
        found.append([rule["matches"][0]["path"]["value"], rewritten, rule["backendRefs"][0]["name"]])
    assert found == yaml.safe_load(done.stdout)


def test_a_changed_setting_rolls_every_pod_that_reads_it(
    rendered: Rendered, kustomize: Callable[..., list[Manifest]]
) -> None:
    changed = kustomize(
        "resources: [DEPLOYMENTS/overlays/pro1]\nconfigMapGenerator:\n"
        "  - {name: ai-platform-config, namespace: ai-platform-pro1, behavior: merge, literals: [LOG_LEVEL=DEBUG]}\n"
    )
    before, after = ({str(pod): pod.template for pod in pods(some)} for some in (rendered("pro1"), changed))
    rolled = {name for name in before if before[name] != after[name]}
    assert rolled == {name for name in before if not re.search(r"StatefulSet|ray", name)}


def test_secrets_can_be_generated_too_and_then_roll_the_pods(kustomize: Callable[..., list[Manifest]]) -> None:
    made = kustomize(
        "namespace: ai-platform-pro1\nresources: [DEPLOYMENTS/overlays/pro1]\n"
        "secretGenerator:\n  - {name: ai-platform-secrets, envs: [secrets.env]}\n",
        secrets_env="".join(f"{key}=x\n" for key in OUTSIDE_SECRETS["ai-platform-secrets"]),
    )
    name = next(of_kind(made, "Secret")).name
    assert re.fullmatch(r"ai-platform-secrets-[a-z0-9]{10}", name)
    assert keys_of("Secret", name, made) == set(OUTSIDE_SECRETS["ai-platform-secrets"])
    assert [fault for fault in faults(made) if "ecret" in fault] == []


@pytest.mark.parametrize("name", ["external-secret.yaml", "sealed-secret.yaml"])
def test_the_examples_of_secrets_have_the_keys_that_pods_need(name: str) -> None:
    text = (DEPLOYMENTS / "examples" / name).read_text()
    (document,) = yaml.safe_load_all(text)
    spec = document["spec"]
    keys = spec["encryptedData"] if "encryptedData" in spec else [entry["secretKey"] for entry in spec["data"]]
    assert set(keys) == set(REQUIRED)
    assert document["metadata"]["name"] == "ai-platform-secrets"


def test_the_rules_of_the_operator_are_those_of_prometheus(rendered: Rendered) -> None:
    assert kube_rules.faults() == []
    found = {rule.name: rule.spec for rule in of_kind(rendered("production"), "PrometheusRule")}
    assert found == {file.stem: yaml.safe_load(file.read_text()) for file in kube_rules.SOURCES.glob("*.yml")}


def test_jobs_are_called_as_rules_and_dashboards_know_them(rendered: Rendered) -> None:
    made = rendered("production")
    found = {monitor.name for monitor in of_kind(made, "ServiceMonitor")}
    for monitor in of_kind(made, "PodMonitor"):
        relabelings = {one["targetLabel"]: one for one in monitor.spec["podMetricsEndpoints"][0]["relabelings"]}
        found.add(relabelings["job"]["replacement"])
    known = set(re.findall(r"job_name: ([a-z-]+)", (ROOT / "monitoring" / "prometheus.yml").read_text()))
    # Prometheus and Alertmanager are the operator's own.
    assert found == known - {"prometheus", "alertmanager"}


def test_the_guide_names_only_what_is_there(rendered: Rendered) -> None:
    chapter = (ROOT / "DEPLOYMENT_GUIDE.md").read_text().partition("\n## 15. Kubernetes\n")[2].partition("\n## ")[0]
    there = {f"{one.kind.lower()}/{one.name}" for name in KINDS for one in rendered(name)}
    named = set(re.findall(r"\b(?:deployment|service|job|cronjob)/[a-z-]+", chapter))
    assert named
    assert named <= there
    components = set(re.findall(r"^\| (`.+?`) \|", chapter.partition("### First")[0], re.MULTILINE))
    listed = {name.strip("`") for cell in components for name in cell.split(", ")}
    assert listed == {folder.name for folder in (DEPLOYMENTS / "components").iterdir()}


def test_rules_never_add_up_over_instances() -> None:
    added = "(?:sum|max|min|avg|count)"
    for file in kube_rules.SOURCES.glob("*.yml"):
        text = file.read_text()
        assert not re.findall(rf"\b{added} ?\((?=[^)]*[a-z_]+[{{\[)])", text), file.name
        assert not re.findall(rf"\b(?:{added} by|on) \((?!project\b|job, instance\))[^)]*\)", text), file.name
