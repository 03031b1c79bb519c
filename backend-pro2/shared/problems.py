"""Problem documents (RFC 9457): every error that leaves a service, in one shape."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.allowed_methods import allowed_methods
from shared.errors import APIException, Conflict, FieldError, Invalid, ServiceUnavailable
from shared.links import public_path, public_prefix
from shared.logging import get_logger

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
MAXIMUM_FIELD_ERRORS = 50
MAXIMUM_TEXT = 300
_CODES = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "payload_too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
}
_DETAILS = {
    HTTPStatus.BAD_REQUEST: "The request could not be read; check that its body is valid JSON.",
    HTTPStatus.NOT_FOUND: "Nothing is served under this path; see /docs for what is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path exists, but not with this method; see the Allow header.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than this route accepts.",
}


def problem_body(
    *, status: HTTPStatus, code: str, detail: str, instance: str, request_id: str, errors: Sequence[FieldError] = ()
) -> bytes:
    """The JSON of a problem document; `type` is a URN whose last part is the stable code of docs/errors.md."""
    document: dict[str, Any] = {
        "type": f"urn:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": request_id,
    }
    if errors:
        document["errors"] = [{"loc": list(error["loc"]), "msg": error["msg"]} for error in errors]
    return orjson.dumps(document)


def problem_response(request: Request, error: APIException) -> Response:
    """The response that tells a client about `error`."""
    body = problem_body(
        status=error.status,
        code=error.code,
        detail=error.detail,
        instance=public_path(public_prefix(request), request.url.path.encode("utf-8", "replace").decode()),
        request_id=request.scope.get("state", {}).get("request_id", ""),
        errors=error.errors,
    )
    return Response(body, status_code=error.status, headers=dict(error.headers), media_type=MEDIA_TYPE)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, APIException)  # noqa: S101 - the handler table guarantees it
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_refused", code=error.code, status=int(error.status))
    return problem_response(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the handler table guarantees it
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem_response(request, _http_error(HTTPStatus.BAD_REQUEST, {}))
    fields = [_field_error(fault) for fault in faults[:MAXIMUM_FIELD_ERRORS]]
    first = fields[0]
    place = ".".join(str(part) for part in first["loc"])
    return problem_response(request, Invalid(f"{place}: {first['msg']}", code="validation_failed", errors=fields))


def _field_error(fault: Mapping[str, Any]) -> FieldError:
    # The offending input stays out: it may be a password, and it may not be expressible as JSON.
    location = [part if isinstance(part, int) else _printable(str(part)) for part in fault["loc"]]
    return {"loc": location, "msg": _printable(_words(fault))}


def _words(fault: Mapping[str, Any]) -> str:
    # Pydantic's own sentence would repeat what was sent.
    if fault["type"] == "union_tag_invalid":
        return f"{fault['ctx']['discriminator']} must be one of {fault['ctx']['expected_tags']}"
    # The words of our own validators, without those that pydantic puts before them.
    return str(fault["msg"]).removeprefix("Value error, ")


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "")[:MAXIMUM_TEXT]


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the handler table guarantees it
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed_methods(request) or headers.get("Allow", "")
    return problem_response(request, _http_error(HTTPStatus(error.status_code), headers))


def _http_error(status: HTTPStatus, headers: Mapping[str, str]) -> APIException:
    error = APIException(
        _DETAILS.get(status, status.phrase + "."), code=_CODES.get(status, "http_error"), headers=headers
    )
    error.status = status
    return error


async def _bad_data(request: Request, error: Exception) -> Response:
    log.info("database_refused_value", error=type(error).__name__)
    return problem_response(request, Invalid("A value in the request cannot be stored.", code="value_out_of_range"))


async def _removed_meanwhile(request: Request, _: Exception) -> Response:
    # Use cases look first, so only a removal at the same moment comes to this: mostly that of the caller's account.
    log.info("reference_removed_meanwhile")
    return problem_response(request, Conflict("Something that this request refers to was removed at the same moment."))


async def _database_busy(request: Request, error: Exception) -> Response:
    log.warning("database_gave_up", error=type(error).__name__)
    return problem_response(request, ServiceUnavailable("The database is too busy for this right now; try again."))


async def _gone(_: Request, __: Exception) -> Response:
    log.info("client_disconnected")
    return Response(status_code=499)


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(APIException, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(asyncpg.DataError, _bad_data)
    app.add_exception_handler(asyncpg.ForeignKeyViolationError, _removed_meanwhile)
    app.add_exception_handler(asyncpg.QueryCanceledError, _database_busy)
    app.add_exception_handler(asyncpg.LockNotAvailableError, _database_busy)
    app.add_exception_handler(asyncpg.DeadlockDetectedError, _database_busy)
    app.add_exception_handler(ClientDisconnect, _gone)
