"""Crossings between instances: each is tried for real, at home as a control first, and judged."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from instance import Instance
from isolation_guests import Guest

ALLOWED, REFUSED, UNPROVEN, NOT_APPLICABLE = "ALLOWED", "refused", "unproven", "n/a"
AT_ONCE = 12


class NotApplicable(Exception):
    """There is nothing to try here; the message says why."""


class Undecided(Exception):
    """The door neither opened nor refused: nobody answers, or it fails for everybody."""


@dataclass(frozen=True)
class Side:
    """One of the instances, with somebody who has an account there."""

    instance: Instance
    mode: str
    guest: Guest
    # What the engine says of its containers, in docker mode.
    containers: Sequence[dict[str, Any]] = ()

    @property
    def name(self) -> str:
        """The instance's name."""
        return self.instance.name


# What `who` has, tried at the doors of `at`: what opened, in words without secrets, or nothing when all was refused.
Knock = Callable[[Side, Side], str]


@dataclass(frozen=True)
class Crossing:
    """One way from an instance into another."""

    area: str
    name: str
    knock: Knock
    # Must open for either instance at its own door, else a refusal proves nothing. None: there is no door to knock at.
    control: Knock | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one crossing from one instance into another."""

    state: str
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One crossing, with its outcome for every ordered pair of names."""

    crossing: Crossing
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)


def credential(area: str, name: str, knock: Knock) -> Crossing:
    """A crossing that opens at home by the same knock."""
    return Crossing(area, name, knock, knock)


def examine(crossings: Sequence[Crossing], sides: Sequence[Side]) -> list[Row]:
    """Try every crossing between every ordered pair."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(lambda crossing: _try(crossing, sides), crossings))


def _try(crossing: Crossing, sides: Sequence[Side]) -> Row:
    controls = {side.name: _control(crossing, side) for side in sides}
    return Row(crossing, {(a.name, b.name): _judge(crossing, a, b, controls) for a, b in permutations(sides, 2)})


def _control(crossing: Crossing, side: Side) -> Outcome | None:
    """Why nothing can be concluded from this instance's door; None when it opens at home."""
    if crossing.control is None:
        return None
    try:
        opened = crossing.control(side, side)
    except NotApplicable as reason:
        return Outcome(NOT_APPLICABLE, str(reason))
    except Undecided as reason:
        return Outcome(UNPROVEN, f"{side.name}: {reason}")
    return None if opened else Outcome(UNPROVEN, f"refused at {side.name} itself")


def _judge(crossing: Crossing, who: Side, at: Side, controls: dict[str, Outcome | None]) -> Outcome:
    for side in (who, at):
        if (barred := controls[side.name]) is not None:
            return barred
    try:
        opened = crossing.knock(who, at)
    except NotApplicable as reason:
        return Outcome(NOT_APPLICABLE, str(reason))
    except Undecided as reason:
        return Outcome(UNPROVEN, str(reason))
    return Outcome(ALLOWED, opened) if opened else Outcome(REFUSED)
