"""Drift between two versions of a dataset."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.errors import Invalid
from shared.resources import Resources
from shared.scratch import scratch

from ..repositories.versions import Version
from ..schemas.drifts import DriftBody
from .datasets import Datasets
from .engine import Engine


class Drifts:
    """Use case of `/manage/datasets/{id}/drift`."""

    def __init__(self, resources: Resources, engine: Engine, datasets: Datasets) -> None:
        self._cache_dir = resources.settings.cache_dir
        self._engine = engine
        self._datasets = datasets

    async def compare(self, dataset_id: UUID, user_id: UUID, body: DriftBody) -> Mapping[str, Any]:
        """How far `version` has moved from `reference`.

        Raises:
            NotFound: the dataset or one of the versions.
            Conflict: `dataset_not_ready`.
            Invalid: `unknown_column`.
            RequestTimeout: `query_timeout`.
        """
        reference = await self._datasets.version(dataset_id, user_id, body.reference)
        other = await self._datasets.version(dataset_id, user_id, body.version)
        _require_columns(body.columns, reference, other)
        async with scratch(self._cache_dir) as folder:

            async def prepare() -> dict[str, Any]:
                sides = {"reference": reference, "other": other}
                paths = {side: await self._datasets.local(version, user_id) for side, version in sides.items()}
                return {**paths, "columns": body.columns, "scratch": str(folder)}

            answer = await self._engine.run_over("quality.drift:drift", prepare)
        return {"from": reference.version, "to": other.version, **answer}


def _require_columns(wanted: list[str], *versions: Version) -> None:
    for version in versions:
        known = {column["name"] for column in version.schema or ()}
        for name in wanted:
            if name not in known:
                raise Invalid(f"Version {version.version} has no column '{name}'.", code="unknown_column")
