"""One OpenAPI document out of several."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from .paths import Route

Document = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class Part:
    """The document of one service; None while the service is away."""

    service: str
    document: Document | None


def merge(own: Document, parts: Sequence[Part], routes: Sequence[Route]) -> Document:
    """`own` with the forwarded paths at their public addresses; what is away is named in `x-unavailable`."""
    merged = deepcopy(own)
    merged.setdefault("paths", {})
    merged.setdefault("components", {})
    for part in parts:
        if part.document is not None:
            _add(
                merged,
                part.service,
                deepcopy(part.document),
                [route for route in routes if route.service == part.service],
            )
    away = sorted(part.service for part in parts if part.document is None)
    if away:
        merged["x-unavailable"] = away
    return merged


def _add(merged: Document, service: str, document: Document, routes: Sequence[Route]) -> None:
    paths = {
        public: item
        for path, item in document.get("paths", {}).items()
        if (public := _public(path, routes)) is not None and public not in merged["paths"]
    }
    components = document.get("components", {})
    renamed = _renamings(merged["components"], components, _prefix(service))
    _rewrite(paths, renamed)
    _rewrite(components, renamed)
    for kind, members in components.items():
        target = merged["components"].setdefault(kind, {})
        for name, member in members.items():
            reference = f"#/components/{kind}/{name}"
            target.setdefault(renamed.get(reference, reference).rpartition("/")[2], member)
    _make_ids_unique(paths, _operation_ids(merged["paths"]), service.replace("-", "_"))
    merged["paths"].update(paths)
    _add_tags(merged, document.get("tags", ()))


def _public(path: str, routes: Sequence[Route]) -> str | None:
    for route in routes:
        if path == route.upstream_prefix or path.startswith(route.upstream_prefix + "/"):
            return route.gateway_prefix + path.removeprefix(route.upstream_prefix)
    return None


def _prefix(service: str) -> str:
    return "".join(word.capitalize() for word in service.removesuffix("-service").split("-"))


def _renamings(mine: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """New references for components of the same name and another content, and for those that refer to such."""
    renamed: dict[str, str] = {}
    shared = {
        (kind, name): member
        for kind, members in theirs.items()
        for name, member in members.items()
        if name in mine.get(kind, {})
    }
    changed = True
    while changed:
        changed = False
        for (kind, name), member in shared.items():
            reference = f"#/components/{kind}/{name}"
            if reference not in renamed and (
                member != mine[kind][name] or not renamed.keys().isdisjoint(_references(member))
            ):
                renamed[reference] = f"#/components/{kind}/{prefix}{name}"
                changed = True
    return renamed


def _references(node: object) -> Iterable[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
    elif isinstance(node, str) and node.startswith("#/components/"):
        yield node


def _rewrite(node: object, renamed: Mapping[str, str]) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str):
                node[key] = renamed.get(value, value)
            else:
                _rewrite(value, renamed)
    elif isinstance(node, list):
        for value in node:
            _rewrite(value, renamed)


def _operations(paths: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return (item[method] for item in paths.values() for method in _METHODS if method in item)


def _operation_ids(paths: Mapping[str, Any]) -> set[str]:
    return {operation["operationId"] for operation in _operations(paths) if "operationId" in operation}


def _make_ids_unique(paths: Mapping[str, Any], taken: set[str], prefix: str) -> None:
    for operation in _operations(paths):
        if operation.get("operationId") in taken:
            operation["operationId"] = f"{prefix}_{operation['operationId']}"


def _add_tags(merged: Document, tags: Iterable[Mapping[str, Any]]) -> None:
    known = merged.setdefault("tags", [])
    names = {tag["name"] for tag in known}
    known.extend(tag for tag in tags if tag["name"] not in names)
