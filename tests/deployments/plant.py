"""Ways to spoil rendered objects, each as one would by mistake."""

from collections.abc import Callable
from typing import Any

from manifests import Manifest, Pod, pods

Spoil = Callable[[list[Manifest]], None]


def one(manifests: list[Manifest], kind: str, name: str) -> dict[str, Any]:
    """The object itself, to be changed."""
    found = next(manifest for manifest in manifests if (manifest.kind, manifest.name) == (kind, name))
    return dict_of(found.raw)


def dict_of(value: Any) -> dict[str, Any]:
    """What is known to be one."""
    assert isinstance(value, dict)
    return value


def pod(manifests: list[Manifest], name: str) -> Pod:
    """The pod of that part."""
    return next(pod for pod in pods(manifests) if pod.name == name)


def put(name: str, path: str, value: object) -> Spoil:
    """Write a value into the pod's specification, at keys and indices with dots between."""

    def spoil(manifests: list[Manifest]) -> None:
        write(pod(manifests, name).spec, path, value)

    return spoil


def write(place: Any, path: str, value: object) -> None:
    """Write a value, or take it away where it is None."""
    *way, last = path.split(".")
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[int(last) if last.isdigit() else last]
    else:
        place[int(last) if last.isdigit() else last] = value


def put_into(kind: str, name: str, path: str, value: object) -> Spoil:
    """The same for an object."""
    return lambda manifests: write(one(manifests, kind, name), path, value)


def configure(**variables: str | None) -> Spoil:
    """Set variables in the config map, or take them out."""

    def spoil(manifests: list[Manifest]) -> None:
        data = next(manifest for manifest in manifests if manifest.kind == "ConfigMap").raw["data"]
        for name, value in variables.items():
            write(data, name, value)

    return spoil


def remove(kind: str, name: str) -> Spoil:
    """Take an object away."""

    def spoil(manifests: list[Manifest]) -> None:
        manifests[:] = [manifest for manifest in manifests if (manifest.kind, manifest.name) != (kind, name)]

    return spoil
