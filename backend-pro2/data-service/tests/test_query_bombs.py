"""Queries that would take all memory or all time: each ends soon with an error, and the service does not notice."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import httpx
import pytest

from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.main import create_app

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("warm_compute")]

SECONDS = 0.5
# What a busy machine may add; none of these would end within hours.
PATIENCE = 15
BOMBS = {
    "rows": "SELECT count(*) FROM range(1000000000000) r(i) WHERE i % 7 = 3",
    "moments": "SELECT count(*) FROM generate_series(DATE '0001-01-01', DATE '9999-01-01', INTERVAL 1 MICROSECOND)",
    "cross join": "SELECT sum(a.i * b.i + c.i) FROM range(1000000) a(i), range(1000000) b(i), range(1000000) c(i)",
    "text": "SELECT length(repeat('a', 2000000000) || 'b')",
    "padding": "SELECT length(lpad('a', 2000000000, 'bc'))",
    "text of many": "SELECT length(string_agg(repeat('x', 1000), '')) FROM range(100000000)",
    "recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
    "wide recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + i FROM r, range(9) t(i)) SELECT sum(n) "
    "FROM r",
    "sort": "SELECT last(h) FROM (SELECT hash(i) AS h FROM range(2000000000) r(i) ORDER BY h)",
    "groups": "SELECT count(*) FROM (SELECT hash(i) AS h FROM range(2000000000) r(i) GROUP BY h)",
    "list": "SELECT len(list_resize([1], 2000000000))",
    "lists of lists": "SELECT len(flatten(list_transform(range(200000), lambda x: range(x))))",
    "unnested": "SELECT count(*) FROM (SELECT unnest(range(1000000)) AS x FROM range(1000000)) WHERE x % 7 = 3",
    "pattern": "SELECT count(*) FROM range(1000000000) r(i) WHERE regexp_matches(repeat(i || 'a', 200), '(a+)+(b+)+$')",
    "likeness": "SELECT levenshtein(repeat('ab', 200000), repeat('ba', 200000))",
}


def children(resources: Resources) -> list[str]:
    server = resources.compute._server
    if server is None:
        return []
    return Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()


@pytest.fixture
async def impatient(resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    limits = {"query_timeout_seconds": SECONDS, "query_memory_limit_mb": 512}
    resources.settings = resources.settings.model_copy(update=limits)
    app = create_app(resources.settings, resources)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://data", timeout=70) as client:
        yield client


async def health(client: httpx.AsyncClient, took: list[float]) -> None:
    while True:
        started = time.perf_counter()
        assert (await client.get("/health")).status_code == 200
        took.append(time.perf_counter() - started)
        await asyncio.sleep(0.05)


async def test_each_ends_in_time(
    impatient: httpx.AsyncClient, resources: Resources, workspace: Workspace, editor: dict[str, str]
) -> None:
    took: list[float] = []
    watch = asyncio.create_task(health(impatient, took))
    ends: dict[str, object] = {}
    # The first child waits for the libraries.
    body = {"project_id": str(workspace.project_id), "sql": "SELECT 1"}
    assert (await impatient.post("/process/query", headers=editor, json=body)).status_code == 200
    for name, sql in BOMBS.items():
        # Planned before, so that the time is that of running it.
        await impatient.post("/process/query/estimate", headers=editor, json={**body, "sql": sql})
        started = time.perf_counter()
        answer = await impatient.post("/process/query", headers=editor, json={**body, "sql": sql})
        seconds = time.perf_counter() - started
        if answer.status_code not in (408, 422) or seconds > SECONDS + PATIENCE or children(resources):
            ends[name] = (answer.status_code, round(seconds, 2), answer.text[:300], children(resources))
    watch.cancel()
    assert ends == {}
    assert median(took) < 0.5
    assert not watch.done() or watch.cancelled()
