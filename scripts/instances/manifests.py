"""Rendered Kubernetes objects, and the pods that they make."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from console import Refusal

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS = ROOT / "deployments"
OWN_KUBECTL = ROOT / ".run" / "kubectl" / "kubectl"
NAME = "app.kubernetes.io/name"
# The same as the safe loader, ten times as fast where the library was built with it.
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Manifest:
    """One object as it would be applied."""

    raw: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Like `Deployment`."""
        return str(self.raw.get("kind", ""))

    @property
    def api(self) -> str:
        """Like `apps/v1`."""
        return str(self.raw.get("apiVersion", ""))

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.raw.get("metadata", {}).get("name", ""))

    @property
    def namespace(self) -> str:
        """The namespace it is in; empty for what is in none."""
        return str(self.raw.get("metadata", {}).get("namespace", ""))

    @property
    def labels(self) -> Mapping[str, str]:
        """Its own labels."""
        return self.raw.get("metadata", {}).get("labels") or {}

    @property
    def spec(self) -> Mapping[str, Any]:
        """What is wanted."""
        return self.raw.get("spec") or {}

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Pod:
    """What an object makes pods from."""

    owner: Manifest
    template: Mapping[str, Any]

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels by which services and policies find it."""
        return self.template.get("metadata", {}).get("labels") or {}

    @property
    def name(self) -> str:
        """The part of the instance that it is."""
        return str(self.labels.get(NAME, self.owner.name))

    @property
    def part(self) -> str:
        """Its kind of part: service, worker, beat, ray, job, store or backup."""
        return str(self.labels.get("app.kubernetes.io/component", ""))

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its specification."""
        return self.template.get("spec") or {}

    @property
    def containers(self) -> Sequence[Mapping[str, Any]]:
        """Those that run, and those that run before them."""
        return [*self.spec.get("initContainers", ()), *self.spec.get("containers", ())]

    @property
    def main(self) -> Mapping[str, Any]:
        """The container that it is there for."""
        containers = self.spec.get("containers") or [{}]
        return containers[0]  # type: ignore[no-any-return]

    @property
    def volumes(self) -> Sequence[Mapping[str, Any]]:
        """What its containers can mount, but for claims made from templates."""
        return self.spec.get("volumes") or ()

    def port(self, name: str | int) -> int | None:
        """The number of a port of one of its containers, by number or name."""
        for container in self.spec.get("containers", ()):
            for port in container.get("ports", ()):
                if name in (port.get("name"), port.get("containerPort")):
                    return int(port["containerPort"])
        return None

    def __str__(self) -> str:
        return str(self.owner) if self.owner.kind != "RayCluster" else f"{self.owner} ({self.name})"


Manifests = Sequence[Manifest]


def render(folder: Path) -> list[Manifest]:
    """What `kubectl apply -k` would apply.

    Raises:
        Refusal: there is no kubectl, or the folder cannot be rendered; holds what kubectl said.
    """
    done = subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"{folder} cannot be rendered:\n{done.stderr.strip()}")
    return parse(done.stdout)


def kubectl() -> str:
    """The program: what tests/deployments/prepare.sh has got because the system's would not do, else the system's.

    Raises:
        Refusal: there is none.
    """
    found = str(OWN_KUBECTL) if OWN_KUBECTL.exists() else shutil.which("kubectl")
    if found is None:
        raise Refusal("kubectl is not there: install it, 1.26 or newer, or run ./tests/deployments/prepare.sh")
    return found


def parse(text: str) -> list[Manifest]:
    """The objects of a stream of YAML."""
    return [Manifest(document) for document in yaml.load_all(text, Loader=FAST) if document]


def pods(manifests: Manifests) -> Iterator[Pod]:
    """Every pod that the objects would make, one for each template."""
    for manifest in manifests:
        for template in _templates(manifest):
            yield Pod(manifest, template)


def _templates(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    spec = manifest.spec
    if manifest.kind == "CronJob":
        yield spec["jobTemplate"]["spec"]["template"]
    elif manifest.kind == "RayCluster":
        yield spec["headGroupSpec"]["template"]
        for group in spec["workerGroupSpecs"]:
            yield group["template"]
    elif "template" in spec:
        yield spec["template"]


def of_kind(manifests: Manifests, *kinds: str) -> Iterator[Manifest]:
    """Those of these kinds."""
    return (manifest for manifest in manifests if manifest.kind in kinds)


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector, with labels or with expressions, chooses these labels; an empty one chooses all."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    answers = {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return answers[expression["operator"]]
