"""Bodies of the ledger of hypotheses."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel

from .analyses import DATASET


class HypothesisModel(ApiModel):
    """A p-value that was reported on a dataset, and what is left of it among all that were."""

    id: UUID
    dataset_id: UUID
    number: int = Field(description="Counts the hypotheses of the dataset, over all of its versions, from 1.")
    version: int = Field(description="Version of the dataset that it was tested on.")
    task_id: UUID | None = Field(description="The analysis; null once it was removed, which its hypotheses outlive.")
    type: str = Field(description="Type of the analysis, or of the job.")
    label: str = Field(description="What was tested.")
    p_value: float
    q_value: float = Field(
        description="Adjusted over all hypotheses of the dataset (Benjamini and Hochberg 1995), as of now."
    )
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-d111-7abc-9def-0123456789ab",
                "dataset_id": DATASET,
                "number": 7,
                "version": 1,
                "task_id": "01890a5d-c0de-7abc-9def-0123456789ab",
                "type": "hypothesis-test",
                "label": "hypothesis-test welch_t of price, district",
                "p_value": 0.013,
                "q_value": 0.0455,
                "created_at": "2026-01-31T12:00:00Z",
            }
        }
    )
