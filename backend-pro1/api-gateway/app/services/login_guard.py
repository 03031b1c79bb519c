"""Counts failed passwords, so that nobody guesses for long and nobody is locked out by a stranger."""

import hashlib
import hmac
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from shared.config import Settings
from shared.metrics import auth as metrics
from shared.metrics.auth import AuthFailure
from shared.redis_client import RedisClient, RedisUnavailable

from ..core.exceptions import TooManyAttempts

MAXIMUM_LOCAL_KEYS = 10_000

# ARGV: the window in milliseconds, then a limit for each key. Answers how many milliseconds to wait; 0: counted.
_RESERVE = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[i + 1]) then
    wait = math.max(wait, redis.call('PTTL', key), 1)
  end
end
if wait > 0 then return wait end
for _, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
end
return 0
"""

# ARGV: how many of the keys, from the first, start afresh; the others lose one attempt.
_GIVE_BACK = """
for i, key in ipairs(KEYS) do
  if i <= tonumber(ARGV[1]) or tonumber(redis.call('GET', key) or 0) <= 1 then
    redis.call('DEL', key)
  else
    redis.call('DECR', key)
  end
end
"""

Counter = tuple[str, int]


@dataclass(slots=True)
class Attempt:
    """Somebody at `address` offers a password for `email`; `familiar` if the account was used from there before."""

    email: str
    address: str
    familiar: bool
    # Counted in this process alone, and so given back there, whether or not Redis has come back since.
    counted_here: bool = field(default=False, init=False)


class LocalCounts:
    """The same counts in this process alone: what stands in while Redis is away."""

    def __init__(self, window_seconds: float, clock: Callable[[], float]) -> None:
        self._window = window_seconds
        self._clock = clock
        self._counts: dict[str, tuple[int, float]] = {}

    def reserve(self, counters: Sequence[Counter]) -> float:
        """Seconds to wait; 0 if the attempt was counted."""
        now = self._clock()
        kept = [(key, limit, *self._of(key)) for key, limit in counters]
        wait = max((until - now for _, limit, count, until in kept if count >= limit), default=0.0)
        if wait == 0:
            self._counts.update({key: (count + 1, until) for key, _, count, until in kept})
            self._forget(now)
        return wait

    def give_back(self, counters: Sequence[Counter], afresh: int) -> None:
        """Set the first so many to nothing, and take one attempt off the others."""
        for place, (key, _) in enumerate(counters):
            if key in self._counts:
                count, until = self._of(key)
                self._counts[key] = (0 if place < afresh else max(count - 1, 0), until)

    def _forget(self, now: float) -> None:
        if len(self._counts) > MAXIMUM_LOCAL_KEYS:
            self._counts = {key: kept for key, kept in self._counts.items() if kept[1] > now}

    def _of(self, key: str) -> tuple[int, float]:
        count, until = self._counts.get(key, (0, 0.0))
        now = self._clock()
        return (count, until) if until > now else (0, now + self._window)


class LoginGuard:
    """Limits for one account from one address, for one account from addresses it never used, and for one address.

    An attempt is counted before its password is looked at, so that a thousand at once are no more than a thousand in a
    row, and given back when the password was right. Unfamiliar addresses together can close an account to unfamiliar
    addresses alone: where its owner logged in before, the door stays open, and sessions go on in any case.
    """

    def __init__(self, redis: RedisClient, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._secret = settings.secret_key.get_secret_value().encode()
        self._window = settings.lockout_seconds
        self._pair_limit = settings.lockout_attempts
        self._account_limit = settings.lockout_account_attempts
        self._address_limit = settings.lockout_address_attempts
        self._local = LocalCounts(settings.lockout_seconds, clock)

    async def reserve(self, attempt: Attempt) -> None:
        """Count an attempt, before its password is looked at.

        Raises:
            TooManyAttempts: it may not even be looked at.
        """
        wait = await self._reserve(attempt)
        if wait > 0:
            metrics.failed(AuthFailure.TOO_MANY_ATTEMPTS)
            raise TooManyAttempts(math.ceil(wait))

    async def succeeded(self, attempt: Attempt) -> None:
        """Give an attempt back whose password was right; account and address together begin afresh."""
        pair, *others = self._counters(attempt)
        if attempt.counted_here:
            self._local.give_back(others, afresh=0)
            others = []
        await self._begin_afresh([pair], others)

    async def forgive(self, email: str, address: str) -> None:
        """Whoever has proven their address by a mailed link begins afresh, here and from unfamiliar addresses."""
        pair, _, account = self._counters(Attempt(email, address, familiar=False))
        await self._begin_afresh([pair, account])

    async def _reserve(self, attempt: Attempt) -> float:
        counters = self._counters(attempt)
        keys, limits = [key for key, _ in counters], [limit for _, limit in counters]
        try:
            milliseconds: int = await self._redis.eval(_RESERVE, keys, (self._window * 1000, *limits))
        except RedisUnavailable:
            attempt.counted_here = True
            return self._local.reserve(counters)
        return milliseconds / 1000

    async def _begin_afresh(self, counters: Sequence[Counter], given_back: Sequence[Counter] = ()) -> None:
        """Set `counters` to nothing wherever there is a count, and take one attempt off `given_back` in Redis."""
        self._local.give_back(counters, afresh=len(counters))
        # What Redis holds while it is away ends with its window.
        with suppress(RedisUnavailable):
            await self._redis.eval(_GIVE_BACK, [key for key, _ in (*counters, *given_back)], (len(counters),))

    def _counters(self, attempt: Attempt) -> list[Counter]:
        account = self._hidden(attempt.email)
        counters = [
            (f"attempts:pair:{account}:{attempt.address}", self._pair_limit),
            (f"attempts:address:{attempt.address}", self._address_limit),
        ]
        return counters if attempt.familiar else [*counters, (f"attempts:account:{account}", self._account_limit)]

    def _hidden(self, email: str) -> str:
        # Redis learns nobody's address, not even by trying likely ones.
        return hmac.digest(self._secret, email.encode("utf-8", "replace"), hashlib.sha256)[:16].hex()
