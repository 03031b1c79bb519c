"""Links fit the door that a request came through."""

import pytest

from shared.links import GATEWAY_ROUTES, public_path


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("", "/manage/datasets/1", "/manage/datasets/1"),
        ("/api/v1", "/manage/datasets/1", "/api/v1/datasets/1"),
        ("/api/v1", "/manage/datasets", "/api/v1/datasets"),
        ("/api/v1", "/tasks/1/events", "/api/v1/tasks/1/events"),
        ("/api/v1", "/tasksy", "/tasksy"),
        ("/evil", "/tasks/1", "/tasks/1"),
    ],
)
def test_public_path(prefix: str, path: str, expected: str) -> None:
    assert public_path(prefix, path) == expected


def test_no_two_routes_overlap() -> None:
    prefixes = [route.gateway_prefix for route in GATEWAY_ROUTES]
    assert len(set(prefixes)) == len(prefixes)
