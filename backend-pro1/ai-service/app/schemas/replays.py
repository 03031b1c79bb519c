"""What a replay finds: the summary of its result."""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel


class ReplayDifference(ApiModel):
    """One value that came out otherwise; what was not there is null."""

    part: Literal["summary", "tables", "charts", "warnings", "artifacts"]
    path: str = Field(description="JSON pointer within the part; of an artifact, its name.")
    before: Any
    after: Any


class EnvironmentChange(ApiModel):
    """A version of what computes that is another than it was; null: it was not there."""

    name: str
    before: str | None
    after: str | None


class ReplaySummary(ApiModel):
    """Whether the same inputs gave the same bits again."""

    match: bool
    differences: list[ReplayDifference] = Field(description="The first of each part, at most 50 in all.")
    environment: list[EnvironmentChange] = Field(
        description="Versions of the code and its libraries that have changed since; they explain differences."
    )
    replay_of: UUID

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "match": False,
                "differences": [{"part": "summary", "path": "/r2", "before": 0.517748, "after": 0.517749}],
                "environment": [{"name": "statsmodels", "before": "0.14.4", "after": "0.15.0"}],
                "replay_of": "01890a5d-c0de-7abc-9def-0123456789ab",
            }
        }
    )
