"""When a schedule is due: cron expressions in a time zone, and what becomes of the times that were missed.

Five fields as Debian's cron reads them: lists, ranges, steps, names of months and weekdays, 0 and 7 for Sunday; also
`L` (the last day, `5L` the last Friday), `LW` and `5#2`. Where day of month and day of week are both given and neither
begins with a star, one of them suffices. Over a change of the clock, a job at fixed times that falls into the hour
left out runs right after it, and one in the hour that comes twice runs once; with a star at the beginning of minute or
hour, real time counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from shared.errors import Invalid

FIELDS = 5
# Due for longer than this means that nobody was there to look.
MISSED_AFTER = timedelta(seconds=60)
# Of those skipped at once, so many are told one by one.
SKIPS_TOLD = 100
_FIRST_WINDOW = timedelta(hours=1)
_STRANGE_ZONES = frozenset({"localtime", "Factory", "posixrules"})


class Calendar:
    """A cron expression in a time zone; all moments that it gives are in UTC, whole minutes, each once.

    Raises:
        Invalid: `invalid_cron`, `invalid_timezone`; the detail says what is wrong.
    """

    def __init__(self, cron: str, timezone: str) -> None:
        self._cron = cron
        self._zone = _zone(timezone)
        if len(cron.split()) != FIELDS:
            raise _no_cron(cron, "it must have five fields: minute, hour, day of month, month, day of week")
        try:
            CronSim(cron, datetime.now(UTC))
        except CronSimError as error:
            raise _no_cron(cron, _plain(str(error))) from error

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Times later than `moment`, in order; ends when there is none in the fifty years that follow one."""
        last = moment
        for due in CronSim(self._cron, moment.astimezone(self._zone)):
            found = due.astimezone(UTC)
            # From within the hour that comes twice, the library goes back to its first pass.
            if found > last:
                last = found
                yield found

    def first_after(self, moment: datetime) -> datetime | None:
        """The next time later than `moment`."""
        return next(self.after(moment), None)

    def latest(self, since: datetime, until: datetime, most: int) -> list[datetime]:
        """The last `most` times from `since` up to `until`, both included, in order; cheap however long that is."""
        window, floor = _FIRST_WINDOW, since - timedelta(microseconds=1)
        while True:
            start = max(floor, until - window)
            found = list(_until(self.after(start), until))
            if len(found) >= most or start == floor:
                return found[-most:]
            window *= 2


def require_calendar(cron: str, timezone: str, now: datetime) -> Calendar:
    """The calendar of a schedule that someone wants.

    Raises:
        Invalid: `invalid_cron`, also for one that is never due; `invalid_timezone`.
    """
    calendar = Calendar(cron, timezone)
    if calendar.first_after(now) is None:
        raise _no_cron(cron, "no day fits it, so it would never be due")
    return calendar


@lru_cache(maxsize=4096)
def upcoming(cron: str, timezone: str, next_run_at: datetime, count: int) -> tuple[datetime, ...]:
    """`next_run_at` and the times that follow, `count` in all."""
    return (next_run_at, *islice(Calendar(cron, timezone).after(next_run_at), count - 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """Run for each of `runs`; note each of `skipped`, with a sentence; then wait for `next`."""

    runs: list[datetime]
    skipped: list[tuple[datetime, str]]
    next: datetime | None


def plan(calendar: Calendar, catch_up: str, due: datetime, now: datetime, most: int) -> Plan:
    """What becomes of the times from `due` up to `now`. `catch_up`: `none`, `latest`, or `all` but `most` at most."""
    times = calendar.latest(due, now, most + SKIPS_TOLD)
    if times[:1] != [due] and len(times) < most + SKIPS_TOLD:
        # The expression is another by now, or the zone's rules are: what was promised counts.
        times = [due, *times]
    runs = _chosen(times, catch_up, now, most)
    skipped = [(moment, _SKIPPED) for moment in times if moment not in runs][-SKIPS_TOLD:]
    told = min([*runs, *(moment for moment, _ in skipped)])
    if told > due:
        skipped.insert(0, (due, f"This time was missed, and so were the others before {told:%Y-%m-%d %H:%M} UTC."))
    return Plan(runs, skipped, calendar.first_after(now))


_SKIPPED = "This time was missed, since no worker was there, and `catch_up` did not ask for it."


def _chosen(times: list[datetime], catch_up: str, now: datetime, most: int) -> list[datetime]:
    on_time = [moment for moment in times if now - moment <= MISSED_AFTER]
    match catch_up:
        case "none":
            return on_time
        case "latest":
            return times[-1:]
        case _:
            return times[-most:]


def _until(times: Iterator[datetime], end: datetime) -> Iterator[datetime]:
    for moment in times:
        if moment > end:
            return
        yield moment


def _zone(name: str) -> ZoneInfo:
    try:
        if name not in _STRANGE_ZONES and not name.startswith(("posix/", "right/")):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: the name of a folder of zones.
        pass
    close = get_close_matches(name, _zones(), n=1)
    hint = f"Did you mean {close[0]!r}?" if close else "Give a name of the IANA database, such as 'Europe/Berlin'."
    raise Invalid(f"There is no time zone {name!r}. {hint}", code="invalid_timezone")


@lru_cache(maxsize=1)
def _zones() -> list[str]:
    return sorted(available_timezones() - _STRANGE_ZONES)


def _plain(message: str) -> str:
    field = message.removeprefix("Bad ").replace("-", " ")
    return f"the field {field} is wrong{', or no month has such a day' if field == 'day of month' else ''}"


def _no_cron(cron: str, reason: str) -> Invalid:
    return Invalid(f"The cron expression {cron!r} cannot be used: {reason}.", code="invalid_cron")
