"""What an Idempotency-Key adds to the answers of a route, written into the OpenAPI document for all of them."""

from typing import Any

from shared.schemas import problems

from .answers import REPLAYED
from .attempts import HEADER

_REPLAYED = {"description": "`true` where the first answer is repeated.", "schema": {"type": "string"}}
_PROBLEMS = {str(status): problem for status, problem in problems(409, 422).items()}


def describe_repetitions(document: dict[str, Any]) -> None:
    """Name the header, and the problems that a repeated key may lead to, at every route that takes the key."""
    for item in document.get("paths", {}).values():
        for operation in item.values():
            if any(parameter["name"] == HEADER for parameter in operation.get("parameters", ())):
                _describe(operation["responses"])


def _describe(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if status.startswith("2"):
            response.setdefault("headers", {})[REPLAYED] = _REPLAYED
    for status, problem in _PROBLEMS.items():
        responses.setdefault(status, problem)
