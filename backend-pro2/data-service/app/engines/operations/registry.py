"""All operations, and steps as clients send them checked against these."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from shared.compute.protocol import ComputeError
from shared.tabular.names import nearest, shown

from . import (
    aggregate,
    columns,
    combine,
    encode,
    missing,
    numeric,
    privacy,
    resample,
    rows,
    shape,
    split,
    text,
    time,
    windows,
)
from .base import Operation, Step, StepModel
from .combine import Join, Union

MAX_STEPS = 100
_MODULES = (
    *(
        columns,
        rows,
        missing,
        text,
        numeric,
        encode,
        time,
        aggregate,
        windows,
        resample,
        combine,
        shape,
        split,
        privacy,
    ),
)


def _operations() -> Iterator[Operation]:
    for module in _MODULES:
        for model in module.MODELS:
            yield Operation(model.example["op"], model)


OPERATIONS: Mapping[str, Operation] = {operation.op: operation for operation in _operations()}


def parse_steps(steps: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The steps, checked one by one; whether columns exist shows only over data.

    Raises:
        ComputeError: `invalid_step`, with the number of the step, its name and the member.
    """
    if len(steps) > MAX_STEPS:
        raise ComputeError("invalid_step", f"A pipeline has at most {MAX_STEPS} steps; this has {len(steps)}.")
    return [_parse(position, step) for position, step in enumerate(steps, start=1)]


def other_inputs(steps: Sequence[Mapping[str, Any]]) -> list[tuple[str, int | None]]:
    """The datasets, and their versions where named, that the steps read besides the main one; each once.

    Raises:
        ComputeError: `invalid_step`.
    """
    found = [
        (str(step.params.dataset_id), step.params.version)
        for step in parse_steps(steps)
        if isinstance(step.params, Join | Union)
    ]
    return list(dict.fromkeys(found))


def _parse(position: int, step: Mapping[str, Any]) -> Step:
    op = step.get("op") if isinstance(step, Mapping) else None
    if not isinstance(op, str):
        raise ComputeError("invalid_step", f"Step {position} must be an object that names its operation in 'op'.")
    operation = OPERATIONS.get(op)
    if operation is None:
        hint = nearest(op, OPERATIONS)
        raise ComputeError("invalid_step", f"Step {position}: there is no operation {shown(op)}.{hint}")
    return Step(position, op, _validated(position, operation, step))


def _validated(position: int, operation: Operation, step: Mapping[str, Any]) -> StepModel:
    try:
        return operation.model.model_validate(dict(step))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        # The kinds of a value that may be of several are pydantic's own words and would only confuse.
        where = ".".join(str(part) for part in first["loc"][:2])
        reason = first["msg"].removeprefix("Value error, ").rstrip(".")
        member = f"{where[:100]}: " if where else ""
        raise ComputeError("invalid_step", f"Step {position} ({operation.op}): {member}{reason}.") from error
