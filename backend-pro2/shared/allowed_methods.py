"""The Allow header of a 405: the methods of every route at a path, where the framework names only the first route's."""

import re

from starlette.requests import Request

_PARAMETER = re.compile(r"\\{[^}]+\\}")


def allowed_methods(request: Request) -> str:
    """Methods that the service's own document lists for the path, or nothing."""
    path = request.url.path
    paths = request.app.openapi()["paths"].items()
    found = {method.upper() for template, methods in paths if _fits(template, path) for method in methods}
    return ", ".join(sorted(found))


def _fits(template: str, path: str) -> bool:
    pattern = _PARAMETER.sub("[^/]+", re.escape(template))
    return re.fullmatch(pattern, path) is not None
