"""The OpenAPI documents of all services, for rules that every route must keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from shared.config import Settings

SERVICES = ("api-gateway", "data-service", "ai-service")
METHODS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path of one service."""

    service: str
    method: str
    path: str
    entry: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.service} {self.method.upper()} {self.path}"


@lru_cache
def document(service: str) -> dict[str, Any]:
    """The service's document; nothing connects for it."""
    settings = Settings.model_validate({"secret_key": "documents-" * 4})
    made: dict[str, Any] = import_module(f"{service}.app.main").create_app(settings).openapi()
    return made


def operations() -> Iterator[Operation]:
    """Every operation of every service."""
    for service in SERVICES:
        for path, item in document(service)["paths"].items():
            for method in METHODS:
                if method in item:
                    yield Operation(service, method, path, item[method])
