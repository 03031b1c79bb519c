"""Asking the LLM on real servers: what is kept, what is paid, what is repeated, and what is asked for."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import orjson
import pytest

from shared.config_llm import LlmPrice
from shared.resources import Resources
from shared.tasks import TryLater
from shared.testing.llm_server import KEY, Answer, ScriptedLlm, failure
from shared.testing.patience import eventually
from shared.testing.project import Workspace

from .llm_bench import HELLO, LlmBench, Meter, ignore, refused, without_pauses

pytestmark = pytest.mark.integration

PRICES = {"scripted": LlmPrice.model_validate({"in": "2", "out": "10", "cached": "0.5"})}


@pytest.fixture
async def bench(resources: Resources, workspace: Workspace, llm: ScriptedLlm) -> AsyncIterator[LlmBench]:
    made = LlmBench(resources, workspace, llm)
    with without_pauses():
        yield made


async def collect(bench: LlmBench, **more: Any) -> tuple[Any, list[str]]:
    """The answer, and the pieces it came in."""
    pieces: list[str] = []

    async def note(text: str) -> None:
        pieces.append(text)

    return await bench.ask(on_text=note, **more), pieces


class TestLedger:
    @pytest.mark.parametrize("streams", [False, True])
    async def test_it_holds_exactly_what_went_and_came(self, bench: LlmBench, llm: ScriptedLlm, streams: bool) -> None:
        bench.use(llm_prices=PRICES)
        usage = {"prompt_tokens": 1000, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 400}}
        llm.say(Answer("Übel: \U0001f600 42", usage=usage, piece=3))
        run = await bench.run()
        answer, _ = await collect(bench, run=run) if streams else (await bench.ask(run), [])
        row, (received,) = await bench.row(), llm.received
        assert answer.text == "Übel: \U0001f600 42"
        assert row.request == received.body
        assert row.response == received.answered
        assert row.response_bytes == len(received.answered)
        assert (row.task_id, row.run, row.user_id) == (run.task.id, 1, bench.workspace.editor)
        assert (row.purpose, row.policy, row.model, row.server) == ("plan", "aggregates", "scripted", llm.url)
        assert (row.status, row.error, row.http_status, row.is_estimated) == ("answered", None, 200, False)
        assert row.first_token_ms is not None
        cost = Decimal("0.0016")  # 600 at 2, 400 at 0.5, 20 at 10, a million each
        assert (row.tokens_in, row.tokens_out, row.tokens_cached, row.cost) == (1000, 20, 400, cost)
        assert await bench.meter() == Meter(1000, 20, 400, 1, cost)
        assert (answer.tokens_in, answer.tokens_cached, answer.cost, answer.call_id) == (1000, 400, cost, row.id)

    async def test_it_is_written_before_anything_leaves(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(Answer("late", delay=30))
        asking = asyncio.create_task(bench.ask(max_tokens=500))
        await eventually(lambda: bool(llm.received))
        row, meter = await bench.row(), await bench.meter()
        asking.cancel()
        assert (row.status, row.request) == ("sent", llm.received[0].body)
        assert (meter.tokens_out, meter.calls) == (row.booked_tokens, 1)
        assert row.booked_tokens >= 500

    async def test_damaged_text_is_kept_as_it_came(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        body = b'{"choices": [{"message": {"content": "caf\xe9 \\ud83d"}, "finish_reason": "stop"}]}'
        llm.say(Answer(body=body))
        assert (await bench.ask()).text == "caf\ufffd \ufffd"
        row = await bench.row()
        assert (row.response, row.is_estimated) == (body, True)
        assert row.tokens_in > 0
        assert row.tokens_out > 0

    async def test_no_secret_is_in_it(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(Answer(f"The key is {KEY}."))
        await bench.ask()
        row = await bench.row()
        assert KEY.encode() not in row.response + row.request
        assert b"The key is ****" in row.response

    async def test_the_policy_in_force_is_noted(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        sql = "INSERT INTO llm_policies (project_id, level) VALUES ($1, 'schema')"
        await bench.execute(sql, bench.workspace.project_id)
        llm.say("ok")
        await bench.ask()
        assert (await bench.row()).policy == "schema"


class TestRepeats:
    async def test_each_request_has_its_entry(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(failure(429), failure(503), "third")
        assert (await bench.ask()).text == "third"
        rows = await bench.rows()
        assert [(row.status, row.http_status, row.tokens_out) for row in rows] == [
            ("refused", 429, 0),
            ("refused", 503, 0),
            ("answered", 200, 1),
        ]
        assert [row.request for row in rows] == [received.body for received in llm.received]
        assert (await bench.meter()).calls == 3

    async def test_they_are_bounded(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.script(lambda _: failure(500, "out of order"))
        code, detail = await refused(bench)
        assert (code, len(llm.received)) == ("llm_unavailable", 3)
        assert "HTTP 500" in detail
        assert (await bench.meter()).tokens_out == 0

    @pytest.mark.parametrize("answer", [Answer(body=b"<html>"), Answer(body=b'{"a": 1}'), Answer("x", cut_after=-1)])
    async def test_what_is_no_answer_is_asked_for_again(
        self, bench: LlmBench, llm: ScriptedLlm, answer: Answer
    ) -> None:
        llm.say(answer, "good")
        assert (await bench.ask()).text == "good"
        assert len(await bench.rows()) == 2

    async def test_retry_after_is_obeyed_within_bounds(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(failure(429, retry_after="1"), "patient")
        assert (await bench.ask()).text == "patient"
        first, second = llm.received
        assert second.began - (first.ended or 0) >= 0.9
        llm.say(failure(429, retry_after="3600"))
        assert (await refused(bench))[0] == "llm_unavailable"
        assert len(llm.received) == 3

    async def test_what_was_shown_is_not_begun_anew(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(Answer("abcdefghijklmnop", cut_after=2), "never asked")
        assert (await refused(bench, on_text=ignore))[0] == "llm_unavailable"
        row = await bench.row()
        assert (row.status, row.error, row.is_estimated) == ("cut", "broken", True)

    async def test_a_task_waits_for_an_llm_that_is_away(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        bench.use(llm_wait_seconds=600, llm_attempts=1)
        llm.script(lambda _: failure(503))
        for _ in range(5):
            with pytest.raises(TryLater):
                await bench.ask()
        assert len(llm.received) == 5
        # The breaker is open: nothing is even sent.
        with pytest.raises(TryLater) as put_off:
            await bench.ask()
        assert len(llm.received) == 5
        assert 0 < (put_off.value.delay_seconds or 0) <= 10
        run = await bench.run()
        await bench.execute("UPDATE analysis_tasks SET started_at = now() - interval '1 hour'")
        run = await again(bench, run)
        assert (await refused(bench, run=run))[0] == "llm_unavailable"

    async def test_nobody_listens(self, bench: LlmBench) -> None:
        bench.use(openai_base_url="http://127.0.0.1:9")
        assert (await refused(bench))[0] == "llm_unavailable"
        assert {(row.status, row.error, row.tokens_in) for row in await bench.rows()} == {("cut", "unreachable", 0)}
        assert await bench.meter() == Meter(0, 0, 0, 3, Decimal(0))


class TestRequest:
    async def test_what_it_asks_for(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say("a", "b")
        await bench.ask(max_tokens=77)
        expected: dict[str, Any] = {"model": "scripted", "messages": _sent(), "max_tokens": 77, "temperature": 0.0}
        assert llm.received[0].content == expected
        bench.use(llm_temperature=None, llm_tokens_parameter="max_completion_tokens")
        await bench.ask(max_tokens=78, on_text=ignore)
        assert llm.received[1].content == {
            "model": "scripted",
            "messages": _sent(),
            "max_completion_tokens": 78,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def test_as_many_at_once_as_may(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        bench.use(llm_concurrency=2)
        llm.script(lambda _: Answer("ok", delay=0.1))
        runs = [await bench.run() for _ in range(6)]
        await asyncio.gather(*(bench.ask(run) for run in runs))
        marks = sorted([(r.began, 1) for r in llm.received] + [(r.ended or 0, -1) for r in llm.received])
        under_way = [sum(step for _, step in marks[: n + 1]) for n in range(len(marks))]
        assert max(under_way) == 2


async def again(bench: LlmBench, run: Any) -> Any:
    """The task's next run, as after the death of its worker."""
    await bench.execute("UPDATE analysis_tasks SET lease_until = now() - interval '1 s' WHERE id = $1", run.task.id)
    return await bench.claim()


def _sent() -> Any:
    return orjson.loads(orjson.dumps([{**m, "content": m["content"]} for m in HELLO]))
