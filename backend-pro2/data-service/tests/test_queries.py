"""Queries against real servers: remembered answers, and tasks whose rows are read page by page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.config import Settings
from shared.database import Database
from shared.errors import Forbidden
from shared.ids import new_id
from shared.models.user import Caller
from shared.redis_client import RedisClient, RedisUnavailable
from shared.resources import Resources
from shared.testing.logins import log_in
from shared.testing.project import Workspace

from ..app.schemas.queries import QueryRequest
from ..app.services.answer_cache import AnswerCache
from ..app.services.engine import Engine
from ..app.services.query_tables import PlanMemory
from ..app.services.query_tasks import QueryTasks, remove_expired, run_query
from .ready import add_version, ready_dataset, working

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("warm_compute")]

SALES = "SELECT i AS a, i % 3 AS k, 'x' || i AS s FROM range(1000) r(i)"
Ask = Callable[..., Any]


@pytest.fixture
async def sales(resources: Resources, workspace: Workspace, tmp_path: Path) -> str:
    return str(await ready_dataset(resources, workspace, tmp_path, "Sales", SALES))


@pytest.fixture
def ask(client: httpx.AsyncClient, workspace: Workspace, editor: dict[str, str]) -> Ask:
    async def asked(sql: str, path: str = "", status: int = 200, **more: Any) -> dict[str, Any]:
        body = {"project_id": str(workspace.project_id), "sql": sql, **more}
        answer = await client.post(f"/process/query{path}", headers=editor, json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return asked


@pytest.fixture
def computed(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that were run in children."""
    functions: list[str] = []
    run = resources.compute.run

    async def counted(function: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        functions.append(function.rpartition(".")[2])
        return await run(function, *args, **kwargs)

    monkeypatch.setattr(resources.compute, "run", counted)
    return functions


class TestRememberedAnswers:
    async def test_the_same_question_computes_nothing(self, ask: Ask, sales: str, computed: list[str]) -> None:
        first = await ask("SELECT sum(a) AS total FROM sales")
        again = await ask("SELECT sum(a) AS total FROM sales")
        assert (first["rows"], first["cached"], again["cached"]) == ([[499_500]], False, True)
        assert computed == ["query:plan", "query:run"]
        assert {**again, "took_ms": 0} == {**first, "took_ms": 0, "cached": True}

    async def test_writing_makes_no_difference(self, ask: Ask, sales: str, computed: list[str]) -> None:
        await ask("SELECT sum(a) FROM sales WHERE k = 1")
        again = await ask("-- the sum\n select   SUM(a)\nfrom sales where k=1;")
        assert (again["cached"], computed.count("query:run")) == (True, 1)

    async def test_another_limit_or_text_is_another_question(self, ask: Ask, sales: str) -> None:
        await ask("SELECT a FROM sales", limit=5)
        assert not (await ask("SELECT a FROM sales", limit=6))["cached"]
        assert not (await ask("SELECT a + 0 FROM sales", limit=5))["cached"]

    async def test_a_new_version_is_asked_anew(
        self, ask: Ask, resources: Resources, workspace: Workspace, tmp_path: Path
    ) -> None:
        dataset = await ready_dataset(resources, workspace, tmp_path, "t", "SELECT 1 AS a")
        assert (await ask("SELECT a FROM t"))["rows"] == [[1]]
        await add_version(resources, workspace, tmp_path, dataset, 2, "SELECT 2 AS a")
        assert (await ask("SELECT a FROM t"))["rows"] == [[2]]
        assert (await ask('SELECT a FROM "t@1"'))["rows"] == [[1]]

    @pytest.mark.parametrize(
        "sql", ["SELECT random()", "SELECT uuid()", "SELECT current_timestamp", "SELECT a FROM sales USING SAMPLE 3"]
    )
    async def test_what_changes_is_not_kept(self, ask: Ask, sales: str, sql: str) -> None:
        first, again = await ask(sql), await ask(sql)
        assert (again["cached"], first["rows"] == again["rows"]) == (False, False)

    async def test_a_stranger_never_sees_them(
        self,
        client: httpx.AsyncClient,
        settings: Settings,
        database: Database,
        workspace: Workspace,
        ask: Ask,
        sales: str,
    ) -> None:
        await ask("SELECT sum(a) FROM sales")
        stranger = await log_in(settings, database, workspace.stranger)
        body = {"project_id": str(workspace.project_id), "sql": "SELECT sum(a) FROM sales"}
        answer = await client.post("/process/query", headers=stranger, json=body)
        assert answer.status_code == 404

    async def test_without_redis(
        self, ask: Ask, sales: str, redis: RedisClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: object, **__: object) -> None:
            raise RedisUnavailable

        for name in ("get_json", "set_bytes"):
            monkeypatch.setattr(redis, name, away)
        for _ in range(2):
            assert not (await ask("SELECT sum(a) FROM sales"))["cached"]

    async def test_large_ones_are_not_kept(self, redis: RedisClient) -> None:
        answers = AnswerCache(redis, 60)
        await answers.put("large", {"rows": ["x" * 2**20]})
        await answers.put("small", {"rows": ["x"]})
        assert (await answers.get("large"), await answers.get("small")) == (None, {"rows": ["x"]})
        assert await AnswerCache(redis, 0).get("small") is None


class TestTasks:
    async def test_rows_page_by_page(
        self, client: httpx.AsyncClient, editor: dict[str, str], resources: Resources, ask: Ask, sales: str
    ) -> None:
        async with working(resources, {"query": run_query}):
            task = await ask("SELECT a, s FROM sales ORDER BY a", "?wait=20", background=True, limit=20_000)
        assert (task["kind"], task["status"]) == ("query", "succeeded"), task
        assert task["params"]["tables"] == [{"name": "sales", "dataset_id": sales, "version": 1}]
        place = f"/process/query/{task['id']}"
        assert (await client.get(place, headers=editor)).json() == task
        rows, cursor = [], ""
        while cursor is not None:
            page = (await client.get(f"{place}/results?limit=400{cursor}", headers=editor)).json()
            assert page["total_rows"] == 1000
            rows += page["rows"]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        assert rows == [[number, f"x{number}"] for number in range(1000)]
        strange = await client.get(f"{place}/results?cursor=nonsense", headers=editor)
        assert (strange.status_code, strange.json()["code"]) == (422, "invalid")
        assert (await client.delete(place, headers=editor)).status_code == 204
        assert (await client.get(place, headers=editor)).status_code == 404
        assert [entry.key async for entry in resources.object_store.list("") if task["id"] in entry.key] == []

    async def test_what_a_task_keeps_counts_and_expires(
        self, client: httpx.AsyncClient, editor: dict[str, str], resources: Resources, ask: Ask, sales: str
    ) -> None:
        async with working(resources, {"query": run_query}):
            task = await ask("SELECT * FROM sales", "?wait=20", background=True)
        async with resources.database.transaction() as session:
            bytes_ = await session.fetch_value("SELECT bytes FROM query_results")
            held = await session.fetch_value("SELECT bytes FROM project_storage")
            files = await session.fetch_value("SELECT sum(parquet_bytes + raw_bytes)::bigint FROM dataset_versions")
            await session.execute("UPDATE query_results SET expires_at = now()")
        assert (bytes_ > 0, held) == (True, bytes_ + files)
        gone = await client.get(f"/process/query/{task['id']}/results", headers=editor)
        assert (gone.status_code, gone.json()["code"]) == (404, "result_expired")
        await remove_expired(resources)
        async with resources.database.transaction() as session:
            assert await session.fetch_value("SELECT count(*) FROM query_results") == 0
        assert [entry.key async for entry in resources.object_store.list("") if task["id"] in entry.key] == []

    async def test_without_room_nothing_is_kept(self, resources: Resources, ask: Ask, sales: str) -> None:
        resources.settings = resources.settings.model_copy(update={"quota_bytes": 100})
        async with working(resources, {"query": run_query}):
            task = await ask("SELECT * FROM sales", "?wait=20", background=True)
        assert (task["status"], task["error"]["code"]) == ("failed", "quota_exceeded")
        assert [entry.key async for entry in resources.object_store.list("") if task["id"] in entry.key] == []

    async def test_a_query_that_fails(
        self, client: httpx.AsyncClient, editor: dict[str, str], resources: Resources, ask: Ask, sales: str
    ) -> None:
        async with working(resources, {"query": run_query}):
            task = await ask("SELECT s::INTEGER FROM sales", "?wait=20", background=True)
        assert (task["status"], task["error"]["code"]) == ("failed", "query_failed")
        rows = await client.get(f"/process/query/{task['id']}/results", headers=editor)
        assert (rows.status_code, rows.json()["code"]) == (409, "no_result")

    async def test_called_off_while_it_waits(
        self, client: httpx.AsyncClient, editor: dict[str, str], ask: Ask, sales: str
    ) -> None:
        task = await ask("SELECT * FROM sales", status=202, background=True)
        place = f"/process/query/{task['id']}"
        early = await client.get(f"{place}/results", headers=editor)
        assert (early.status_code, early.json()["code"]) == (409, "not_finished")
        assert (await client.delete(place, headers=editor)).status_code == 204
        assert (await client.get(place, headers=editor)).json()["status"] == "cancelled"
        assert (await client.delete(place, headers=editor)).status_code == 204
        assert (await client.get(place, headers=editor)).status_code == 404

    async def test_who_may(
        self,
        client: httpx.AsyncClient,
        settings: Settings,
        database: Database,
        workspace: Workspace,
        editor: dict[str, str],
        sales: str,
    ) -> None:
        body = {"project_id": str(workspace.project_id), "sql": "SELECT * FROM sales", "background": True}
        viewer = await log_in(settings, database, workspace.viewer)
        assert (await client.post("/process/query", headers=viewer, json=body)).status_code == 403
        once = {**editor, "Idempotency-Key": str(new_id())}
        first, again = [await client.post("/process/query", headers=once, json=body) for _ in range(2)]
        assert (first.json()["id"], first.headers["location"]) == (again.json()["id"], again.headers["location"])
        task = first.json()["id"]
        assert (await client.get(f"/process/query/{task}", headers=viewer)).status_code == 200
        assert (await client.delete(f"/process/query/{task}", headers=viewer)).status_code == 403
        stranger = await log_in(settings, database, workspace.stranger)
        for method, path in (("GET", ""), ("GET", "/results"), ("DELETE", "")):
            answer = await client.request(method, f"/process/query/{task}{path}", headers=stranger)
            assert answer.status_code == 404

    async def test_a_key_that_may_only_read(self, resources: Resources, workspace: Workspace) -> None:
        tasks = QueryTasks(resources, Engine(resources), PlanMemory())
        caller = Caller(workspace.editor, "editor@example.org", "user", scopes=frozenset({"datasets:read"}))
        query = QueryRequest(project_id=workspace.project_id, sql="SELECT 1", background=True)
        with pytest.raises(Forbidden) as refused:
            await tasks.submit(caller, query, None)
        assert refused.value.code == "insufficient_scope"

    async def test_many_rows_take_a_task(self, ask: Ask) -> None:
        assert (await ask("SELECT 1", status=422, limit=10_001))["code"] == "validation_failed"
        assert (await ask("SELECT 1", status=422, limit=10_000_001, background=True))["code"] == "validation_failed"


class TestBeforeRunning:
    async def test_validity(self, ask: Ask, sales: str) -> None:
        good = await ask("SELECT k, avg(a) AS mean FROM sales GROUP BY k", "/validate")
        assert good["tables"] == [{"name": "sales", "dataset_id": sales, "version": 1}]
        assert good["columns"] == [{"name": "k", "type": "integer"}, {"name": "mean", "type": "number"}]
        assert (good["valid"], good["problem"]) == (True, None)
        wrong = {sql: (await ask(sql, "/validate"))["problem"]["code"] for sql in ("SELECT", "SELECT b FROM sales")}
        assert wrong == {"SELECT": "invalid_sql", "SELECT b FROM sales": "unknown_column"}
        missing = await ask('SELECT * FROM "sales@2"', "/validate")
        assert (missing["valid"], missing["problem"]["code"]) == (False, "unknown_version")

    async def test_estimate(self, ask: Ask, sales: str) -> None:
        found = await ask("SELECT k, count(*) FROM sales WHERE a > 10 GROUP BY k", "/estimate")
        assert found["rows_scanned"] == 1000
        assert [(read["table"], sorted(read["columns"])) for read in found["columns_read"]] == [("sales", ["a", "k"])]
        everything = await ask("SELECT * FROM sales", "/estimate")
        assert 0 < found["bytes_scanned"] < everything["bytes_scanned"]
        assert (everything["estimated_rows"], "/" in everything["plan"]) == (1000, False)
        assert (await ask("SELECT b FROM sales", "/estimate", 422))["code"] == "unknown_column"
