"""Celery's Redis transport for workers, who must outlive whatever somebody puts into a queue."""

from typing import Any

from kombu.transport import redis

from shared.logging import get_logger

log = get_logger(__name__)

# What reading a message that is none of Celery's comes to; losing Redis shows in other ways.
MALFORMED = (ValueError, TypeError, AttributeError, LookupError, RecursionError)


class Channel(redis.Channel):
    """Kombu would end the worker for a message that is not JSON; here it is thrown away."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc] # not in kombu's types
        except MALFORMED as error:
            # Taken off the queue by now. A bell that was damaged costs one poll of the ledger.
            log.warning("message_refused", error=type(error).__name__)
            return True


class Transport(redis.Transport):
    """The transport of that channel."""

    Channel = Channel
