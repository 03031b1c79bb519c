"""Which routers are asked for a path, and that every path is answered as if all were."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Match
from starlette.types import Scope

from shared.routing import narrow

PATHS = (
    *("/projects", "/projects/7", "/projects/", "/projectsque", "/projects/7/members", "/datasets", "/datasets/7/rows"),
    *("/", "/seven/things", "/outer/inner/7", "/outer", "", "/PROJECTS", "/absent"),
)


def routers() -> Iterator[APIRouter]:
    projects = APIRouter(prefix="/projects")
    projects.add_api_route("", lambda: "list", methods=["GET"])
    projects.add_api_route("/{project_id}", lambda project_id: f"one {project_id}", methods=["GET", "DELETE"])
    yield projects
    datasets = APIRouter(prefix="/datasets")
    datasets.add_api_route("/{dataset_id}/rows", lambda dataset_id: f"rows {dataset_id}", methods=["POST"])
    yield datasets
    members = APIRouter(prefix="/projects/{project_id}/members")
    members.add_api_route("", lambda project_id: f"members {project_id}", methods=["GET"])
    yield members
    things = APIRouter()
    things.add_api_route("/{name}/things", lambda name: f"things {name}", methods=["GET"])
    yield things
    inner = APIRouter(prefix="/inner")
    inner.add_api_route("/{number}", lambda number: f"inner {number}", methods=["GET"])
    outer = APIRouter(prefix="/outer")
    outer.include_router(inner)
    yield outer


def served(*, narrowed: bool) -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    for router in routers():
        app.include_router(narrow(router) if narrowed else router)
    return app


async def answers(app: FastAPI, root_path: str) -> list[tuple[str, str, int, str]]:
    found = []
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, root_path=root_path), base_url="http://test"
    ) as client:
        for path in PATHS:
            for method in ("GET", "POST", "DELETE"):
                answer = await client.request(method, root_path + path)
                found.append((method, path, answer.status_code, answer.text))
    return found


@pytest.mark.parametrize("root_path", ["", "/below"])
async def test_every_path_is_answered_as_if_all_were_asked(root_path: str) -> None:
    wide = await answers(served(narrowed=False), root_path)
    assert await answers(served(narrowed=True), root_path) == wide
    assert {status for _, _, status, _ in wide} == {200, 404, 405}


def scope_of(path: str) -> Scope:
    return {"type": "http", "method": "GET", "path": path, "headers": []}


def asked(router: APIRouter, path: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    seen: list[str] = []

    def look(_: APIRouter, scope: Scope) -> tuple[Match, Scope]:
        seen.append(scope["path"])
        return Match.NONE, {}

    monkeypatch.setattr(APIRouter, "matches", look)
    narrow(router).matches(scope_of(path))
    return bool(seen)


@pytest.mark.parametrize(
    ("number", "path", "is_asked"),
    [
        (0, "/projects/7", True),
        (0, "/datasets/7", False),
        (1, "/datasets/7/rows", True),
        (1, "/projects", False),
        (2, "/projects/7", True),
        (2, "/projects", False),
        (3, "/anything", True),
        (4, "/outer/inner/7", True),
    ],
)
def test_who_is_asked(number: int, path: str, is_asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(list(routers())[number], path, monkeypatch) is is_asked
