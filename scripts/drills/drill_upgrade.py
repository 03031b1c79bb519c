"""Upgrade and the way back: from one state of the code to a later one and back again, with people at work."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from drill_checkout import Checkout
from drill_database import ask
from drill_load import Load, under_load
from drill_person import Answer, Person
from drill_stage import Stage, staged
from drill_transcript import DrillError, Found, Transcript
from drill_work import Work, differences, table

QUIET_SECONDS = 2.0


def drill(said: Transcript, number: int, since: str, *, only_next: bool) -> None:
    """From before to now and back by the database, then from now to what comes next and back by the code alone."""
    with TemporaryDirectory(prefix="drill-upgrade-") as folder:
        checkout = Checkout.made(Path(folder) / "checkout")
        now = checkout.present()
        if not only_next:
            _journey(said, number, checkout, ("before", checkout.before(since)), ("now", now))
        _journey(said, number, checkout, ("now", now), ("next", checkout.next_release(now)))


def _journey(said: Transcript, number: int, checkout: Checkout, start: tuple[str, str], end: tuple[str, str]) -> None:
    name, stage = f"{start[0]} to {end[0]}", Stage("drill-upgrade", number, checkout.root)
    said.say(f"\n#### {name}\n   {checkout.title(start[1])}\n   {checkout.title(end[1])}")
    checkout.use(start[1])
    with staged(stage):
        with said.step(f"{name}: real work under the former code"):
            work = Work.done(stage.url, 3, 2)
        _Journey(said, name, checkout, stage, work).done(start[1], end[1])


class _Journey:
    """There, back and there again."""

    def __init__(self, said: Transcript, name: str, checkout: Checkout, stage: Stage, work: Work) -> None:
        self._said, self._name, self._checkout, self._stage, self._work = said, name, checkout, stage, work
        self._account, self._predictions = work.account(), work.predictions()
        self._busy = Person(stage.url).sign_up()

    def done(self, former: str, later: str) -> None:
        """All of it."""
        self._upgrade(later, "upgrade")
        made = [self._made(person) for person in self._work.people]
        self._go_back(former)
        there = [one for person, one in zip(self._work.people, made, strict=True) if not _has(person, one)]
        self._promise("way back: what was made under the later code is there", there)
        self._promise("way back: new work is done", "" if self._made(self._work.people[0]) else "an upload was refused")
        self._upgrade(later, "upgrade again")

    def _upgrade(self, later: str, what: str) -> None:
        was = self._revision()
        with self._said.step(f"{self._name}: {what}: check out the later code, upgrade.sh"):
            load = self._under_load(partial(self._use, later, "upgrade", "--local", "--", "--yes"))
        self._said.figure(f"{self._name}: {what}: schema", f"{was} to {self._revision()}")
        self._judge(what, load)

    def _go_back(self, former: str) -> None:
        """As the guide says; code that refuses a newer schema needs the migration taken back first."""
        needed = self._checkout.revision(former)
        with self._said.step(f"{self._name}: way back: check out the former code, start-dev.sh --restart"):
            if not self._checkout.bears_newer_schemas(former):
                self._said.say(f"   that code does not start on a newer schema: alembic downgrade {needed} first")
                load = self._under_load(lambda: self._back_with_schema(former, needed))
            else:
                load = self._under_load(partial(self._use, former, "up", "--restart"))
        self._judge("way back", load)

    def _back_with_schema(self, former: str, revision: str) -> None:
        self._stage.alembic("downgrade", revision)
        self._use(former, "up", "--restart")

    def _use(self, commit: str, *command: str) -> None:
        self._checkout.use(commit)
        # What upgrade.sh and start-dev.sh call, once the environment is that of the lock file.
        self._stage.command(*command)

    def _under_load(self, act: Callable[[], None]) -> Load:
        with under_load(self._acts()) as load:
            time.sleep(QUIET_SECONDS)
            act()
            time.sleep(QUIET_SECONDS)
        return load

    def _acts(self) -> list[Callable[[], Answer]]:
        """Who looks, who lists, and who uploads."""
        people = self._work.people
        looking = [partial(person.send, "GET", "/auth/me") for person in people]
        listing = partial(people[0].send, "GET", f"/datasets?project_id={people[0].project}")
        return [*looking, listing, partial(self._busy.upload, table(1, 50), wait=0)]

    def _judge(self, what: str, load: Load) -> None:
        self._said.figure(f"{self._name}: {what}: requests", str(load))
        self._said.figure(f"{self._name}: {what}: longest time without an answer", f"{load.longest_gap():.1f} s")
        self._promise(f"{what}: what fails says so with a code, or finds no listener", load.unexplained)
        self._promise(f"{what}: everybody went on to ask", load.errors)
        account, predictions = self._work.account(), self._work.predictions()
        self._promise(f"{what}: nothing that was there is lost or changed", _lost(self._account, account))
        self._promise(f"{what}: each model predicts the same", differences(self._predictions, predictions))
        self._promise(f"{what}: each analysis computed again gives the same", self._work.wrong_replays())
        self._account = self._work.account()

    def _promise(self, text: str, found: Found) -> None:
        self._said.promise(f"{self._name}: {text}", found)

    def _made(self, person: Person) -> str:
        try:
            return str(person.uploaded(table(time.monotonic_ns() % 100_000, 100))["id"])
        except DrillError:
            return ""

    def _revision(self) -> str:
        return str(ask(self._stage.values["DATABASE_URL"], "SELECT max(version_num) FROM alembic_version")[0][0])


def _has(person: Person, dataset: str) -> bool:
    return bool(dataset) and person.send("GET", f"/datasets/{dataset}").ok


def _lost(before: object, after: object) -> list[str]:
    """What was made since is no difference."""
    return [line for line in differences(before, after) if ": None became" not in line]
