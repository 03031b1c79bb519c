"""Upgrade an instance in containers: back up, build, migrate, roll, verify; and the way back when something fails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from console import Refusal, note
from upgrade_steps import Stand, Steps

ADDITIVE = "Migrations only add: the former images work with it, and what was written since the backup is kept."


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    backup: bool = True
    only_check: bool = False
    tag: str = ""
    # None: ask where there is a terminal, else no.
    restore_database: bool | None = None


class World(Protocol):
    """What an upgrade does to an instance; the tests have another one."""

    @property
    def name(self) -> str:
        """Of the instance."""

    def check(self, wish: Wish) -> None:
        """Refuse what cannot go well, before anything is changed."""

    def tag(self) -> str:
        """The tag of the images that the settings name."""

    def next_tag(self, wish: Wish) -> str:
        """The tag of the images to come."""

    def use_tag(self, tag: str) -> None:
        """Have the settings name these images."""

    def revision(self) -> str:
        """That of the database."""

    def wanted_revision(self) -> str:
        """That which the new code needs."""

    def back_up(self) -> str:
        """Make a backup; where it is."""

    def get_images(self) -> None:
        """Build or pull what the settings name."""

    def migrate(self) -> None:
        """Bring the database to the revision of the images that the settings name."""

    def roll(self) -> None:
        """Replace the containers one by one by such of the images that the settings name."""

    def verify(self) -> None:
        """Refuse if not all of it works."""

    def restore(self, place: str) -> None:
        """Bring back a backup's data."""


class Failed(Refusal):
    """The upgrade did not succeed; the message says what serves now."""


def upgrade(world: World, stand: Stand, wish: Wish, confirm: Callable[[str], bool]) -> None:
    """Do all of it.

    Args:
        world: the instance.
        stand: where an earlier upgrade stands.
        wish: what was asked for.
        confirm: asks the person a question; false where there is nobody.

    Raises:
        Refusal: nothing was changed.
        Failed: something failed, and the way back has been gone as far as possible.
        KeyboardInterrupt: as it comes, after saying where the upgrade stands.
    """
    steps = Steps(1 if wish.only_check else 6 if wish.backup else 5)
    try:
        _upgrade(world, stand, wish, steps)
    except KeyboardInterrupt:
        _say_where_it_stands(world, stand, steps)
        raise
    except Failed as failure:
        go_back(world, stand, wish, confirm, failure)


def _upgrade(world: World, stand: Stand, wish: Wish, steps: Steps) -> None:
    if stand.is_open:
        note(f"{world.name}: an upgrade was cut short; this goes on, and keeps its way back")
    steps.do("Look whether everything is there", lambda: world.check(wish))
    _announce(world, wish)
    if wish.only_check:
        return
    place = steps.do("Back up the database and the objects", lambda: _backup(world, stand)) if wish.backup else ""
    stand.begin({"from_tag": world.tag(), "from_revision": world.revision(), "backup": place})
    stand.put(to_tag=world.next_tag(wish), to_revision=world.wanted_revision())
    _prepare(world, stand, steps)
    try:
        steps.do("Replace the containers one by one", world.roll)
        steps.do("Ask every part whether it works", world.verify)
    except Refusal as refusal:
        raise Failed(str(refusal)) from refusal
    stand.put(state="done")


def _backup(world: World, stand: Stand) -> str:
    """One that an interrupted upgrade made is older than all that this one does."""
    kept = stand.facts.get("backup", "") if stand.is_open else ""
    place = kept or world.back_up()
    note(f"      {place}")
    return place


def _announce(world: World, wish: Wish) -> None:
    revision, wanted = world.revision(), world.wanted_revision()
    schema = f"stays at {revision}" if revision >= wanted else f"goes from {revision} to {wanted}"
    note(f"      images {world.tag()} -> {world.next_tag(wish)}; the database {schema}")


def _prepare(world: World, stand: Stand, steps: Steps) -> None:
    """Images and schema; what fails here leaves the containers as they are, and the settings as they were."""
    former = world.tag()
    world.use_tag(stand.facts["to_tag"])
    try:
        steps.do("Build or pull the images", world.get_images)
        steps.do("Migrate the database", world.migrate)
    except Refusal as refusal:
        world.use_tag(stand.facts["from_tag"])
        stand.put(state="back")
        raise Refusal(
            f"{refusal}\n{world.name}: the containers of before still serve{_schema(world, stand)}"
        ) from refusal
    except BaseException:
        world.use_tag(former)
        raise


def _schema(world: World, stand: Stand) -> str:
    before, now = stand.facts["from_revision"], world.revision()
    return f"; the database is as before, at {now}" if now == before else f"; the database is at {now}. {ADDITIVE}"


def go_back(world: World, stand: Stand, wish: Wish, confirm: Callable[[str], bool], failure: Refusal | None) -> None:
    """The former images again; the former data only when that was asked for.

    Raises:
        Failed: always where there was a failure; says what serves now.
        Refusal: there is no upgrade to take back.
    """
    if not stand.facts.get("from_tag") or stand.facts.get("state") == "back":
        raise Refusal(f"{world.name}: there is no upgrade to take back")
    if failure:
        note(f"{world.name}: failed: {failure}")
    restores = _restores(world, stand, wish, confirm)
    steps = Steps(3 if restores else 2)
    tag = stand.facts["from_tag"]
    try:
        world.use_tag(tag)
        steps.do(f"Back to the images {tag}", world.roll)
        if restores:
            steps.do(f"Back to the data of {stand.facts['backup']}", lambda: world.restore(stand.facts["backup"]))
        steps.do("Ask every part whether it works", world.verify)
    except Refusal as refusal:
        raise Failed(f"the way back failed too: {refusal}\n{_by_hand(world, stand)}") from refusal
    except KeyboardInterrupt:
        note(f"{world.name}: interrupted on the way back: ./scripts/upgrade.sh --project {world.name} --back goes on")
        raise
    stand.put(state="back")
    end = f"{world.name} runs as before, with the images {tag}" + ("" if restores else _schema(world, stand))
    end += "\nThis checkout still holds the newer code, which start-dev.sh would build: check out the former one"
    if failure:
        raise Failed(f"the upgrade was taken back: {end}")
    note(end)


def _restores(world: World, stand: Stand, wish: Wish, confirm: Callable[[str], bool]) -> bool:
    migrated, place = world.revision() != stand.facts.get("from_revision"), stand.facts.get("backup")
    if not migrated or not place or wish.restore_database is False:
        return False
    if wish.restore_database:
        return True
    note(f"{world.name}: the database has been migrated. {ADDITIVE}")
    return confirm(f"Put the database back to the backup all the same? All that was written since {place} is LOST")


def _by_hand(world: World, stand: Stand) -> str:
    lines = [
        f"  images before: IMAGE_TAG={stand.facts['from_tag']} in .env, then ./scripts/start-dev.sh "
        f"--project {world.name} --docker",
    ]
    if place := stand.facts.get("backup"):
        lines.append(f"  data before:   ./scripts/restore.sh --project {world.name} --from {place} --replace")
    return "\n".join(lines)


def _say_where_it_stands(world: World, stand: Stand, steps: Steps) -> None:
    note(f"{world.name}: interrupted in step {steps.number} of {steps.total}: {steps.title}")
    if not stand.is_open:
        note("  nothing was changed")
        return
    again = f"./scripts/upgrade.sh --project {world.name}"
    note(f"  what serves goes on serving; images before: {stand.facts['from_tag']}")
    note(f"  to go on:   {again}\n  to go back: {again} --back")
