"""How far two versions of a dataset are apart in distribution."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel, RequestModel

from .ingest_options import ColumnName

Verdict = Literal["stable", "moderate", "major"]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]


class DriftBody(RequestModel):
    """Which versions to compare."""

    reference: Number = Field(description="The version that says what is usual.")
    version: Number | None = Field(None, description="The version to judge; without it the current one.")
    columns: list[ColumnName] = Field(
        default_factory=list, max_length=500, description="Only these; without any, all that both versions have."
    )

    model_config = ConfigDict(json_schema_extra={"example": {"reference": 1, "version": 2}})


class DriftBin(ApiModel):
    """Values in one bin, in either version."""

    bin: str
    from_: int = Field(alias="from")
    to: int

    model_config = ConfigDict(populate_by_name=True)


class ColumnDriftModel(ApiModel):
    """One column. `psi` and the share of missing values decide the verdict: major from 0.25, moderate from 0.1.

    The p-value is of the Kolmogorov-Smirnov test for numbers and moments, of the chi-squared test for the rest. In
    large data it is tiny for differences that do not matter, so no verdict hangs on it.
    """

    name: str
    type: str
    verdict: Verdict
    psi: float | None = Field(description="Population stability index over the reference's deciles or categories.")
    jensen_shannon: float | None = Field(description="Divergence to base 2, from 0 to 1, over the same bins.")
    ks_statistic: float | None
    chi_square: float | None
    p_value: float | None
    nulls_from: float = Field(description="Share of missing values in the reference.")
    nulls_to: float
    bins: list[DriftBin]


class DriftModel(ApiModel):
    """Drift from the reference to the other version; `verdict` is the worst of the columns'."""

    from_: int = Field(alias="from")
    to: int
    verdict: Verdict
    columns: list[ColumnDriftModel]
    columns_added: list[str]
    columns_removed: list[str]
    columns_not_compared: list[str] = Field(description="Their types differ, or they hold nested values.")

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "from": 1,
                "to": 2,
                "verdict": "moderate",
                "columns": [
                    {
                        "name": "price",
                        "type": "number",
                        "verdict": "moderate",
                        "psi": 0.14,
                        "jensen_shannon": 0.02,
                        "ks_statistic": 0.11,
                        "chi_square": None,
                        "p_value": 0.0004,
                        "nulls_from": 0.0,
                        "nulls_to": 0.01,
                        "bins": [{"bin": "-∞ to 10", "from": 10, "to": 14}],
                    }
                ],
                "columns_added": [],
                "columns_removed": [],
                "columns_not_compared": [],
            }
        },
    )
