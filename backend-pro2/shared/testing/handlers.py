"""Task handlers that tests run in real workers."""

from pathlib import Path

from shared.tasks import TaskRun

COMPUTE = "shared.testing.jobs:"


async def note(run: TaskRun) -> None:
    """Appends its attempt to the file `params.path`, computes for `params.seconds`, appends again, succeeds."""
    path = Path(run.task.params["path"])
    _append(path, f"begin {run.task.attempts}")
    await run.compute(COMPUTE + "sleep", {"seconds": run.task.params.get("seconds", 0)})
    async with run.commit({"path": str(path)}):
        _append(path, f"end {run.task.attempts}")


async def compute(run: TaskRun) -> None:
    """Runs the job that `params.function` names, with `params.job`, under `params.memory_mb`."""
    params = run.task.params
    await run.compute(COMPUTE + params["function"], params.get("job", {}), memory_mb=params.get("memory_mb"))


async def nothing(run: TaskRun) -> None:
    """Succeeds at once."""


async def fail(run: TaskRun) -> None:
    """Fails as a handler with a mistake does, with all of its parameters in the message."""
    raise RuntimeError(f"could not do {run.task.params}")


HANDLERS = {"note": note, "compute": compute, "nothing": nothing, "fail": fail}


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as target:
        target.write(line + "\n")
