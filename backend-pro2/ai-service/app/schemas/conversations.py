"""Bodies of the conversation routes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel, one_line

from .analyses import DATASET, PROJECT

MOST_TURNS = 100
TITLE_CHARACTERS = 200
Rating = Literal["up", "down"]
_RATINGS: dict[int | None, Rating | None] = {1: "up", -1: "down", None: None}

Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_CHARACTERS),
    AfterValidator(one_line),
    Field(description="What it is about."),
]
_HEAD: dict[str, JsonValue] = {
    "id": "01890a5d-7f10-7c33-9a52-0d5e6f708192",
    "project_id": PROJECT,
    "title": "Sales by region",
    "dataset_ids": [DATASET],
    "turns_total": 1,
    "created_at": "2026-01-29T12:00:00.123456Z",
    "updated_at": "2026-01-29T12:00:00.123456Z",
}
_TURN: dict[str, JsonValue] = {
    "task_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "question": "Which region sells most?",
    "answer": "North, with 1204 units.",
    "sql": ["SELECT region, sum(units) AS units FROM sales GROUP BY region ORDER BY units DESC"],
    "rating": "up",
    "comment": None,
    "created_at": "2026-01-29T12:00:00.123456Z",
}


class ConversationHead(ApiModel):
    """A conversation, without its turns."""

    id: UUID
    project_id: UUID
    title: str = Field(description="At first the beginning of its first question.")
    dataset_ids: list[UUID] = Field(description="The datasets of its latest question.")
    turns_total: int = Field(description="Questions asked in it.")
    created_at: datetime
    updated_at: datetime = Field(description="When its latest question came, or its title was changed.")

    model_config = ConfigDict(json_schema_extra={"example": _HEAD})


class TurnModel(ApiModel):
    """A question and its answer."""

    task_id: UUID | None = Field(description="Its task, where the whole answer is; null once that was removed.")
    question: str
    answer: str | None = Field(description="Null until there is one, and for good if the task fails.")
    sql: list[str] = Field(description="The queries that the answer rests on.")
    rating: Rating | None
    comment: str | None
    created_at: datetime

    model_config = ConfigDict(json_schema_extra={"example": _TURN})


class ConversationModel(ConversationHead):
    """A conversation with its turns, oldest first."""

    turns: list[TurnModel]

    model_config = ConfigDict(json_schema_extra={"example": {**_HEAD, "turns": [_TURN]}})

    @classmethod
    def of(cls, head: object, turns: Sequence[Any]) -> Self:
        """Of the rows of a conversation and its turns."""
        shown = ConversationHead.model_validate(head).model_dump()
        return cls.model_validate({**shown, "turns": [turn_body(turn) for turn in turns]})


class ConversationChange(RequestModel):
    """What to change."""

    title: Title

    model_config = ConfigDict(json_schema_extra={"example": {"title": "Sales by region"}})


def turn_body(turn: Any) -> TurnModel:
    """The turn as it is shown, with the rating in words."""
    shown = {name: getattr(turn, name) for name in TurnModel.model_fields if name != "rating"}
    return TurnModel.model_validate({**shown, "rating": _RATINGS[turn.rating]})
