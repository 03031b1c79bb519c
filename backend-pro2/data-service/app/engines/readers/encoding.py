"""Which characters a text file is written in, and the same text in UTF-8."""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared.compute.protocol import ComputeError

from .dialect import not_tabular

CHUNK = 4 * 1024 * 1024
SAMPLE = 256 * 1024
FEW_ACCENTS = 0.3
ENOUGH_ACCENTS = 64
MOSTLY = 3

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = ["cp1252", "cp1250", "cp1254"]
_WORLD = [
    *_WESTERN,
    *("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"),
]
_ACCENT = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """`name` is Python's; `certain` is false where it was guessed from the letters.

    A file that is `plain` is UTF-8 throughout and need not be rewritten.
    """

    name: str
    certain: bool = True
    plain: bool = False


def detect(path: Path, told: str | None = None) -> Encoding:
    """The encoding of the whole file: as told, by its byte order mark, else UTF-8 if all of it is, else by its letters.

    Raises:
        ComputeError: `not_tabular`, for bytes that no text has; `invalid_options`, for an unknown encoding.
    """
    if told:
        name = _known(told)
        return Encoding(name, plain=name == "utf-8" and is_utf8(path))
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in _MARKS:
        if start.startswith(mark):
            plain = name == "utf-8" and is_utf8(path)
            return Encoding(name, certain=plain or name != "utf-8", plain=plain)
    return Encoding("utf-8", plain=True) if is_utf8(path) else _guess(_accented_sample(path))


def rewrite(source: Path, target: Path, encoding: Encoding) -> int:
    """Write `source` as UTF-8 with plain line feeds; the number of characters that had no meaning in `encoding`.

    Single bytes in a text that is UTF-8 but for these are taken for western letters.

    Raises:
        ComputeError: `not_tabular`, for characters that no text has.
    """
    western = _Western()
    codecs.register_error("western", western)
    mixed = encoding.name == "utf-8" and not encoding.certain
    decoder = codecs.getincrementaldecoder(encoding.name)(errors="western" if mixed else "replace")
    replaced, held = 0, ""
    with source.open("rb") as reader, target.open("w", encoding="utf-8", newline="") as writer:
        for chunk in _chunks(reader):
            text = held + decoder.decode(chunk)
            # A carriage return at the end may be the first half of a line end.
            held = "\r" if text.endswith("\r") else ""
            text = text.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n")
            replaced += text.count("\ufffd")
            if "\0" in text:
                raise not_tabular("It holds NUL bytes, which no text has.")
            writer.write(text.removeprefix("\ufeff"))
        rest = held + decoder.decode(b"", final=True)
        writer.write(rest.replace("\r", "\n"))
    return replaced + rest.count("\ufffd") + western.count


@dataclass(slots=True)
class _Western:
    """Decodes a byte that is no UTF-8 as cp1252, and counts such."""

    count: int = 0

    def __call__(self, error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        self.count += 1
        byte = error.object[error.start : error.start + 1]
        return byte.decode("cp1252", errors="replace"), error.start + 1


def read_sample(path: Path, size: int = SAMPLE, *, longest: int = 0) -> tuple[str, bool]:
    """The first `size` bytes of an UTF-8 file as text, and whether that is all of it.

    If they are less than two lines, so many more that there are, up to `longest`.
    """
    with path.open("rb") as file:
        data = file.read(size)
        while data.count(b"\n") < 2 and len(data) < longest and (more := file.read(size)):
            data += more
        whole = not file.read(1)
    return data.decode("utf-8", errors="replace").removeprefix("\ufeff"), whole


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def is_utf8(path: Path) -> bool:
    """Whether all of the file is UTF-8.

    Raises:
        ComputeError: `not_tabular`, for bytes that no text has.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    pending = False
    try:
        with path.open("rb") as file:
            for chunk in _chunks(file):
                if b"\0" in chunk:
                    raise not_tabular("It holds NUL bytes, which no text has.")
                if pending or not chunk.isascii():
                    decoder.decode(chunk)
                    pending = bool(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _accented_sample(path: Path) -> bytes:
    """Up to SAMPLE bytes of those parts of the file that hold other than ASCII."""
    sample = b""
    with path.open("rb") as file:
        for chunk in _chunks(file):
            if found := _ACCENT.search(chunk):
                sample += chunk[max(0, found.start() - 512) :][: SAMPLE - len(sample)]
            if len(sample) >= SAMPLE:
                break
    return sample


def _known(name: str) -> str:
    try:
        # Some of Python's codecs are not of text.
        io.TextIOWrapper(io.BytesIO(), encoding=name)
        codecs.getincrementaldecoder(name)(errors="replace").decode(b"abcd")
    except (LookupError, UnicodeError) as error:
        raise ComputeError("invalid_options", f"The encoding {name!r} is not known. Say one of Python's.") from error
    return codecs.lookup(name).name


def _is_nearly_utf8(sample: bytes) -> bool:
    """Whether far more letters are valid UTF-8 than are not: then some other text was pasted into it."""
    text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(sample)
    broken = text.count("\ufffd")
    return sum(letter > "\x7f" for letter in text) - broken > MOSTLY * broken


def _guess(sample: bytes) -> Encoding:
    if _is_nearly_utf8(sample):
        return Encoding("utf-8", certain=False)
    # Imported here: only files that are not UTF-8 pay for it.
    from charset_normalizer import from_bytes

    accents = len(_ACCENT.findall(sample))
    western = accents < FEW_ACCENTS * len(sample)
    if western and accents < ENOUGH_ACCENTS:
        return Encoding(_western(sample), certain=False)
    best = from_bytes(sample, cp_isolation=_WESTERN if western else _WORLD).best()
    return Encoding(best.encoding if best else _western(sample), certain=False)


def _western(sample: bytes) -> str:
    try:
        sample.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
