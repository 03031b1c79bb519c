"""Where documents are served, and which operations of them a part of the campaign makes."""

import random
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
import schemathesis
from schemathesis import APIOperation, BaseSchema, GenerationMode
from schemathesis.core.result import Ok

from ..adversarial.places import SERVICES, Place

SECONDS = 60
_SERVICES = dict(zip(("gateway", "data", "ai"), SERVICES, strict=True))


@dataclass
class Door:
    """One document, and the address that its paths begin at."""

    schema: BaseSchema
    url: str
    seed: int
    # None: all of it.
    ids: frozenset[str] | None = None
    strategies: dict[tuple[str, GenerationMode], Any] = field(default_factory=dict)

    @cached_property
    def operations(self) -> list[Any]:
        """In an order that follows from the seed."""
        found = [result.ok() for result in self.schema.get_all_operations() if isinstance(result, Ok)]
        wanted = [operation for operation in found if self.ids is None or operation_id(operation) in self.ids]
        return random.Random(self.seed).sample(wanted, len(wanted))  # noqa: S311 - accidents that can be repeated

    @cached_property
    def machine(self) -> Any:
        """Chains of calls: what one answers is what the next asks for."""
        return self.schema.as_state_machine()


def operation_id(operation: APIOperation[Any, Any, Any, Any]) -> str:
    """What the document calls it."""
    return str(operation.definition.raw["operationId"])


def doors(place: Place, seed: int) -> dict[str, list[Door]]:
    """For each part where its operations are: behind the gateway, and at the service itself."""
    whole = _schema(place.gateway)
    own = {part: Door(_schema(place.url(service)), place.url(service), seed) for part, service in _SERVICES.items()}
    ids = {part: frozenset(map(operation_id, own[part].operations)) for part in ("data", "ai")}
    merged = {part: Door(whole, place.gateway, seed, names) for part, names in ids.items()}
    others = frozenset(map(operation_id, own["gateway"].operations)) - ids["data"] - ids["ai"]
    return {
        "gateway": [Door(whole, place.gateway, seed, others)],
        "data": [merged["data"], own["data"]],
        "ai": [merged["ai"], own["ai"]],
        # A document of its own: links that are found out are written into it.
        "chains": [Door(_schema(place.gateway), place.gateway, seed)],
    }


def _schema(url: str) -> BaseSchema:
    # Who calls is not left to chance alone: see openapi_callers.py.
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_dict(_whole(url), config=config)


def _whole(url: str) -> dict[str, Any]:
    """The document, once no service's part of it is missing: the gateway asks anew after some seconds."""
    deadline = time.monotonic() + SECONDS
    while True:
        document: dict[str, Any] = httpx.get(f"{url}/openapi.json", timeout=SECONDS).raise_for_status().json()
        if "x-unavailable" not in document:
            return document
        assert time.monotonic() < deadline, document["x-unavailable"]
        time.sleep(1)
