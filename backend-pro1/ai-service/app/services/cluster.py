"""The Ray cluster as this service sees it: whether it is there, and how it is."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from shared.compute import ComputeFailed
from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.resources import Resources

from ..engines.ray_cluster import RayUnavailable, probe

FUNCTION = "ai-service.app.engines.cluster_status:cluster_status"
STATUS_SECONDS = 30.0
MEMORY_MB = 1024
KEPT_SECONDS = 5.0
PROBED_SECONDS = 2.0
RETRY_AFTER = {"Retry-After": "5"}


class ClusterWatch:
    """Asks Ray how it is, in a child of its own, at most once in a few seconds for everybody."""

    def __init__(self, resources: Resources) -> None:
        self._settings = resources.settings
        self._compute = resources.compute
        self._asking, self._probing = asyncio.Lock(), asyncio.Lock()
        self._known: dict[str, Any] | None = None
        self._known_at = 0.0
        self._answers = False
        self._probed_at = -PROBED_SECONDS

    async def require(self) -> None:
        """Refuse what needs Ray while it is away, at the cost of one attempt to connect in two seconds.

        Raises:
            ServiceUnavailable: `ray_disabled` or `ray_unavailable`.
        """
        if not self._settings.ray_enabled:
            detail = "This instance runs without a Ray cluster; all work is done by its workers."
            raise ServiceUnavailable(detail, code="ray_disabled", headers={"Retry-After": "3600"})
        async with self._probing:
            if time.monotonic() - self._probed_at >= PROBED_SECONDS:
                self._answers = await asyncio.to_thread(_answers, self._settings)
                self._probed_at = time.monotonic()
        if not self._answers:
            raise _away()

    async def status(self) -> dict[str, Any]:
        """Members of ClusterModel.

        Raises:
            ServiceUnavailable: `ray_disabled` or `ray_unavailable`.
        """
        await self.require()
        async with self._asking:
            if self._known is None or time.monotonic() - self._known_at > KEPT_SECONDS:
                self._known = await self._ask()
                self._known_at = time.monotonic()
        return self._known

    async def _ask(self) -> dict[str, Any]:
        try:
            return await self._compute.run(
                FUNCTION, address_of(self._settings), timeout_seconds=STATUS_SECONDS, memory_mb=MEMORY_MB
            )
        except ComputeFailed as error:
            raise _away() from error


def address_of(settings: Settings) -> dict[str, str]:
    """Where the cluster is, as engines are told."""
    return {"address": settings.ray_address, "token": settings.ray_auth_token.get_secret_value()}


def _answers(settings: Settings) -> bool:
    try:
        probe(settings.ray_address)
    except RayUnavailable:
        return False
    return True


def _away() -> ServiceUnavailable:
    detail = "The Ray cluster does not answer. What was accepted waits for it; other work needs no Ray."
    return ServiceUnavailable(detail, code="ray_unavailable", headers=RETRY_AFTER)
