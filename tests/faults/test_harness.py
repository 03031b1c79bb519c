"""The harness itself: a seed makes one plan, the proxy does what it is told, and the audit finds what is wrong."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial

import pytest

from ..patience import wait_for
from . import audit
from .proxy import CANCELLATION, FaultProxy, Mode, Proxies, Rule
from .records import Attempt, Record, Records
from .scheduler import Fault, Harm, Kind, plan
from .vitals import leading_to

SAID = b"x" * 10_000


def nothing(fault: Fault) -> str:
    return ""


KINDS = {f"kind{number}": Kind("one", nothing, (1.0, 2.0), every=1 + number % 2) for number in range(6)}


def test_a_seed_makes_one_plan() -> None:
    assert plan(7, 30, KINDS, 1.0) == plan(7, 30, KINDS, 1.0)
    assert plan(7, 30, KINDS, 1.0) != plan(8, 30, KINDS, 1.0)
    counts = Counter(fault.kind for fault in plan(7, 9, KINDS, 1.0))
    assert counts == {"kind0": 2, "kind2": 2, "kind4": 2, "kind1": 1, "kind3": 1, "kind5": 1}


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that gives back what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        # The proxy breaks connections off.
        with connection, suppress(OSError):
            while data := connection.recv(65_536):
                connection.sendall(data)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def heard(port: int, seconds: float) -> bytes:
    """What comes back of what is said, until the connection ends or nothing more comes."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        try:
            client.sendall(SAID)
            while len(found) < len(SAID) and (data := client.recv(65_536)):
                found += data
        except OSError:
            return found
    return found


def test_the_proxy_passes_cuts_swallows_and_refuses(echo: int) -> None:
    port = free_port()
    with Proxies([FaultProxy("echo", port, ("127.0.0.1", echo))]) as proxies:
        assert heard(port, 5) == SAID
        with proxies.obeying("echo", Rule(Mode.CUT, limit_bytes=1000)):
            assert len(heard(port, 5)) <= 1000
        with proxies.obeying("echo", Rule(Mode.REFUSE)):
            assert heard(port, 5) == b""
        with proxies.obeying("echo", Rule(Mode.BLACKHOLE)):
            assert heard(port, 0.2) == b""
        with proxies.obeying("echo", Rule(Mode.DELAY, seconds=0.01)):
            assert heard(port, 5) == SAID


def test_the_proxy_tells_connections_that_only_cancel_a_statement_from_others(echo: int) -> None:
    port = free_port()
    with Proxies([FaultProxy("postgres", port, ("127.0.0.1", echo))]) as proxies, ExitStack() as stack:
        connect = partial(socket.create_connection, ("127.0.0.1", port), timeout=5)
        pooled, beside, swallowed = (stack.enter_context(connect()) for _ in range(3))
        pooled.sendall(SAID)
        beside.sendall(CANCELLATION + bytes(8))
        wait_for(lambda: bool(proxies.cancelling()))
        assert proxies.cancelling() == {beside.getsockname()[1]}
        assert len(leading_to({port: "postgres"}, tuple)) == 3
        assert len(leading_to({port: "postgres"}, proxies.cancelling)) == 2
        with proxies.obeying("postgres", Rule(Mode.BLACKHOLE)):
            swallowed.sendall(CANCELLATION + bytes(8))
            wait_for(lambda: swallowed.getsockname()[1] in proxies.cancelling())
        for client in (beside, swallowed):
            client.close()
        wait_for(lambda: not proxies.cancelling())


def record(**facts: object) -> Record:
    run = Attempt(1, "worker", "succeeded", True, 1.0, 2.0)
    events = [(1, "state", "queued"), (2, "state", "running"), (3, "result", None), (4, "state", "succeeded")]
    sound = Record("id", "analysis", "analysis", "succeeded", 1, 3, 1, None, False, True, 2.0, [run], events, 1)
    for name, value in facts.items():
        setattr(sound, name, value)
    return sound


ENTRY = {"work": "analysis", "id": "id"}
TWICE = [Attempt(1, "one", "succeeded", True, 1.0, 9.0), Attempt(2, "two", "succeeded", True, 2.0, 9.0)]


def flaws(found: Record) -> list[str]:
    records = Records({found.id: found}, {})
    return [
        *audit.lost_and_doubled([ENTRY], records),
        *audit.ends([ENTRY], set(), records),
        *audit.runs(records),
        *audit.deaths(records, []),
        *audit.stories(records, Counter()),
        *audit.effects([ENTRY], records),
    ]


@pytest.mark.parametrize(("seconds", "found"), [(1.0, 1), (14.0, 0), (20.0, 0)])
def test_a_run_is_no_dead_one_long_after_a_fault_but_for_its_lease(seconds: float, found: int) -> None:
    harm = Harm(Fault(0, "kill:data-worker", 0.0, 0.0, 0), 100.0, 101.0)
    died = record(runs=[Attempt(1, "worker", "died", True, 110.0, 110.0 + seconds)])
    assert len(audit.deaths(Records({died.id: died}, {}), [harm])) == found


def test_the_audit_has_nothing_to_say_of_a_sound_task() -> None:
    assert flaws(record()) == []


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"id": "other"}, "lost"),
        ({"status": "running", "finished": None}, "not ended"),
        ({"status": "failed", "error_code": "internal_error"}, "internal_error"),
        ({"status": "cancelled"}, "nobody asked"),
        ({"results": 0}, "results are kept"),
        ({"claims": 2, "runs": TWICE}, "overlap"),
        ({"claims": 2}, "2 claims"),
        ({"runs": [Attempt(1, "worker", "died", True, 1.0, 2.0)]}, "without a cause"),
        ({"has_lease": True}, "nobody did"),
        ({"events": [(1, "state", "queued"), (3, "state", "succeeded")]}, "numbered"),
        ({"events": [(1, "state", "succeeded"), (2, "result", None), (3, "state", "succeeded")]}, "its story"),
        ({"events": [(1, "state", "succeeded")]}, "0 results were told"),
    ],
)
def test_the_audit_finds(facts: dict[str, object], word: str) -> None:
    assert any(word in flaw for flaw in flaws(record(**facts))), flaws(record(**facts))
