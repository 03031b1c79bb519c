"""Whether a stored file can be put to the rows of a version: told at once where its beginning shows that it cannot."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.compute.protocol import ComputeError
from shared.config import MEBIBYTE, Settings
from shared.errors import Invalid, RequestTimeout
from shared.object_store import ObjectStore
from shared.scratch import scratch
from shared.tabular.types import ColumnSchema

from ..engines.merges.fit import UPSERT, find_all, misfits, require_columns
from .engine import Engine
from .local_files import fetch_head
from .new_versions import RawUpload

HEAD_BYTES = MEBIBYTE
# Some kinds say nothing before their end; larger files of these are left to the task.
WHOLE_BYTES = 64 * MEBIBYTE
SAMPLE_ROWS = 100
FUNCTION = "inspect_file:inspect"
# Reasons not to know, rather than to refuse.
_CANNOT_TELL = frozenset({"complete_file_needed", "query_too_large", "out_of_memory", "query_timeout"})


async def require_fit(
    engine: Engine,
    store: ObjectStore,
    settings: Settings,
    file: RawUpload,
    options: Mapping[str, Any],
    base_schema: Sequence[Mapping[str, Any]],
    mode: str,
    key: Sequence[str],
) -> None:
    """Let a stored file pass that can be appended or upserted to a version with `base_schema`, as far as can be seen.

    What shows only later in the file fails its task with the same code.

    Raises:
        Invalid: `schema_mismatch`, with the columns; `unknown_column`, for one of the key; or the file cannot be read.
        ServiceUnavailable: too much is being computed, or the store is away.
    """
    base = [ColumnSchema(name=column["name"], type=column["type"]) for column in base_schema]
    known = {"filename": file.filename, "options": dict(options), "sample_rows": SAMPLE_ROWS}
    limits = {"max_columns": settings.max_columns, "max_unpacked_bytes": settings.max_unpacked_bytes}
    try:
        if mode == UPSERT:
            find_all(key, [column["name"] for column in base], "The dataset")
        for most in (HEAD_BYTES, WHOLE_BYTES):
            async with scratch(settings.cache_dir) as folder:
                held = await fetch_head(store, file.keys, folder / "raw", most)
                place = {"source": str(folder / "raw"), "scratch": str(folder), "partial": held < file.bytes}
                if await _compare(engine, {**known, **limits, **place}, base) or not place["partial"]:
                    return
    except ComputeError as error:
        raise Invalid(error.detail, code=error.code) from error


async def _compare(engine: Engine, job: dict[str, Any], base: Sequence[ColumnSchema]) -> bool:
    """As the task will do it: by what the values say, and where that does not fit, by what the base has.

    False if the file does not say what is in it.

    Raises:
        ComputeError: `schema_mismatch`.
    """
    found = await _inspect(engine, job)
    if found is None:
        return False
    file = [ColumnSchema(name=column["name"], type=column["type"]) for column in found["columns"]]
    names = [column["name"] for column in file]
    require_columns(base, file, unsure=names)
    if unfit := misfits(base, file):
        types = {**(job["options"].get("types") or {}), **unfit}
        again = await _inspect(engine, {**job, "options": {**job["options"], "types": types}})
        lost = _lost(found["rows"], again["rows"], names) if again else set()
        require_columns(base, file, unsure=set(names) - lost)
    return True


async def _inspect(engine: Engine, job: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return await engine.run(FUNCTION, job)
    except (Invalid, RequestTimeout) as error:
        if error.code in _CANNOT_TELL:
            return None
        raise


def _lost(before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]], names: Sequence[str]) -> set[str]:
    """Columns with a value in the one reading that is null in the other."""
    pairs = [pair for old, new in zip(before, after, strict=False) for pair in zip(names, old, new, strict=True)]
    return {name for name, old, new in pairs if old is not None and new is None}
