"""The body of `POST /models/train`: a model to be trained, and what becomes of it."""

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from .analyses import DATASET, LARGEST_SEED, LARGEST_VERSION, PROJECT, Deadline
from .jobs import ExecutorName
from .models import Description, ModelName, Tags
from .train_parameters import TrainParameters

Promotion = Literal["never", "better", "always"]


class TrainingOrder(TrainParameters):
    """What to learn, how, and under which name the version is kept."""

    name: ModelName | None = Field(
        None,
        description="Of the model. Training again under a name of the project makes its next version, which must have "
        "the same target and problem; when absent it is made of target and dataset.",
    )
    description: Description = Field("", description="Of a model that is made by this.")
    tags: Tags = Field(default_factory=list, description="Of a model that is made by this.")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Decides all that is random.")
    priority: int = Field(5, ge=0, le=9, description="0 last to 9 first.")
    executor: ExecutorName = Field("auto", description="Where candidates are compared.")
    promote: Promotion = Field(
        "never",
        description="Whether the alias `champion` moves to the new version: never; if its score is better than the "
        "champion's, by the same metric; or always. Without a champion, `better` makes it one.",
    )

    def parameters(self) -> TrainParameters:
        """What the engine is told."""
        return TrainParameters.model_validate(self.model_dump(include=set(TrainParameters.model_fields)))


class TrainRequest(TrainingOrder):
    """A model to be trained on a version of a dataset."""

    project_id: UUID
    dataset_id: UUID
    version: int | None = Field(
        None, ge=1, le=LARGEST_VERSION, description="Version of the dataset; the current one when absent."
    )
    deadline: Deadline | None = Field(
        None,
        description="A training that has not ended by then fails with `deadline_exceeded`; in the future, and at most "
        "30 days from now.",
        examples=["2026-02-01T06:00:00Z"],
    )

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "project_id": PROJECT,
                "dataset_id": DATASET,
                "target": "progression",
                "problem": "auto",
                "algorithm": "auto",
                "budget_seconds": 60,
                "name": "progression of diabetes",
                "promote": "better",
            }
        }
    )
