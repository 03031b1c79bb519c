"""Rules and the gate against real servers: a bad version is kept from use until the gate opens."""

from typing import Any

import httpx
import pytest

from shared.testing.project import Workspace

from .conftest import upload

pytestmark = pytest.mark.integration

GOOD, BAD = "price\n1\n2\n", "price\n1\n-2\n"
RANGE = {"rule": {"kind": "range", "column": "price", "min": 0}}


class Dataset:
    """A dataset of the workspace, by an editor."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str], project_id: str) -> None:
        self._client = client
        self._headers = headers
        self._project_id = project_id
        self.id = ""

    async def begin(self) -> None:
        answer = await upload(self._client, self._headers, GOOD, "?wait=60", project_id=self._project_id, name="prices")
        assert answer.status_code == 200, answer.text
        self.id = answer.json()["id"]

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        url = f"/manage/datasets/{self.id}{path}"
        answer = await self._client.request(method, url, headers=self._headers, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def tag(self) -> str:
        answer = await self._client.get(f"/manage/datasets/{self.id}", headers=self._headers)
        return answer.headers["etag"]

    async def replace(self, content: str) -> dict[str, Any]:
        files = {"file": ("prices.csv", content.encode(), "text/csv")}
        url = f"/manage/datasets/{self.id}/versions?wait=60"
        answer = await self._client.post(url, headers=self._headers, data={"mode": "replace"}, files=files)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def query(self, table: str) -> httpx.Response:
        body = {"project_id": self._project_id, "sql": f'SELECT min(price) AS least FROM "{table}"'}  # noqa: S608
        return await self._client.post("/process/query", headers=self._headers, json=body)


@pytest.fixture
async def dataset(client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, worker: None) -> Dataset:
    made = Dataset(client, editor, str(workspace.project_id))
    await made.begin()
    return made


async def test_the_gate(dataset: Dataset) -> None:
    rule = await dataset.ask("POST", "/quality/rules", RANGE, 201)
    assert (await dataset.ask("POST", "/quality/run"))["status"] == "passed"
    assert (await dataset.ask("PUT", "/quality/gate", {"enabled": True}))["blocked_versions"] == []
    after = await dataset.replace(BAD)
    assert (after["status"], after["current_version"], after["error"]["code"]) == ("ready", 1, "quality_gate_failed")
    assert (await dataset.query("prices")).json()["rows"] == [[1]]
    assert (await dataset.query("prices@2")).json()["code"] == "version_blocked"
    assert (await dataset.ask("GET", "/preview?version=2"))["rows"] == [[1], [-2]]
    [run] = (await dataset.ask("GET", "/quality/runs?version=2"))["items"]
    assert (run["status"], run["results"][0]["samples"]) == ("failed", [-2])
    opened = await dataset.ask("PUT", "/quality/gate", {"enabled": False})
    assert opened == {"enabled": False, "blocked_versions": []}
    shown = await dataset.ask("GET", "")
    assert (shown["current_version"], shown["error"]) == (2, None)
    assert (await dataset.query("prices")).json()["rows"] == [[-2]]
    await dataset.ask("PUT", f"/quality/rules/{rule['id']}", {**RANGE, "severity": "warning"})
    await dataset.ask("PUT", "/quality/gate", {"enabled": True})
    assert (await dataset.ask("POST", "/quality/run?version=2"))["status"] == "warned"
    assert (await dataset.ask("GET", "/quality/gate"))["blocked_versions"] == []


async def test_the_gate_closes_on_the_only_version(dataset: Dataset) -> None:
    await dataset.ask("POST", "/quality/rules", {"rule": {"kind": "row_count", "min": 3}}, 201)
    assert (await dataset.ask("POST", "/quality/run"))["status"] == "failed"
    before = await dataset.tag()
    assert (await dataset.ask("PUT", "/quality/gate", {"enabled": True}))["blocked_versions"] == [1]
    shown = await dataset.ask("GET", "")
    assert (shown["status"], shown["current_version"], shown["error"]["code"]) == (
        "failed",
        None,
        "quality_gate_failed",
    )
    assert await dataset.tag() != before
    assert (await dataset.query("prices")).json()["code"] == "dataset_not_ready"
    assert (await dataset.ask("GET", "/profile?version=1"))["rows"] == 2
    await dataset.ask("PUT", "/quality/gate", {"enabled": False})
    shown = await dataset.ask("GET", "")
    assert (shown["status"], shown["current_version"], shown["error"]) == ("ready", 1, None)


async def test_rules_and_drift(dataset: Dataset) -> None:
    suggested = (await dataset.ask("POST", "/quality/suggest"))["items"]
    assert {"kind": "not_null", "column": "price"} in [entry["rule"] for entry in suggested]
    made = await dataset.ask("POST", "/quality/rules", RANGE, 201)
    assert [entry["id"] for entry in (await dataset.ask("GET", "/quality/rules"))["items"]] == [made["id"]]
    await dataset.ask("DELETE", f"/quality/rules/{made['id']}", status=204)
    assert (await dataset.ask("POST", "/quality/run", status=409))["code"] == "no_rules"
    elsewhere = {"kind": "foreign_key", "column": "price", "parent_dataset_id": made["id"], "parent_column": "x"}
    assert (await dataset.ask("POST", "/quality/rules", {"rule": elsewhere}, 422))["code"] == "unknown_dataset"
    long = {"kind": "set", "column": "price", "values": [f"{number:0>500}" for number in range(600)]}
    await dataset.ask("POST", "/quality/rules", {"rule": long}, 201)
    assert (await dataset.ask("POST", "/quality/rules", {"rule": long}, 409))["code"] == "too_many_rules"
    assert len((await dataset.ask("GET", "/quality/rules"))["items"]) == 1
    await dataset.replace("price\n100\n200\n")
    drift = await dataset.ask("POST", "/drift", {"reference": 1})
    assert (drift["from"], drift["to"], drift["verdict"]) == (1, 2, "major")
    assert (await dataset.ask("POST", "/drift", {"reference": 9}, 404))["code"] == "not_found"
