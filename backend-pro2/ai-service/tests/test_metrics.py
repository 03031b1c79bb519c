"""What the AI service tells Prometheus: the LLM as the egress ledger has it, the Ray cluster, and its queues."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient

from shared.compute import ComputeFailed
from shared.config import Settings
from shared.config_llm import LlmPrice
from shared.metrics import llm as metrics
from shared.metrics import ray
from shared.metrics.ray import UNAVAILABLE
from shared.resources import Resources
from shared.tasks import Queue, TaskFailed, TryLater
from shared.testing.counting import Moved
from shared.testing.leasing import submit_new
from shared.testing.llm_server import Answer, ScriptedLlm, failure
from shared.testing.patience import eventually
from shared.testing.project import Workspace

from ..app.clients.llm_exchange import Exchange
from ..app.services.llm_breaker import FAILURES_TO_OPEN, LlmBreaker
from ..app.services.llm_ledger import LlmLedger, Order, settle_lost_calls
from ..app.services.ray_runs import waiting_for_ray
from .llm_bench import LlmBench, Row, ignore, without_pauses
from .support import DatasetMaker, with_ray
from .test_jobs import Bench, columns, order

pytestmark = pytest.mark.integration

PRICES = {"scripted": LlmPrice.model_validate({"in": "2", "out": "8", "cached": "0.5"})}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 400}}


@pytest.fixture
async def bench(resources: Resources, workspace: Workspace, llm: ScriptedLlm) -> LlmBench:
    return LlmBench(resources, workspace, llm, llm_prices=PRICES)


def is_as_the_ledger_has_it(moved: Moved, rows: Sequence[Row], model: str = "scripted") -> None:
    """Tokens and money of what moved since are those of these entries."""
    tokens = {
        "input": sum(row.tokens_in for row in rows),
        "output": sum(row.tokens_out for row in rows),
        "cached": sum(row.tokens_cached for row in rows),
    }
    for direction, number in tokens.items():
        assert moved("llm_tokens_total", model=model, direction=direction) == number
    cost = sum((row.cost for row in rows), Decimal(0))
    assert moved("llm_cost_usd_total", model=model) == pytest.approx(float(cost))


class TestRequests:
    async def test_answered(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        moved = Moved()
        llm.say(Answer("one two", usage=USAGE, delay=0.2), Answer("three"))
        for _ in range(2):
            await bench.ask(on_text=ignore)
        rows = await bench.rows()
        assert rows[0].cost > 0
        is_as_the_ledger_has_it(moved, rows)
        assert moved.of("llm_requests_total", "outcome") == {"answered": 2}
        for name in ("llm_request_seconds", "llm_first_token_seconds"):
            assert moved(f"{name}_count", model="scripted") == 2
        assert 0.2 <= moved("llm_first_token_seconds_sum", model="scripted") < 60
        assert moved("llm_request_seconds_sum", model="scripted") >= moved(
            "llm_first_token_seconds_sum", model="scripted"
        )

    async def test_each_attempt_and_its_end(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        moved = Moved()
        llm.say(failure(500, "broken"), Answer(body=b"no completion", media_type="application/json"), "good")
        with without_pauses():
            await bench.ask()
        assert moved.of("llm_requests_total", "outcome") == {"refused": 1, "unreadable": 1, "answered": 1}
        is_as_the_ledger_has_it(moved, await bench.rows())

    async def test_cancelled(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        moved = Moved()
        llm.say(Answer(endless=True, pause=0.01))
        asking = asyncio.create_task(bench.ask(on_text=ignore))
        await eventually(lambda: bool(llm.received))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert moved.of("llm_requests_total", "outcome") == {"cancelled": 1}
        is_as_the_ledger_has_it(moved, await bench.rows())

    async def test_lost_ones_are_counted_once(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        moved, ledger = Moved(), LlmLedger(bench.resources)
        call = await ledger.book(Order(await bench.run(), "plan", "scripted", llm.url, 900), b"x" * 300)
        await bench.execute("UPDATE llm_calls SET created_at = now() - interval '1 day'")
        await asyncio.gather(*(settle_lost_calls(bench.resources) for _ in range(3)))
        # It was only slow, and comes too late.
        await ledger.settle(call, Exchange(request=b"x" * 300, text="late"))
        assert moved.of("llm_requests_total", "outcome") == {"lost": 1}
        is_as_the_ledger_has_it(moved, await bench.rows())
        assert moved("llm_request_seconds_count", model="scripted") == 0

    async def test_models_that_nobody_configured_share_a_name(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        ledger = LlmLedger(bench.resources)
        await ledger.book(Order(await bench.run(), "plan", "of-last-year", llm.url, 900), b"x" * 300)
        await bench.execute("UPDATE llm_calls SET created_at = now() - interval '1 day'")
        moved = Moved()
        await settle_lost_calls(bench.resources)
        assert moved.of("llm_requests_total", "model") == {"other": 1}

    async def test_the_same_again_comes_from_the_cache(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        bench.use(llm_cache_seconds=600)
        moved = Moved()
        llm.say("once")
        for _ in range(3):
            await bench.ask()
        assert moved("llm_requests_total", model="scripted", outcome="answered") == 1
        looks = {name: moved("cache_requests_total", cache="llm", outcome=name) for name in ("hit", "miss")}
        assert looks == {"hit": 2, "miss": 1}

    async def test_budgets_and_quotas(self, bench: LlmBench) -> None:
        moved = Moved()
        for limit in ("llm_user_monthly_tokens", "quota_llm_tokens"):
            bench.use(llm_user_monthly_tokens=0, quota_llm_tokens=10**9)
            bench.use(**{limit: 100})
            with pytest.raises(TaskFailed):
                await bench.ask()
        assert moved("llm_budget_refusals_total") == 2
        assert moved.of("llm_requests_total", "outcome") == {}

    async def test_failing_instruments_fail_no_request(
        self, bench: LlmBench, llm: ScriptedLlm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise OSError("no space left on device")

        for instrument in (metrics.LLM_REQUESTS, metrics.LLM_REQUEST, metrics.LLM_FIRST_TOKEN):
            monkeypatch.setattr(instrument, "labels", broken)
        llm.say("all the same")
        assert (await bench.ask()).text == "all the same"
        assert (await bench.row()).status == "answered"


def test_the_breaker_tells_how_it_stands() -> None:
    # One of an earlier test may be open: the figure is the process's.
    metrics.LLM_BREAKER.set(0)
    breaker = LlmBreaker()
    for _ in range(FAILURES_TO_OPEN):
        assert metrics.LLM_BREAKER._value.get() == 0
        breaker.failed()
    assert metrics.LLM_BREAKER._value.get() == 1
    breaker.succeeded()
    assert metrics.LLM_BREAKER._value.get() == 0


class TestRay:
    @pytest.fixture
    def jobs(self, settings: Settings, resources: Resources, client: AsyncClient) -> Bench:
        resources.settings = with_ray(settings, "127.0.0.1:1", "t" * 40)
        return Bench(resources, client)

    @pytest.mark.parametrize("insists", [False, True])
    async def test_a_cluster_that_is_away(
        self, jobs: Bench, workspace: Workspace, make_dataset: DatasetMaker, insists: bool
    ) -> None:
        body = order(workspace, await make_dataset(columns()), "bootstrap", {"column": "x", "resamples": 100})
        task_id, moved = await jobs.submit(body), Moved()
        if insists:
            await jobs.insist(task_id)
        await jobs.run_next()
        assert moved.of("ray_jobs_total", "outcome") == {"unavailable": 1}

    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            ({"executor": "ray", "warnings": []}, {"done": 1}),
            ({"executor": "local", "warnings": [{"code": UNAVAILABLE, "message": ""}]}, {"unavailable": 1}),
            ({"executor": "local", "warnings": [{"code": "small_sample", "message": ""}]}, {}),
            ({"executor": "local"}, {}),
        ],
    )
    def test_what_an_answer_says(self, answer: dict[str, Any], outcome: dict[str, float]) -> None:
        moved = Moved()
        ray.answered(answer)
        assert moved.of("ray_jobs_total", "outcome") == outcome

    @pytest.mark.parametrize(
        ("executor", "code", "raised", "outcome"),
        [
            ("ray", "out_of_memory", ComputeFailed, {"failed": 1}),
            ("ray", UNAVAILABLE, TryLater, {"unavailable": 1}),
            ("auto", "out_of_memory", ComputeFailed, {}),
        ],
    )
    def test_no_answer(self, executor: str, code: str, raised: type[Exception], outcome: dict[str, float]) -> None:
        moved = Moved()
        with pytest.raises(raised), waiting_for_ray({"executor": executor}):
            raise ComputeFailed(code, "")
        assert moved.of("ray_jobs_total", "outcome") == outcome


async def test_its_own_queues_are_told(client: AsyncClient, resources: Resources, workspace: Workspace) -> None:
    for queue in (Queue.TRAIN, Queue.TRAIN, Queue.INGEST):
        await submit_new(resources, workspace, queue=queue)
    text = (await client.get("/metrics")).text
    assert 'tasks{queue="train",status="queued"} 2.0' in text
    assert 'task_queue_depth{queue="train"} 2.0' in text
    # Other figures may know of it here, where tests of all services share a process.
    assert 'tasks{queue="ingest"' not in text
    assert 'task_queue_depth{queue="ingest"' not in text
    assert "ledger_read_timestamp_seconds" in text
