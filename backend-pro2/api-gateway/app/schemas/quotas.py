"""Bodies of /projects/{id}/quotas and /usage."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from shared.schemas import ApiModel, RequestModel

from .usage import LlmUsage, TaskCounts

# Beyond it JSON numbers are no longer exact everywhere.
MOST = 2**53 - 1
MOST_TASKS = 2**31 - 1

_QUOTAS: dict[str, JsonValue] = {
    "bytes": {"limit": 107374182400, "used": 7340032, "default": True},
    "rows": {"limit": 5000000000, "used": 120000, "default": True},
    "tasks": {"limit": 50, "used": 2, "default": False},
    "running_tasks": {"limit": 8, "used": 1, "default": True},
    "llm_tokens": {"limit": 10000000, "used": 15400, "default": True},
}
_USAGE: dict[str, JsonValue] = {
    "bytes": 7340032,
    "rows": 120000,
    "datasets": 5,
    "tasks": {"queued": 0, "running": 1, "succeeded": 40, "failed": 2, "cancelled": 1},
    "llm": {
        "month": "2026-01",
        "tokens_in": 12000,
        "tokens_out": 3400,
        "tokens_cached": 2000,
        "calls": 21,
        "cost": 0.0123,
        "cost_limit": None,
        "by_user": [
            {
                "user_id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "tokens_in": 12000,
                "tokens_out": 3400,
                "tokens_cached": 2000,
                "calls": 21,
                "cost": 0.0123,
            }
        ],
    },
}

Limit = Annotated[int | None, Field(ge=0, le=MOST, strict=True)]


class QuotaUpdate(RequestModel):
    """Limits of one project. Members that are absent stay; null means the instance's setting."""

    max_bytes: Limit = Field(None, description="Bytes stored, raw and Parquet files of all versions.")
    max_rows: Limit = Field(None, description="Rows of all versions of all datasets.")
    max_tasks: Annotated[int | None, Field(ge=0, le=MOST_TASKS, strict=True)] = Field(
        None, description="Tasks queued or running at once."
    )
    max_running_tasks: Annotated[int | None, Field(ge=1, le=MOST_TASKS, strict=True)] = Field(
        None, description="Tasks running at once; further ones wait in the queue."
    )
    max_llm_tokens: Limit = Field(None, description="Tokens to and from the LLM in one calendar month, UTC.")

    model_config = ConfigDict(json_schema_extra={"example": {"max_tasks": 50, "max_llm_tokens": None}})


class Allowance(ApiModel):
    """One limit, and how much of it is used."""

    limit: int
    used: int
    default: bool = Field(description="Whether the limit is the instance's setting.")


class ProjectQuotaModel(ApiModel):
    """What a project may use, and uses."""

    bytes: Allowance = Field(description="Stored bytes: raw and Parquet files of all versions.")
    rows: Allowance = Field(description="Rows of all versions.")
    tasks: Allowance = Field(description="Tasks queued or running now.")
    running_tasks: Allowance = Field(description="Tasks running now; beyond the limit they wait in the queue.")
    llm_tokens: Allowance = Field(description="Tokens to and from the LLM in the present calendar month, UTC.")

    model_config = ConfigDict(json_schema_extra={"example": _QUOTAS})


class UserTokens(ApiModel):
    """What one user spent on the LLM in the project."""

    user_id: UUID
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    calls: int
    cost: float


class ProjectLlmUsage(LlmUsage):
    """What the LLM was used for in the project."""

    cost_limit: float | None = Field(description="What the project may spend in a month; null: no limit.")
    by_user: list[UserTokens] = Field(description="The hundred who spent most.")


class ProjectUsage(ApiModel):
    """What a project uses."""

    bytes: int
    rows: int
    datasets: int
    tasks: TaskCounts
    llm: ProjectLlmUsage = Field(description="The present calendar month, UTC.")

    model_config = ConfigDict(json_schema_extra={"example": _USAGE})
