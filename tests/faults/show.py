"""A play on a stage: people at work under faults, what they were told, and the audit of what became of it."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from console import note

from . import audit, follower
from .clients import Insistent, Load
from .follower import Follower
from .ledger import Ledger
from .leftovers import Leftovers
from .poisoner import Poisoner
from .records import Records, read, unfinished
from .report import Report
from .scheduler import Harm, Kind, Scheduler, plan
from .stage import Stage
from .workload import TROUBLES, Customer, Troublemaker

PROGRESS_SECONDS = 10.0
LONGEST_SECONDS = 20 * 60.0
# How much longer than for the recovery one request may be repeated: several faults may hit it one after another.
PATIENCES = 4


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for: how many tasks at least under how many faults, and how soon after all has to be over."""

    seed: int
    tasks: int
    faults: int
    patience: float
    customers: int = 16
    followers: int = 3
    # Between two faults, and between two tasks that go wrong.
    gap: float = 2.0
    trouble_gap: float = 3.0
    # Between two steps of one person.
    pause: float = 0.02
    # How long it lasts, where that is the measure.
    seconds: float = 0.0
    troubles: Sequence[str] = TROUBLES


class Show:
    """One run on a stage: people at work, what they were told, and the faults."""

    longest = LONGEST_SECONDS

    def __init__(self, stage: Stage, order: Order, ledger: Ledger, kinds: Mapping[str, Kind], stack: ExitStack) -> None:
        self.stage, self.order, self.ledger, self._stack = stage, order, ledger, stack
        self.poisoner = Poisoner(stage.database_url)
        self.customers = [self._customer(order.seed * 100 + number) for number in range(order.customers)]
        self.trouble = Troublemaker(self._person(), order.seed * 100 + 99, self.poisoner.victims.append)
        self.trouble.troubles = order.troubles
        self.followers = [Follower(self._like(one), one.given) for one in self.customers[: order.followers]]
        self.over = float("inf")
        faults = plan(order.seed, order.faults, kinds, order.gap)
        self.scheduler = Scheduler(faults, kinds, self.done)

    @property
    def given(self) -> int:
        """Tasks acknowledged so far."""
        return len(self.ledger.of("task"))

    def done(self) -> float:
        """How much of the work is done, as far as faults have to wait for it."""
        return self.given / self.order.tasks

    def is_over(self) -> bool:
        """Whether all work is given."""
        return self.given >= self.order.tasks

    @property
    def projects(self) -> list[str]:
        return [customer.project for customer in (*self.customers, self.trouble)]

    @property
    def harms(self) -> list[Harm]:
        return [*self.scheduler.harms, *self.poisoner.harms]

    def play(self) -> None:
        """Until all faults are over and all work is given; then nobody gives more, and it is waited for."""
        with self.poisoner:
            steps = [customer.act for customer in self.customers]
            with (
                self.scheduler,
                Load(*(one.act for one in self.followers), pause=0.1) as followers,
                Load(self.trouble.act, pause=self.order.trouble_gap) as trouble,
                Load(*steps, pause=self.order.pause) as work,
            ):
                self._watch(followers, trouble, work)
                self.over = time.time()
            self._wait_for_ends()

    def tidy_up(self) -> None:
        """Call off what would run for hours if the play was broken off."""
        for task_id in self.poisoner.victims:
            self.trouble.call_off(task_id)

    def _watch(self, *loads: Load) -> None:
        deadline = time.monotonic() + self.longest
        told = time.monotonic()
        while not (self.scheduler.is_through and self.is_over()):
            assert time.monotonic() < deadline, f"not through after {self.longest / 60:.0f} minutes"
            for load in loads:
                load.check()
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                self._say()
            time.sleep(0.2)
        self._say()

    def _say(self) -> None:
        lasting = [harm.fault.kind for harm in self.scheduler.harms if harm.ended == float("inf")]
        note(
            f"  {time.strftime('%H:%M:%S')}  tasks {self.given}/{self.order.tasks}"
            f"  faults {len(self.scheduler.harms)}/{self.order.faults}  flaws {len(self.ledger.flaws)}"
            f"  now: {', '.join(lasting) or '-'}"
        )

    def _wait_for_ends(self) -> None:
        deadline = time.monotonic() + 2 * self.order.patience
        while time.monotonic() < deadline and asyncio.run(unfinished(self.stage.database_url, self.projects)):
            time.sleep(0.2)

    def _customer(self, seed: int) -> Customer:
        return Customer(self._person(), seed)

    def _person(self) -> Insistent:
        person = Insistent(self.stage.place.gateway, self.ledger, PATIENCES * self.order.patience)
        self._stack.callback(person.close)
        return person.signed_up()

    def _like(self, customer: Customer) -> Insistent:
        """The same person with connections of their own, who sees what that one sees."""
        person = Insistent(self.stage.place.gateway, self.ledger, PATIENCES * self.order.patience)
        self._stack.callback(person.close)
        person.person.client.headers["authorization"] = customer.person.person.client.headers["authorization"]
        return person


def judge(show: Show, report: Report, leftovers: Leftovers) -> Records:
    """The whole audit."""
    acknowledged = show.ledger.of("task")
    records = asyncio.run(read(show.stage.database_url, show.projects))
    retried = Counter(entry["id"] for entry in show.ledger.of("retry"))
    cancelled = {entry["id"] for entry in show.ledger.of("cancel")}
    stories = [story for one in show.followers for story in one.stories]
    kept = {task.id: [(number, event) for number, event, _ in task.events] for task in records.tasks.values()}
    report.recovery = _recovery(show, records)
    report.flaws["L"] += audit.lost_and_doubled(acknowledged, records)
    report.flaws["L"] += audit.ends(acknowledged, cancelled, records)
    report.flaws["L"] += follower.flaws(stories, kept) + _downloads(show, records)
    report.flaws["X"] += audit.runs(records) + audit.deaths(records, show.harms)
    report.flaws["X"] += audit.stories(records, retried) + audit.effects(acknowledged, records)
    report.flaws["X"] += audit.growth(acknowledged, records)
    report.flaws["S"] += [*show.ledger.flaws, *show.scheduler.errors]
    if report.recovery > show.order.patience:
        report.flaws["R"].append(f"the last task ended {report.recovery:.1f} s after the last fault")
    kills = sum(harm.fault.kind.startswith(("kill:", "everything")) for harm in show.harms)
    report.flaws["A"] += leftovers.flaws(kills)
    return records


def _recovery(show: Show, records: Records) -> float:
    last = max((task.finished or float("inf") for task in records.tasks.values()), default=0.0)
    return max(0.0, last - show.over)


def _downloads(show: Show, records: Records) -> list[str]:
    """Every table that was acknowledged and read comes back byte for byte, whatever kind of file it came in."""
    people = {customer.project: customer.person for customer in show.customers}
    gone = {entry["dataset"] for entry in show.ledger.of("bin")}
    flaws = []
    for entry in show.ledger.of("task"):
        task = records.tasks.get(entry["id"])
        if entry["work"] != "upload" or entry["dataset"] in gone:
            continue
        if task is not None and task.status == "succeeded" and entry["project"] in people:
            path, params = f"/datasets/{entry['dataset']}/download", {"raw": "true", "version": "1"}
            answer = people[entry["project"]].insist("GET", path, params=params)
            if hashlib.sha256(answer.content).hexdigest() != entry["table"]:
                flaws.append(f"{path}: {answer.status_code}, {len(answer.content)} bytes are not what was sent")
    return flaws
