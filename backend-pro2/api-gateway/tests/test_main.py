"""The gateway as a whole: documentation, health, and what it does without."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from .servers import Start, serving

ROOT = Path(__file__).parents[2]
HEAVY = ("pandas", "numpy", "scipy", "sklearn", "duckdb", "pyarrow", "ray", "openai", "celery", "minio", "altair")


def service(prefix: str) -> ASGIApp:
    """A service with a documented route below `prefix`."""
    app = FastAPI()

    @app.get(f"{prefix}/things", operation_id="auth_me")
    async def things() -> dict[str, str]:
        return {}

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {}

    return app


def test_starts_without_the_heavy_libraries() -> None:
    code = "import importlib, sys; importlib.import_module('api-gateway.app.main'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert set(done.stdout.split()).isdisjoint(HEAVY)


@pytest.mark.integration
class TestDocumentation:
    async def test_one_document(self, start: Start) -> None:
        async with serving(service("/manage/datasets")) as data, serving(service("/tasks")) as ai:
            client = await start(data=data, ai=ai)
            document = (await client.get("/openapi.json")).json()
        assert {"/api/v1/auth/me", "/api/v1/datasets/things", "/api/v1/tasks/things"} <= document["paths"].keys()
        operations = [item for path in document["paths"].values() for item in path.values()]
        ids = Counter(operation["operationId"] for operation in operations)
        assert ids.most_common(1)[0][1] == 1
        assert document["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"
        assert "x-unavailable" not in document

    async def test_absent_services_cost_their_part_only(self, start: Start) -> None:
        client = await start()
        document = (await client.get("/openapi.json")).json()
        assert document["x-unavailable"] == ["ai-service", "data-service"]
        assert "/api/v1/projects" in document["paths"]
        assert (await client.get("/docs")).status_code == 200

    async def test_own_routes_are_described(self, start: Start) -> None:
        document = (await (await start()).get("/openapi.json")).json()
        for path, item in document["paths"].items():
            for operation in item.values():
                assert operation["summary"], path
                assert operation["tags"], path
                if path.startswith("/api/v1/"):
                    assert operation["description"], path
                    assert "429" in operation["responses"], path


@pytest.mark.integration
async def test_health_names_the_services(start: Start) -> None:
    async with serving(service("/tasks")) as url:
        client: httpx.AsyncClient = await start(ai=url)
        report = (await client.get("/health/detailed")).json()
        assert (await client.get("/ready")).status_code in (200, 503)
    states = {name: report["dependencies"][name]["status"] for name in ("data-service", "ai-service")}
    assert states == {"data-service": "failed", "ai-service": "healthy"}
    assert report["dependencies"]["data-service"]["critical"] is False
