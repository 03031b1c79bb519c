"""Bodies of the policy of a project: what the LLM may see of its data."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel, RequestModel

PROJECT = "01890a5d-ac96-774b-bcce-b302099a8057"


class Level(StrEnum):
    """What may leave; each level lets what the one before lets."""

    SCHEMA = "schema"
    """Names and types of columns, row counts, notes, the glossary."""
    AGGREGATES = "aggregates"
    """Statistics of profiles and results that count, sum or average."""
    ROWS = "rows"
    """At most fifty rows of results."""

    @property
    def rank(self) -> int:
        """The higher, the more may leave."""
        return [*Level].index(self)


class LlmPolicyUpdate(RequestModel):
    """The level to set; null means the instance's setting."""

    level: Level | None = Field(description="`schema`, `aggregates` or `rows`; null: the instance's setting.")

    model_config = ConfigDict(json_schema_extra={"example": {"level": "schema"}})


class LlmPolicyModel(ApiModel):
    """What the LLM may see of a project's data. Personal columns never leave, whatever the level."""

    project_id: UUID
    level: Level = Field(
        description="`schema`: names and types of columns, row counts, notes and the glossary. `aggregates`: also "
        "statistics, of profiles and of results that count, sum or average. `rows`: also up to 50 rows of results."
    )
    default: bool = Field(description="Whether it is the instance's setting, since no owner has decided.")
    updated_by: UUID | None
    updated_at: datetime | None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "project_id": PROJECT,
                "level": "aggregates",
                "default": True,
                "updated_by": None,
                "updated_at": None,
            }
        }
    )
