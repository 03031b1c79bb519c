"""A first start of a whole instance from one command, and what each service alone costs to start."""

import argparse
import subprocess
import time
from dataclasses import dataclass

import psutil

from .harness.client import call
from .harness.errors import BenchError, run_main
from .harness.imports import FORBIDDEN, Imports, imports_of
from .harness.instance import NAME, env_file, prepared, project_python
from .harness.paths import PROJECT, ROOT
from .harness.processes import Server, free_port
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table
from .harness.usage import MIB, usage

SERVICES = ("api-gateway", "data-service", "ai-service")
READY_LIMIT = 30.0
LIMIT_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Start:
    """Of one service: seconds to its first 200, processor seconds and memory by then, and what it imported."""

    name: str
    seconds: float
    cpu_seconds: float
    rss: int
    unique: int
    imports: Imports


def script(name: str, *options: str) -> float:
    """Run one of the project's scripts on the private instance; the seconds it took."""
    started = time.perf_counter()
    command = [str(ROOT / "scripts" / f"{name}.sh"), "--project", NAME, "--yes", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if done.returncode:
        raise BenchError(f"scripts/{name}.sh failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


def start_alone(name: str) -> Start:
    """Start one service beside the running instance and wait for its first 200."""
    port = free_port()
    module = f"{name}.app.main"
    command = [str(project_python()), "-m", "uvicorn", f"{module}:app", "--port", str(port), "--no-access-log"]
    server = Server(f"alone-{name}", command, port, cwd=PROJECT, env={"ENV_FILE": str(env_file())})
    started = psutil.Process(server.pid).create_time()
    with server:
        call("GET", f"http://127.0.0.1:{port}/health")
        seconds, used = time.time() - started, usage(server.pid)
        unique = psutil.Process(server.pid).memory_full_info().uss
    return Start(name, seconds, used.cpu_seconds, used.rss_bytes, unique, imports_of(module))


def row(start: Start) -> tuple[str, ...]:
    """One service as a line of the table."""
    return (
        start.name,
        f"{start.seconds:.2f}",
        f"{start.cpu_seconds:.2f}",
        f"{start.rss / MIB:.0f}",
        f"{start.unique / MIB:.0f}",
        f"{start.imports.milliseconds:.0f}",
        str(start.imports.modules),
        ", ".join(sorted(start.imports.heavy)) or "none",
    )


def checks(first: float, starts: list[Start]) -> list[Check]:
    """The promises of this benchmark."""
    text = f"ready at most {READY_LIMIT:.0f} s after the first start was asked for"
    found = [Check(text, f"{first:.1f} s", first <= READY_LIMIT)]
    for start in starts:
        early = start.imports.heavy & FORBIDDEN
        text = f"{start.name} imports none of {', '.join(sorted(FORBIDDEN))} at start"
        found.append(Check(text, ", ".join(sorted(early)) or "none", not early))
    return found


def main() -> int:
    """First start, second start, each service alone."""
    parser = argparse.ArgumentParser(prog="cold_start.sh", description=__doc__)
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    publish = parser.parse_args().publish
    with prepared({}):
        first = script("start-dev")
        starts = [start_alone(name) for name in SERVICES]
        script("stop-dev")
        second = script("start-dev")
    about = f"First start {first:.1f} s, with a database cluster to make; second start {second:.1f} s."
    head = ("service alone", "first 200, s", "CPU, s", "RSS MiB", "USS MiB", "import, ms", "modules", "heavy packages")
    return finish("cold_start.sh", [about, table(head, map(row, starts))], checks(first, starts), publish=publish)


if __name__ == "__main__":
    run_main(main)
