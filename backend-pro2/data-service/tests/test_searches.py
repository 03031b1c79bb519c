"""Finding datasets: by text, tags and state, in several orders, page by page."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.errors import Invalid
from shared.ids import new_id

from ..app.repositories.datasets import Dataset
from ..app.repositories.searches import Search
from ..app.services import cursors
from ..app.services.searches import next_cursor, place_of
from .made import Maker

WHEN = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def dataset(rows: int | None = None) -> Dataset:
    origin = (None, None, None, None, None, WHEN, WHEN, None)
    return Dataset(new_id(), new_id(), "Ärzte", "", [], "ready", *origin, rows, None, None)


@pytest.mark.parametrize("sort", ["created", "name", "updated", "rows"])
@pytest.mark.parametrize("rows", [None, 7])
def test_a_cursor_leads_to_the_row_it_was_made_of(sort: str, rows: int | None) -> None:
    search, row = Search(sort), dataset(rows)
    cursor = next_cursor(search, [row, row], 1)
    assert cursor is not None
    assert place_of(search, cursor) == search.place_of(row)
    with pytest.raises(Invalid):
        place_of(Search(sort, descending=False), cursor)
    assert next_cursor(search, [row], 1) is None


@pytest.mark.parametrize(("sort", "key"), [("created", "x"), ("updated", "soon"), ("rows", "1" * 30), ("rows", "1;")])
def test_a_forged_key_is_refused(sort: str, key: str) -> None:
    with pytest.raises(Invalid) as caught:
        place_of(Search(sort), cursors.encode([sort, True], key, str(new_id())))
    assert caught.value.code == "invalid_cursor"


async def listed(client: httpx.AsyncClient, headers: dict[str, str], **asked: Any) -> list[str]:
    names: list[str] = []
    cursor = None
    while True:
        params = {**asked, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/manage/datasets", headers=headers, params=params)).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return names


@pytest.mark.integration
async def test_text_tags_and_order(client: httpx.AsyncClient, editor: dict[str, str], maker: Maker) -> None:
    for name, tags, select in (
        ("beta", ("eu", "2024"), "SELECT i AS price FROM range(3) r(i)"),
        ("Alpha", ("eu",), "SELECT i AS amount FROM range(5) r(i)"),
        ("gamma", (), None),
        ("delta", ("us", "2024"), "SELECT 1 AS a"),
    ):
        dataset_id = await maker.dataset(name, tags=tags, description="Prices." if name == "delta" else "")
        if select is not None:
            await maker.version(dataset_id, 1, select)
    assert await listed(client, editor) == ["delta", "gamma", "Alpha", "beta"]
    assert await listed(client, editor, sort="created") == ["beta", "Alpha", "gamma", "delta"]
    assert await listed(client, editor, sort="name") == ["Alpha", "beta", "delta", "gamma"]
    assert await listed(client, editor, sort="-name") == ["gamma", "delta", "beta", "Alpha"]
    assert await listed(client, editor, sort="-rows") == ["Alpha", "beta", "delta", "gamma"]
    assert await listed(client, editor, sort="updated") == ["beta", "Alpha", "gamma", "delta"]
    assert await listed(client, editor, q="PRICE") == ["delta", "beta"]
    assert await listed(client, editor, q="eu") == ["Alpha", "beta"]
    assert await listed(client, editor, tag=["eu", "2024"]) == ["beta"]
    assert await listed(client, editor, tag="2024", sort="name", status="ready") == ["beta", "delta"]
    assert await listed(client, editor, status="failed") == []
