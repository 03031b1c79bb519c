"""Steps as clients send them: checked one by one before any work is accepted, then against the data they are for."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from shared.compute import ComputeFailed
from shared.compute.protocol import ComputeError
from shared.config import Settings
from shared.content_cache import ContentCache
from shared.errors import APIException, Invalid, RequestTimeout

from ..repositories.inputs import Input
from .engine import Engine
from .inputs import Wanted
from .local_files import local_paths

MAIN = "main"
# Of more than this is found out by the task what does not fit; fetching it would keep the client waiting.
CHECKED_BYTES = 256 * 1024 * 1024
_LEFT_TO_THE_TASK = "query_too_large"

Steps = Sequence[Mapping[str, Any]]


async def load_operations() -> None:
    """Have the operations at hand, whose models take longer to build than a service may take to start, or to pause."""
    await asyncio.to_thread(documentation)


def other_inputs(steps: Steps) -> list[Wanted]:
    """The datasets that the steps read besides the main one, once they are known to be well formed.

    Raises:
        Invalid: `invalid_step`.
    """
    from ..engines.operations import registry

    try:
        return [(UUID(dataset_id), number) for dataset_id, number in registry.other_inputs(steps)]
    except ComputeError as error:
        raise Invalid(error.detail, code=error.code) from error


@lru_cache(maxsize=1)
def documentation() -> dict[str, list[Mapping[str, Any]]]:
    """All operations, and the functions of expressions."""
    from ..engines.expressions import FUNCTIONS
    from ..engines.operations import registry

    items: list[Mapping[str, Any]] = [
        {
            "op": found.op,
            "title": found.title,
            "description": found.description,
            "schema": found.schema,
            "example": found.example,
        }
        for found in registry.OPERATIONS.values()
    ]
    return {"items": items, "functions": list(FUNCTIONS)}


def input_key(wanted: Wanted) -> str:
    """The name under which the engine looks for a dataset that a step reads."""
    dataset_id, number = wanted
    return str(dataset_id) if number is None else f"{dataset_id}@{number}"


def pseudonym_salt(settings: Settings, project_id: UUID) -> str:
    """The key of the project's pseudonyms, as hexadecimal digits; another project's are different."""
    key = settings.secret_key.get_secret_value().encode()
    return hmac.digest(key, f"pseudonyms of {project_id}".encode(), hashlib.sha256).hex()


async def check_against(engine: Engine, cache: ContentCache, steps: Steps, found: Mapping[str, Input]) -> None:
    """Refuse what does not fit the columns, where that can be known soon; the task refuses the rest.

    Raises:
        Invalid: `unknown_column`, `invalid_expression`, `invalid_step`.
    """
    if sum(row.parquet_bytes or 0 for row in found.values()) > CHECKED_BYTES:
        return
    job = {"steps": list(steps), "inputs": await local_paths(cache, found)}
    try:
        await engine.run("pipelines.pipeline:check", job)
    except (RequestTimeout, ComputeFailed):
        return
    except APIException as error:
        if error.code != _LEFT_TO_THE_TASK:
            raise
