"""Bodies of the schedule routes: work that is submitted again and again."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from shared.errors import Invalid
from shared.schemas import ApiModel, RequestModel, one_line
from shared.tasks import TaskStatus

from .analyses import DATASET, LARGEST_SEED, LARGEST_VERSION, PROJECT
from .jobs import ExecutorName
from .trainings import TrainingOrder

MAX_ACTION_BYTES = 64 * 1024

ScheduleName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(one_line)
]
Cron = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(one_line),
    AfterValidator(lambda cron: " ".join(cron.split())),
    Field(
        description="Minute, hour, day of month, month, day of week: lists, ranges, steps, names, `L` for the last "
        "day, `5L` for the last Friday. Where day of month and day of week are both restricted, one of them suffices. "
        "A fixed time that a change of the clock leaves out is due right after it; one that comes twice is due once.",
        examples=["0 6 * * MON-FRI"],
    ),
]
TimeZone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(one_line),
    Field(description="A name of the IANA database.", examples=["Europe/Berlin"]),
]
CatchUp = Annotated[
    Literal["none", "latest", "all"],
    Field(
        description="What becomes of times that were missed by more than a minute, while no worker was there: `none` "
        "is made up for, the `latest` one stands for all, or `all` of them are run, at most SCHEDULE_CATCH_UP_MOST. "
        "The others are noted as skipped. With `none` and `latest` a time is also skipped while the tasks of the "
        "schedule's former run have not ended; with `all` runs may overlap."
    ),
]
Version = Annotated[
    int | None,
    Field(ge=1, le=LARGEST_VERSION, description="Version of the dataset; absent: the one current at each run."),
]


class _Action(RequestModel):
    """What every action has."""

    project_id: UUID | None = Field(None, description="May stand here instead of beside `action`.")
    dataset_id: UUID
    version: Version = None

    def stored(self) -> dict[str, Any]:
        """The action as it is kept: without what is absent, and without the project, which the schedule has."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"project_id"})


class AnalysisAction(_Action):
    """An analysis, as `POST /analysis` takes it."""

    kind: Literal["analysis"]
    type: str = Field(min_length=1, max_length=50, description="One of `/analysis/types`.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the type.")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Same inputs and seed, same result to the last bit.")
    priority: int = Field(5, ge=0, le=9, description="0 last to 9 first.")


class JobAction(_Action):
    """A distributed job, as `POST /tasks` takes it."""

    kind: Literal["job"]
    job: str = Field(min_length=1, max_length=50, description="One of `/tasks/jobs`.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the job.")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Same inputs and seed, same result to the last bit.")
    priority: int = Field(5, ge=0, le=9, description="0 last to 9 first.")
    executor: ExecutorName = Field("auto", description="Where the pieces run.")


class TrainAction(_Action, TrainingOrder):
    """A training, as `POST /models/train` takes it: each run makes the next version of the model."""

    kind: Literal["train"]


class ActionOutput(RequestModel):
    """Where a pipeline's result goes: versions of a dataset. One of this `name` is made if there is none."""

    name: ScheduleName | None = None
    dataset_id: UUID | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.name is None) == (self.dataset_id is None):
            raise ValueError("give either name or dataset_id")
        return self


class PipelineAction(_Action):
    """A saved pipeline, run over a dataset."""

    kind: Literal["pipeline"]
    pipeline_id: UUID
    pipeline_version: int | None = Field(
        None, ge=1, le=LARGEST_VERSION, description="Absent: the one that is newest at each run."
    )
    output: ActionOutput


KINDS = ("analysis", "pipeline", "job", "train")


def _known(action: Any) -> Any:
    kind = action.get("kind") if isinstance(action, dict) else None
    if isinstance(kind, str) and kind not in KINDS:
        detail = f"Actions of kind {kind[:50]!r} cannot be scheduled; these can: {', '.join(KINDS)}."
        raise Invalid(detail, code="action_not_available")
    return action


def _small(action: "Action") -> "Action":
    if len(orjson.dumps(action.stored())) > MAX_ACTION_BYTES:
        raise ValueError(f"an action may take {MAX_ACTION_BYTES} bytes as JSON")
    return action


Action = Annotated[
    AnalysisAction | PipelineAction | JobAction | TrainAction,
    Field(discriminator="kind"),
    BeforeValidator(_known),
    AfterValidator(_small),
]
_ACTION: dict[str, JsonValue] = {"kind": "analysis", "dataset_id": DATASET, "type": "describe", "params": {}}
_PLAN: dict[str, JsonValue] = {"name": "every morning", "cron": "0 6 * * MON-FRI", "timezone": "Europe/Berlin"}


class NewSchedule(RequestModel):
    """Work to be submitted again and again; the project stands here or in the action."""

    name: ScheduleName
    project_id: UUID | None = Field(None, description="May stand in `action` instead; this one counts.")
    cron: Cron
    timezone: TimeZone = "UTC"
    action: Action
    catch_up: CatchUp = "latest"
    paused: bool = Field(False, description="Make it without letting it run yet.")

    model_config = ConfigDict(json_schema_extra={"example": {**_PLAN, "project_id": PROJECT, "action": _ACTION}})

    @model_validator(mode="after")
    def _of_a_project(self) -> Self:
        if self.project_id is None and self.action.project_id is None:
            raise ValueError("give project_id, beside action or in it")
        return self

    @property
    def project(self) -> UUID:
        """Whose schedule it will be."""
        found = self.project_id or self.action.project_id
        assert found is not None  # noqa: S101 - validated above
        return found


class ScheduleChange(RequestModel):
    """What to change; members left out or null stay. Resuming waits for the next time in the future."""

    name: ScheduleName | None = None
    cron: Cron | None = None
    timezone: TimeZone | None = None
    action: Action | None = None
    catch_up: CatchUp | None = None
    paused: bool | None = None

    model_config = ConfigDict(json_schema_extra={"example": {"cron": "30 6 * * *", "paused": False}})


class ScheduleModel(ApiModel):
    """A schedule. It runs on behalf of `created_by`, with the permissions that they have by then."""

    id: UUID
    project_id: UUID
    name: str
    cron: str
    timezone: str
    action: dict[str, Any]
    catch_up: CatchUp
    paused: bool
    paused_reason: str | None = Field(description="Why it was paused, unless somebody asked for that.")
    next_run_at: datetime | None = Field(description="Null while it is paused.")
    next_runs: list[datetime] = Field(description="The next times; empty while it is paused.")
    last_run_at: datetime | None = Field(description="The last time of the plan for which something was submitted.")
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime = Field(description="When it was last changed; runs do not count.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-5c4e-7d01-8f00-1a2b3c4d5e6f",
                "project_id": PROJECT,
                **_PLAN,
                "action": _ACTION,
                "catch_up": "latest",
                "paused": False,
                "paused_reason": None,
                "next_run_at": "2026-02-02T05:00:00Z",
                "next_runs": ["2026-02-02T05:00:00Z", "2026-02-03T05:00:00Z"],
                "last_run_at": "2026-01-30T05:00:00Z",
                "created_by": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
                "created_at": "2026-01-29T12:00:00.123456Z",
                "updated_at": "2026-01-29T12:00:00.123456Z",
            }
        }
    )


class RunProblem(ApiModel):
    """Why nothing was submitted: `missed` and `still_running` of skipped times, else the code of the refusal."""

    code: str
    detail: str


class ScheduleRunModel(ApiModel):
    """A time at which a schedule was due, and what came of it."""

    due_at: datetime = Field(description="When it was due; of a run that somebody asked for, when that was.")
    at: datetime = Field(description="When that was seen.")
    outcome: Literal["submitted", "skipped", "refused"]
    task_id: UUID | None = Field(description="The task submitted, unless it has been removed.")
    task_status: TaskStatus | None
    error: RunProblem | None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "due_at": "2026-01-30T05:00:00Z",
                "at": "2026-01-30T05:00:00.031Z",
                "outcome": "submitted",
                "task_id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "task_status": "succeeded",
                "error": None,
            }
        }
    )
