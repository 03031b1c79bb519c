"""What crosses between a service and its computing children: frames of JSON on a socket, and the errors they carry."""

import struct
from dataclasses import dataclass
from typing import Any

import orjson

HEADER = struct.Struct(">I")
MAX_FRAME_BYTES = 64 * 1024 * 1024

OUT_OF_MEMORY = "The computation needs more memory than it may use; take fewer rows or columns."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a computation is: `done` of `total` (0: unknown) and a short message."""

    done: int
    total: int
    message: str


class ComputeError(Exception):
    """Raised by a computing function to fail with a code and a sentence of its own."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ComputeFailed(Exception):
    """A computation ended without an answer.

    `code` is "timeout", "out_of_memory", "crashed" (the process died), "internal_error" (the function has a bug),
    "disk_full", "answer_too_large", or what the function raised as ComputeError.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ComputeBusy(Exception):
    """So many jobs wait already that another one is not taken."""


def encode_frame(message: dict[str, Any]) -> bytes:
    """Four bytes of length, big endian, then JSON; numbers of numpy pass, NaN and infinity become null.

    Raises:
        TypeError: something in it is not JSON.
        ComputeError: it is larger than 64 MiB.
    """
    body = orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
    if len(body) > MAX_FRAME_BYTES:
        raise ComputeError("answer_too_large", "The result is too large; narrow it down or limit its rows.")
    return HEADER.pack(len(body)) + body
