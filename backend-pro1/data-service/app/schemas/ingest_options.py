"""What an uploader may say about a file instead of having it found out."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from shared.schemas import RequestModel

ColumnType = Literal["integer", "number", "boolean", "datetime", "date", "string", "json"]
FileFormatName = Literal["csv", "json", "jsonl", "parquet", "xlsx", "arff"]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Marker = Annotated[str, StringConstraints(max_length=50)]
Pattern = Annotated[str, StringConstraints(min_length=2, max_length=50, pattern="%")]


class IngestOptions(RequestModel):
    """How to read a file. Whatever is left out is detected; what is said is not second-guessed."""

    format: FileFormatName | None = Field(None, description="Kind of file inside, after any compression.")
    encoding: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{2,40}$")] | None = Field(
        None, description="Character encoding of a text file, as Python names it.", examples=["cp1252"]
    )
    delimiter: Literal[",", ";", "\t", "|", ":", " "] | None = Field(None, description="Between the values of a CSV.")
    quote: Literal['"', "'"] | None = Field(None, description="Around values of a CSV that hold delimiters.")
    header: bool | None = Field(None, description="Whether the first line of a CSV or sheet names the columns.")
    skip: int | None = Field(None, ge=0, le=10_000, description="Lines above the table.")
    sheet: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="Sheet of a workbook; without it the first that has data."
    )
    types: dict[ColumnName, ColumnType] | None = Field(
        None,
        max_length=10_000,
        description="Types of columns by name; a value that does not fit becomes null and is reported.",
        examples=[{"zip": "string"}],
    )
    null_values: Annotated[list[Marker], Field(max_length=50)] | None = Field(
        None, description="Texts that mean a missing value, besides the empty one.", examples=[["NA", "-"]]
    )
    decimal: Literal[".", ","] | None = Field(None, description="Decimal mark of numbers.")
    thousands: Literal[",", ".", " ", "'"] | None = Field(None, description="Mark between thousands.")
    date_format: Pattern | None = Field(None, description="Of dates, in strftime's letters.", examples=["%d.%m.%Y"])
    datetime_format: Pattern | None = Field(
        None, description="Of moments, in strftime's letters.", examples=["%d.%m.%Y %H:%M"]
    )

    model_config = ConfigDict(
        json_schema_extra={"example": {"delimiter": ";", "decimal": ",", "types": {"zip": "string"}}}
    )
