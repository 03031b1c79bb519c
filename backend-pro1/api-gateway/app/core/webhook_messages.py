"""What a receiver gets, as Standard Webhooks 1.0 says, and when it gets it again."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
from standardwebhooks import Webhook

from shared.version import VERSION

from .webhook_secrets import SigningKey

USER_AGENT = f"ai-platform-webhooks/{VERSION}"
# Between one try and the next; after the last of them it stays so.
PAUSES = tuple(timedelta(seconds=n) for n in (5, 60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600))
LONGEST_RETRY_AFTER = timedelta(hours=24)


def body_of(payload: Mapping[str, Any]) -> bytes:
    """The body, equal at every try."""
    return orjson.dumps({name: payload[name] for name in ("type", "timestamp", "data")})


def headers_of(message_id: str, at: datetime, body: bytes, keys: Sequence[SigningKey]) -> dict[str, str]:
    """The headers of a try at `at`: a signature by each key that signs then, separated by spaces."""
    signing = [one.key for one in keys if one.until is None or one.until > at]
    signatures = [Webhook(key).sign(message_id, at, body.decode()) for key in signing]
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def pause_after(attempt: int, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait after the failure of try `attempt`, counted from 1; the receiver may ask for more."""
    usual = PAUSES[min(attempt, len(PAUSES)) - 1]
    # So that a receiver that was away does not get all at once.
    usual *= random.uniform(1.0, 1.2)  # noqa: S311 - no secret
    return max(usual, min(retry_after or usual, LONGEST_RETRY_AFTER))


def retry_after_of(header: str | None, now: datetime) -> timedelta | None:
    """What a Retry-After asks for: seconds or a date (RFC 9110 §10.2.3); None if it says nothing usable."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), int(LONGEST_RETRY_AFTER.total_seconds())))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(timedelta(0), at - now)
