"""Bodies of the analysis routes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from shared.schemas import ApiModel, RequestModel
from shared.tasks import TaskStatus

from .analysis_type import AnalysisType

PROJECT = "01890a5d-ac96-774b-bcce-b302099a8057"
DATASET = "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11"
LARGEST_SEED = 2**32 - 1
LARGEST_VERSION = 2**31 - 1
MOST_AWAITED = 20
LONGEST_DEADLINE = timedelta(days=30)


def _soon(moment: datetime) -> datetime:
    now = datetime.now(UTC)
    if not now < moment <= now + LONGEST_DEADLINE:
        raise ValueError("a deadline must be in the future, and at most 30 days from now")
    return moment


Deadline = Annotated[AwareDatetime, AfterValidator(_soon)]


class AnalysisOrder(RequestModel):
    """An analysis whose type is in the path."""

    project_id: UUID
    dataset_id: UUID
    version: int | None = Field(
        None, ge=1, le=LARGEST_VERSION, description="Version of the dataset; the current one when absent."
    )
    params: dict[str, Any] = Field(
        default_factory=dict, description="Parameters of the type, as `/analysis/types` describes them."
    )
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Same inputs and seed, same result to the last bit.")
    priority: int = Field(5, ge=0, le=9, description="0 last to 9 first.")
    after: list[UUID] = Field(
        default_factory=list,
        max_length=MOST_AWAITED,
        description="Tasks of the same project to wait for; unless all of them succeed, the analysis fails with "
        "`dependency_failed`. An analysis of a version that is still being read waits for that by itself.",
    )
    deadline: Deadline | None = Field(
        None,
        description="An analysis that has not ended by then fails with `deadline_exceeded`; in the future, and at "
        "most 30 days from now.",
        examples=["2026-02-01T06:00:00Z"],
    )

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "project_id": PROJECT,
                "dataset_id": DATASET,
                "params": {"target": "price", "features": ["area", "rooms"]},
            }
        }
    )


class AnalysisRequest(AnalysisOrder):
    """An analysis of any type."""

    type: str = Field(min_length=1, max_length=50, description="One of `/analysis/types`.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "project_id": PROJECT,
                "dataset_id": DATASET,
                "type": "regression",
                "params": {"target": "price", "features": ["area", "rooms"]},
                "seed": 7,
            }
        }
    )


@dataclass(frozen=True, slots=True)
class AnalysisFilter:
    """Which analyses to list; None: any."""

    project_id: UUID | None = None
    dataset_id: UUID | None = None
    type: str | None = None
    status: TaskStatus | None = None


class AnalysisTypeModel(ApiModel):
    """What a type of analysis does and takes."""

    type: str
    title: str
    description: str
    schema_: dict[str, Any] = Field(
        validation_alias="schema", serialization_alias="schema", description="JSON Schema of `params`."
    )
    example: Mapping[str, Any] = Field(description="An example of `params`.")
    cost: Literal["low", "medium", "high"] = Field(description="How its time grows with the data.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "describe",
                "title": "Describe columns",
                "description": "Counts, missing and distinct values, range, mean …",
                "schema": {"type": "object", "properties": {"columns": {"type": "array"}}},
                "example": {"columns": ["age", "income"]},
                "cost": "low",
            }
        }
    )

    @classmethod
    def of(cls, entry: AnalysisType) -> Self:
        """The entry as the catalogue shows it."""
        return cls.model_validate(
            {
                "type": entry.name,
                "title": entry.title,
                "description": entry.description,
                "schema": entry.parameters.model_json_schema(),
                "example": entry.example,
                "cost": entry.cost,
            }
        )


class AnalysisTypes(ApiModel):
    """All types."""

    items: list[AnalysisTypeModel]


class ResultTable(ApiModel):
    """A named table; each row has one cell per column."""

    name: str
    columns: list[str]
    rows: list[list[Any]]


class ResultChart(ApiModel):
    """A Vega-Lite specification with its data inlined."""

    title: str
    spec: dict[str, Any]


class ResultWarning(ApiModel):
    """Something the reader of the result must know."""

    code: str
    message: str


class ResultArtifact(ApiModel):
    """A file that belongs to the result; its bytes are at `/analysis/{task_id}/artifacts/{name}`."""

    name: str
    bytes: int
    media_type: str


class ClusterSize(ApiModel):
    """How large the Ray cluster was that computed a result."""

    nodes: int
    cpus: float


class AskedDataset(ApiModel):
    """A version that a question was answered from."""

    dataset_id: UUID
    name: str
    version: int
    sha256: str


class AskedQuery(ApiModel):
    """A query that was run, and the hash of its text."""

    sql: str
    sha256: str


class AskManifest(ApiModel):
    """How a question was answered."""

    datasets: list[AskedDataset]
    sql: list[AskedQuery]
    model: str
    policy: str = Field(description="What the LLM could see of the data then.")
    replies: int = Field(description="How often the LLM was asked: for plans, repairs and the answer.")


class LlmManifest(ApiModel):
    """How the LLM came into a result."""

    model: str
    policy: str = Field(description="What the LLM could see of the data then.")
    replies: int = Field(description="How often the LLM was asked.")


class ResultManifest(ApiModel):
    """All that is needed to repeat the analysis, and where it ran."""

    dataset_id: UUID | None = Field(
        description="Null of a certification, which reads no dataset, of a question to several, and of the "
        "explanation of a task without one."
    )
    version: int | None
    sha256: str
    params: dict[str, Any]
    seed: int
    code_version: str
    libraries: dict[str, str]
    executor: Literal["local", "ray"]
    cluster: ClusterSize | None = Field(None, description="The Ray cluster, of a distributed job that ran on one.")
    took_ms: int
    ask: AskManifest | None = Field(None, description="Of a question alone.")
    llm: LlmManifest | None = Field(None, description="Of insights, explanations and descriptions of columns.")
    hashes: dict[str, str] | None = Field(
        None,
        description="SHA-256 of the canonical form of `summary`, `tables`, `charts` and `warnings`, for replays; null "
        "in results from before they were kept.",
    )


class AnalysisResult(ApiModel):
    """What an analysis produced."""

    task_id: UUID
    type: str
    summary: dict[str, Any]
    tables: list[ResultTable]
    charts: list[ResultChart]
    warnings: list[ResultWarning]
    artifacts: list[ResultArtifact]
    manifest: ResultManifest

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "task_id": "01890a5d-c0de-7abc-9def-0123456789ab",
                "type": "regression",
                "summary": {"n": 442, "r2": 0.517748, "adj_r2": 0.506559},
                "tables": [{"name": "coefficients", "columns": ["term", "estimate"], "rows": [["const", 152.133]]}],
                "charts": [{"title": "Residuals against fitted values", "spec": {"mark": "point"}}],
                "warnings": [{"code": "rows_dropped", "message": "3 of 445 rows have a missing value …"}],
                "artifacts": [],
                "manifest": {
                    "dataset_id": DATASET,
                    "version": 1,
                    "sha256": "5f2b…",
                    "params": {"method": "ols", "target": "target", "features": ["bmi"]},
                    "seed": 0,
                    "code_version": "0.1.0",
                    "libraries": {"statsmodels": "0.15.0"},
                    "executor": "local",
                    "took_ms": 184,
                    "hashes": {"summary": "0c5e…", "tables": "91ab…", "charts": "77d0…", "warnings": "4f53…"},
                },
            }
        }
    )
