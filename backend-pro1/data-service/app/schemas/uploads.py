"""What an upload's form says, and which files are taken."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shared.errors import FieldError, Invalid
from shared.schemas import ApiModel, RequestModel

from .datasets import DatasetName, Description, Tags
from .ingest_options import ColumnName, IngestOptions

VersionMode = Literal["append", "replace", "upsert"]
UPSERT = "upsert"


def comma_separated(value: object) -> object:
    """Split `a, b` into its words; anything but text passes through."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def json_object(value: object) -> object:
    """What a form's text says as JSON; anything but text passes through.

    Raises:
        ValueError: it is not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value) if value.strip() else None
    except orjson.JSONDecodeError as error:
        raise ValueError("must be a JSON object") from error


KeyColumns = Annotated[
    list[ColumnName],
    BeforeValidator(comma_separated),
    Field(max_length=100),
    AfterValidator(lambda names: list(dict.fromkeys(names))),
]
Options = Annotated[IngestOptions | None, BeforeValidator(json_object)]


def require_key(mode: str | None, key: list[str]) -> None:
    """Let an upsert pass that names its key, and anything else that names none.

    Raises:
        ValueError: to be shown to the client.
    """
    if mode == UPSERT and not key:
        raise ValueError("an upsert needs `key`, the columns that tell rows apart")
    if mode != UPSERT and key:
        raise ValueError("`key` belongs to the mode `upsert` only")


class FormFields(RequestModel):
    """Fields beside a file."""

    options: Options = None

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
            errors = [_fault(list(fault["loc"]), fault["msg"]) for fault in faults]
            place = ".".join(str(part) for part in faults[0]["loc"]) or "form"
            raise Invalid(f"{place}: {errors[0]['msg']}", code="validation_failed", errors=errors) from error


class UploadFields(FormFields):
    """The fields beside a file that becomes a dataset; an empty name means none."""

    project_id: UUID
    name: DatasetName | None = None
    description: Description = ""
    tags: Annotated[Tags, BeforeValidator(comma_separated)] = Field(default_factory=list)


class VersionFields(FormFields):
    """The fields beside a file that becomes a version."""

    mode: VersionMode
    key: KeyColumns = Field(default_factory=list)

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        require_key(self.mode, self.key)
        return self


class InspectionFields(FormFields):
    """The fields beside a file that is only looked into."""


class FileFormat(ApiModel):
    """A kind of file that can be uploaded, or what one may be packed in."""

    name: str = Field(examples=["csv"])
    kind: Literal["table", "compression"] = "table"
    title: str
    extensions: list[str]
    media_types: list[str]
    detected: list[str] = Field(description="What is found out from the content, so that nobody has to say it.")


class FileFormats(ApiModel):
    """All of them, and how large a file may be."""

    items: list[FileFormat]
    max_bytes: int
    max_unpacked_bytes: int = Field(description="Of a file that comes compressed.")
    max_columns: int

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "name": "csv",
                        "kind": "table",
                        "title": "Delimited text (CSV, TSV)",
                        "extensions": [".csv", ".tsv", ".txt"],
                        "media_types": ["text/csv"],
                        "detected": ["encoding", "delimiter"],
                    },
                    {
                        "name": "gz",
                        "kind": "compression",
                        "title": "gzip",
                        "extensions": [".gz"],
                        "media_types": ["application/gzip"],
                        "detected": [],
                    },
                ],
                "max_bytes": 10737418240,
                "max_unpacked_bytes": 53687091200,
                "max_columns": 4000,
            }
        }
    )


def _fault(place: list[int | str], message: str) -> FieldError:
    # The words of our own validators, without those that pydantic puts before them.
    return {"loc": ["body", *place], "msg": message.removeprefix("Value error, ")}
