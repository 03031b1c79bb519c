"""Insights, explanations and descriptions of columns, which an LLM writes and facts bear out."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from shared.schemas import ApiModel, RequestModel

from .analyses import DATASET, LARGEST_VERSION, PROJECT, ResultWarning
from .asks import AskUsage, Readable

_TASK = "01890a5d-c0de-7abc-9def-0123456789ab"
MOST_FINDINGS = 20
FOCUS_CHARACTERS = 1000
_USAGE: JsonDict = {"tokens_in": 912, "tokens_out": 88, "cost": 0.00019}

Version = Annotated[
    int | None, Field(ge=1, le=LARGEST_VERSION, description="Version of the dataset; the current one when absent.")
]
Focus = Annotated[str, StringConstraints(min_length=1, max_length=FOCUS_CHARACTERS), Readable]


class InsightsRequest(RequestModel):
    """What to look for findings in."""

    project_id: UUID
    dataset_id: UUID
    version: Version = None
    task_id: UUID | None = Field(
        None, description="A finished analysis of that dataset, whose result is looked at instead of the profile."
    )
    focus: Focus | None = Field(None, description="What matters most, in your own words; it leaves as it stands.")
    max_findings: int = Field(5, ge=1, le=MOST_FINDINGS)

    model_config = ConfigDict(
        json_schema_extra={"example": {"project_id": PROJECT, "dataset_id": DATASET, "focus": "What drives prices?"}}
    )


class ExplanationRequest(RequestModel):
    """What to explain."""

    project_id: UUID
    task_id: UUID = Field(description="A finished analysis, or any task that has failed.")

    model_config = ConfigDict(json_schema_extra={"example": {"project_id": PROJECT, "task_id": _TASK}})


class DescriptionsRequest(RequestModel):
    """Whose columns to describe."""

    project_id: UUID
    dataset_id: UUID
    version: Version = None

    model_config = ConfigDict(json_schema_extra={"example": {"project_id": PROJECT, "dataset_id": DATASET}})


class InsightFact(ApiModel):
    """A figure that was computed here."""

    id: str
    name: str
    value: Any


class FactClaim(ApiModel):
    """A number, date or reference in the text, and the fact that it is the value of."""

    text: str = Field(description="As it stands in the text; of a struck one, as the model wrote it.")
    value: float | int | str | None
    fact: str | None = Field(description="The fact's id.")
    status: Literal["grounded", "struck"] = Field(description="A struck one reads `[unverified]` in the text.")


class Finding(ApiModel):
    """Something worth knowing, and the facts that it rests on."""

    title: str
    text: str = Field(description="Plain text or Markdown without links, images and HTML.")
    facts: list[InsightFact]
    claims: list[FactClaim]


_FACT: JsonDict = {"id": "f7", "name": "share of missing values of price", "value": 0.25}
_CLAIM: JsonDict = {"text": "25.0%", "value": 25.0, "fact": "f7", "status": "grounded"}


class InsightsAnswer(ApiModel):
    """Findings, the most important first."""

    task_id: UUID
    findings: list[Finding]
    warnings: list[ResultWarning]
    usage: AskUsage

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "task_id": _TASK,
                "findings": [
                    {
                        "title": "Many prices are missing",
                        "text": "In price 25.0% of the values are missing, so means speak of the rest only.",
                        "facts": [_FACT],
                        "claims": [_CLAIM],
                    }
                ],
                "warnings": [],
                "usage": _USAGE,
            }
        }
    )


class ExplanationAnswer(ApiModel):
    """An explanation in plain language; `facts` are those that it speaks of."""

    task_id: UUID
    explanation: str = Field(description="Plain text or Markdown without links, images and HTML.")
    facts: list[InsightFact]
    claims: list[FactClaim]
    warnings: list[ResultWarning]
    usage: AskUsage

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "task_id": _TASK,
                "explanation": "The columns explain 0.52 of the variation of the target.",
                "facts": [{"id": "f2", "name": "r2", "value": 0.517748}],
                "claims": [{"text": "0.52", "value": 0.52, "fact": "f2", "status": "grounded"}],
                "warnings": [],
                "usage": _USAGE,
            }
        }
    )


class ColumnProposal(ApiModel):
    """What a column may be, by its name and what the policy shows of it."""

    name: str
    description: str
    unit: str | None


class DescriptionsAnswer(ApiModel):
    """Proposals; `PATCH /datasets/{id}/schema` takes what you agree to."""

    task_id: UUID
    columns: list[ColumnProposal]
    warnings: list[ResultWarning]
    usage: AskUsage

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "task_id": _TASK,
                "columns": [{"name": "price", "description": "Asking price of the flat.", "unit": "CHF"}],
                "warnings": [],
                "usage": _USAGE,
            }
        }
    )
