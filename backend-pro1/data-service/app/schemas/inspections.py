"""What is found out about a file that is only looked into."""

from typing import Any

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel


class InspectedColumn(ApiModel):
    """A column as it would be read."""

    name: str
    type: str = Field(examples=["integer"])

    model_config = ConfigDict(extra="allow")


class InspectionModel(ApiModel):
    """How a file would be read. Members that its format does not have are null or empty."""

    format: str = Field(examples=["csv"])
    packed_as: str | None = Field(None, description="The compression it came in: gz, zst or zip.")
    encoding: str | None = None
    encoding_certain: bool | None = Field(None, description="False where the encoding is the likeliest of several.")
    delimiter: str | None = None
    header: bool | None = Field(None, description="Whether the first line names the columns.")
    skipped_lines: int | None = Field(None, description="Lines above the table.")
    sheets: list[str] | None = Field(None, description="Sheets of a workbook.")
    sheet: str | None = Field(None, description="The sheet that would be read.")
    columns: list[InspectedColumn]
    rows: list[list[Any]] = Field(description="The first rows, in the order of the columns.")
    row_count_estimate: int | None = Field(None, description="Rows of the whole file, as far as its beginning tells.")
    renamed: list[dict[str, Any]] = Field(default_factory=list, description="Names that had to be changed.")
    conversions: list[dict[str, Any]] = Field(default_factory=list, description="What columns were converted from.")
    warnings: list[Any] = Field(default_factory=list)

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "format": "csv",
                "packed_as": None,
                "encoding": "utf-8",
                "encoding_certain": True,
                "delimiter": ";",
                "header": True,
                "skipped_lines": 0,
                "sheets": None,
                "sheet": None,
                "columns": [{"name": "id", "type": "integer"}, {"name": "price", "type": "number"}],
                "rows": [[1, 0.5], [2, 1.0]],
                "row_count_estimate": 2,
                "renamed": [],
                "conversions": [],
                "warnings": [],
            }
        },
    )
