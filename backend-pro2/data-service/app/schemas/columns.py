"""The columns of a version, and notes about them."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel

from .datasets import ColumnModel

_EXAMPLE: dict[str, JsonValue] = {
    "version": 1,
    "columns": [
        {
            "name": "price",
            "type": "number",
            "nullable": False,
            "description": "Asking price.",
            "unit": "CHF",
            "personal": None,
        }
    ],
}


class ColumnNotes(RequestModel):
    """Notes about a column. What is left out stays, null takes it away."""

    description: Annotated[str, StringConstraints(max_length=1000)] | None = None
    unit: Annotated[str, StringConstraints(max_length=50)] | None = None
    personal: bool | None = Field(
        None,
        description="Whether its values tell of persons: true keeps the column from the LLM, name and all; false lets "
        "it be told of although the profile takes it for personal data.",
    )


class SchemaChange(RequestModel):
    """Notes by the names of columns; columns left out keep theirs, null takes all of a column's away."""

    columns: Annotated[dict[str, ColumnNotes | None], Field(min_length=1, max_length=1000)]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "columns": {"price": {"description": "Asking price.", "unit": "CHF"}, "owner": {"personal": True}}
            }
        }
    )


class DescribedColumn(ColumnModel):
    """A column, its type, and what was noted about it."""

    nullable: bool = Field(description="Whether values are missing in this version.")
    description: str | None
    unit: str | None
    personal: bool | None = Field(description="Whether somebody said that it is personal data, or that it is not.")


class SchemaModel(ApiModel):
    """The columns of a version; notes belong to the dataset and stay through its versions."""

    version: int
    columns: list[DescribedColumn]

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})
