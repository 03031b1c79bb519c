"""The records of a JSON text, one at a time and each checked, however large the text is."""

import codecs
import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import orjson

from shared.compute.protocol import ComputeError

MAX_RECORD_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
CHUNK = 1024 * 1024
_BLANK = " \t\r\n"
_NOT_FINITE = ("NaN", "Infinity", "-Infinity", "nan", "inf")
_DECODER = json.JSONDecoder()


class BadRecord(Exception):
    """Why a text is no record: `reason` counts alike ones together, `detail` says where."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail or reason


class TooLarge(ComputeError):
    """A value that is larger than a record may be."""

    def __init__(self, line: int) -> None:
        super().__init__("invalid_json", f"Line {line}: a value has more than {MAX_RECORD_BYTES} bytes.")


def invalid_json(detail: str) -> ComputeError:
    """Refuses a whole JSON text."""
    return ComputeError("invalid_json", f"The file is not valid JSON: {detail}")


def parse(raw: bytes) -> dict[str, Any]:
    """One record, strictly as the standard has it.

    Raises:
        BadRecord: not JSON, no object, a member twice, NaN, half a character, nested too deep.
    """
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _explained(error) from error
    if not isinstance(record, dict):
        raise BadRecord("not an object", "an object {…} was expected")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and is_deeper(record, MAX_DEPTH):
        raise BadRecord("nested too deep", f"it is nested more than {MAX_DEPTH} levels deep")
    # A member that came twice takes its colon with it, unless somebody wrote colons as \u003a.
    if raw.count(b":") != orjson.dumps(record).count(b":") or b"\\u003" in raw:
        json.loads(raw, object_pairs_hook=_unique)
    return record


def lines(path: Path) -> Generator[tuple[int, bytes | None]]:
    """The lines that are not blank, each with its number from 1; None for one of more than MAX_RECORD_BYTES."""
    with path.open("rb") as file:
        file.seek(3 if file.read(3) == codecs.BOM_UTF8 else 0)
        number = 0
        while line := file.readline(MAX_RECORD_BYTES):
            number += 1
            if line.endswith(b"\n") or len(line) < MAX_RECORD_BYTES:
                if stripped := line.strip():
                    yield number, stripped
                continue
            while not line.endswith(b"\n") and len(line) == MAX_RECORD_BYTES:
                line = file.readline(MAX_RECORD_BYTES)
            yield number, None


def _explained(error: orjson.JSONDecodeError) -> BadRecord:
    rest = error.doc[error.pos : error.pos + 10]
    if rest.startswith(_NOT_FINITE):
        return BadRecord("NaN or Infinity", "NaN and Infinity are not JSON; write null instead")
    if "depth" in error.msg:
        return BadRecord("nested too deep", f"it is nested more than {MAX_DEPTH} levels deep")
    if "surrogate" in error.msg:
        return BadRecord("half a character", "a text holds half of a surrogate pair")
    return BadRecord("not valid JSON", f"{error.msg}, at character {error.pos + 1}")


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise BadRecord("a member twice", f"an object has the member {name[:50]!r} twice")
        seen.add(name)


def is_deeper(value: object, levels: int) -> bool:
    """Whether objects and lists in `value` are nested more than `levels` deep."""
    if not isinstance(value, (dict, list)):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_deeper(item, levels - 1) for item in inside)


class Document:
    """A JSON text read from its start to its end; only the value at hand is in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._line, self._ended = "", 0, 1, False

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    @property
    def line(self) -> int:
        """The line at hand, from 1."""
        return self._line + self._text.count("\n", 0, self._at)

    def peek(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            while self._at < len(self._text):
                letter = self._text[self._at]
                if letter not in _BLANK:
                    return letter
                self._at += 1
            if not self._fill():
                return ""

    def take(self, expected: str) -> None:
        """Step over one character.

        Raises:
            ComputeError: `invalid_json`, if another stands there.
        """
        found = self.peek()
        if found != expected:
            seen = f"{found!r} stands" if found else "the file ends"
            raise invalid_json(f"line {self.line}: {seen} where {expected!r} was expected.")
        self._at += 1

    def skip_all(self) -> None:
        """Go to the end without looking."""
        self._text, self._at, self._ended = "", 0, True

    def value(self) -> str:
        """The text of the next value.

        Raises:
            ComputeError: `invalid_json`, where none stands, or one of more than MAX_RECORD_BYTES.
        """
        self.peek()
        while True:
            end, fault = self._end_of_value()
            # A number at the end of what has been read may go on.
            if fault is None and end < len(self._text):
                break
            if len(self._text) - self._at > MAX_RECORD_BYTES:
                raise TooLarge(self.line)
            if self._fill():
                continue
            if fault is not None:
                raise invalid_json(f"{_fault(fault, self._line)}.") from fault
            break
        text = self._text[self._at : end]
        self._at = end
        return text

    def _end_of_value(self) -> tuple[int, ValueError | None]:
        """Where the value at hand ends, or what is wrong with what has been read of it."""
        try:
            return _DECODER.raw_decode(self._text, self._at)[1], None
        except RecursionError as error:
            raise invalid_json(f"line {self.line}: it is nested more than {MAX_DEPTH} levels deep.") from error
        except ValueError as error:
            return len(self._text), error

    def _fill(self) -> bool:
        """Read on, at least as much again as is held; False at the end."""
        if self._ended:
            return False
        self._line += self._text.count("\n", 0, self._at)
        held = self._text[self._at :]
        data = self._file.read(max(CHUNK, len(held)))
        self._ended = not data
        try:
            self._text, self._at = held + self._decoder.decode(data, final=self._ended), 0
        except UnicodeDecodeError as error:
            raise invalid_json(f"behind line {self._line} it is not UTF-8.") from error
        return not self._ended


def _fault(fault: ValueError, line: int) -> str:
    if isinstance(fault, json.JSONDecodeError):
        return f"line {line + fault.doc.count(chr(10), 0, fault.pos)}: {fault.msg}"
    return f"line {line}: a number is too long"


def elements(document: Document) -> Iterator[str]:
    """The texts of the elements of the array that comes next.

    Raises:
        ComputeError: `invalid_json`.
    """
    document.take("[")
    if document.peek() == "]":
        document.take("]")
        return
    while True:
        yield document.value()
        if document.peek() != ",":
            break
        document.take(",")
    document.take("]")
