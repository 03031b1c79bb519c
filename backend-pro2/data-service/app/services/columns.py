"""The columns of a dataset: their types in a version, and notes about them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from shared.errors import Invalid
from shared.resources import Resources
from shared.tabular.names import nearest, shown

from ..repositories import columns
from ..repositories.columns import Note, Notes
from ..repositories.versions import Version
from ..schemas.columns import ColumnNotes, SchemaChange
from .datasets import hold, readable

MAX_NOTES_BYTES = 1024 * 1024


class Columns:
    """Use cases of `/manage/datasets/{id}/schema`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def read(self, dataset_id: UUID, user_id: UUID, number: int | None = None) -> Mapping[str, Any]:
        """The columns of a ready version: members of SchemaModel.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `version_expired`.
        """
        async with self._database.transaction(read_only=True) as session:
            version = await readable(session, dataset_id, user_id, number)
            noted = await columns.notes(session, dataset_id)
            with_nulls = await columns.with_nulls(session, dataset_id, version.version)
        return _described(version, noted, with_nulls)

    async def change(
        self, dataset_id: UUID, user_id: UUID, change: SchemaChange, if_match: str | None
    ) -> Mapping[str, Any]:
        """Change notes about columns of the current version.

        Raises:
            NotFound, Forbidden, ProjectArchived: the dataset.
            PreconditionFailed: it has changed since the state that `if_match` names.
            Conflict: `dataset_not_ready`.
            Invalid: `unknown_column`; the notes take more than 1 MiB as JSON.
        """
        async with self._database.transaction() as session:
            await hold(session, dataset_id, user_id, if_match)
            version = await readable(session, dataset_id, user_id)
            _require_known(change, [column["name"] for column in version.schema or ()])
            noted = _merged(await columns.notes(session, dataset_id), change)
            await columns.set_notes(session, dataset_id, noted)
            with_nulls = await columns.with_nulls(session, dataset_id, version.version)
        return _described(version, noted, with_nulls)


def _described(version: Version, noted: Notes, with_nulls: set[str]) -> Mapping[str, Any]:
    none = {"description": None, "unit": None, "personal": None}
    shown = [
        {**column, **none, **noted.get(column["name"], {}), "nullable": column["name"] in with_nulls}
        for column in version.schema or ()
    ]
    return {"version": version.version, "columns": shown}


def _require_known(change: SchemaChange, names: list[str]) -> None:
    known = set(names)
    unknown = next((name for name in change.columns if name not in known), None)
    if unknown is not None:
        detail = f"The dataset has no column {shown(unknown)}.{nearest(unknown, names)}"
        raise Invalid(detail, code="unknown_column")


def _merged(noted: Notes, change: SchemaChange) -> Notes:
    merged = {**noted, **{name: _note(noted.get(name, {}), new) for name, new in change.columns.items()}}
    kept = {name: note for name, note in merged.items() if note}
    if len(orjson.dumps(kept)) > MAX_NOTES_BYTES:
        raise Invalid("The notes of a dataset may take 1 MiB as JSON. Shorten some.")
    return kept


def _note(old: Note, new: ColumnNotes | None) -> Note:
    """The old note with what is set in the new one; null takes away."""
    given = {} if new is None else {**old, **new.model_dump(exclude_unset=True)}
    return {name: said for name, said in given.items() if said is not None}
