"""Where a body may be as large as a file: exactly where it is streamed, and nowhere that it is read as a whole."""

import re

import pytest

from ..app.main import UPLOAD_PATHS, app

STREAMED = {
    "/upload/file",
    "/upload/inspect",
    "/upload/sessions/{upload_id}/parts/{number}",
    "/manage/datasets/{dataset_id}/versions",
}


def test_large_bodies_are_those_that_no_framework_reads() -> None:
    paths = app.openapi()["paths"]
    large = {path for path in paths if UPLOAD_PATHS.fullmatch(re.sub(r"{[^}]+}", "x", path))}
    assert large == STREAMED
    for path in large:
        bodies = [entry["requestBody"]["content"] for entry in paths[path].values() if "requestBody" in entry]
        assert bodies
        assert all("application/json" not in body for body in bodies)


@pytest.mark.parametrize("path", ["/upload/sessions", "/upload/sessions/1/complete", "/upload/url", "/upload/files"])
def test_others_are_small(path: str) -> None:
    assert UPLOAD_PATHS.fullmatch(path) is None
