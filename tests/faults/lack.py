"""Takes something away from an instance, for real, and looks at what it answers meanwhile."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import psutil

from supervisor import Supervisor

from ..adversarial.places import Place
from .degradation import ROUTES, Fault, Outcome
from .desk import Desk

# Beyond what the table promises: a machine that is busy with other tests.
GRACE_SECONDS = 25.0
BACK_SECONDS = 240.0
# Connections that stand are used up, and probes have seen it.
SETTLING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: status with code, and how long it took."""

    said: str
    seconds: float
    is_honest: bool


@contextmanager
def away(place: Place, fault: Fault) -> Iterator[None]:
    """Its programs are ended in good order, and begun again afterwards."""
    supervisor = Supervisor(place.instance)
    programs = [name for name in fault.programs if name in supervisor.processes()]
    supervisor.stop(programs)
    try:
        yield
    finally:
        supervisor.start(programs)


@contextmanager
def silent(place: Place, fault: Fault) -> Iterator[None]:
    """Its programs stand still with all below them; of what is no program of ours, a deaf one stands in its place."""
    found = Supervisor(place.instance).processes()
    leaders = [psutil.Process(found[name].pid) for name in fault.programs]
    family = [one for leader in leaders for one in (leader, *leader.children(recursive=True))]
    with ExitStack() as stack:
        if not leaders:
            port = urlsplit(place.instance.values["OPENAI_BASE_URL"]).port
            stack.enter_context(socket.create_server(("127.0.0.1", port or 0)))
        for process in family:
            process.suspend()
            stack.callback(process.resume)
        yield


def look(desk: Desk) -> dict[str, Seen]:
    """What each class of routes answers now, all asked at once."""
    seen: dict[str, Seen] = {}

    def ask(name: str) -> None:
        began = time.monotonic()
        try:
            answer = desk.classes[name]()
        except httpx.TransportError as error:
            seen[name] = Seen(type(error).__name__, time.monotonic() - began, is_honest=False)
        else:
            seen[name] = _seen(answer, time.monotonic() - began)

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in ROUTES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def _seen(answer: httpx.Response, seconds: float) -> Seen:
    code = ""
    if answer.headers.get("content-type") == "application/problem+json":
        code = f" {answer.json()['code']}"
    is_outage = answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return Seen(f"{answer.status_code}{code}", seconds, not is_outage or not code or "retry-after" in answer.headers)


def flaws(seen: dict[str, Seen], fault: Fault, *, is_silent: bool) -> list[str]:
    """Where the answers are not what the table says."""
    found = []
    for name, one in seen.items():
        usual = Outcome((f"{ROUTES[name].status}",), fault.away, fault.silent)
        due = fault.instead.get(name, usual)
        most = due.silent if is_silent else due.away
        if one.said not in due.answers:
            found.append(f"{name}: {one.said} instead of {' or '.join(due.answers)}")
        if one.seconds > most + GRACE_SECONDS:
            found.append(f"{name}: after {one.seconds:.1f} s instead of {most:g}")
        if not one.is_honest:
            found.append(f"{name}: {one.said} without Retry-After")
    return found


def recovered(desk: Desk) -> None:
    """Return once all is as ever, by itself."""
    deadline = time.monotonic() + BACK_SECONDS
    well = {name: f"{route.status}" for name, route in ROUTES.items()}
    while (seen := {name: one.said for name, one in look(desk).items()}) != well:
        assert time.monotonic() < deadline, seen
        time.sleep(0.5)


def lacking(place: Place, desk: Desk, fault: Fault, *, is_silent: bool) -> list[str]:
    """What is wrong in its answers while something is missing; afterwards all is well again."""
    desk.lay_aside()
    with (silent if is_silent else away)(place, fault):
        time.sleep(SETTLING_SECONDS)
        found = flaws(look(desk), fault, is_silent=is_silent)
    recovered(desk)
    desk.call_off()
    return found
