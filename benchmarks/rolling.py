"""A rolling restart under load: 500 requests a second through the proxy, and how many of them fail."""

import argparse
import asyncio
import json
import re
import signal
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from .harness.checkout import PRODUCTION, Deployed, deployed, require_engine
from .harness.client import User, call, new_user
from .harness.errors import BenchError, run_main
from .harness.instance import OUT_OF_REACH, QUIET
from .harness.load import require_tools
from .harness.paths import scratch
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table
from .harness.steady import Ask, Seen, Steady, asks

RATE = 500
AROUND_SECONDS, ROLL_SECONDS = 5.0, 600.0
HEAD = ("load", "requests", "failed", "p50 ms", "p99 ms", "max ms")
AB_CONNECTIONS = 2
PROXY_PORT = 8080
NOBODY = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Witness:
    """What ab saw of a roll."""

    name: str
    requests: int
    failed: int

    def row(self) -> list[str]:
        """A line of the table."""
        return [self.name, str(self.requests), str(self.failed), "-", "-", "-"]


def kinds(gateway: str, user: User) -> list[Ask]:
    """Reads of each service, and small JSON written to each; half of them on connections of their own."""
    project = call("POST", f"{gateway}/api/v1/projects", token=user.token, body={"name": uuid.uuid4().hex})["id"]
    unknown = json.dumps({"project_id": project, "dataset_id": NOBODY, "type": "describe", "params": {}}).encode()
    steps = [{"op": "filter", "where": "a > 0"}]
    preview = json.dumps({"project_id": project, "dataset_id": NOBODY, "steps": steps}).encode()
    return asks(
        user.token,
        *[("GET", "/api/v1/auth/me", 200, b"")] * 5,
        ("GET", f"/api/v1/datasets?project_id={project}", 200, b""),
        ("GET", "/api/v1/tasks?limit=1", 200, b""),
        # Each is looked up in the database by its service and not found: a POST that gets there, and leaves nothing.
        ("POST", f"/api/v1/projects/{NOBODY}/archive", 404, b"{}"),
        ("POST", "/api/v1/process/preview", 404, preview),
        ("POST", "/api/v1/analysis", 404, unknown),
    )


async def rolled(instance: Deployed, load: Steady) -> tuple[Seen, str, float]:
    """A roll with load from before it until after it; what the load saw, what the roll said, and its seconds."""
    stop = asyncio.Event()
    driving = asyncio.create_task(load.run(stop))
    try:
        await asyncio.sleep(AROUND_SECONDS)
        begun = asyncio.get_running_loop().time()
        said = await asyncio.to_thread(_roll, instance)
        seconds = asyncio.get_running_loop().time() - begun
        await asyncio.sleep(AROUND_SECONDS)
    finally:
        stop.set()
    return await driving, said, seconds


def direct(instance: Deployed) -> str:
    """The proxy's own address, to which the kernel sends the packets of a client from elsewhere.

    What a client on this machine asks of the published port goes through a process of the engine, docker-proxy, that
    takes a fifth of a core at this rate and stops listening for good when it is out of file descriptors.
    """
    labels = {"project": instance.compose_project, "service": "edge"}
    filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
    proxy = _docker("ps", "--quiet", *filters)
    networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    return f"http://{_docker('inspect', '--format', networks, proxy).split()[0]}:{PROXY_PORT}"


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


def _roll(instance: Deployed) -> str:
    with instance.launcher("roll") as process:
        try:
            said, _ = process.communicate(timeout=ROLL_SECONDS)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise BenchError(f"the roll failed:\n{said}")
    return said


def witnessed(instance: Deployed, user: User) -> list[Witness]:
    """A roll with ab at full speed, on kept connections and on new ones."""
    url = f"{direct(instance)}/api/v1/datasets"
    loads = [_ab(name, option, url, user) for name, option in (("ab -k", ["-k"]), ("ab", []))]
    try:
        _roll(instance)
    finally:
        for _, process in loads:
            process.send_signal(signal.SIGINT)
    return [_witness(name, process.communicate(timeout=60)[0]) for name, process in loads]


def _ab(name: str, options: Sequence[str], url: str, user: User) -> tuple[str, "subprocess.Popen[str]"]:
    words = ["ab", *options, "-q", "-l", "-r", f"-t{int(ROLL_SECONDS)}", "-n100000000", f"-c{AB_CONNECTIONS}"]
    command = [*words, "-H", f"Authorization: Bearer {user.token}", url]
    errors = scratch(f"{name.replace(' ', '')}.log").open("w")
    return name, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)


def _witness(name: str, report: str) -> Witness:
    found = {
        key: int(value) for key, value in re.findall(r"^(Complete|Failed|Non-2xx) \w+:\s+(\d+)", report, re.MULTILINE)
    }
    if "Complete" not in found:
        raise BenchError(f"ab's report holds no count:\n{report[-500:]}")
    return Witness(name, found["Complete"], found.get("Failed", 0) + found.get("Non-2xx", 0))


def checks(seen: Seen, rate: float, witnesses: Sequence[Witness]) -> list[Check]:
    """Which targets were met."""
    failed = sum(seen.failures.values())
    reasons = "".join(f"\n          {count} x {what}" for what, count in seen.failures.most_common(8))
    found = [
        Check("no request fails", f"{failed} of {seen.count}{reasons}", failed == 0),
        Check(f"{rate:g} requests a second", f"{seen.rate:.0f}", seen.rate >= 0.95 * rate),
    ]
    return [
        *found,
        *(Check(f"{one.name}: none fails", f"{one.failed} of {one.requests}", one.failed == 0) for one in witnesses),
    ]


def main() -> int:
    """Roll twice: under a steady mixed load, then under ab."""
    parser = argparse.ArgumentParser(prog="rolling.sh", description=__doc__)
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    require_engine()
    require_tools("ab")
    with deployed("docker", [PRODUCTION | QUIET | OUT_OF_REACH]) as (instance,):
        user = new_user(instance.gateway_url)
        load = Steady(direct(instance), kinds(instance.gateway_url, user), options.rate)
        seen, said, seconds = asyncio.run(rolled(instance, load))
        witnesses = witnessed(instance, user)
    times = [f"{value:.1f}" for value in (seen.percentile(50), seen.percentile(99), max(seen.late_ms))]
    failed = str(sum(seen.failures.values()))
    mixed = [f"mixed, {options.rate:g} a second", str(seen.count), failed, *times]
    lines = table(HEAD, [mixed, *(one.row() for one in witnesses)])
    story = f"All containers replaced in {seconds:.0f} s:\n\n```\n{said.rstrip()}\n```"
    return finish("rolling.sh", [story, lines], checks(seen, options.rate, witnesses), publish=options.publish)


if __name__ == "__main__":
    run_main(main)
