"""The operations of the merged OpenAPI document, and requests made from the table of rules."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from .rules import Content, Rule
from .world import ABSENT

METHODS = ("get", "put", "post", "delete", "patch")
_NAME = re.compile(r"\{(\w+)\}")
# The names in a path that are ids of things, so that an absent one can be put there.
_IDS = re.compile(r"\w+_id")

Look = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as the document describes it."""

    id: str
    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    is_secured: bool

    @property
    def queries(self) -> dict[str, dict[str, Any]]:
        """Query parameters and their schemas."""
        return {entry["name"]: entry["schema"] for entry in self.parameters if entry["in"] == "query"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request with everything filled in."""

    method: str
    path: str
    data: bytes | None
    headers: dict[str, str]


class Catalogue:
    """The document of a gateway."""

    def __init__(self, gateway: str) -> None:
        self.document: dict[str, Any] = httpx.get(f"{gateway}/openapi.json", timeout=60).raise_for_status().json()
        assert "x-unavailable" not in self.document
        self.operations = {operation.id: operation for operation in self._read()}

    def _read(self) -> list[Operation]:
        return [
            Operation(
                entry["operationId"],
                method.upper(),
                path,
                entry.get("parameters", []),
                self._json_body(entry),
                bool(entry.get("security")),
            )
            for path, item in self.document["paths"].items()
            for method, entry in item.items()
            if method in METHODS
        ]

    def _json_body(self, entry: Mapping[str, Any]) -> dict[str, Any] | None:
        content = entry.get("requestBody", {}).get("content", {})
        return self.resolved(content["application/json"]["schema"]) if "application/json" in content else None

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema itself, where it is only a reference to one."""
        while "$ref" in schema:
            place = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                place = place[step]
            schema = place
        return schema


def looking(world: object, **instead: str) -> Look:
    """Finds what a name in braces stands for: an attribute of the world unless it is given here."""
    return lambda name: instead.get(name) or str(getattr(world, name))


def request_of(operation: Operation, rule: Rule, look: Look) -> Request:
    """The request of the rule, with what its names stand for."""

    def fill(text: str) -> str:
        return _NAME.sub(lambda found: look(found[1]), text)

    def place(found: re.Match[str]) -> str:
        return fill(rule.path[found[1]]) if found[1] in rule.path else look(found[1])

    headers = {"Content-Type": rule.kind} if rule.body is not None else {}
    path = _NAME.sub(place, operation.path) + fill(rule.query)
    return Request(operation.method, path, _content(rule.body, fill), headers)


def _content(body: Content, fill: Callable[[str], str]) -> bytes | None:
    if body is None:
        return None
    text = body.decode("latin-1") if isinstance(body, bytes) else json.dumps(body)
    return _NAME.sub(lambda found: fill(found[0]), text).encode("latin-1")


def ids_of(operation: Operation, rule: Rule) -> set[str]:
    """The names of the things that a request of the rule points at."""
    words = [operation.path, rule.query, *rule.path.values()]
    if rule.body is not None:
        words.append(rule.body.decode("latin-1") if isinstance(rule.body, bytes) else json.dumps(rule.body))
    names = {name for word in words for name in _NAME.findall(word)} - set(rule.path)
    return {name for name in names if _IDS.fullmatch(name)}


def absent(names: set[str], world: object) -> Look:
    """Like `looking`, with ids of nothing."""
    return looking(world, **dict.fromkeys(names, ABSENT))
