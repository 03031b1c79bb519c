"""Body of the request for a certification."""

from uuid import UUID

from pydantic import ConfigDict

from shared.schemas import RequestModel

from .analyses import PROJECT


class CertificationRequest(RequestModel):
    """In which project the certification is kept."""

    project_id: UUID

    model_config = ConfigDict(json_schema_extra={"example": {"project_id": PROJECT}})
