"""Functions for computing children that tests run: each shows one way in which a computation can go."""

import errno
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from typing import Any

from shared.compute import ComputeError, Report

Job = dict[str, Any]
# What a resident child has loaded, and what it will not give back.
_KEPT: dict[str, int] = {}
_GROWN: list[bytearray] = []
_REHEARSED: list[int] = []


def rehearse() -> None:
    """What a child does that has waited for its job for a while."""
    _REHEARSED.append(os.getpid())


def rehearsed(_job: Job, _report: Report) -> Job:
    """Tells which processes have rehearsed, as far as this one knows, and its own number."""
    return {"pids": _REHEARSED, "pid": os.getpid()}


def echo(job: Job, _report: Report) -> Job:
    """Answers with its job."""
    return job


def count(job: Job, report: Report) -> Job:
    """Reports each step."""
    for done in range(1, job["steps"] + 1):
        report(done, job["steps"], f"step {done}")
    return {"steps": job["steps"]}


def sleep(job: Job, report: Report) -> Job:
    """Tells its process id, then sleeps in a grandchild's company for `seconds`."""
    helper = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({job['seconds']})"])  # noqa: S603
    report(os.getpid(), helper.pid, "sleeping")
    time.sleep(job["seconds"])
    return {}


def spin(_job: Job, _report: Report) -> Job:
    """Never ends, and ignores polite signals."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass


def grind(_job: Job, report: Report) -> Job:
    """Stays inside one call of native code that never looks at signals, having asked to be spared the polite one."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    report(os.getpid(), 0, "grinding")
    return {"digits": len(str(3**10**9))}


def hog(_job: Job, _report: Report) -> Job:
    """Fills memory step by step."""
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1024) * 8 * 1024))
        time.sleep(0.005)


def grab(_job: Job, _report: Report) -> Job:
    """Asks for more memory at once than there is address space for."""
    return {"bytes": len(bytearray(64 * 1024**3))}


def overflow(_job: Job, _report: Report) -> Job:
    """Writes to a disk that is full, and wraps what it is told as libraries do."""
    raise RuntimeError("could not write") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def repeat(_job: Job, _report: Report) -> Job:
    """Tells of a full disk in the system's words alone."""
    raise RuntimeError(f"Could not write file: {os.strerror(errno.ENOSPC)}")


def die(_job: Job, _report: Report) -> Job:
    """Kills its own process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def refuse(_job: Job, _report: Report) -> Job:
    """Fails in an orderly way."""
    raise ComputeError("bad_column", "There is no column of that name.")


def stumble(_job: Job, _report: Report) -> Job:
    """Fails by a bug."""
    return {"value": 1 // 0}


def flood(_job: Job, _report: Report) -> Job:
    """Answers with more than may cross."""
    return {"text": "x" * (65 * 1024 * 1024)}


def environment(_job: Job, _report: Report) -> Job:
    """Tells the environment it sees, also the one it was started with."""
    with open("/proc/self/environ", "rb") as source:  # noqa: PTH123 - as an attacker would
        return {"visible": dict(os.environ), "initial": source.read().decode(errors="replace")}


def keep(job: Job, _report: Report) -> Job:
    """Loads `value` under `key` once, and tells how often it was asked since, and by which process it was done."""
    if job["key"] not in _KEPT:
        if "value" not in job:
            raise ComputeError("not_loaded", "Nothing is kept under that key.")
        _KEPT[job["key"]] = 0
    _KEPT[job["key"]] += 1
    time.sleep(job.get("seconds", 0))
    return {"asked": _KEPT[job["key"]], "pid": os.getpid()}


def drop(_job: Job, _report: Report) -> Job:
    """Forgets what it has kept."""
    _KEPT.clear()
    return {}


def grow(job: Job, _report: Report) -> Job:
    """Keeps so many megabytes for ever."""
    _GROWN.append(bytearray(os.urandom(1024)) * 1024 * job["megabytes"])
    return {"pid": os.getpid()}


def talk(job: Job, _report: Report) -> Job:
    """Says `word` in each way in which a library may: by a logger, a warning, printing, and past Python."""
    logging.getLogger("library").warning("said %s", job["word"], extra={"password": job["word"]})
    logging.getLogger("library").debug("whispered")
    for _ in range(job.get("times", 0)):
        logging.getLogger("library").info("again")
    warnings.warn(f"beware of {job['word']}", stacklevel=1)
    sys.stdout.write(f"printed {job['word']}\n")
    os.write(2, f"complained about {job['word']}\n".encode())
    return {}


def leak(job: Job, _report: Report) -> Job:
    """Fails with all that its job holds in its message, and in that of what it came from."""
    try:
        return {"number": int(job["text"])}
    except ValueError as error:
        raise RuntimeError(f"could not do {job}") from error
