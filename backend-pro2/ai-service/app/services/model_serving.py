"""The children that keep models loaded, and the way to ask one of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.compute import ComputeBusy, ComputeFailed, ResidentPool
from shared.errors import APIException, Conflict, Invalid, NotFound, RequestTimeout, ServiceUnavailable
from shared.resources import Resources

from ..repositories import served_models
from ..repositories.served_models import ServedModel
from .model_signatures import ModelSigner

ONLINE = "ai-service.app.engines.serving.online"
_ERRORS: dict[str, type[APIException]] = {
    "timeout": RequestTimeout,
    "crashed": ServiceUnavailable,
    "disk_full": ServiceUnavailable,
    "not_loaded": ServiceUnavailable,
    "internal_error": APIException,
    "unsafe_model": Conflict,
    "level_unavailable": Conflict,
}


class ModelServing:
    """One for the process; its libraries are loaded elsewhere, at the first request or when it is opened."""

    def __init__(self, resources: Resources) -> None:
        settings = resources.settings
        self._resources = resources
        self._settings = settings
        self._signer = ModelSigner(settings)
        self._pool = ResidentPool(
            (ONLINE,), size=settings.serving_children, waiting=settings.serving_waiting, jobs=settings.serving_jobs
        )

    async def open(self) -> None:
        """Begin loading libraries now."""
        await self._pool.open()

    async def close(self) -> None:
        """End the children."""
        await self._pool.close()

    async def ask(self, function: str, found: ServedModel, job: dict[str, Any]) -> dict[str, Any]:
        """What `function` of engines.serving.online says of this model.

        Raises:
            ModelNotGenuine: the signature does not hold. NotFound: the model was removed meanwhile.
            Invalid, Conflict, RequestTimeout: by the engine's code. ServiceUnavailable: `busy`; the store is away.
        """
        self._signer.require_genuine(found)

        async def load() -> dict[str, Any]:
            path = await self._resources.cache.fetch(found.key, found.sha256)
            return {"path": str(path), "model": await self._details(found.model_id, found.version)}

        try:
            return await self._pool.run(
                f"{ONLINE}:{function}",
                {**job, "key": found.sha256},
                key=found.sha256,
                load=load,
                timeout_seconds=self._settings.serving_timeout_seconds,
                memory_mb=self._settings.serving_memory_limit_mb,
            )
        except ComputeBusy:
            detail = "As many requests for predictions wait as may; come back as Retry-After says."
            raise ServiceUnavailable(detail, code="busy") from None
        except ComputeFailed as error:
            raise _ERRORS.get(error.code, Invalid)(error.detail, code=error.code) from error

    async def _details(self, model_id: UUID, version: int) -> dict[str, Any]:
        async with self._resources.database.transaction(read_only=True) as session:
            found = await served_models.details(session, model_id, version)
        if found is None:
            raise NotFound
        return found
