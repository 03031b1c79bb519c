"""Who may come in, and how often: sliding-window limit and session look-up in one Redis round trip, without HTTP."""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from shared.redis_client import RedisClient, RedisUnavailable

SLOTS = 20
# How many a process remembers before it looks, once a slot, for those to forget; ten times as many at the most.
SUBJECTS = 10_000
SESSION_ENDED = b"-"
SESSION_STALE = b"?"

# The window is cut into slots, each with a counter. A request counts until its whole slot has left the window,
# so that in no stretch of one window's length more than the limit is admitted; the price is that room returns
# up to one slot late. Denied requests are not counted. The clock is Redis's own, one for all processes.
#
# The hash holds a count per past slot, and of the present one: `slot` its number, `base` what the past ones add up
# to, `used` that and the present one's, `oldest` the oldest slot that counts. Slots are summed once per slot.
_SCRIPT = """
local time = redis.call('TIME')
local limit, length, slots = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local slot = math.floor(now / length)
local state = redis.call('HMGET', KEYS[1], 'slot', 'used', 'oldest', 'base')
local used, oldest = tonumber(state[2] or 0), tonumber(state[3] or slot)
if tonumber(state[1]) ~= slot then
  -- A new slot has begun: put the count of the last one away, drop what has left the window.
  if state[1] then redis.call('HSET', KEYS[1], state[1], used - tonumber(state[4])) end
  local counts = redis.call('HGETALL', KEYS[1])
  used, oldest = 0, slot
  for i = 1, #counts, 2 do
    local number = tonumber(counts[i])
    if number and number < slot - slots then
      redis.call('HDEL', KEYS[1], counts[i])
    elseif number then
      used = used + tonumber(counts[i + 1])
      if number < oldest and tonumber(counts[i + 1]) > 0 then oldest = number end
    end
  end
  redis.call('HSET', KEYS[1], 'slot', slot, 'used', used, 'base', used, 'oldest', oldest)
  redis.call('PEXPIRE', KEYS[1], math.ceil(length * (slots + 1) * 1000))
end
local allowed = 0
if used < limit then
  allowed = 1
  used = redis.call('HINCRBY', KEYS[1], 'used', 1)
end
local reset = math.ceil((oldest + slots + 1) * length - now)
local session = false
if KEYS[2] then session = redis.call('GET', KEYS[2]) end
return {allowed, used, reset, session}
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `limit` requests in any `window_seconds`; `alone_limit` in each process while Redis is away."""

    name: str
    limit: int
    window_seconds: int
    alone_limit: int | None = None

    def alone(self) -> "Policy":
        """The policy of a process that cannot count together with the others."""
        return self if self.alone_limit is None else replace(self, limit=self.alone_limit)


class Verdict(NamedTuple):
    """Whether a request may go on, how much room is left, and the cached body of its session if there is one."""

    allowed: bool
    remaining: int
    reset_seconds: int
    session: bytes | None


class LocalWindow:
    """The same window in this process alone: what stands in while Redis is away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._swept = 0

    def admit(self, key: str, policy: Policy) -> Verdict:
        """Count one request of `key` if there is room."""
        length = policy.window_seconds / SLOTS
        slot = math.floor(self._clock() / length)
        counts = {number: count for number, count in self._counts[key].items() if number >= slot - SLOTS}
        used = sum(counts.values())
        allowed = used < policy.limit
        if allowed:
            counts[slot] = counts.get(slot, 0) + 1
        self._counts[key] = counts
        self._forget(slot)
        reset = math.ceil((min(counts, default=slot) + SLOTS + 1) * length - self._clock())
        return Verdict(allowed, max(policy.limit - used - allowed, 0), reset, None)

    def _forget(self, slot: int) -> None:
        if len(self._counts) > SUBJECTS and self._swept != slot:
            self._swept = slot
            for key in [key for key, counts in self._counts.items() if max(counts, default=0) < slot - SLOTS]:
                del self._counts[key]
        if len(self._counts) > 10 * SUBJECTS:
            del self._counts[next(iter(self._counts))]


def session_key(session_id: UUID) -> str:
    """Where Redis keeps the `/auth/me` body of a live session or API key, a tombstone, or a mark that it is stale."""
    return f"session:{session_id}"


class Admission:
    """Decides on a request in one round trip; without Redis it limits by itself and leaves sessions to PostgreSQL."""

    def __init__(self, redis: RedisClient, service: str) -> None:
        self._redis = redis
        self._prefix = f"window:{service}:"
        self._local = LocalWindow()

    async def admit(self, subject: str, policy: Policy, session: str | None = None) -> Verdict:
        """Count a request of `subject` under `policy` and read what stands under the key `session`."""
        key = f"{self._prefix}{policy.name}:{subject}"
        keys = (key,) if session is None else (key, session)
        try:
            allowed, used, reset, body = await self._redis.eval(
                _SCRIPT, keys, (policy.limit, policy.window_seconds / SLOTS, SLOTS)
            )
        except RedisUnavailable:
            return self._local.admit(key, policy.alone())
        return Verdict(allowed == 1, max(policy.limit - used, 0), reset, body)
