"""What an older API server takes in place of what is applied: only so that the rest of an object can be tried there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from manifests import Manifest

# Former versions of the same objects, for servers that do not have the newer one.
FORMER = {
    ("policy/v1", "PodDisruptionBudget"): "policy/v1beta1",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "autoscaling/v2beta2",
    ("batch/v1", "CronJob"): "batch/v1beta1",
}
# Fields of ours, and the first version of Kubernetes that has each switched on.
YOUNG_FIELDS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "PodDisruptionBudget": {"unhealthyPodEvictionPolicy": (1, 27)},
    "NetworkPolicy": {"endPort": (1, 22)},
}


class Discovery(Protocol):
    """What a server says of itself."""

    @property
    def version(self) -> tuple[int, int]:
        """Like 1, 27."""

    def kinds(self, api: str) -> set[str]:
        """The kinds of a version of an API."""


@dataclass(frozen=True)
class Form:
    """An object as a server knows it, and in words what that changes; no words where nothing."""

    manifest: Manifest
    words: str = ""


def form_for(server: Discovery, manifest: Manifest) -> Form | None:
    """The object as the server knows it; None where it has no such kind."""
    api = next((one for one in _versions(manifest) if manifest.kind in server.kinds(one)), None)
    if api is None:
        return None
    kept, gone = without(manifest.raw, _too_young(server, manifest))
    words = [*([f"as {api}"] if api != manifest.api else []), *(f"without {field}" for field in sorted(gone))]
    return Form(Manifest({**kept, "apiVersion": api}), ", ".join(words))


def _versions(manifest: Manifest) -> list[str]:
    former = FORMER.get((manifest.api, manifest.kind))
    return [manifest.api, *([former] if former else [])]


def _too_young(server: Discovery, manifest: Manifest) -> set[str]:
    fields = YOUNG_FIELDS.get(manifest.kind, {})
    return {field for field, since in fields.items() if server.version < since}


def without(value: Any, fields: set[str]) -> tuple[Any, set[str]]:
    """A value with none of these fields at any depth, and those that were there."""
    if isinstance(value, Mapping):
        gone = fields & value.keys()
        parts = {key: without(one, fields) for key, one in value.items() if key not in fields}
        return {key: part for key, (part, _) in parts.items()}, gone.union(*(lost for _, lost in parts.values()))
    if isinstance(value, list):
        items = [without(one, fields) for one in value]
        return [item for item, _ in items], set().union(*(lost for _, lost in items))
    return value, set()
