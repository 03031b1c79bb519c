"""What each scope opens, and that somebody has decided about every route of every service."""

import re
from collections.abc import Iterator
from importlib import import_module

import pytest

from shared.errors import Forbidden
from shared.links import GATEWAY_ROUTES, public_path
from shared.scopes import ADMIN, LOGIN, NOTHING, SCOPES, Need, is_covered, need_of, require_scope

SERVICES = ("api-gateway", "data-service", "ai-service")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def operations() -> Iterator[tuple[str, str]]:
    """Method and path of every documented operation of the three services, with some value for each parameter."""
    for service in SERVICES:
        document = import_module(f"{service}.app.main").create_app().openapi()
        for path, methods in document["paths"].items():
            yield from ((method.upper(), re.sub(r"{[^}]+}", "x", path)) for method in methods)


def test_every_route_of_every_service_has_been_decided() -> None:
    found = list(operations())
    assert len(found) > 30
    assert [path for _, path in found if not is_covered(path)] == [], "give these an area in shared/scopes.py"


def test_no_route_but_public_ones_is_open_to_every_key() -> None:
    open_ones = {path for method, path in operations() if need_of(method, path) is NOTHING}
    assert open_ones == {"/health", "/health/detailed", "/ready", "/api/v1/auth/me"}


def test_both_doors_of_a_route_ask_for_the_same() -> None:
    for method, path in operations():
        assert need_of(method, path) == need_of(method, public_path("/api/v1", path))


def test_every_scope_is_needed_somewhere_and_every_need_is_a_scope() -> None:
    paths = [route.gateway_prefix for route in GATEWAY_ROUTES] + [
        "/api/v1/projects",
        "/api/v1/users/me",
        "/api/v1/users",
    ]
    needed = {scope for path in paths for method in METHODS for scope in (need_of(method, path) or Need()).scopes}
    assert needed == SCOPES.keys()
    assert all(SCOPES.values())


AREA_NEEDS = [
    ("projects", "/api/v1/projects"),
    ("projects", "/api/v1/projects/1/members/2"),
    ("datasets", "/api/v1/datasets/1"),
    ("datasets", "/manage/datasets/1/versions/2"),
    ("datasets", "/api/v1/upload/sessions/1"),
    ("datasets", "/upload/file"),
    ("datasets", "/process/run"),
    ("datasets", "/api/v1/process/pipelines/1/run"),
    ("analysis", "/analysis"),
    ("analysis", "/api/v1/analysis/ask"),
    ("analysis", "/api/v1/analysis/insights"),
    ("analysis", "/analysis/explain"),
    ("analysis", "/analysis/describe-columns"),
    ("models", "/models/train"),
    ("tasks", "/api/v1/tasks/1/cancel"),
    ("users", "/api/v1/users/me"),
    ("users", "/api/v1/users/me/profile"),
]


@pytest.mark.parametrize(("area", "path"), AREA_NEEDS)
def test_reading_and_writing_an_area(area: str, path: str) -> None:
    for method in ("GET", "HEAD"):
        assert need_of(method, path) == Need((f"{area}:read", "read"))
    for method in ("POST", "PUT", "PATCH"):
        assert need_of(method, path) == Need((f"{area}:write", "write"))


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/process/query", "datasets"),
        ("/process/preview", "datasets"),
        ("/upload/inspect", "datasets"),
        ("/models/1/predict", "models"),
        ("/models/1/explain", "models"),
    ],
)
def test_questions_with_a_body_are_reads(prefix: str, path: str, area: str) -> None:
    assert need_of("POST", prefix + path) == Need((f"{area}:read", "read"))
    assert need_of("DELETE", prefix + path) == Need((f"{area}:write", "write"))


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "/api/v1/auth/me", NOTHING),
        ("GET", "/health", NOTHING),
        ("POST", "/api/v1/auth/me", LOGIN),
        ("GET", "/api/v1/auth", LOGIN),
        ("GET", "/api/v1/auth/me/", LOGIN),
        ("GET", "/api/v1/auth/api-keys", LOGIN),
        ("POST", "/api/v1/auth/api-keys", LOGIN),
        ("DELETE", "/api/v1/auth/sessions/1", LOGIN),
        ("POST", "/api/v1/auth/change-password", LOGIN),
        ("DELETE", "/api/v1/users/me", LOGIN),
        ("DELETE", "/api/v1/users/1", LOGIN),
        ("DELETE", "/api/v1/users/me/avatar", Need(("users:write", "write"))),
        ("POST", "/api/v1/users/me/export", Need(("users:read", "read"))),
        ("GET", "/api/v1/users", ADMIN),
        ("GET", "/api/v1/users/1", ADMIN),
        ("GET", "/api/v1/users/men", ADMIN),
        ("PUT", "/api/v1/users/1/role", ADMIN),
        ("PATCH", "/api/v1/users/1", ADMIN),
        ("GET", "/api/v1/projects/1/quotas", Need(("projects:read", "read"))),
        ("PUT", "/api/v1/projects/1/quotas", ADMIN),
        ("GET", "/api/v1/nothing", LOGIN),
        ("GET", "/api/v1", NOTHING),
        ("GET", "/api/v1/authentic", LOGIN),
        ("BREW", "/tasks", Need(("tasks:write", "write"))),
        # Starlette's patterns end in `$`, which a line break may follow.
        ("PUT", "/api/v1/users/1/role\n", ADMIN),
        ("PUT", "/api/v1/users/1\n/role", ADMIN),
        ("PUT", "/api/v1/projects/1/quotas\n", ADMIN),
        ("GET", "/api/v1/users/me\n/role", ADMIN),
        ("DELETE", "/api/v1/users/me\n", LOGIN),
        ("GET", "/api/v1/users\n", ADMIN),
    ],
)
def test_credentials_and_administration(method: str, path: str, need: Need | None) -> None:
    assert need_of(method, path) == need


def test_the_refusal_names_what_is_missing() -> None:
    require_scope("GET", "/tasks", {"read"})
    require_scope("GET", "/tasks", {"tasks:read"})
    with pytest.raises(Forbidden, match="`tasks:read` or `read`") as refusal:
        require_scope("GET", "/tasks", {"tasks:write", "write", "admin", "models:read"})
    assert refusal.value.code == "insufficient_scope"
    with pytest.raises(Forbidden, match="log in") as refusal:
        require_scope("POST", "/api/v1/auth/logout", SCOPES)
    assert refusal.value.code == "login_required"
