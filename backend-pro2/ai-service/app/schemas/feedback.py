"""Bodies of the feedback route: what an asker thinks of an answer."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from shared.schemas import ApiModel, RequestModel

from .conversations import Rating

_TASK = "01890a5d-ac96-774b-bcce-b302099a8057"


class Feedback(RequestModel):
    """A judgement; a later one takes the place of an earlier one."""

    rating: Rating
    comment: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] | None = None
    accept: bool = Field(
        False, description="Keep question and SQL as a verified query, which is shown to the LLM for similar questions."
    )

    model_config = ConfigDict(json_schema_extra={"example": {"rating": "up", "accept": True}})


class FeedbackModel(ApiModel):
    """The judgement, as it is kept."""

    task_id: UUID
    rating: Rating
    comment: str | None
    verified_query_id: UUID | None = Field(description="The query that `accept` has kept.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "task_id": _TASK,
                "rating": "up",
                "comment": None,
                "verified_query_id": "01890a5d-a1b2-7c3d-9e4f-5a6b7c8d9e0f",
            }
        }
    )
