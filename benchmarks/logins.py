"""Whether 50 people logging in at once hold up everybody else: /health of the gateway, idle and meanwhile."""

import argparse
import http.client
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from .harness.client import FULL_NAME, call
from .harness.errors import run_main
from .harness.instance import GATEWAY, OUT_OF_REACH, QUIET, Instance, running
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table
from .harness.usage import usage

PEOPLE = 50
EVERY_SECONDS = 0.02
P99_TARGET_MS = 100
PASSWORD = "correct horse 7 battery staple"  # noqa: S105  # of accounts that live for a minute
ROOM = {f"LOCKOUT_{name}": "1000000" for name in ("ATTEMPTS", "ACCOUNT_ATTEMPTS", "ADDRESS_ATTEMPTS")}
HEAD = ("", "asked", "p50 ms", "p99 ms", "max ms", "logins / s", "CPU of the gateway, cores")


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the run saw: latencies of /health, logins done, and the processor time it all took."""

    name: str
    health_ms: Sequence[float]
    logins: int
    seconds: float
    cpu_seconds: float

    @property
    def p99_ms(self) -> float:
        """The latency that one in a hundred exceeded."""
        return statistics.quantiles(self.health_ms, n=100)[98]

    def row(self) -> list[str]:
        """A line of the table."""
        times = (statistics.median(self.health_ms), self.p99_ms, max(self.health_ms))
        rates = (self.logins / self.seconds, self.cpu_seconds / self.seconds)
        return [self.name, str(len(self.health_ms)), *(f"{value:.1f}" for value in (*times, *rates))]


class People:
    """Fifty threads that log in again and again while the `with` block runs."""

    def __init__(self, gateway: str, emails: Sequence[str]) -> None:
        self._url = f"{gateway}/api/v1/auth/login"
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._log_in, args=(email,)) for email in emails]
        self.done = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _log_in(self, email: str) -> None:
        while not self._over.is_set():
            try:
                call("POST", self._url, body={"email": email, "password": PASSWORD})
            except Exception as error:  # noqa: BLE001  # whatever it was, the verdict names it
                self.failures.append(str(error))
                return
            self.done += 1


def watch(gateway: str, seconds: float) -> list[float]:
    """Milliseconds of /health, asked every 20 ms over one connection."""
    connection = http.client.HTTPConnection(gateway.removeprefix("http://"), timeout=30)
    found = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        connection.request("GET", "/health")
        connection.getresponse().read()
        took = time.perf_counter() - started
        found.append(took * 1000)
        time.sleep(max(EVERY_SECONDS - took, 0))
    connection.close()
    return found


def measure(instance: Instance, name: str, seconds: float, people: People | None = None) -> Part:
    """Watch /health for so long; count what was done meanwhile."""
    pid, before = instance.pid(GATEWAY), people.done if people else 0
    cpu, started = usage(pid).cpu_seconds, time.perf_counter()
    health = watch(instance.gateway_url, seconds)
    logins = people.done - before if people else 0
    return Part(name, health, logins, time.perf_counter() - started, usage(pid).cpu_seconds - cpu)


def register(instance: Instance) -> list[str]:
    """The addresses of fifty new users."""
    emails = [f"person-{number}@example.com" for number in range(PEOPLE)]
    for email in emails:
        body = {"email": email, "password": PASSWORD, "full_name": FULL_NAME}
        call("POST", f"{instance.gateway_url}/api/v1/auth/register", body=body)
    return emails


def checks(busy: Part, failures: Sequence[str]) -> list[Check]:
    """The promises of this benchmark."""
    wrong = failures[0] if failures else "none failed"
    text = f"p99 of /health meanwhile below {P99_TARGET_MS} ms"
    return [
        Check(text, f"{busy.p99_ms:.1f} ms", busy.p99_ms < P99_TARGET_MS),
        Check("no login fails", f"{busy.logins}, {wrong}", not failures and busy.logins > 0),
    ]


def main() -> int:
    """Register, watch, log in and watch, print."""
    parser = argparse.ArgumentParser(prog="logins.sh", description=__doc__)
    parser.add_argument("--seconds", type=int, default=15, help="length of each part (default 15)")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    seconds = options.seconds
    with running({**OUT_OF_REACH, **QUIET, **ROOM}) as instance:
        emails = register(instance)
        idle = measure(instance, "idle", seconds)
        with People(instance.gateway_url, emails) as people:
            # The first answers come when the queue of passwords has filled up.
            time.sleep(2)
            busy = measure(instance, f"{PEOPLE} logging in", seconds, people)
    about = f"bcrypt cost {instance.values.get('BCRYPT_ROUNDS', '12')}."
    lines = table(HEAD, [idle.row(), busy.row()])
    return finish("logins.sh", [about, lines], checks(busy, people.failures), publish=options.publish)


if __name__ == "__main__":
    run_main(main)
