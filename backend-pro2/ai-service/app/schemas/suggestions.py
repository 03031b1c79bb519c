"""Bodies of the suggestion route: questions that a dataset's profile suggests."""

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel

from .analyses import DATASET

SuggestionKind = Literal["count", "average", "total", "trend", "relation", "spread", "missing", "metric"]


class SuggestionModel(ApiModel):
    """A question that can be asked as it stands."""

    question: str
    kind: SuggestionKind
    dataset_id: UUID
    columns: list[str] = Field(description="The columns that it is about.")


class SuggestionsModel(ApiModel):
    """Questions, the most telling first; the same profile always gives the same ones."""

    items: list[SuggestionModel]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "question": "What is the average of units by region in sales?",
                        "kind": "average",
                        "dataset_id": DATASET,
                        "columns": ["units", "region"],
                    }
                ]
            }
        }
    )
