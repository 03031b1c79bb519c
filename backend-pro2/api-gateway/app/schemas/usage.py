"""Bodies of /users/me/usage."""

from datetime import date

from pydantic import ConfigDict, Field, JsonValue

from shared.schemas import ApiModel

_USAGE: dict[str, JsonValue] = {
    "projects": 2,
    "datasets": 5,
    "bytes": 7340032,
    "rows": 120000,
    "tasks": {"queued": 0, "running": 1, "succeeded": 40, "failed": 2, "cancelled": 1},
    "requests_30_days": 1800,
    "llm": {
        "month": "2026-01",
        "tokens_in": 12000,
        "tokens_out": 3400,
        "tokens_cached": 2000,
        "calls": 21,
        "cost": 0.0123,
        "tokens_limit": None,
    },
}


class TaskCounts(ApiModel):
    """Tasks by how they stand."""

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0


class LlmUsage(ApiModel):
    """What the LLM was used for in one calendar month, UTC."""

    month: str = Field(description="Year and month.")
    tokens_in: int
    tokens_out: int
    tokens_cached: int = Field(description="Those of `tokens_in` that the LLM's server had in its cache.")
    calls: int = Field(description="Requests to the LLM; answers from the cache are none.")
    cost: float = Field(description="In the currency of the LLM's prices.")


class UserLlmUsage(LlmUsage):
    """What a user spent on the LLM, and may spend."""

    tokens_limit: int | None = Field(description="Tokens a month, over all projects; null: as many as projects have.")


class Usage(ApiModel):
    """What a user has made and used so far."""

    projects: int = Field(description="Projects the user owns, alone or with others.")
    datasets: int = Field(description="Datasets the user created, in whichever project.")
    bytes: int = Field(description="Bytes of the versions the user created: raw files and what was made of them.")
    rows: int = Field(description="Rows of the versions the user created.")
    tasks: TaskCounts = Field(description="Tasks the user submitted.")
    requests_30_days: int = Field(description="Calls of the API in the last 30 days, as far as they are kept.")
    llm: UserLlmUsage = Field(description="The present calendar month.")

    model_config = ConfigDict(json_schema_extra={"example": _USAGE})


def month_name(month: date) -> str:
    """A month as `Usage` names it."""
    return f"{month:%Y-%m}"
