"""A repeated POST gets its first answer and has one effect: `Idempotency-Key` (docs/adr/0013).

A route asks for `once: Once` and ends in `return await once(render, use_case, ...)`; inside its transaction, last,
the use case says `await keep_answer(session, result)`.
"""

from .attempts import Attempt, Once, OnceByAddress
from .errors import IdempotencyInFlight, IdempotencyMismatch
from .pending import keep_answer
from .reservations import forget_old_answers

__all__ = [
    "Attempt",
    "IdempotencyInFlight",
    "IdempotencyMismatch",
    "Once",
    "OnceByAddress",
    "forget_old_answers",
    "keep_answer",
]
