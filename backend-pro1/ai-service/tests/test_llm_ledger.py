"""The meter of the LLM on a real database: budgets that hold when many ask at once, and requests that were lost."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from shared.config_llm import LlmPrice
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import TaskFailed
from shared.testing.llm_server import Answer, ScriptedLlm
from shared.testing.patience import eventually
from shared.testing.project import Workspace

from ..app.clients.llm_exchange import Exchange
from ..app.services.llm_ledger import LlmLedger, Order, forget_old_calls, settle_lost_calls
from .llm_bench import LlmBench, Meter

pytestmark = pytest.mark.integration

_RETRIED = """
UPDATE analysis_tasks SET status = 'queued', worker = NULL, lease_until = NULL, max_attempts = attempts + $1
"""
PRICES = {"scripted": LlmPrice.model_validate({"in": "0", "out": "1000"})}


@pytest.fixture
async def bench(resources: Resources, workspace: Workspace, llm: ScriptedLlm) -> LlmBench:
    made = LlmBench(resources, workspace, llm, llm_attempts=1, llm_concurrency=20)
    made.use(database_lock_timeout_seconds=60.0, database_acquire_timeout_seconds=60.0)
    return made


async def outcomes(bench: LlmBench, runs: list[Any], **more: Any) -> list[str]:
    """All at once: `answered`, or the code with which the task fails."""

    async def one(run: Any) -> str:
        try:
            await bench.ask(run, **more)
        except TaskFailed as failed:
            return failed.error.code
        return "answered"

    return sorted(await asyncio.gather(*(one(run) for run in runs)))


class TestBudgets:
    async def test_tokens_of_the_project(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.script(lambda _: Answer("ok", delay=0.5))
        runs = [await bench.run() for _ in range(8)]
        bench.use(quota_llm_tokens=3 * 1200)
        ends = await outcomes(bench, runs, max_tokens=1000)
        assert ends == ["answered"] * 3 + ["quota_exceeded"] * 5
        assert len(llm.received) == len(await bench.rows()) == 3
        assert (await bench.meter()).calls == 3

    async def test_tokens_of_the_user_over_projects(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.script(lambda _: Answer("ok", delay=0.5))
        ours, other = bench.workspace, Workspace(*(new_id() for _ in range(5)))
        await other.write(bench.resources.database)
        bench.use(llm_user_monthly_tokens=3 * 1200)
        runs = [await bench.run(ours.editor, project) for project in (ours.project_id, other.project_id) * 4]
        assert await outcomes(bench, runs, max_tokens=1000) == ["answered"] * 3 + ["llm_budget_exceeded"] * 5
        # Somebody else has a budget of his own.
        assert await outcomes(bench, [await bench.run(ours.owner)], max_tokens=1000) == ["answered"]

    async def test_money_of_the_project(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.script(lambda _: Answer("ok", delay=0.5, usage={"prompt_tokens": 5, "completion_tokens": 100}))
        bench.use(llm_prices=PRICES, llm_project_monthly_cost=Decimal("2.1"))
        runs = [await bench.run() for _ in range(6)]
        assert await outcomes(bench, runs, max_tokens=1000) == ["answered"] * 2 + ["llm_budget_exceeded"] * 4
        # What was set aside and not spent is free again: 0.2 of 2.1 are spent.
        assert await outcomes(bench, [await bench.run()], max_tokens=1000) == ["answered"]
        meter = await bench.meter()
        assert (meter.cost, meter.tokens_in, meter.tokens_out) == (Decimal("0.3"), 15, 300)

    async def test_it_says_what_is_missing(self, bench: LlmBench) -> None:
        bench.use(llm_user_monthly_tokens=100)
        with pytest.raises(TaskFailed) as failed:
            await bench.ask()
        assert failed.value.error.code == "llm_budget_exceeded"
        assert failed.value.error.detail.startswith("You may spend 100 LLM tokens in a month and have spent or set")

    async def test_last_month_is_over(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say("ok")
        bench.use(llm_user_monthly_tokens=5000)
        await bench.execute(
            "INSERT INTO llm_usage (project_id, user_id, month, tokens_in, cost) "
            "VALUES ($1, $2, date_trunc('month', now() - interval '1 month')::date, 1000000, 99)",
            bench.workspace.project_id,
            bench.workspace.editor,
        )
        assert (await bench.ask()).text == "ok"

    async def test_whoever_was_erased_asks_nothing(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        run = await bench.run()
        await bench.execute("DELETE FROM users WHERE id = $1", bench.workspace.editor)
        with pytest.raises(TaskFailed) as failed:
            await bench.ask(run)
        assert (failed.value.error.code, llm.received) == ("llm_refused", [])

    async def test_whoever_is_erased_meanwhile_leaves_no_usage(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(Answer("late", delay=0.7))
        asking = asyncio.create_task(bench.ask())
        await eventually(lambda: bool(llm.received))
        await bench.execute("DELETE FROM users WHERE id = $1", bench.workspace.editor)
        assert (await asking).text == "late"
        row = await bench.row()
        assert (row.status, row.user_id, await bench.meter()) == ("answered", None, Meter(0, 0, 0, 0, Decimal(0)))


class TestLost:
    async def test_the_next_run_settles_it_once(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        ledger = LlmLedger(bench.resources)
        run = await bench.run()
        call = await ledger.book(Order(run, "plan", "scripted", llm.url, 900), b"x" * 300)
        assert (await bench.meter()).tokens_out == 1000
        # The worker is gone; another takes the task up.
        await bench.execute("UPDATE analysis_tasks SET lease_until = now() - interval '1 s'")
        llm.say(Answer("again", usage={"prompt_tokens": 7, "completion_tokens": 3}))
        await bench.ask(await bench.claim())
        lost, answered = await bench.rows()
        assert (lost.id, lost.status, lost.is_estimated, lost.run) == (call.id, "lost", True, 1)
        assert (lost.tokens_in, lost.tokens_out, answered.run, answered.status) == (100, 900, 2, "answered")
        expected = Meter(107, 903, 0, 2, Decimal(0))
        assert await bench.meter() == expected
        # It was only slow: what it tells now comes too late to count again.
        await ledger.settle(call, Exchange(request=b"x" * 300, text="late"))
        await settle_lost_calls(bench.resources)
        assert (await bench.meter(), (await bench.rows())[0]) == (expected, lost)

    async def test_a_run_leaves_its_own_and_others_alone(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        ledger, other = LlmLedger(bench.resources), await bench.run()
        run = await bench.run()
        await bench.execute("UPDATE analysis_tasks SET lease_until = now() - interval '1 s' WHERE id = $1", run.task.id)
        run = await bench.claim()
        assert run.task.claims == 2
        for one in (run, other):
            await ledger.book(Order(one, "plan", "scripted", llm.url, 900), b"x")
        llm.say("ok")
        await bench.ask(run)
        assert [row.status for row in await bench.rows()] == ["sent", "sent", "answered"]

    async def test_the_chore_settles_what_nobody_takes_up(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        ledger = LlmLedger(bench.resources)
        await ledger.book(Order(await bench.run(), "plan", "scripted", llm.url, 900), b"x" * 300)
        await settle_lost_calls(bench.resources)
        assert (await bench.row()).status == "sent"
        seconds = bench.settings.llm_timeout_seconds + 61
        await bench.execute("UPDATE llm_calls SET created_at = now() - make_interval(secs => $1)", seconds)
        await asyncio.gather(*(settle_lost_calls(bench.resources) for _ in range(4)))
        assert (await bench.row()).status == "lost"
        assert await bench.meter() == Meter(100, 900, 0, 1, Decimal(0))

    async def test_it_is_kept_as_long_as_the_setting_says(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say("old", "new")
        await bench.ask()
        await bench.execute("UPDATE llm_calls SET created_at = now() - interval '91 days'")
        await bench.ask()
        bench.use(llm_egress_days=0)
        await forget_old_calls(bench.resources)
        assert len(await bench.rows()) == 2
        bench.use(llm_egress_days=90)
        await forget_old_calls(bench.resources)
        assert b"new" in (await bench.row()).response
        assert (await bench.meter()).calls == 2


class TestCache:
    @pytest.fixture
    def cached(self, bench: LlmBench) -> LlmBench:
        bench.use(llm_cache_seconds=600)
        return bench

    async def test_the_same_costs_nothing_and_leaves_nothing(self, cached: LlmBench, llm: ScriptedLlm) -> None:
        llm.say("first", "second", "third", "fourth")
        first = await cached.ask()
        pieces: list[str] = []

        async def note(text: str) -> None:
            pieces.append(text)

        again = await cached.ask(on_text=note)
        assert (first.cached, again.cached, again.text, pieces) == (False, True, "first", ["first"])
        assert (again.tokens_in, again.tokens_out, again.cost, again.call_id) == (0, 0, Decimal(0), first.call_id)
        assert len(llm.received) == len(await cached.rows()) == 1
        assert (await cached.meter()).calls == 1
        assert (await cached.ask(fresh=True)).text == "second"
        assert (await cached.ask(max_tokens=5)).text == "third"
        cached.use(llm_temperature=1.0)
        assert (await cached.ask()).text == "fourth"

    async def test_a_second_run_pays_only_for_what_was_not_answered(self, cached: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(Answer("planned", usage={"prompt_tokens": 7, "completion_tokens": 3}))
        run = await cached.run()
        await cached.ask(run)
        ledger = LlmLedger(cached.resources)
        await ledger.book(Order(run, "answer", "scripted", llm.url, 900), b"x" * 300)
        await cached.execute("UPDATE analysis_tasks SET lease_until = now() - interval '1 s'")
        assert (await cached.ask(await cached.claim())).cached
        assert [row.status for row in await cached.rows()] == ["answered", "lost"]
        assert await cached.meter() == Meter(107, 903, 0, 2, Decimal(0))

    async def test_a_task_that_is_done_once_more_is_not_told_the_same_again(
        self, cached: LlmBench, llm: ScriptedLlm
    ) -> None:
        llm.say("useless", "better")
        assert (await cached.ask()).text == "useless"
        await cached.execute(_RETRIED, cached.settings.task_max_attempts)
        assert (await cached.ask(await cached.claim())).text == "better"

    async def test_other_projects_share_nothing(self, cached: LlmBench, llm: ScriptedLlm) -> None:
        other = Workspace(*(new_id() for _ in range(5)))
        await other.write(cached.resources.database)
        llm.say("ours", "theirs")
        assert (await cached.ask()).text == "ours"
        assert (await cached.ask(await cached.run(other.owner, other.project_id))).text == "theirs"

    @pytest.mark.parametrize("reason", ["length", "tool_calls", None])
    async def test_what_did_not_end_by_itself_is_not_kept(
        self, cached: LlmBench, llm: ScriptedLlm, reason: str | None
    ) -> None:
        llm.say(Answer("cut", finish_reason=reason), "whole")
        assert (await cached.ask()).text == "cut"
        assert (await cached.ask()).text == "whole"

    async def test_without_redis_it_asks(self, cached: LlmBench, llm: ScriptedLlm) -> None:
        await cached.resources.redis.close()
        cached.use(redis_url=cached.settings.redis_url.__class__("redis://127.0.0.1:9/0"))
        cached.resources.redis = cached.resources.redis.__class__(cached.settings)
        cached.use()
        llm.say("one", "two")
        assert [(await cached.ask()).text for _ in range(2)] == ["one", "two"]
