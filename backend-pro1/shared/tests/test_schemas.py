"""What request models take, and what they refuse before it reaches a database."""

from typing import Any

import pytest
from pydantic import Field, ValidationError

from shared.schemas import Page, RequestModel, problems


class Note(RequestModel):
    text: str = ""
    number: float = 0
    extra: dict[str, Any] = Field(default_factory=dict)


@pytest.mark.parametrize(
    "text", ["", "plain", "Zoë 数据 🎲", "'; DROP TABLE users;--", "%" * 1000, "{{7*7}}", "\u202eright to left"]
)
def test_any_storable_text(text: str) -> None:
    assert Note.model_validate({"text": text}).text == text


@pytest.mark.parametrize(
    "body",
    [
        {"text": "nul \x00"},
        {"text": "\ud800"},
        {"extra": {"\x00": 1}},
        {"extra": {"a": [{"b": "\udfff"}]}},
        {"extra": {"a": [2**63]}},
        {"extra": {"a": -(2**63) - 1}},
        {"number": float("nan")},
        {"number": float("inf")},
        {"unknown": 1},
        [],
        "x",
        None,
    ],
)
def test_refused(body: object) -> None:
    with pytest.raises(ValidationError):
        Note.model_validate(body)


def test_any_number_of_64_bits() -> None:
    assert Note.model_validate({"extra": {"a": [2**63 - 1, -(2**63), True]}}).extra["a"][0] == 2**63 - 1


def test_depth_is_bounded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep}
    with pytest.raises(ValidationError, match="deeper"):
        Note.model_validate({"extra": deep})


def test_a_page_of_nothing() -> None:
    assert Page[int](items=[]).model_dump() == {"items": [], "next_cursor": None}


def test_every_documented_status_has_a_meaning() -> None:
    documented = problems(400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 429, 503)
    assert all(response["description"] for response in documented.values())
