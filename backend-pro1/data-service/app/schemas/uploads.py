"""What an upload's form says, and which files are taken."""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from shared.errors import Invalid
from shared.schemas import ApiModel, RequestModel

from .datasets import DatasetName, Description, Tags
from .ingest_options import IngestOptions


def _comma_separated(value: object) -> object:
    return [tag.strip() for tag in value.split(",") if tag.strip()] if isinstance(value, str) else value


def _json_object(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value) if value.strip() else None
    except orjson.JSONDecodeError as error:
        raise ValueError("must be a JSON object") from error


class UploadFields(RequestModel):
    """The fields beside the file; an empty name means none."""

    project_id: UUID
    name: DatasetName | None = None
    description: Description = ""
    tags: Annotated[Tags, BeforeValidator(_comma_separated)] = Field(default_factory=list)
    options: Annotated[IngestOptions | None, BeforeValidator(_json_object)] = None

    def ingest_options(self) -> dict[str, Any]:
        """The options that were given, as a job and a version's `operation` have them."""
        return {} if self.options is None else self.options.model_dump(exclude_none=True)

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Self:
        """From the form's texts.

        Raises:
            Invalid: `validation_failed`.
        """
        try:
            return cls.model_validate({name: value for name, value in values.items() if value or name != "name"})
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            first = faults[0]
            raise Invalid(
                f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
                code="validation_failed",
                errors=[{"loc": ["body", *fault["loc"]], "msg": fault["msg"]} for fault in faults],
            ) from error


class FileFormat(ApiModel):
    """A kind of file that can be uploaded."""

    name: str = Field(examples=["csv"])
    title: str
    extensions: list[str]
    media_types: list[str]
    detected: list[str] = Field(description="What is found out from the content, so that nobody has to say it.")


class FileFormats(ApiModel):
    """All of them, and how large a file may be."""

    items: list[FileFormat]
    max_bytes: int
    max_columns: int

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "name": "csv",
                        "title": "Delimited text (CSV, TSV)",
                        "extensions": [".csv", ".tsv", ".txt"],
                        "media_types": ["text/csv"],
                        "detected": ["encoding", "delimiter"],
                    }
                ],
                "max_bytes": 10737418240,
                "max_columns": 10000,
            }
        }
    )
