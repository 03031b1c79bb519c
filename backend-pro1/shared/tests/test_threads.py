"""No route and no dependency goes through a thread: the way there and back costs as much as a statement of SQL."""

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
