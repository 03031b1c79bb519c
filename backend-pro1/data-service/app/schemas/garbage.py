"""An order to collect a project's garbage."""

from uuid import UUID

from pydantic import ConfigDict, Field

from shared.schemas import RequestModel


class GarbageRequest(RequestModel):
    """Whose garbage is collected."""

    project_id: UUID
    include_trash: bool = Field(
        default=False, description="Purge all that is in the trash, not only what has been there for its time."
    )
    dry_run: bool = Field(default=False, description="Only count; nothing is removed.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"project_id": "01890a5d-9f00-7c1e-9d8a-2f1e6b7c8d90", "include_trash": True, "dry_run": False}
        }
    )
