"""What is tried on an API server, in which form, and what people hear of it, against a server of the test's own."""

from collections.abc import Callable

import pytest

from kube_older import without
from kube_server import Refused, Warned
from kube_trial import OUTWARD, REST, Trial, alone_in
from manifests import Manifest, Manifests, pods

from .conftest import Rendered
from .plant import pod as pod_of

NEW = {
    "v1": {"ConfigMap", "Namespace", "Pod", "Service", "ServiceAccount"},
    "apps/v1": {"Deployment", "StatefulSet"},
    "autoscaling/v2": {"HorizontalPodAutoscaler"},
    "batch/v1": {"CronJob", "Job"},
    "networking.k8s.io/v1": {"Ingress", "NetworkPolicy"},
    "policy/v1": {"PodDisruptionBudget"},
}
# As 1.20 is: what it has of these groups, and nothing else.
OLD = NEW | {
    "autoscaling/v2": set(),
    "autoscaling/v2beta2": {"HorizontalPodAutoscaler"},
    "batch/v1": {"Job"},
    "batch/v1beta1": {"CronJob"},
    "policy/v1": set(),
    "policy/v1beta1": {"PodDisruptionBudget"},
}
Judge = Callable[[Manifest, bool], str]


class Cluster:
    """Takes what it knows and what its judge has no words against; remembers all of it."""

    def __init__(self, *, version: tuple[int, int] = (1, 32), judge: Judge = lambda *_: "") -> None:
        self.version, self._judge = version, judge
        self._known = OLD if version < (1, 21) else NEW
        self.dry: list[Manifest] = []
        self.real: list[Manifest] = []
        self.removed: list[str] = []

    def kinds(self, api: str) -> set[str]:
        return self._known.get(api, set())

    def apply(self, manifests: Manifests, *, dry_run: bool, warned: Warned = lambda _: None) -> list[Refused]:
        assert all(one.kind in self.kinds(one.api) for one in manifests)
        (self.dry if dry_run else self.real).extend(manifests)
        return [Refused(one, words) for one in manifests if (words := self._judge(one, dry_run))]

    def remove(self, namespace: str) -> None:
        self.removed.append(namespace)


def tried(objects: list[Manifest], cluster: Cluster) -> int:
    return Trial(cluster, "pro1").run(objects)


def test_all_is_tried_dry_and_nothing_of_it_starts(rendered: Rendered) -> None:
    cluster, objects = Cluster(), rendered("pro1")
    assert tried(objects, cluster) == 0
    expected = len(objects) + len(list(pods(objects)))
    assert len(cluster.dry) == expected
    assert {one.kind for one in cluster.real} == {one.kind for one in objects} - OUTWARD
    resting = {one.kind: one.spec[REST[one.kind][0]] for one in cluster.real if one.kind in REST}
    assert resting == {"Deployment": 0, "Job": 0, "StatefulSet": 0}


def test_a_nightly_job_is_at_rest_too_and_the_way_in_is_not_taken(rendered: Rendered) -> None:
    cluster = Cluster()
    assert tried(rendered("production"), cluster) == 0
    assert [one.spec["suspend"] for one in cluster.real if one.kind == "CronJob"] == [True]
    assert not {one.kind for one in cluster.real} & (OUTWARD | {"Pod"})


def test_all_of_it_is_in_a_namespace_of_its_own_that_is_removed(rendered: Rendered) -> None:
    clusters = Cluster(), Cluster()
    places = []
    for cluster in clusters:
        tried(rendered("pro1"), cluster)
        (namespace,) = (one for one in cluster.real if one.kind == "Namespace")
        assert namespace.labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert {one.namespace for one in cluster.dry + cluster.real if one.kind != "Namespace"} == {namespace.name}
        assert cluster.removed == [namespace.name]
        places.append(namespace.name)
    assert len(set(places)) == 2


@pytest.mark.parametrize("dry", [True, False])
def test_what_is_refused_is_named_in_the_servers_words(
    dry: bool, rendered: Rendered, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(judge=lambda one, dry_run: "too big" * (one.name == "redis" and dry_run is dry))
    found = tried(rendered("pro1"), cluster)
    said = capsys.readouterr()
    assert found == said.err.count("pro1: refused: ") > 0
    assert "pro1: refused: StatefulSet/redis: too big" in said.err
    assert f"{found} refused" in said.out
    assert len(cluster.removed) == 1


def test_what_is_refused_dry_is_not_tried_for_real(rendered: Rendered) -> None:
    cluster = Cluster(judge=lambda one, dry_run: "no" * (str(one) == "Service/redis"))
    assert tried(rendered("pro1"), cluster) == 1
    assert not [one for one in cluster.real if str(one) == "Service/redis"]


def test_a_pod_that_admission_refuses_is_told_though_its_template_passes(rendered: Rendered) -> None:
    cluster = Cluster(judge=lambda one, _: "violates PodSecurity" * (str(one) == "Pod/beat"))
    assert tried(rendered("pro1"), cluster) == 1


def test_without_its_namespace_nothing_else_is_tried(rendered: Rendered) -> None:
    cluster = Cluster(judge=lambda one, _: "not yours" * (one.kind == "Namespace"))
    assert tried(rendered("pro1"), cluster) == 1
    assert [one.kind for one in cluster.dry] == ["Namespace"]
    assert cluster.real == []


def test_the_namespace_goes_even_when_the_server_fails_in_between(rendered: Rendered) -> None:
    def fail(one: Manifest, dry_run: bool) -> str:
        if one.kind == "Deployment":
            raise ConnectionError
        return ""

    cluster = Cluster(judge=fail)
    with pytest.raises(ConnectionError):
        tried(rendered("pro1"), cluster)
    assert len(cluster.removed) == 1


def test_kinds_that_the_server_lacks_are_told_as_not_tried(
    rendered: Rendered, capsys: pytest.CaptureFixture[str]
) -> None:
    tried(rendered("production"), Cluster())
    said = capsys.readouterr().err
    assert "production" not in said
    (line,) = (line for line in said.splitlines() if "not tried" in line)
    for kind in ("HTTPRoute of gateway.networking.k8s.io/v1 (1)", "RayCluster of ray.io/v1 (1)", "PodMonitor"):
        assert kind in line
    assert "older" not in said


def test_an_old_server_gets_the_former_versions_and_no_young_fields(
    rendered: Rendered, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(version=(1, 20))
    tried(rendered("production"), cluster)
    apis = {one.kind: one.api for one in cluster.dry}
    assert apis["PodDisruptionBudget"] == "policy/v1beta1"
    assert apis["HorizontalPodAutoscaler"] == "autoscaling/v2beta2"
    assert apis["CronJob"] == "batch/v1beta1"
    text = str([one.raw for one in cluster.dry])
    assert "unhealthyPodEvictionPolicy" not in text
    assert "endPort" not in text
    said = capsys.readouterr().err
    assert "PodDisruptionBudget as policy/v1beta1, without unhealthyPodEvictionPolicy (3)" in said
    assert "CronJob as batch/v1beta1 (1)" in said


def test_a_server_of_today_gets_them_as_they_are(rendered: Rendered) -> None:
    cluster, objects = Cluster(version=(1, 27)), rendered("pro1")
    tried(objects, cluster)
    asked = {(one.kind, one.name): one for one in cluster.dry if one.kind in {"PodDisruptionBudget", "NetworkPolicy"}}
    for one in objects:
        if (one.kind, one.name) in asked:
            assert asked[one.kind, one.name].spec == one.spec
            assert asked[one.kind, one.name].api == one.api


def test_fields_go_at_any_depth_and_are_counted_only_where_they_were() -> None:
    value = {"a": [{"endPort": 2, "port": 1}, {"port": 3}], "b": "endPort"}
    assert without(value, {"endPort"}) == ({"a": [{"port": 1}, {"port": 3}], "b": "endPort"}, {"endPort"})
    assert without({"a": [1]}, {"endPort"}) == ({"a": [1]}, set())


def test_the_pod_of_a_stateful_set_has_the_volumes_of_its_claims(rendered: Rendered) -> None:
    made = alone_in(pod_of(rendered("pro1"), "postgres"), "place")
    names = {volume["name"] for volume in made.spec["volumes"]}
    assert {mount["name"] for mount in made.spec["containers"][0]["volumeMounts"]} <= names
