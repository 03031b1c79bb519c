"""A database that refuses is a dependency that failed: readiness says so by 503 and names the reason."""

import asyncpg
from fastapi import FastAPI
from starlette.testclient import TestClient

from shared.health import Health, Probe, health_router


async def _refused() -> None:
    raise asyncpg.InvalidPasswordError("password authentication failed for user of postgresql://somebody:secret@host")


def test_a_refusal_is_told_without_its_words() -> None:
    app = FastAPI()
    app.include_router(
        health_router(Health("api-gateway", "1", "pro1", [Probe("postgres", critical=True, check=_refused)]))
    )
    answer = TestClient(app).get("/ready")
    assert answer.status_code == 503
    assert answer.json()["dependencies"]["postgres"]["note"] == "InvalidPasswordError"
    assert "secret" not in answer.text
