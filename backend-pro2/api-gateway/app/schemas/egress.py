"""Bodies of /projects/{id}/egress: what left for the LLM, and what came back."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field, JsonValue

from shared.schemas import ApiModel

_ENTRY: dict[str, JsonValue] = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "at": "2026-01-31T12:00:00Z",
    "finished_at": "2026-01-31T12:00:01Z",
    "user_id": "01890a5d-ac96-774b-bcce-b302099a8058",
    "task_id": "01890a5d-c0de-7abc-9def-0123456789ab",
    "run": 1,
    "purpose": "plan",
    "policy": "aggregates",
    "model": "gpt-4o-mini",
    "server": "https://api.openai.com/v1",
    "status": "answered",
    "http_status": 200,
    "error": None,
    "request": '{"model":"gpt-4o-mini","messages":[…],"max_tokens":1024}',
    "request_base64": None,
    "request_bytes": 812,
    "response": '{"choices":[{"message":{"content":"…"}}]}',
    "response_base64": None,
    "response_bytes": 640,
    "tokens_in": 310,
    "tokens_out": 42,
    "tokens_cached": 0,
    "estimated": False,
    "cost": 0.000072,
    "first_token_ms": 410,
}


class EgressEntry(ApiModel):
    """One HTTP request to the LLM with its answer, byte for byte. Headers, and with them the key, are not kept."""

    id: UUID
    at: datetime = Field(description="When it was written, just before it left.")
    finished_at: datetime | None = Field(description="When its end was known.")
    user_id: UUID | None = Field(description="Who asked; null once the account was erased.")
    task_id: UUID | None = Field(description="The task that asked; null once it was removed.")
    run: int = Field(description="Which run of the task.")
    purpose: str = Field(description="What for, such as `plan`, `repair` or `answer`.")
    policy: str = Field(description="What might leave then: `schema`, `aggregates` or `rows`.")
    model: str
    server: str
    status: Literal["sent", "answered", "refused", "cut", "lost"] = Field(
        description="`sent`: no end is known yet. `answered`. `refused`: by the server. `cut`: by us, the network or "
        "a limit, as `error` says. `lost`: with the worker that sent it; its tokens are those set aside."
    )
    http_status: int | None
    error: str | None
    request: str = Field(description="The body sent; bytes that are no UTF-8 show as U+FFFD.")
    request_base64: str | None = Field(description="The exact bytes, where `request` does not show them all.")
    request_bytes: int
    response: str = Field(description="The body received, as far as it was kept; of a stream its events.")
    response_base64: str | None = Field(description="The exact bytes, where `response` does not show them all.")
    response_bytes: int = Field(description="How many bytes came, also beyond what was kept.")
    tokens_in: int
    tokens_out: int
    tokens_cached: int = Field(description="Those of `tokens_in` that the server had in its cache.")
    estimated: bool = Field(description="Whether the tokens are our estimate, since the server did not say.")
    cost: float = Field(description="In the currency of the LLM's prices.")
    first_token_ms: int | None = Field(description="Until the first text was there.")

    model_config = ConfigDict(json_schema_extra={"example": _ENTRY})


OfTask = Annotated[UUID | None, Query(description="Only what this task sent.")]
