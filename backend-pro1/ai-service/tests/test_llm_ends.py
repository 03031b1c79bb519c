"""How asking the LLM ends that does not end well, on real servers: with which code, what is kept, and who is let go."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.resources import Resources
from shared.testing.llm_server import KEY, Answer, ScriptedLlm, failure, tool_call
from shared.testing.patience import eventually
from shared.testing.project import Workspace

from .llm_bench import LlmBench, ignore, refused, without_pauses

pytestmark = pytest.mark.integration


@pytest.fixture
async def bench(resources: Resources, workspace: Workspace, llm: ScriptedLlm) -> AsyncIterator[LlmBench]:
    made = LlmBench(resources, workspace, llm)
    with without_pauses():
        yield made


class TestEnds:
    async def test_refused(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(failure(400, f"too long \x1b[31m {KEY}"))
        code, detail = await refused(bench)
        assert (code, len(llm.received)) == ("llm_refused", 1)
        assert detail.endswith("(HTTP 400): too long [31m …")
        bench.use(openai_api_key=bench.settings.openai_api_key.__class__("sk-wrong"))
        code, detail = await refused(bench)
        assert (code, detail) == ("llm_refused", "The LLM's server does not accept OPENAI_API_KEY (HTTP 401).")

    async def test_refused_in_no_language(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        headers = {"Retry-After": "Mon, 99 Jan 0001 00:00:00 GMT"}
        llm.say(Answer(status=422, body=b"caf\xe9", media_type="text/plain; charset=zip", headers=headers))
        code, detail = await refused(bench)
        assert (code, detail) == ("llm_refused", "The LLM's server refused the request (HTTP 422): caf\ufffd")

    async def test_redirects_are_not_followed(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(Answer(status=307, headers={"Location": f"{llm.url}/v1/chat/completions"}), "never asked")
        assert (await refused(bench))[0] == "llm_refused"
        assert len(llm.received) == 1

    @pytest.mark.parametrize("streams", [False, True])
    async def test_ten_megabytes_are_cut_while_they_are_read(
        self, bench: LlmBench, llm: ScriptedLlm, streams: bool
    ) -> None:
        bench.use(llm_max_answer_bytes=100_000)
        llm.say(Answer("x" * 10_000_000, piece=100_000))
        assert (await refused(bench, on_text=ignore if streams else None))[0] == "llm_answer_too_large"
        row = await bench.row()
        assert (row.status, row.error, len(row.response)) == ("cut", "too_large", 100_000)
        assert row.response_bytes < 1_000_000

    async def test_an_endless_stream_ends(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        bench.use(llm_timeout_seconds=1.0)
        llm.say(Answer(endless=True, pause=0.01))
        assert (await refused(bench, on_text=ignore))[0] == "llm_timeout"
        await until_gone(llm)
        assert (await bench.row()).error == "timeout"

    async def test_one_that_falls_silent_ends(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        bench.use(llm_idle_seconds=0.3)
        llm.say(Answer("abcdefghijklmnopqrst", hangs_after=2))
        assert (await refused(bench, on_text=ignore))[0] == "llm_timeout"
        await until_gone(llm)
        assert (await bench.row()).error == "idle"

    async def test_thinking_is_no_silence(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        bench.use(llm_idle_seconds=0.1)
        llm.say(Answer("slow", delay=0.3, thinking=0.6))
        assert (await bench.ask()).text == "slow"

    async def test_cancelling_closes_the_connection(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(Answer(endless=True, pause=0.01))
        shown = asyncio.Event()

        async def show(_: str) -> None:
            shown.set()

        asking = asyncio.create_task(bench.ask(on_text=show))
        await shown.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        row, meter = await bench.row(), await bench.meter()
        assert (row.status, row.error, row.is_estimated) == ("cut", "cancelled", True)
        assert (meter.tokens_in, meter.tokens_out) == (row.tokens_in, row.tokens_out)
        assert 0 < row.tokens_out < row.booked_tokens
        await until_gone(llm)

    async def test_a_tool_call_has_no_text(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        llm.say(tool_call("delete_everything"))
        answer = await bench.ask()
        assert (answer.text, answer.finish_reason) == ("", "tool_calls")

    async def test_without_a_key(self, bench: LlmBench, llm: ScriptedLlm) -> None:
        bench.use(openai_api_key=bench.settings.openai_api_key.__class__(""))
        assert (await refused(bench))[0] == "llm_not_configured"
        assert (llm.received, await bench.rows()) == ([], [])

    @pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
    async def test_the_address_with_and_without_v1(self, bench: LlmBench, llm: ScriptedLlm, ending: str) -> None:
        bench.use(openai_base_url=llm.url + ending)
        llm.say("found")
        assert (await bench.ask()).text == "found"

    async def test_proxies_of_the_environment_are_not_used(
        self, bench: LlmBench, llm: ScriptedLlm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        llm.say("direct")
        assert (await bench.ask()).text == "direct"


async def until_gone(llm: ScriptedLlm) -> None:
    """The server notices that its client has gone."""
    await eventually(lambda: llm.received[-1].disconnected)
