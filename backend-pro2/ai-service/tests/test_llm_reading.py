"""What servers send, read piece by piece: whole, damaged, hostile, and in whatever form."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.testing.llm_answers import Answer, tool_call

from ..app.clients.llm_exchange import ExchangeFailed, Fault, Usage
from ..app.clients.llm_reading import AnswerReader, error_text, storable, usage_of


def read(body: bytes, size: int = 7) -> tuple[AnswerReader, list[str]]:
    """The reader after the whole body, and the pieces of text it gave."""
    reader = AnswerReader()
    pieces = [reader.feed(body[at : at + size]) for at in range(0, len(body), size)]
    return reader, [piece for piece in (*pieces, reader.finish()) if piece]


def fails(body: bytes) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as failed:
        read(body)
    return failed.value


def document(**members: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": {"content": "hi"}}], **members}).encode()


def event(content: Any, **members: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, **members}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


class TestForms:
    @pytest.mark.parametrize("size", [1, 2, 3, 50, 5000])
    def test_a_stream_in_any_pieces(self, size: int) -> None:
        answer = Answer("Zürich: 42 \U0001f600 of 100", piece=3, usage={"prompt_tokens": 7, "completion_tokens": 9})
        reader, pieces = read(b"".join(answer.events([])), size)
        assert reader.text == "".join(pieces) == answer.text
        assert (reader.finish_reason, reader.usage) == ("stop", Usage(7, 9))

    @pytest.mark.parametrize("size", [1, 5000])
    def test_a_document(self, size: int) -> None:
        reader, pieces = read(Answer("Zürich", usage=None).document([]), size)
        assert (reader.text, pieces, reader.usage, reader.finish_reason) == ("Zürich", ["Zürich"], None, "stop")

    def test_lines_that_end_otherwise_and_comments(self) -> None:
        body = (b": ping\r\n\r\nevent: x\r\n" + event("a") + event("b", finish_reason="stop")).replace(b"\n", b"\r\n")
        assert read(body.replace(b"\r\r", b"\r"))[0].text == "ab"

    def test_an_event_on_several_lines_and_no_last_line_break(self) -> None:
        body = b'data: {"choices": [{"delta":\ndata: {"content": "a"}, "finish_reason": "stop"}]}'
        assert read(body)[0].text == "a"

    def test_a_tool_call_and_a_refusal(self) -> None:
        reader, _ = read(tool_call("rm").document([]))
        assert (reader.text, reader.finish_reason) == ("", "tool_calls")
        message = {"content": None, "refusal": "I will not."}
        assert read(json.dumps({"choices": [{"message": message}]}).encode())[0].text == "I will not."

    def test_content_in_parts_and_plain_completions(self) -> None:
        parts = [{"type": "text", "text": "a"}, {"type": "image"}, "x", {"text": "b"}]
        assert read(json.dumps({"choices": [{"message": {"content": parts}}]}).encode())[0].text == "ab"
        assert read(b'{"choices": [{"text": "old"}]}')[0].text == "old"

    def test_only_the_first_of_several_choices(self) -> None:
        choices = [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}}]
        assert read(json.dumps({"choices": choices}).encode())[0].text == "a"


class TestDamage:
    def test_bytes_that_are_no_text(self) -> None:
        assert read(event("caf?").replace(b"?", b"\xe9") + DONE)[0].text == "caf\ufffd"

    def test_a_pair_of_surrogates_in_two_events(self) -> None:
        body = b'data: {"choices": [{"delta": {"content": "a\\ud83d"}}]}\n\n' + b'data: {"choices": [{"delta": '
        body += b'{"content": "\\ude00b"}}]}\n\n' + DONE
        reader, pieces = read(body)
        assert (reader.text, pieces) == ("a\U0001f600b", ["a", "\U0001f600b"])

    def test_what_no_database_keeps(self) -> None:
        assert storable("a\x00b\ud83dc\ude00") == "a\ufffdb\ufffdc\ufffd"
        assert read(event("a\ud83d") + DONE)[0].text == "a\ufffd"

    def test_events_that_cannot_be_read_are_left_away(self) -> None:
        body = event("a") + b"data: {no json\n\ndata: 5\n\ndata: []\n\n" + event("b") + DONE
        assert read(body)[0].text == "ab"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>502</html>",
            b"hello",
            b"null",
            b'{"choices": []}',
            b'{"choices": "a"}',
            b'{"choices": [5, "x", null]}',
            b'{"a": ' * 20_000 + b"}",
            b'{"choices": ' + b"[" * 100_000,
            b'{"n": ' + b"9" * 10_000 + b"}",
            b"data: \n\n",
        ],
    )
    def test_what_is_no_chat_completion(self, body: bytes) -> None:
        assert fails(body).fault is Fault.UNREADABLE

    def test_a_stream_that_breaks_off(self) -> None:
        assert fails(event("a")).fault is Fault.BROKEN

    @pytest.mark.parametrize("said", ["overloaded", {"message": "overloaded"}, {"error": "overloaded"}])
    def test_an_error_on_the_way(self, said: Any) -> None:
        failure = fails(event("a") + b"data: " + json.dumps({"error": said}).encode() + b"\n\n" + DONE)
        assert (failure.fault, failure.detail) == (Fault.BROKEN, "overloaded")
        assert fails(document(error=said)).detail == "overloaded"

    @given(st.binary(max_size=300), st.integers(1, 40))
    def test_anything_at_all(self, body: bytes, size: int) -> None:
        for start in (b"", b"data: ", b'{"choices": '):
            try:
                reader, _ = read(start + body, size)
            except ExchangeFailed:
                continue
            assert isinstance(reader.text, str)

    @given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
    def test_any_shape(self, value: Any) -> None:
        for name in ("choices", "usage", "error"):
            for body in (document(**{name: value}), b"data: " + document(**{name: value}) + b"\n\n" + DONE):
                try:
                    read(body)
                except ExchangeFailed:
                    continue


class TestFigures:
    @pytest.mark.parametrize(
        ("value", "usage"),
        [
            ({"prompt_tokens": 5, "completion_tokens": 6}, Usage(5, 6)),
            (
                {"prompt_tokens": 5, "completion_tokens": 6, "prompt_tokens_details": {"cached_tokens": 4}},
                Usage(5, 6, 4),
            ),
            (
                {"prompt_tokens": 5, "completion_tokens": 6, "prompt_tokens_details": {"cached_tokens": 9}},
                Usage(5, 6, 5),
            ),
            ({"prompt_tokens": 5, "completion_tokens": 6, "prompt_tokens_details": None}, Usage(5, 6)),
            ({"prompt_tokens": 5}, None),
            ({"prompt_tokens": -5, "completion_tokens": 6}, None),
            ({"prompt_tokens": 5.5, "completion_tokens": 6}, None),
            ({"prompt_tokens": True, "completion_tokens": 6}, None),
            ({"prompt_tokens": "5", "completion_tokens": 6}, None),
            ({"prompt_tokens": 10**30, "completion_tokens": 6}, None),
            ([], None),
            (None, None),
        ],
    )
    def test_of_the_server(self, value: object, usage: Usage | None) -> None:
        assert usage_of(value) == usage


class TestWords:
    def test_errors_are_one_short_line(self) -> None:
        assert error_text({"message": "a\r\nb\x1b[31m \u2028c\x00"}) == "a b [31m c\ufffd"
        assert len(error_text("x" * 10_000)) == 300
        assert error_text({}) == "an error without a message"
        assert error_text([1, {"a": None}]) == '[1, {"a": null}]'
