"""Proving that an e-mail address is its user's."""

from collections.abc import Callable
from hashlib import sha256

from shared.logging import get_logger

from ..core.exceptions import InvalidLink
from ..repositories import UnitOfWork

log = get_logger(__name__)


class Verifications:
    """Proofs by mail; they may be asked for whether or not the instance demands them."""

    def __init__(self, begin: UnitOfWork, wake_mailer: Callable[[], None]) -> None:
        self._begin = begin
        self._wake_mailer = wake_mailer

    async def request(self, email: str) -> None:
        """Have a proof mailed to an address that still lacks one; nobody can tell whether it does, or who has it."""
        async with self._begin() as repositories:
            await repositories.mails.enqueue_for_address("email_verification", email)
        self._wake_mailer()

    async def verify(self, token: str) -> None:
        """The bearer of a mailed token owns the address it went to.

        Raises:
            InvalidLink: the token is not good, or another request was first.
        """
        digest = sha256(token.encode()).digest()
        async with self._begin() as repositories:
            owner = await repositories.one_time_tokens.owner_of(digest, "email_verification")
            if owner is None or not await repositories.accounts.lock(owner.user_id):
                raise InvalidLink
            if not await repositories.one_time_tokens.use(digest, "email_verification"):
                raise InvalidLink
            await repositories.accounts.verify_email(owner.user_id)
            await repositories.one_time_tokens.void(owner.user_id, "email_verification")
        log.info("email_verified", user_id=str(owner.user_id))
