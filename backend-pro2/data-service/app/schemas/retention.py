"""How long versions of a dataset are kept."""

from pydantic import ConfigDict, Field, JsonValue

from shared.schemas import ApiModel, RequestModel

_EXAMPLE: dict[str, JsonValue] = {"keep_versions": 10, "keep_days": 90}


class RetentionChange(RequestModel):
    """The whole setting; what is left out or null sets no condition. Without both, every version is kept."""

    keep_versions: int | None = Field(
        default=None, ge=1, le=1_000_000, description="The newest versions that are kept, the current one among them."
    )
    keep_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Days that a version is kept from when it was ready."
    )

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})


class RetentionModel(ApiModel):
    """The setting. A version expires when no given condition keeps it; the current one never does."""

    keep_versions: int | None
    keep_days: int | None

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})


class RollbackRequest(RequestModel):
    """The version to go back to."""

    version: int = Field(ge=1, le=2**31 - 1)

    model_config = ConfigDict(json_schema_extra={"example": {"version": 1}})
