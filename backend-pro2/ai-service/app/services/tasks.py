"""Use cases around tasks of every kind: queues, the cluster, and results."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from shared.compute import ComputeFailed
from shared.errors import Conflict, ServiceUnavailable
from shared.resources import Resources
from shared.tasks import Task

from ..repositories.analyses import KIND
from ..repositories.results import Result
from ..repositories.tasks import QueueLoad, queue_loads
from .analyses import Analyses

CLUSTER_FUNCTION = "ai-service.app.engines.cluster_status:cluster_status"
CLUSTER_SECONDS = 30.0
CLUSTER_MEMORY_MB = 1024
KEPT_SECONDS = 5.0


class ClusterWatch:
    """Asks Ray how it is, in a child of its own, at most once in a few seconds for everybody."""

    def __init__(self, resources: Resources) -> None:
        self._settings = resources.settings
        self._compute = resources.compute
        self._asking = asyncio.Lock()
        self._known: dict[str, Any] | None = None
        self._known_at = 0.0

    async def status(self) -> dict[str, Any]:
        """Members of ClusterModel.

        Raises:
            ServiceUnavailable: `ray_disabled` or `ray_unavailable`.
        """
        if not self._settings.ray_enabled:
            raise ServiceUnavailable(
                "This instance runs without a Ray cluster; all work is done by its workers.", code="ray_disabled"
            )
        async with self._asking:
            if self._known is None or time.monotonic() - self._known_at > KEPT_SECONDS:
                self._known = await self._ask()
                self._known_at = time.monotonic()
        return self._known

    async def _ask(self) -> dict[str, Any]:
        job = {"address": self._settings.ray_address, "token": self._settings.ray_auth_token.get_secret_value()}
        try:
            return await self._compute.run(
                CLUSTER_FUNCTION, job, timeout_seconds=CLUSTER_SECONDS, memory_mb=CLUSTER_MEMORY_MB
            )
        except ComputeFailed as error:
            raise ServiceUnavailable("The Ray cluster does not answer.", code="ray_unavailable") from error


class Tasks:
    """What a caller may learn of tasks beside what the ledger itself tells."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._ledger = resources.ledger
        self._analyses = Analyses(resources)

    async def queues(self, user_id: UUID) -> list[QueueLoad]:
        """Unfinished tasks of the caller's projects, by queue."""
        async with self._database.transaction(read_only=True) as session:
            return await queue_loads(session, user_id)

    async def result(self, user_id: UUID, task_id: UUID) -> Result:
        """What the task produced.

        Raises:
            NotFound: absent, or not the caller's to see. Conflict: `not_finished` or `no_result`.
        """
        task = await self._ledger.read(task_id, user_id)
        if task.kind != KIND:
            raise Conflict(_elsewhere(task), code="no_result")
        return await self._analyses.result(user_id, task_id)


def _elsewhere(task: Task) -> str:
    detail = f"A task of kind {task.kind!r} leaves no result document"
    return f"{detail}; see its dataset {task.dataset_id}." if task.dataset_id is not None else f"{detail}."
