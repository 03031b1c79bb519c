"""What a run by time is judged by: slopes see a leak and no noise, and thirds what became slower than the machine."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from .judging import (
    APART_SECONDS,
    ECHO_SECONDS,
    WARM_SECONDS,
    Answer,
    Bounds,
    Sample,
    latency_flaws,
    lives,
    pool_flaws,
    ratio,
    slope,
    thirds,
    trend,
    trend_flaws,
)
from .residents import FORMATS, kind_of
from .season import STORM, storm_share
from .vitals import children, descriptors, leading_to

BORN = 1000.0
EVERY = 3.0


def samples(
    count: int,
    memory: Callable[[float], float] = lambda age: 100.0,
    opened: Callable[[float], float] = lambda age: 40.0,
    born: float = BORN,
) -> list[Sample]:
    """A process from its beginning on; figures by its age in seconds."""
    ages = [EVERY * number for number in range(count)]
    return [Sample(born + age, "service", (7, born), memory(age), int(opened(age)), 9) for age in ages]


def test_the_slope_of_a_line_is_found_under_noise_and_bursts() -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    points = [(EVERY * n, 0.02 * EVERY * n + chance.gauss(0, 0.3) + (50 if n % 10 == 0 else 0)) for n in range(200)]
    assert slope([points]) == pytest.approx(0.02, rel=0.1)
    assert slope([[(0.0, 1.0), (APART_SECONDS / 2, 9.0)]]) == 0
    assert slope([]) == 0


def test_lives_are_told_apart() -> None:
    # Each falls by itself; one after the other they would seem to rise.
    groups = [[(n * 10.0 + start, start - n * 0.5) for n in range(30)] for start in (0.0, 1000.0)]
    assert slope(groups) == pytest.approx(-0.05)


def test_a_beginning_and_what_faults_disturb_do_not_count() -> None:
    window = (BORN + 150, BORN + 180)
    (points,) = lives(samples(100), [window], lambda one: one.memory)
    times = [at for at, _ in points]
    assert min(times) == pytest.approx(BORN + WARM_SECONDS, abs=EVERY)
    assert not [at for at in times if window[0] <= at <= window[1] + ECHO_SECONDS]
    assert trend(samples(int(WARM_SECONDS / EVERY)), [], lambda one: one.memory) is None


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (samples(200), ""),
        # It fills its caches and then stays.
        (samples(200, lambda age: 80 + 40 * min(1, age / WARM_SECONDS)), ""),
        # Bursts of work come and go.
        (
            samples(200, lambda age: 100 + (60 if age % 60 < 15 else 0), lambda age: 40 + (20 if age % 60 < 15 else 0)),
            "",
        ),
        # Steep, but of no size; and of some size, but hardly steep.
        (samples(40, lambda age: 100 + age * 0.05), ""),
        (samples(1000, lambda age: 100 + age * 0.004), ""),
        (samples(200, lambda age: 100 + age * 0.05), "memory grows by 180 MB an hour"),
        (samples(200, opened=lambda age: 40 + age / 20), "open descriptors grow"),
    ],
)
def test_what_grows(found: list[Sample], word: str) -> None:
    flaws = trend_flaws("service", found, [], Bounds())
    assert len(flaws) == bool(word)
    assert word in "".join(flaws)


def test_threads_grow() -> None:
    found = [
        Sample(one.at, one.process, one.life, one.memory, one.descriptors, number // 20)
        for number, one in enumerate(samples(200))
    ]
    assert "threads grow" in "".join(trend_flaws("service", found, [], Bounds()))


def test_a_pool_beyond_its_bound_is_told_once() -> None:
    found = [Sample(n, "service", (7, 0.0), 1.0, 1, 1, {"postgres": n, "other": 99}) for n in range(13)]
    assert pool_flaws(found, {"postgres": 10}) == ["service: 12 connections to postgres, 10 at most"]
    assert pool_flaws(found[:11], {"postgres": 10}) == []


def answers(slower: float) -> list[Answer]:
    return [Answer(n, "GET /x", 0.1 if n < 60 else 0.1 * slower) for n in range(90)]


def test_thirds() -> None:
    first, last = thirds(answers(3), 0, 90)["GET /x"]
    assert (len(first), len(last)) == (30, 30)
    assert ratio((first, last)) == pytest.approx(3)
    assert ratio(None) == ratio(([], last)) == 1


@pytest.mark.parametrize(
    ("slower", "busier", "found"), [(1.0, 1.0, 0), (2.2, 1.0, 0), (3.0, 1.0, 1), (3.0, 1.5, 0), (3.0, 0.1, 1)]
)
def test_what_became_slower_than_the_machine(slower: float, busier: float, found: int) -> None:
    assert len(latency_flaws(thirds(answers(slower), 0, 90), busier, Bounds())) == found


def test_few_answers_prove_nothing() -> None:
    few = [Answer(n, "GET /x", 0.1 if n < 60 else 9.0) for n in range(0, 90, 5)]
    assert latency_flaws(thirds(few, 0, 90), 1.0, Bounds()) == []


def test_storms_have_their_part_of_each_round() -> None:
    seconds = 600.0
    shares = [storm_share(float(at), seconds) for at in range(601)]
    assert shares == sorted(shares)
    assert shares[int(300 * STORM[0]) - 1] < 0
    assert shares[int(300 * STORM[1]) + 1 : 300 + int(300 * STORM[0])] == [0.5] * (
        int(300 * (1 - STORM[1] + STORM[0])) - 1
    )
    assert shares[-1] == storm_share(1e6, seconds) == 1


def test_requests_have_classes() -> None:
    one = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert kind_of("GET", f"/api/v1/datasets/{one}/rows") == "GET /datasets/{id}/rows"
    assert kind_of("GET", "/api/v1/auth/me") == "GET /auth/me"


def test_every_format_is_another_file_of_the_same_rows() -> None:
    content = b"a,b,y\n1,2,3\n4,5,6\n"
    made = {kind: write(content) for kind, write in FORMATS.items()}
    assert len(set(made.values())) == len(FORMATS)
    assert made["jsonl"].splitlines()[1] == b'{"a": 4, "b": 5, "y": 6}'


def test_what_a_process_holds_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        sockets = leading_to({server.getsockname()[1]: "postgres"}, tuple)
        opened = descriptors(os.getpid())
        assert [sockets[one] for one in opened if one in sockets] == ["postgres"]
        assert f"socket:[{os.fstat(client.fileno()).st_ino}]" in sockets
    assert len(descriptors(os.getpid())) == len(opened) - 2
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in children(os.getpid())
        child.communicate(b"\n")
