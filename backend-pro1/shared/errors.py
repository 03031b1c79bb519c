"""The errors a use case may raise; each carries its HTTP status and a stable code."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import NotRequired, TypedDict


class FieldError(TypedDict):
    """One fault of a request: where, and what is wrong."""

    loc: Sequence[str | int]
    msg: str
    code: NotRequired[str]


class APIException(Exception):
    """Base of every error that a client is told about as a problem document (RFC 9457)."""

    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
    code: str = "internal_error"
    headers: Mapping[str, str] = {}

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.headers = {**self.headers, **(headers or {})}
        self.errors = tuple(errors)

    @property
    def title(self) -> str:
        """The phrase of the status, as RFC 9457 recommends."""
        return self.status.phrase


class BadRequest(APIException):
    """The request cannot be read at all."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad_request"


class Unauthorized(APIException):
    """No valid credentials."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"
    headers = {"WWW-Authenticate": "Bearer"}  # noqa: RUF012 - a read-only Mapping by its declared type


class Forbidden(APIException):
    """The caller may see this but not do that."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFound(APIException):
    """Absent, or not the caller's to see: one answer for both."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"

    def __init__(
        self, detail: str = "There is no such resource, or you may not see it.", *, code: str | None = None
    ) -> None:
        super().__init__(detail, code=code)


class RequestTimeout(APIException):
    """The work took longer than it may."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "timeout"


class RequestTooSlow(APIException):
    """The request itself did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_too_slow"


class Conflict(APIException):
    """The request contradicts the present state."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class PreconditionFailed(APIException):
    """If-Match names a state that is no longer the present one."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "precondition_failed"


class PayloadTooLarge(APIException):
    """The body exceeds its limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "payload_too_large"


class UnsupportedMediaType(APIException):
    """The body is of a kind that is not taken here."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


class Invalid(APIException):
    """Well formed, but its content cannot be accepted."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid"


class TooManyRequests(APIException):
    """A rate limit is exhausted; Retry-After says for how long."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"


class ServiceUnavailable(APIException):
    """Something this needs is away for now; Retry-After says when to come back."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    headers = {"Retry-After": "1"}  # noqa: RUF012 - a read-only Mapping by its declared type
