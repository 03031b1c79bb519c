"""Where public paths lead."""

import pytest

from shared.links import GATEWAY_ROUTES

from ..app.core.paths import PathMap, ascii_only, climbs

PATHS = PathMap(GATEWAY_ROUTES)


@pytest.mark.parametrize(
    ("public", "service", "path"),
    [
        (b"/api/v1/upload/file", "data-service", "/upload/file"),
        (b"/api/v1/datasets", "data-service", "/manage/datasets"),
        (b"/api/v1/datasets/", "data-service", "/manage/datasets/"),
        (b"/api/v1/datasets/1/rows", "data-service", "/manage/datasets/1/rows"),
        (b"/api/v1/process/query", "data-service", "/process/query"),
        (b"/api/v1/analysis/describe", "ai-service", "/analysis/describe"),
        (b"/api/v1/models/%C3%A9", "ai-service", "/models/%C3%A9"),
        (b"/api/v1/models/\xc3\xa9", "ai-service", "/models/%C3%A9"),
        (b"/api/v1/tasks/1/events", "ai-service", "/tasks/1/events"),
        (b"/api/v1/analysis/1/artifacts/a.b..c", "ai-service", "/analysis/1/artifacts/a.b..c"),
    ],
)
def test_target(public: bytes, service: str, path: str) -> None:
    assert PATHS.target(public) == (service, path)


@pytest.mark.parametrize(
    "public",
    [
        b"/",
        b"/api/v1",
        b"/api/v1/auth/me",
        b"/api/v1/datasetsx",
        b"/api/v1/dataset",
        b"/API/v1/datasets",
        b"/manage/datasets",
        b"//api/v1/datasets",
        b"/api/v1/datasets/../../metrics",
        b"/api/v1/datasets/%2e%2E/x",
        b"/api/v1/datasets/..%2fmetrics",
        b"/api/v1/datasets/..%5cmetrics",
        b"/api/v1/datasets/..\\metrics",
        b"/api/v1/datasets/./x",
        b"/api/v1/datasets/..",
    ],
)
def test_no_target(public: bytes) -> None:
    assert PATHS.target(public) is None


@pytest.mark.parametrize("path", [b"/a/b", b"/a.b/c..d/...", b"/%2", b"/%2e%2e%2e/", b"/a%2fb"])
def test_does_not_climb(path: bytes) -> None:
    assert not climbs(path)


def test_query_bytes_stay_as_they_are_unless_outside_ascii() -> None:
    assert ascii_only(b"a=%zz&b=1+2;[]{}|~") == "a=%zz&b=1+2;[]{}|~"
    assert ascii_only("q=é&r=%20".encode()) == "q=%C3%A9&r=%20"
