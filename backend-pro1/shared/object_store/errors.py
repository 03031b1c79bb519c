"""How failures of the object store look to the rest: one exception, whatever library or server reported them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import ServiceUnavailable
from shared.logging import get_logger

log = get_logger(__name__)

AWAY = "The object store is away for the moment; try again shortly."
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_ABSENT = frozenset({"NoSuchKey", "NoSuchUpload", "NoSuchBucket"})


class MissingObject(ServiceUnavailable):
    """An object that a row refers to is not in the store; trying again does not help."""

    code = "missing_object"


class StoreRefused(Exception):
    """The store answered with an error status; `code` is S3's name for it ("NoSuchKey"), as far as it gave one."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code

    @property
    def is_absence(self) -> bool:
        """Whether what was asked for does not exist."""
        return self.code in _ABSENT or self.status == 404


def refusal(status: int, body: bytes) -> StoreRefused:
    """Read S3's error code out of an answer, whatever its content type says (rclone labels XML as text)."""
    found = _CODE.search(body)
    return StoreRefused(status, found.group(1).decode() if found else "")


def away(action: str, error: BaseException) -> ServiceUnavailable:
    """Log what happened and return the exception to raise."""
    log.warning("object_store_failed", action=action, error=type(error).__name__, reason=str(error)[:300])
    return ServiceUnavailable(AWAY)


@contextmanager
def sdk_errors(action: str) -> Iterator[None]:
    """Turn whatever the minio SDK raises into StoreRefused or ServiceUnavailable."""
    from xml.etree.ElementTree import ParseError

    from minio.error import InvalidResponseError, MinioException, S3Error
    from urllib3.exceptions import HTTPError

    try:
        yield
    except S3Error as error:
        status = error.response.status if error.response else 0
        raise StoreRefused(status, error.code or "") from error
    except InvalidResponseError as error:
        # rclone's error bodies are text/xml, which the SDK takes for broken; the code stands in the body it quotes.
        raise refusal(error._code, (error._body or "").encode()) from error  # noqa: SLF001 - no public accessor
    except (MinioException, HTTPError, OSError) as error:
        raise away(action, error) from error
    except (ValueError, ParseError) as error:
        # A connection that breaks in the head of an answer, or in its XML: the SDK parses what came, as if it were all.
        raise away(action, error) from error
