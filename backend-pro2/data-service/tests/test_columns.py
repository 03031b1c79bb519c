"""Notes about columns."""

from typing import Any

import httpx
import pytest

from shared.errors import Conflict, Invalid

from ..app.repositories.columns import Notes
from ..app.schemas.columns import SchemaChange
from ..app.services.columns import _merged
from ..app.services.version_states import require_readable, require_usable
from .made import Maker


def change(columns: dict[str, Any]) -> SchemaChange:
    return SchemaChange.model_validate({"columns": columns})


def test_what_is_left_out_stays_and_null_takes_away() -> None:
    noted: Notes = {"a": {"description": "A.", "unit": "m"}, "b": {"unit": "s"}, "gone": {"unit": "kg"}}
    assert _merged(noted, change({"a": {"unit": None}, "b": None})) == {
        "a": {"description": "A."},
        "gone": {"unit": "kg"},
    }
    assert _merged(noted, change({"b": {"description": "B."}}))["b"] == {"description": "B.", "unit": "s"}
    assert _merged({}, change({"a": {}, "b": {"unit": None}})) == {}


def test_whether_a_column_is_personal_can_be_said_and_taken_back() -> None:
    noted = _merged({"a": {"unit": "m"}}, change({"a": {"personal": True}, "b": {"personal": False}}))
    assert noted == {"a": {"unit": "m", "personal": True}, "b": {"personal": False}}
    assert _merged(noted, change({"a": {"personal": None}, "b": {"description": "B."}})) == {
        "a": {"unit": "m"},
        "b": {"personal": False, "description": "B."},
    }


def test_notes_are_bounded() -> None:
    noted: Notes = {f"c{number}": {"description": "x" * 1000} for number in range(1040)}
    with pytest.raises(Invalid):
        _merged(noted, change({"a": {"description": "x" * 1000}}))


@pytest.mark.parametrize(
    ("status", "blocked", "code"),
    [
        ("ready", True, "version_blocked"),
        ("expired", True, "version_expired"),
        ("failed", False, "dataset_not_ready"),
        ("ingesting", False, "dataset_not_ready"),
    ],
)
def test_which_versions_can_be_used(status: str, blocked: bool, code: str) -> None:
    with pytest.raises(Conflict) as caught:
        require_usable("sales", 3, status, blocked=blocked)
    assert caught.value.code == code
    require_usable("sales", 3, "ready", blocked=False)
    require_readable("sales", 3, "ready")


@pytest.mark.integration
async def test_a_schema_with_notes(client: httpx.AsyncClient, editor: dict[str, str], maker: Maker) -> None:
    dataset_id = await maker.dataset("sales")
    await maker.version(dataset_id, 1, "SELECT 1 AS price, 2 AS area")
    await maker.run("""UPDATE dataset_versions SET profile = jsonb_set(profile, '{columns,0,nulls}', '3')""")
    place = f"/manage/datasets/{dataset_id}"
    etag = (await client.get(place, headers=editor)).headers["etag"]
    body = {"columns": {"price": {"description": "Asked.", "unit": "CHF", "personal": True}}}
    made = await client.patch(f"{place}/schema", headers={**editor, "If-Match": etag}, json=body)
    assert made.json() == (await client.get(f"{place}/schema", headers=editor)).json()
    assert made.json()["columns"] == [
        {
            "name": "price",
            "type": "integer",
            "nullable": True,
            "description": "Asked.",
            "unit": "CHF",
            "personal": True,
        },
        {"name": "area", "type": "integer", "nullable": False, "description": None, "unit": None, "personal": None},
    ]
    stale = await client.patch(f"{place}/schema", headers={**editor, "If-Match": etag}, json=body)
    assert stale.status_code == 412
    unknown = await client.patch(f"{place}/schema", headers=editor, json={"columns": {"prize": {"unit": "m"}}})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_column")
    assert "'price'" in unknown.json()["detail"]
    for wrong in ({}, {"a": {"colour": "red"}}, {"a": {"unit": "x" * 51}}, {"a": {"personal": "yes, all"}}):
        assert (await client.patch(f"{place}/schema", headers=editor, json={"columns": wrong})).status_code == 422
