"""Use cases of a model's answers to rows: predictions, reasons, what would be if."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.errors import Conflict, Invalid
from shared.resources import Resources

from ..repositories import served_models
from ..repositories.served_models import ServedModel
from ..schemas.models import VersionChoice
from ..schemas.predictions import ExplainRequest, ModelUse, PredictRequest, WhatIfRequest
from .dataset_versions import orderable_version
from .model_serving import ModelServing
from .model_versions import chosen


class Predictions:
    """What any member may ask a project's model. Answers have `model_id` and `version`.

    Raises (all methods):
        NotFound: the model or the version is absent, or not the caller's to see.
        Invalid: `invalid_rows` and others of the engine. Otherwise as `ModelServing.ask`.
    """

    def __init__(self, resources: Resources, serving: ModelServing) -> None:
        self._settings = resources.settings
        self._database = resources.database
        self._cache = resources.cache
        self._serving = serving

    async def predict(self, user_id: UUID, model_id: UUID, request: PredictRequest) -> dict[str, Any]:
        """`predictions`, their `level` and `notices`.

        Raises:
            Invalid: also `too_many_rows`. Conflict: also `level_unavailable`.
        """
        most = self._settings.predict_max_rows
        if len(request.rows) > most:
            detail = f"{len(request.rows)} rows are more than the {most} of one request; use predict/batch for more."
            raise Invalid(detail, code="too_many_rows")
        job = {"rows": request.rows, "level": request.level}
        return await self._ask("predict", user_id, model_id, request, job)

    async def what_if(self, user_id: UUID, model_id: UUID, request: WhatIfRequest) -> dict[str, Any]:
        """`original`, `points` and `notices`."""
        job = request.model_dump(include={"row", "changes", "grid"})
        return await self._ask("what_if", user_id, model_id, request, job)

    async def explain(self, user_id: UUID, model_id: UUID, request: ExplainRequest) -> dict[str, Any]:
        """`method`, `explanations`, `mean_absolute` and `notices`.

        Raises:
            Conflict: `dataset_not_ready` and others of a version that cannot be used.
        """
        found = await self._find(user_id, model_id, request)
        job = request.model_dump(include={"rows", "sample", "of_class", "seed"})
        if request.dataset_id is not None:
            job["data"] = {"path": await self._path(found, request.dataset_id, request.dataset_version)}
        return await self._answer("explain", found, job)

    async def _ask(
        self, function: str, user_id: UUID, model_id: UUID, request: ModelUse, job: dict[str, Any]
    ) -> dict[str, Any]:
        return await self._answer(function, await self._find(user_id, model_id, request), job)

    async def _answer(self, function: str, found: ServedModel, job: dict[str, Any]) -> dict[str, Any]:
        answer = await self._serving.ask(function, found, job)
        return {"model_id": found.model_id, "version": found.version, **answer}

    async def _find(self, user_id: UUID, model_id: UUID, request: ModelUse) -> ServedModel:
        async with self._database.transaction(read_only=True) as session:
            found = await served_models.chosen(session, user_id, model_id, request.version, request.alias)
            if found is None:
                # It knows the words for what is missing.
                await chosen(session, user_id, model_id, VersionChoice(request.version, request.alias))
                raise Conflict("The model has changed meanwhile; ask again.")
        return found

    async def _path(self, found: ServedModel, dataset_id: UUID, number: int | None) -> str:
        async with self._database.transaction(read_only=True) as session:
            version = await orderable_version(session, found.project_id, dataset_id, number)
        if not version.is_ready:
            detail = f"Dataset {version.name!r} is still being read; wait until its status is ready."
            raise Conflict(detail, code="dataset_not_ready")
        return str(await self._cache.fetch(str(version.parquet_key), str(version.parquet_sha256)))
