"""Which traces are recorded: a part that nobody outside can choose, and a few of those that a caller asks for."""

import hashlib
import time
from collections.abc import Callable

from .traceparent import Traceparent

# What callers may have recorded by their word, a second and process: enough for somebody who looks for a fault.
ASKED_A_SECOND = 10.0
_ALL = 2**64
_PURPOSE = b"traces"


class Allowance:
    """So many a second, and at most the number of one second saved up."""

    def __init__(self, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_second = a_second
        self._clock = clock
        self._left = a_second
        self._at = clock()

    def take(self) -> bool:
        """Whether there was one left."""
        now = self._clock()
        self._left = min(self._a_second, self._left + (now - self._at) * self._a_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Sampling:
    """Judges trace ids by a keyed hash, so that all processes of an instance come to the same judgement and no client
    can choose an id that is recorded."""

    def __init__(self, ratio: float, secret: str, a_second: float, allowance: Allowance | None = None) -> None:
        self._bound = int(ratio * _ALL)
        self._key = hashlib.blake2b(secret.encode(), digest_size=32, person=_PURPOSE).digest()
        self._begun = Allowance(a_second)
        self._allowance = allowance or Allowance(ASKED_A_SECOND)

    def decide(self, trace_id: str, parent: Traceparent | None, *, is_trusted: bool) -> bool:
        """Whether to record here: as the parent says where we wrote it down ourselves; a client's `sampled` counts
        where the trace would be recorded anyway, and beyond that as far as the allowance goes. Of those that begin here
        at most `a_second` are recorded, so that a flood of requests is no flood of spans."""
        if parent is None:
            return self._is_chosen(trace_id) and self._begun.take()
        if is_trusted or not parent.sampled:
            return parent.sampled
        return self._is_chosen(trace_id) or self._allowance.take()

    def _is_chosen(self, trace_id: str) -> bool:
        digest = hashlib.blake2b(bytes.fromhex(trace_id), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big") < self._bound
