"""Try rendered objects on a running API server: dry, then for real at rest in a namespace that is removed again."""

import re
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Protocol

from console import answer, note
from kube_older import Discovery, form_for
from kube_server import Refused, Warned
from manifests import Manifest, Manifests, Pod, pods

# What others act on outside of the namespace (a way in, alerts, an operator's pods) is tried dry only.
OUTWARD = {"HTTPRoute", "Ingress", "PodMonitor", "PrometheusRule", "RayCluster", "ServiceMonitor"}
# So that nothing starts, and no volume is asked for: the server's words are wanted, not a second instance.
REST: Mapping[str, tuple[str, object]] = {
    "CronJob": ("suspend", True),
    "Deployment": ("replicas", 0),
    "Job": ("parallelism", 0),
    "StatefulSet": ("replicas", 0),
}
LABEL = "ai-platform/trial"


class Taker(Discovery, Protocol):
    """What takes objects; kube_server.Server is one."""

    def apply(self, manifests: Manifests, *, dry_run: bool, warned: Warned = ...) -> list[Refused]:
        """Those that it refuses."""

    def remove(self, namespace: str) -> None:
        """Have a namespace removed."""


class Trial:
    """One folder's objects on one server."""

    def __init__(self, server: Taker, name: str) -> None:
        self._server, self._name = server, name.strip(".").lower()
        self._place = f"ai-platform-trial-{re.sub('[^a-z0-9]+', '-', self._name)}-{secrets.token_hex(3)}"
        self._refused: list[Refused] = []

    def run(self, manifests: Manifests) -> int:
        """Say what the server makes of them; how many it refuses."""
        known = list(self._known(moved(manifests, self._place)))
        namespaces = [one for one in known if one.kind == "Namespace"]
        counted = ""
        try:
            if self._take(namespaces, dry_run=True) and self._take(namespaces):
                counted = self._inside([one for one in known if one.kind != "Namespace"], manifests)
        finally:
            self._server.remove(self._place)
        for one in self._refused:
            note(f"{self._name}: refused: {one.manifest}: {one.words}")
        version = ".".join(map(str, self._server.version))
        answer(f"{self._name}: on Kubernetes {version}: {counted}{len(self._refused)} refused")
        return len(self._refused)

    def _inside(self, objects: Manifests, manifests: Manifests) -> str:
        self._take(objects, dry_run=True)
        wrong = {str(one.manifest) for one in self._refused}
        resting = [at_rest(one) for one in objects if one.kind not in OUTWARD and str(one) not in wrong]
        self._take(resting)
        alone = [alone_in(pod, self._place) for pod in pods(manifests)]
        self._take(alone, dry_run=True)
        return f"{len(objects)} objects tried dry, {len(resting)} applied at rest, {len(alone)} pods tried dry, "

    def _take(self, objects: Manifests, *, dry_run: bool = False) -> bool:
        """Whether all are taken."""
        found = self._server.apply(objects, dry_run=dry_run, warned=self._warned)
        self._refused += found
        return not found

    def _warned(self, words: str) -> None:
        note(f"{self._name}: the server warns: {words}")

    def _known(self, manifests: Sequence[Manifest]) -> Iterator[Manifest]:
        """What the server has kinds for; of the others, and of what it takes in another form, people are told."""
        forms = [(manifest, form_for(self._server, manifest)) for manifest in manifests]
        unknown = Counter(f"{manifest.kind} of {manifest.api}" for manifest, form in forms if form is None)
        self._tell("not tried, since the server has no", unknown)
        older = Counter(f"{manifest.kind} {form.words}" for manifest, form in forms if form and form.words)
        self._tell("the server is older than 1.27, so tried", older)
        yield from (form.manifest for _, form in forms if form)

    def _tell(self, words: str, counted: Mapping[str, int]) -> None:
        if counted:
            note(f"{self._name}: {words} {', '.join(f'{what} ({many})' for what, many in sorted(counted.items()))}")


def moved(manifests: Manifests, place: str) -> list[Manifest]:
    """The same objects in the trial's namespace, whose own labels (pod security) stay as they are."""
    found = []
    for manifest in manifests:
        raw = deepcopy(dict(manifest.raw))
        if manifest.kind == "Namespace":
            raw["metadata"] |= {"name": place, "labels": {**manifest.labels, LABEL: "true"}}
        else:
            raw["metadata"]["namespace"] = place
        found.append(Manifest(raw))
    return found


def at_rest(manifest: Manifest) -> Manifest:
    """The object so that nothing comes of it."""
    if manifest.kind not in REST:
        return manifest
    field, value = REST[manifest.kind]
    return Manifest({**manifest.raw, "spec": {**manifest.spec, field: value}})


def alone_in(pod: Pod, place: str) -> Manifest:
    """The pod that an object would make, as one of its own: admission asks more of pods than of their templates."""
    spec = deepcopy(dict(pod.spec))
    claims = [claim["metadata"]["name"] for claim in pod.owner.spec.get("volumeClaimTemplates", ())]
    volumes = [{"name": one, "persistentVolumeClaim": {"claimName": f"{one}-{pod.name}-0"}} for one in claims]
    spec["volumes"] = [*spec.get("volumes", ()), *volumes]
    metadata = {"name": pod.name, "namespace": place, "labels": dict(pod.labels)}
    return Manifest({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
