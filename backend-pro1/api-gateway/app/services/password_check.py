"""One look at a password: counted first, in its turn, at the same cost whether or not there is such an account."""

from functools import partial

from shared.auth import PasswordHasher

from ..repositories.accounts import Account
from .login_guard import Attempt, LoginGuard


class PasswordCheck:
    """Tells whether a password is right, as often as the guard lets somebody ask."""

    def __init__(self, hasher: PasswordHasher, guard: LoginGuard) -> None:
        self._hasher = hasher
        self._guard = guard

    async def fits(self, account: Account | None, password: str, email: str, address: str) -> bool:
        """Whether `password`, offered from `address`, is that of the active account under `email`, if there is one.

        Raises:
            TooManyAttempts: too many were wrong.
            ServiceUnavailable: too many others are waiting.
        """
        attempt = Attempt(email, address, familiar=account is not None and account.familiar)
        hashed = account.password_hash if account is not None and account.is_active else None
        fits = await self._hasher.verify(password, hashed, first=partial(self._guard.reserve, attempt))
        if fits:
            await self._guard.succeeded(attempt)
        return fits
