"""Conditional requests (RFC 9110 §13): one line to answer a single resource under its entity tag.

A change checks `If-Match` with `require_current` inside the transaction that writes, once the row is locked.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from shared.etags import etag_of, unchanged

JSON = "application/json"

# For `responses=` of a route: TAGGED of one that changes or creates, TAGGED_READ of one that takes If-None-Match.
TAG_HEADER: dict[str, Any] = {"ETag": {"description": "Names this state.", "schema": {"type": "string"}}}
TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": TAG_HEADER}}
TAGGED_CREATED: dict[int | str, dict[str, Any]] = {201: {"headers": TAG_HEADER}}
TAGGED_READ: dict[int | str, dict[str, Any]] = {
    200: {"headers": TAG_HEADER},
    304: {"description": "The state is still the one in If-None-Match."},
}


def tagged(
    model: BaseModel,
    if_none_match: str | None = None,
    *,
    tag: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The model as JSON with its ETag, or 304 to a client that has this state already.

    Args:
        tag: names the state where something other than the body does; it must then be what `require_current` sees.
    """
    answer = json_answer(model, status, headers)
    tag = tag or etag_of(bytes(answer.body))
    answer.headers["ETag"] = tag
    return not_modified(if_none_match, tag) or answer


def not_modified(if_none_match: str | None, tag: str) -> Response | None:
    """304 to a client that has this state already."""
    return Response(status_code=304, headers={"ETag": tag}) if unchanged(if_none_match, tag) else None


def json_answer(model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The model as JSON, byte for byte what `etag_of_model` hashes."""
    return Response(model.model_dump_json(by_alias=True), status, headers, JSON)
