"""Drive wrk (kept connections) and ab (a new connection for each request) and read what they report."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError
from .paths import scratch

MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
PACKAGES = {"ab": "apache2-utils", "wrk": "wrk", "nginx": "nginx-light"}
# Where Debian puts servers, which the path of a plain user may leave out.
SERVERS = "/usr/sbin"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of a load generator saw: requests per second, latencies in milliseconds, requests done."""

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int


def tool(name: str) -> str | None:
    """Where a program is, None where it is not installed."""
    return shutil.which(name) or shutil.which(name, path=SERVERS)


def require_tools(*names: str) -> None:
    """Raise when one of these programs is not installed, naming its Debian package."""
    absent = [name for name in names if tool(name) is None]
    if absent:
        packages = " ".join(PACKAGES[name] for name in absent)
        raise BenchError(f"{' and '.join(absent)} not found. On Debian or Ubuntu: apt-get install {packages}")


def wrk(url: str, token: str, *, connections: int, seconds: int, body: object | None = None) -> Load:
    """Requests over kept connections for `seconds`, one thread, POST when there is a body; raise when any failed."""
    posting = [] if body is None else ["-s", str(_posting(body))]
    text = _output(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *_bearer(token), *posting, url])
    if "Non-2xx" in text or "Socket errors" in text:
        raise BenchError(f"wrk saw failed requests at {url}:\n{text}")
    if not int(_find(r"(\d+) requests in", text)):
        raise BenchError(f"{url} answered nothing within {seconds} s")
    return Load(
        rate=float(_find(r"Requests/sec:\s+([\d.]+)", text)),
        p50_ms=_latency("50%", text),
        p99_ms=_latency("99%", text),
        requests=int(_find(r"(\d+) requests in", text)),
    )


def ab(url: str, token: str, *, requests: int, connections: int) -> Load:
    """`requests` requests, each on a new connection; raise when any failed."""
    table = scratch("ab.csv")
    text = _output(["ab", "-q", "-l", f"-n{requests}", f"-c{connections}", f"-e{table}", *_bearer(token), url])
    done = int(_find(r"Complete requests:\s+(\d+)", text))
    if "Non-2xx" in text or int(_find(r"Failed requests:\s+(\d+)", text)) or done != requests:
        raise BenchError(f"ab saw failed requests at {url}:\n{text}")
    percentiles = _percentiles(table)
    return Load(float(_find(r"Requests per second:\s+([\d.]+)", text)), percentiles[50], percentiles[99], done)


def _bearer(token: str) -> list[str]:
    return ["-H", f"Authorization: Bearer {token}"]


def _posting(body: object) -> Path:
    """What tells wrk to send this as JSON."""
    script = scratch("post.lua")
    lines = ['wrk.method = "POST"', 'wrk.headers["Content-Type"] = "application/json"']
    script.write_text("\n".join([*lines, f"wrk.body = [==[{json.dumps(body)}]==]"]))
    return script


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise BenchError(f"{command[0]} failed: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise BenchError(f"the load generator's report holds nothing like {pattern!r}:\n{text}")
    return match.group(1)


def _latency(label: str, text: str) -> float:
    value = _find(rf"{label}\s+([\d.]+[a-z]+)", text)
    number = value.rstrip("ums")
    return float(number) * MILLISECONDS[value.removeprefix(number)]


def _percentiles(table: Path) -> dict[int, float]:
    with table.open(newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return {int(percent): float(milliseconds) for percent, milliseconds in rows}
