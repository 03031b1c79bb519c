"""Bases of request and response models, and the page every list answers with."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, model_validator

from shared.parameters import made

Item = TypeVar("Item")
MAXIMUM_DEPTH = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class ApiModel(BaseModel):
    """Base of what we answer with."""

    model_config = ConfigDict(allow_inf_nan=False, from_attributes=True, ser_json_inf_nan="null")


class RequestModel(BaseModel):
    """Base of what we are sent: no unknown members, no text and no number that cannot be stored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=False)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        for text in _texts(value, 0):
            if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
                raise ValueError("text must not hold NUL characters or unpaired surrogates")
        return value


def _texts(value: object, depth: int) -> Iterable[str]:
    if depth > MAXIMUM_DEPTH:
        raise ValueError(f"nested deeper than {MAXIMUM_DEPTH} levels")
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key, depth + 1)
            yield from _texts(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("whole numbers must fit into 64 bits")


def one_line(text: str) -> str:
    """The text of a name; it ends up in mails, logs, file names and other people's screens.

    Raises:
        ValueError: it holds what breaks lines or controls a terminal.
    """
    if _CONTROL.search(text):
        raise ValueError("must not hold control characters or line breaks")
    return text


class Page(ApiModel, Generic[Item]):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[Item]
    next_cursor: str | None = None


class PageParams:
    """Query parameters of every list."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=200, description="Items a page.")] = 50,
        cursor: Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")] = None,
    ) -> None:
        self.limit = limit
        self.cursor = cursor


PageQuery = Annotated[PageParams, made(PageParams)]
OfProject = Annotated[UUID | None, Query(description="Only those of this project.")]
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the task to end before answering 202.")]


class Problem(ApiModel):
    """A problem document (RFC 9457); `code` is stable and listed in docs/errors.md."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[dict[str, Any]] | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:problem:not_found",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no such resource, or you may not see it.",
                "instance": "/api/v1/projects/01890a5d-ac96-774b-bcce-b302099a8057",
                "code": "not_found",
                "request_id": "5f1c6f0e2b7d4a0f8f0f5b0c2d1e3a4b",
            }
        }
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: which problem documents it answers with."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in sorted(statuses)}


_MEANINGS = {
    400: "The body is not valid JSON.",
    401: "No valid access token, or wrong credentials.",
    403: "You may see this but not do that.",
    404: "There is no such resource, or you may not see it.",
    408: "It took longer than it may.",
    409: "It contradicts the present state.",
    412: "If-Match names a state that is no longer the present one.",
    413: "The body is larger than this route accepts.",
    415: "This kind of content is not accepted.",
    422: "The request is well formed, but a value in it cannot be accepted.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "Something needed is away for the moment; Retry-After says when to come back.",
}
