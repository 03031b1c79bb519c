"""What of an application FastAPI would call in a thread."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant


def called_in_threads(app: Any) -> set[str]:
    """The names of routes and dependencies that are not `async`."""
    return set(_of_routes(app.routes))


def _of_routes(routes: Iterable[Any]) -> Iterator[str]:
    for route in routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from _of_routes(included.routes)
        if isinstance(dependant := getattr(route, "dependant", None), Dependant):
            yield from _of_dependant(dependant)


def _of_dependant(dependant: Dependant) -> Iterator[str]:
    if dependant.call is not None and not _is_async(dependant.call):
        yield f"{dependant.call.__module__}.{getattr(dependant.call, '__qualname__', dependant.call)}"
    for inner in dependant.dependencies:
        yield from _of_dependant(inner)


def _is_async(call: Any) -> bool:
    kinds = inspect.iscoroutinefunction, inspect.isasyncgenfunction
    # Of objects that are called, such as the schemes of security, the method tells.
    return any(is_kind(found) for is_kind in kinds for found in (call, type(call).__call__))
