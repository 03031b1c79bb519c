"""What the framework would do beside our work and shall not: trace, and call in threads, which costs as much as SQL."""

import importlib
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI

from shared.testing.threads import called_in_threads


class Parameters:
    def __init__(self, limit: int = 1) -> None:
        self.limit = limit


def blocking() -> int:
    return 1


async def quick(number: Annotated[int, Depends(blocking)]) -> int:
    return number


@pytest.mark.parametrize("service", ["api-gateway", "data-service", "ai-service"])
def test_a_service_calls_nothing_in_a_thread(service: str) -> None:
    assert called_in_threads(importlib.import_module(f"{service}.app.main").app) == set()


@pytest.mark.parametrize("service", ["api-gateway", "data-service", "ai-service"])
def test_the_framework_keeps_no_spans_of_its_own(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would hold bodies; ours are enough, and a provider that a library sets shall not switch them on."""
    app = importlib.import_module(f"{service}.app.main").app
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", object)
    assert not app._native_telemetry.enabled()


def test_all_that_would_be_is_found() -> None:
    router = APIRouter()

    @router.get("/a")
    async def asynchronous(_: Annotated[int, Depends(quick)], __: Annotated[Parameters, Depends()]) -> None: ...

    @router.get("/b")
    def synchronous() -> None: ...

    app = FastAPI()
    app.include_router(router)
    names = {name.rpartition(".")[2] for name in called_in_threads(app)}
    assert names == {"blocking", "Parameters", "synchronous"}
