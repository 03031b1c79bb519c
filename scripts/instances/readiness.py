"""Wait until the parts of an instance work, and say which one does not and why."""

import time
from collections.abc import Collection

from console import Refusal
from instance import Instance
from status import GREEN, Status, inspect

LAST_LINES = 15


def wait_until_ready(instance: Instance, services: Collection[str], seconds: float) -> dict[str, Status]:
    """Wait for all of these; returns their last state.

    Raises:
        Refusal: one failed or did not become ready in time; holds the end of its log.
    """
    deadline = time.monotonic() + seconds
    waiting = set(services)
    seen: dict[str, Status] = {}
    while True:
        for status in inspect(instance, sorted(waiting)).services:
            seen[status.service] = status
        waiting = {name for name in waiting if seen[name].state not in GREEN}
        if not waiting:
            return seen
        failed = [name for name in waiting if seen[name].state == "failed"]
        if failed or time.monotonic() > deadline:
            raise Refusal(_story(instance, seen[min(failed or waiting)], seconds))
        time.sleep(0.15)


def _story(instance: Instance, status: Status, seconds: float) -> str:
    log = instance.logs / f"{status.service}.log"
    end = log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else []
    lines = "".join(f"\n    {line[:400]}" for line in end)
    what = "failed" if status.state == "failed" else f"is not ready after {seconds:.0f} s"
    return f"{instance.name}: {status.service} {what}: {status.note or status.state}\n  {log} ends with:{lines}"
