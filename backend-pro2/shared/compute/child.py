"""A computing child: takes a job from its socket, runs one function under hard limits, answers; some take more jobs."""

import ctypes
import errno
import importlib
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import orjson

from shared.compute import timings
from shared.compute.protocol import HEADER, OUT_OF_MEMORY, ComputeError, encode_frame
from shared.compute.voice import heard, send
from shared.logs.bounds import bounded
from shared.logs.failures import failure_of

Report = Callable[[int, int, str], None]
Function = Callable[[dict[str, Any], Report], dict[str, Any]]

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
MEBIBYTE = 1024 * 1024
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
DISK_FULL = "The disk has no room for this computation at the moment; try again later, or tell the operator."
UNEXPECTED = "The computation failed unexpectedly; the operator finds the cause in the log."
# DuckDB, BLAS and thread stacks reserve address space that they never touch; resident memory is watched from outside.
RESERVED_MB = 4096
# By which a pool tells its children that their libraries reserve more.
RESERVED_VARIABLE = "COMPUTE_RESERVED_MB"
# By which `ps` and `top` tell a child that has no job from one that works; 15 bytes at most.
WAITING, WORKING = b"compute-waiting", b"compute-working"
# Where jobs follow each other faster than this, the processor has better things to do than to rehearse.
IDLE_MILLISECONDS = 300


def serve(connection: socket.socket, rehearsals: Sequence[Callable[[], None]] = ()) -> None:
    """Run the one job that `connection` brings; every outcome becomes a frame, if the process lives to send it.

    A child that waits for its job for a while does the rehearsals: pages of memory that it shares with its server are
    copied when it first uses them, which takes longer than a small job.
    """
    _prctl(PR_SET_NAME, WAITING)
    if rehearsals and not _is_asked(connection, IDLE_MILLISECONDS):
        for rehearse in rehearsals:
            rehearse()
    with connection.makefile("rb") as stream:
        job = _receive(stream)
    if job is None:
        return
    _prctl(PR_SET_NAME, WORKING)
    _limit_processor(job["cpu_seconds"])
    _limit_memory(job["memory_mb"])
    send(connection, _answer(job, connection))


def _is_asked(connection: socket.socket, milliseconds: int) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(milliseconds))


def serve_many(connection: socket.socket) -> None:
    """Run jobs one after the other until `connection` ends; their time is watched from outside."""
    limited = False
    with connection.makefile("rb") as stream:
        while (job := _receive(stream)) is not None:
            if not limited:
                _limit_memory(job["memory_mb"])
                limited = True
            send(connection, _answer(job, connection))


def _answer(job: dict[str, Any], connection: socket.socket) -> bytes:
    try:
        return encode_frame({"result": _run(job, connection), **timings.told()})
    except ComputeError as error:
        return encode_frame({"error": {"code": error.code, "detail": error.detail}, **timings.told()})
    except MemoryError:
        return encode_frame({"error": {"code": "out_of_memory", "detail": OUT_OF_MEMORY}, **timings.told()})
    except Exception as error:  # noqa: BLE001 - the edge of the process: a bug must reach the log of the parent
        code, detail = ("disk_full", DISK_FULL) if _is_for_room(error) else ("internal_error", UNEXPECTED)
        failed = {"error": {"code": code, "detail": detail}, **bounded({"failure": failure_of(error)})}
        return encode_frame({**failed, **timings.told()})


def _is_for_room(error: BaseException | None) -> bool:
    """Whether the disk is full; libraries wrap what the system says, or only repeat its words."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or os.strerror(errno.ENOSPC) in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _run(job: dict[str, Any], connection: socket.socket) -> dict[str, Any]:
    def report(done: int, total: int, message: str) -> None:
        send(connection, encode_frame({"progress": [int(done), int(total), str(message)]}))

    with timings.noted(job), heard(connection, job):
        return resolve(job["function"])(job["job"], report)


def resolve(name: str) -> Function:
    """The function that "module.path:name" names; the path may hold hyphens."""
    module, _, attribute = name.partition(":")
    function: Function = getattr(importlib.import_module(module), attribute)
    return function


def _receive(stream: BinaryIO) -> dict[str, Any] | None:
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    job: dict[str, Any] = orjson.loads(stream.read(length))
    return job


def _limit_processor(cpu_seconds: int) -> None:
    # A grace between the two, or the kernel skips SIGXCPU, which tells this end from others.
    _lower(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 5)


def _limit_memory(memory_mb: int) -> None:
    _lower(resource.RLIMIT_CORE, 0, 0)
    if sys.platform == "linux":
        reserved_mb = int(os.environ.get(RESERVED_VARIABLE, RESERVED_MB))
        reserve = _address_space() + (memory_mb + reserved_mb) * MEBIBYTE
        _lower(resource.RLIMIT_AS, reserve, reserve)


def _lower(limit: int, soft: int, hard: int) -> None:
    _, present = resource.getrlimit(limit)
    ceiling = hard if present == resource.RLIM_INFINITY else min(hard, present)
    resource.setrlimit(limit, (min(soft, ceiling), ceiling))


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as state:  # noqa: PTH123 - pathlib is not loaded in a bare child
        return int(state.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` dies, however it dies (Linux only)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of grandchildren whose parent dies, so that somebody buries them (Linux only)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int | bytes) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
