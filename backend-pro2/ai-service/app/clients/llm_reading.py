"""Reads chat completions as servers really send them: as a document or as a stream, whole or damaged.

Nothing of it is trusted: members may be absent, of another type, or far too large. What cannot be read is left away.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .llm_exchange import ExchangeFailed, Fault, Usage

# More than any model takes or gives in one call; a larger figure is a fault of the server's.
MOST_TOKENS = 10_000_000
DETAIL_CHARACTERS = 300
REASON_CHARACTERS = 40
MOST_NESTED = 100
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class AnswerReader:
    """Fed with the body piece by piece. `text` is what the model said so far."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self._said: list[str] = []
        self._high = ""
        self._line: list[bytes] = []
        self._event: list[bytes] = []
        self._document: list[bytes] | None = None
        self._is_sniffed = False
        self._is_whole = False
        self._fault = ""

    @property
    def text(self) -> str:
        """All that was said."""
        return "".join(self._said)

    def feed(self, piece: bytes) -> str:
        """Take a piece; the text that it adds."""
        if not self._is_sniffed and piece.strip():
            self._is_sniffed = True
            # Some servers answer with a document where a stream was asked for, and the other way round.
            self._document = [] if piece.lstrip().startswith((b"{", b"[")) else None
        if self._document is not None:
            self._document.append(piece)
            return ""
        if b"\n" not in piece:
            self._line.append(piece)
            return ""
        first, *whole, rest = piece.split(b"\n")
        lines = [b"".join((*self._line, first)), *whole]
        self._line = [rest]
        return self._show("".join(self._read_line(line) for line in lines))

    def finish(self) -> str:
        """The text that only the end of the body shows.

        Raises:
            ExchangeFailed: it is no chat completion, or not all of one.
        """
        if self._document is not None:
            more = self._read(b"".join(self._document))
        else:
            more = self._read_line(b"".join(self._line)) + self._read_line(b"")
        more = self._show(more, is_last=True)
        if self._fault or not self._is_whole:
            raise ExchangeFailed(Fault.BROKEN if self._said else Fault.UNREADABLE, self._fault)
        return more

    def _read_line(self, line: bytes) -> str:
        line = line.removesuffix(b"\r")
        if line.startswith(b"data:"):
            self._event.append(line[5:].strip())
            return ""
        if line or not self._event:
            return ""
        event, self._event = b"\n".join(self._event), []
        if event == b"[DONE]":
            self._is_whole = True
            return ""
        return self._read(event)

    def _read(self, raw: bytes) -> str:
        try:
            text = raw.decode("utf-8", "replace")
            body = json.loads(text) if nesting(text) <= MOST_NESTED else None
        except ValueError:
            return ""
        if not isinstance(body, dict):
            return ""
        if said := body.get("error"):
            self._fault = self._fault or error_text(said)
        self.usage = usage_of(body.get("usage")) or self.usage
        choice = _first_choice(body.get("choices"))
        if choice is None:
            return ""
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish_reason = reason[:REASON_CHARACTERS]
        self._is_whole = self._is_whole or self._document is not None or self.finish_reason is not None
        return _text_of(choice)

    def _show(self, text: str, *, is_last: bool = False) -> str:
        # A pair of surrogates may come in two pieces.
        text = self._high + text
        self._high = ""
        if text and "\ud800" <= text[-1] <= "\udbff" and not is_last:
            text, self._high = text[:-1], text[-1]
        shown = storable(text)
        if shown:
            self._said.append(shown)
        return shown


def storable(text: str) -> str:
    """The text without what no database keeps: halves of characters, and NUL."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\x00", "\ufffd")


def usage_of(value: object) -> Usage | None:
    """The server's own count, if it is one."""
    if not isinstance(value, dict):
        return None
    tokens_in, tokens_out = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    if tokens_in is None or tokens_out is None:
        return None
    details = value.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(tokens_in, tokens_out, min(cached or 0, tokens_in))


def nesting(text: str) -> int:
    """How deep the brackets of a JSON text go.

    To be asked before it is parsed: whatever else runs at the parser's limit of recursion, such as finalizers, fails.
    """
    deepest = depth = 0
    for character in _STRING.sub("", text):
        if character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]" and depth:
            depth -= 1
    return deepest


def error_text(said: object) -> str:
    """What a server says went wrong, as one short line."""
    if isinstance(said, dict):
        said = said.get("message") or said.get("detail") or said.get("error") or ""
    text = said if isinstance(said, str) else json.dumps(said, default=str)
    line = " ".join("".join(c if c.isprintable() else " " for c in storable(text)).split())
    return line[:DETAIL_CHARACTERS] or "an error without a message"


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return int(value) if is_count and isinstance(value, int) else None


def _first_choice(choices: object) -> dict[str, Any] | None:
    if not isinstance(choices, list):
        return None
    return next((c for c in choices if isinstance(c, dict) and not c.get("index")), None)


def _text_of(choice: dict[str, Any]) -> str:
    for name in ("delta", "message"):
        message = choice.get(name)
        if isinstance(message, dict):
            return _plain(message.get("content")) or _plain(message.get("refusal"))
    return _plain(choice.get("text"))


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_plain(part.get("text")) for part in content if isinstance(part, dict))
    return ""
