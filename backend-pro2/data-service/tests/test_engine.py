"""Turns of computations: long ones, however many are asked for, leave the short ones theirs."""

import asyncio
from typing import Any, cast

import pytest

from shared.compute import ComputePool
from shared.config import Settings
from shared.errors import ServiceUnavailable
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
