"""Whoever asks: waits where told to, follows a task to its end, and says what was wrong in the gateway's words."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import pytest

from asker import Asker, EvaluationError

DONE = {"status": "succeeded"}


class Answer:
    """An answer of a gateway as far as it is looked at."""

    def __init__(self, status: int, body: Any, **headers: str) -> None:
        self.status, self.ok, self.headers = status, status < 400, headers
        self._text = body if isinstance(body, str) else json.dumps(body)

    async def text(self) -> str:
        return self._text


class Gateway:
    """A session that answers in turn, and notes what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self._answers = list(answers)

    @asynccontextmanager
    async def request(self, method: str, url: str, **options: Any) -> AsyncIterator[Answer]:
        self.asked.append((method, url.partition("/api/v1")[2], options))
        yield self._answers.pop(0)

    def asker(self) -> Asker:
        return Asker(cast("aiohttp.ClientSession", self), "http://gateway")


async def test_a_question_is_followed_to_its_end() -> None:
    gateway = Gateway(
        Answer(202, {"id": "t"}), Answer(200, {"status": "running"}), Answer(200, DONE), Answer(200, {"summary": {}})
    )
    asked = await gateway.asker().ask("p", ["d"], "How many?")
    assert (asked.result, asked.code) == ({"summary": {}}, "")
    assert [path for _, path, _ in gateway.asked] == [
        "/analysis/ask",
        "/analysis/t",
        "/analysis/t",
        "/analysis/t/result",
    ]
    assert gateway.asked[0][2]["json"] == {"project_id": "p", "dataset_ids": ["d"], "question": "How many?"}


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ({"status": "failed", "error": {"code": "ask_failed", "detail": "So."}}, "ask_failed"),
        ({"status": "cancelled", "error": None}, "cancelled"),
    ],
)
async def test_a_question_that_fails_is_an_outcome(task: dict[str, Any], code: str) -> None:
    asked = await Gateway(Answer(202, {"id": "t"}), Answer(200, task)).asker().ask("p", ["d"], "How many?")
    assert (asked.result, asked.code) == (None, code)


async def test_without_a_model_nothing_can_be_asked() -> None:
    refusal = Answer(503, {"code": "llm_not_configured", "detail": "The operator sets OPENAI_API_KEY."})
    with pytest.raises(EvaluationError, match="answered 503: llm_not_configured: The operator sets OPENAI_API_KEY"):
        await Gateway(refusal).asker().ask("p", ["d"], "How many?")


async def test_what_is_no_problem_document_is_shown_in_part() -> None:
    with pytest.raises(EvaluationError, match="GET /x answered 502: <html>"):
        await Gateway(Answer(502, "<html>" * 1000)).asker().send("GET", "/x")


async def test_who_asks_too_often_waits() -> None:
    gateway = Gateway(Answer(429, {}, **{"Retry-After": "0.01"}), Answer(204, ""))
    assert await gateway.asker().send("DELETE", "/x") is None
    assert len(gateway.asked) == 2


async def test_but_not_for_ever() -> None:
    refusal = Answer(429, {"code": "rate_limited", "detail": "Later."}, **{"Retry-After": "3600"})
    with pytest.raises(EvaluationError, match="rate_limited"):
        await Gateway(refusal).asker().send("GET", "/x")


async def test_data_that_cannot_be_read_end_it() -> None:
    failed = {"status": "failed", "error": {"code": "empty_file"}}
    gateway = Gateway(Answer(202, {"id": "d", "task_id": "t"}), Answer(200, failed))
    with pytest.raises(EvaluationError, match="the data set own could not be read"):
        await gateway.asker().upload("p", "own", b"")


async def test_the_session_is_used_after_the_login() -> None:
    gateway = Gateway(Answer(201, {}), Answer(200, {"access_token": "t"}), Answer(201, {"id": "p"}))
    asker = gateway.asker()
    await asker.sign_up()
    assert await asker.make_project("Own") == "p"
    assert [options["headers"] for _, _, options in gateway.asked] == [{}, {}, {"Authorization": "Bearer t"}]
