"""A multipart/form-data body as a stream of events, never more of a file in memory than one chunk.

The parser is python-multipart's: maintained, what FastAPI itself uses, bounded in headers, and its callbacks hand
over slices of the received chunk, so a file passes through at the speed of a search for the boundary.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from shared.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS = 20
MAX_FIELD_BYTES = 16 * 1024
# More than a form holds beside its file: fields, and the headers and boundaries of all parts.
FORM_BYTES = MAX_PARTS * (MAX_FIELD_BYTES + 64 * 1024)


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A form field that is not a file."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FileStart:
    """A file begins; its bytes and its end follow."""

    name: str
    filename: str


@dataclass(frozen=True, slots=True)
class FileBytes:
    """Some bytes of the file."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The file is complete."""


FormEvent = FieldValue | FileStart | FileBytes | FileEnd


async def read_form(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[FormEvent]:
    """The events of a form.

    Raises:
        UnsupportedMediaType: it is no multipart/form-data.
        BadRequest: it is malformed, or ends too early.
        PayloadTooLarge: a field is longer than 16 KiB, or there are more than twenty parts.
    """
    form = _Form(_boundary(content_type))
    async for chunk in body:
        for event in form.feed(chunk):
            yield event
    form.finish()


class _Form:
    """Collects what the parser calls back."""

    def __init__(self, boundary: bytes) -> None:
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }
        self._parser = MultipartParser(boundary, callbacks)
        self._events: list[FormEvent] = []
        self._parts = 0
        self._complete = False
        self._header = (b"", b"")
        self._disposition = b""
        self._field: tuple[str, bytearray] | None = None

    def feed(self, chunk: bytes) -> list[FormEvent]:
        self._events = []
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise _malformed() from error
        return self._events

    def finish(self) -> None:
        if not self._complete:
            raise _malformed()

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise PayloadTooLarge(f"The form has more than {MAX_PARTS} parts.")
        self._disposition = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _header_end(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header = (b"", b"")

    def _headers_finished(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise _malformed()
        name = _text(options[b"name"])
        if b"filename" in options:
            self._field = None
            self._events.append(FileStart(name, _text(options[b"filename"])))
        else:
            self._field = (name, bytearray())

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._events.append(FileBytes(data[start:end]))
            return
        name, value = self._field
        if len(value) + end - start > MAX_FIELD_BYTES:
            raise PayloadTooLarge(f"The field '{name[:60]}' is longer than {MAX_FIELD_BYTES} bytes.")
        value += data[start:end]

    def _part_end(self) -> None:
        if self._field is None:
            self._events.append(FileEnd())
        else:
            name, value = self._field
            self._events.append(FieldValue(name, _text(bytes(value))))
            self._field = None

    def _end(self) -> None:
        self._complete = True


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMediaType("Send the file as multipart/form-data, in the field file.")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise _malformed()
    return boundary


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("Names and fields of the form must be UTF-8.") from error
    if "\x00" in text:
        raise BadRequest("Names and fields of the form must not hold NUL characters.")
    return text


def _malformed() -> BadRequest:
    return BadRequest("The form is malformed or incomplete; send multipart/form-data as RFC 7578 describes it.")
