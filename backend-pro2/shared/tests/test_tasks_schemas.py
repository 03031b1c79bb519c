"""The task as JSON."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.tasks import Task, TaskStatus
from shared.tasks.schemas import task_body
from shared.tasks.streaming import resume_point

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TASK = Task(
    id=ID,
    kind="ingest",
    queue="data",
    status="running",
    priority=5,
    project_id=ID,
    dataset_id=ID,
    version=2,
    params={"a": 1},
    attempts=1,
    max_attempts=3,
    claims=0,
    waiting_for=0,
    not_before=None,
    deadline=None,
    schedule_id=None,
    worker="w",
    lease_until=AT,
    cancel_requested=False,
    progress_done=3,
    progress_total=9,
    progress_message="reading",
    error_code=None,
    error_detail=None,
    request_id="r",
    created_by=ID,
    created_at=AT,
    started_at=AT,
    finished_at=None,
)


def test_it_has_exactly_the_contract_s_members() -> None:
    body = task_body(TASK, "").model_dump(mode="json")
    assert body == {
        "id": str(ID),
        "kind": "ingest",
        "status": "running",
        "progress": {"done": 3, "total": 9, "message": "reading"},
        "project_id": str(ID),
        "dataset_id": str(ID),
        "version": 2,
        "params": {"a": 1},
        "attempts": 1,
        "priority": 5,
        "created_by": str(ID),
        "created_at": "2026-01-02T03:04:05Z",
        "started_at": "2026-01-02T03:04:05Z",
        "finished_at": None,
        "error": None,
        "queue": "data",
        "waiting_for": 0,
        "not_before": None,
        "deadline": None,
        "schedule_id": None,
        "max_attempts": 3,
        "links": {
            "self": f"/tasks/{ID}",
            "events": f"/tasks/{ID}/events",
            "result": f"/tasks/{ID}/result",
            "cancel": f"/tasks/{ID}/cancel",
            "attempts": f"/tasks/{ID}/attempts",
            "logs": f"/tasks/{ID}/logs",
        },
    }


def test_links_lead_through_the_door_the_request_came_by() -> None:
    assert task_body(TASK, "/api/v1").links.events == f"/api/v1/tasks/{ID}/events"


def test_an_error_has_code_and_detail() -> None:
    failed = replace(TASK, status="failed", error_code="poison", error_detail="Too large.")
    body = task_body(failed, "").model_dump(mode="json")
    assert body["error"] == {"code": "poison", "detail": "Too large."}


@pytest.mark.parametrize("status", list(TaskStatus))
def test_three_states_are_final(status: TaskStatus) -> None:
    assert replace(TASK, status=status).is_finished is (status in {"succeeded", "failed", "cancelled"})


@pytest.mark.parametrize(
    ("after", "header", "expected"),
    [
        (0, None, 0),
        (4, None, 4),
        (0, "7", 7),
        (9, "7", 9),
        (1, "x", 1),
        (1, "-2", 1),
        (1, "²", 1),
        (0, "9" * 20, 2**31 - 1),
    ],
)
def test_a_stream_resumes_where_either_way_says(after: int, header: str | None, expected: int) -> None:
    assert resume_point(after, header) == expected
