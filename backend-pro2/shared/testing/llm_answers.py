"""What the scripted LLM says: good answers, and every bad one that a server can give."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODEL = "scripted"
# A count that the server makes itself, of the words that went in and came out.
COUNT = {"count": True}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. All of it can be combined, so far as it makes sense.

    Args:
        text: what the model says; a stream gives it in pieces of `piece` characters, `pause` seconds apart.
        delay: seconds before anything is sent; `thinking`: those between the head and the first piece.
        status: and `headers`, those of HTTP.
        body: sent as it stands instead of a chat completion, with `media_type`.
        usage: the server's count; COUNT: the words; None: it does not say.
        cut_after: the connection is torn down after so many pieces; -1: after the head.
        hangs_after: after so many pieces nothing more is sent, until the client goes away.
        endless: pieces are sent until the client goes away.
        message: members of the message beside or instead of its content, such as `tool_calls`.
    """

    text: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    thinking: float = 0.0
    pause: float = 0.0
    piece: int = 8
    finish_reason: str | None = "stop"
    usage: Mapping[str, Any] | None = field(default_factory=lambda: COUNT)
    body: bytes | None = None
    media_type: str = "application/json"
    cut_after: int | None = None
    hangs_after: int | None = None
    endless: bool = False
    message: Mapping[str, Any] = field(default_factory=dict)

    def document(self, messages: list[dict[str, Any]]) -> bytes:
        """The body of an answer that does not stream."""
        if self.body is not None:
            return self.body
        message = {"role": "assistant", "content": self.text, **self.message}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        return _json(_head("chat.completion", [choice], usage=self._usage(messages)))

    def events(self, messages: list[dict[str, Any]]) -> list[bytes]:
        """The events of an answer that streams."""
        if self.body is not None:
            return [self.body]
        texts = [self.text[at : at + self.piece] for at in range(0, len(self.text), self.piece)]
        deltas: list[dict[str, Any]] = [{"role": "assistant", **self.message}, *({"content": text} for text in texts)]
        choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": self.finish_reason})
        events = [_event(_head("chat.completion.chunk", [choice])) for choice in choices]
        if self.usage is not None:
            events.append(_event(_head("chat.completion.chunk", [], usage=self._usage(messages))))
        return [*events, b"data: [DONE]\n\n"]

    def _usage(self, messages: list[dict[str, Any]]) -> Mapping[str, Any] | None:
        if self.usage is not COUNT:
            return self.usage
        words_in = sum(len(str(message.get("content", "")).split()) for message in messages)
        words_out = len(self.text.split())
        return {"prompt_tokens": words_in, "completion_tokens": words_out, "total_tokens": words_in + words_out}


def failure(status: int, message: str = "scripted", **headers: str) -> Answer:
    """An error as OpenAI's servers word it; `headers` with underscores for dashes."""
    body = _json({"error": {"message": message, "type": "scripted", "code": None}})
    return Answer(status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def tool_call(name: str, arguments: str = "{}") -> Answer:
    """A call of a tool that nobody offered."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return Answer(finish_reason="tool_calls", message={"content": None, "tool_calls": [call]})


def _head(kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 0, "model": MODEL, "choices": choices, **more}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + _json(value) + b"\n\n"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
