"""The attempt that this request makes under an Idempotency-Key, as its use case finds it."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.responses import Response

from shared.database import Session

from . import reservations
from .answers import Answer, Seal
from .errors import IdempotencyInFlight


@dataclass(slots=True)
class Pending:
    """A reserved key whose answer is not known yet.

    Attributes:
        render: makes the response of what the use case did.
        fingerprint: of the request; None until its streamed body has passed.
        fingerprint_of: makes it of such a body's content.
        kept: the answer that was written, whether or not that has been committed.
    """

    seal: Seal
    claim: UUID
    render: Callable[[Any], Response]
    fingerprint: bytes | None
    fingerprint_of: Callable[[bytes], bytes]
    kept: Answer | None = None

    async def keep(self, session: Session, answer: Answer) -> None:
        """Write the answer in the transaction of `session`.

        Raises:
            IdempotencyInFlight: this attempt was given up for dead, and another one has the key.
        """
        sealed = self.seal.close(answer)
        if not await reservations.keep(session, self.seal.row_id, self.claim, self.fingerprint, sealed):
            raise IdempotencyInFlight
        self.kept = answer


current: ContextVar[Pending | None] = ContextVar("idempotency_attempt", default=None)


async def keep_answer(session: Session, result: object, *, content: bytes | None = None) -> None:
    """Last statement of a creating transaction: what it did, and thus its answer, stands or falls with it.

    Args:
        result: what the route's `render` makes the response of.
        content: of a body that was streamed, what distinguishes it from others.

    Without an Idempotency-Key it does nothing.

    Raises:
        IdempotencyInFlight: another attempt has taken over, so this one must have no effect.
    """
    pending = current.get()
    if pending is None:
        return
    if content is not None:
        pending.fingerprint = pending.fingerprint_of(content)
    await pending.keep(session, Answer.of(pending.render(result)))
