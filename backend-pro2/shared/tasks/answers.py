"""Tasks as answers of routes that submit them."""

from typing import Any

from starlette.responses import Response

from shared.conditional import json_answer
from shared.links import public_path
from shared.schemas import ApiModel

from .records import Task
from .schemas import TaskModel, task_body

FINISHED: dict[int | str, dict[str, Any]] = {
    200: {"model": TaskModel, "description": "`wait` was given, and the task has ended."}
}


def accepted_task(prefix: str, task: Task, place: str = "/tasks") -> Response:
    """A task that has been submitted; it is found below `place`."""
    return accepted(task_body(task, prefix), public_path(prefix, f"{place}/{task.id}"), is_finished=task.is_finished)


def accepted(body: ApiModel, location: str, *, is_finished: bool) -> Response:
    """202 with what a task works on, or 200 once the task has ended."""
    headers = {"Location": location}
    if is_finished:
        return json_answer(body, 200, headers)
    return json_answer(body, 202, {**headers, "Retry-After": "1"})
