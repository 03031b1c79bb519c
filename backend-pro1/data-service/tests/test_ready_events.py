"""Webhooks are told of every version that becomes current, whatever made it so, and of no other."""

from typing import Any

import httpx
import pytest

from shared.ids import new_id

from .made import Maker

pytestmark = pytest.mark.integration

WEBHOOK = "INSERT INTO webhooks (id, project_id, url, events, secret) VALUES ($1, $2, 'http://a', $3, '')"
TOLD = "SELECT coalesce(jsonb_agg(payload ORDER BY id), '[]') FROM webhook_deliveries"
BAD = "UPDATE dataset_versions SET quality = 'failed' WHERE dataset_id = $1 AND version = 2"


class Listener:
    """Reads what a webhook of the maker's project would be told, once each."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._read = 0

    async def begin(self) -> None:
        await self._maker.run(WEBHOOK, new_id(), self._maker.workspace.project_id, ["dataset.ready"])

    async def versions(self) -> list[int]:
        told: list[dict[str, Any]] = await self._maker.run(TOLD)
        fresh, self._read = told[self._read :], len(told)
        assert {one["type"] for one in fresh} <= {"dataset.ready"}
        return [one["data"]["version"] for one in fresh]


async def test_rollback_restore_and_the_gate(client: httpx.AsyncClient, editor: dict[str, str], maker: Maker) -> None:
    listener, dataset_id = Listener(maker), await maker.dataset("sales")
    await listener.begin()
    for number in (1, 2):
        await maker.version(dataset_id, number)

    async def ask(method: str, path: str = "", body: Any = None) -> None:
        answer = await client.request(method, f"/manage/datasets/{dataset_id}{path}", headers=editor, json=body)
        assert answer.is_success, answer.text

    await maker.run(BAD, dataset_id)
    await ask("PUT", "/quality/gate", {"enabled": False})
    assert await listener.versions() == []
    await ask("PUT", "/quality/gate", {"enabled": True})
    assert await listener.versions() == [1]
    await ask("PUT", "/quality/gate", {"enabled": False})
    assert await listener.versions() == [2]
    await ask("POST", "/rollback", {"version": 1})
    assert await listener.versions() == [3]
    await ask("DELETE")
    assert await listener.versions() == []
    await ask("POST", "/restore")
    await ask("POST", "/restore")
    assert await listener.versions() == [3]
    told = (await maker.run(TOLD))[-1]["data"]
    assert told == {
        "project_id": str(maker.workspace.project_id),
        "dataset_id": str(dataset_id),
        "name": "sales",
        "version": 3,
        "rows": 1,
        "columns": 1,
        "task_id": None,
    }
