"""Turns of computations: long ones leave the short ones theirs; one whose process was killed gets another."""

import asyncio
from typing import Any, cast

import pytest

from shared.compute import ComputeFailed, ComputePool
from shared.config import Settings
from shared.errors import Invalid, ServiceUnavailable
from shared.resources import Resources

from ..app.services import engine
from ..app.services.engine import LONG_AT_ONCE, Engine


class Endless:
    """Computations that end only when they are called off."""

    async def run(self, function: str, job: dict[str, Any], **_: Any) -> dict[str, Any]:
        if job.get("long"):
            await asyncio.Event().wait()
        return {"function": function}


async def test_exports_leave_turns_to_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE_SECONDS", 0.05)
    resources = Resources.__new__(Resources)
    resources.settings, resources.compute = Settings(_env_file=None), cast("ComputePool", Endless())
    turns = Engine(resources)
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(turns.run("export:export", {"long": True}, timeout_seconds=3600))
            for _ in range(LONG_AT_ONCE)
        ]
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable):
            await turns.run("export:export", {}, timeout_seconds=3600)
        assert (await turns.run("rows:page", {}))["function"].endswith("rows:page")
        for one in running:
            one.cancel()


class Mortal:
    """Computations whose process dies the first so many times."""

    def __init__(self, deaths: int) -> None:
        self.calls = 0
        self._deaths = deaths

    async def run(self, function: str, job: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.calls += 1
        if self.calls <= self._deaths:
            raise ComputeFailed("crashed", "")
        return {}


async def test_a_computation_that_was_killed_is_done_again_once() -> None:
    resources = Resources.__new__(Resources)
    for deaths in (0, 1):
        mortal = Mortal(deaths)
        resources.settings, resources.compute = Settings(_env_file=None), cast("ComputePool", mortal)
        assert await Engine(resources).run("rows:page", {}) == {}
        assert mortal.calls == deaths + 1
    mortal = Mortal(2)
    resources.compute = cast("ComputePool", mortal)
    with pytest.raises(Invalid) as refusal:
        await Engine(resources).run("rows:page", {})
    assert (refusal.value.code, mortal.calls) == ("query_failed", 2)
