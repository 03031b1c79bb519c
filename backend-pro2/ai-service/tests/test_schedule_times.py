"""When schedules are due: over changes of the clock, ends of months and leap days; and what becomes of missed times."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from shared.errors import Invalid

from ..app.services.schedule_times import SKIPS_TOLD, Calendar, Plan, plan, require_calendar, upcoming

BERLIN = "Europe/Berlin"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def first(cron: str, zone: str, after: str, count: int) -> list[str]:
    """The next times, as the zone's clock shows them in June: year to minute, in UTC."""
    return [f"{due:%Y-%m-%dT%H:%M}" for due in islice(Calendar(cron, zone).after(at(after)), count)]


class TestChangesOfTheClock:
    def test_a_fixed_time_that_is_left_out_is_due_right_after_it(self) -> None:
        # 02:30 does not exist on 29 March; 03:00 summer time is 01:00 UTC.
        days = ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]
        assert first("30 2 * * *", BERLIN, "2026-03-27T12:00+01:00", 3) == days

    def test_several_that_are_left_out_are_due_once(self) -> None:
        days = ["2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T00:15"]
        assert first("0,15,30 2 * * *", BERLIN, "2026-03-28T12:00+01:00", 3) == days

    def test_a_fixed_time_that_comes_twice_is_due_once(self) -> None:
        days = ["2026-10-25T00:30", "2026-10-26T01:30"]
        assert first("30 2 * * *", BERLIN, "2026-10-24T12:00+02:00", 2) == days

    def test_it_is_not_due_again_for_those_who_ask_during_the_second_pass(self) -> None:
        # 02:15 winter time: the first pass through 02:30 was half an hour ago.
        assert first("30 2 * * *", BERLIN, "2026-10-25T02:15+01:00", 1) == ["2026-10-26T01:30"]

    def test_every_hour_goes_by_real_time(self) -> None:
        spring = ["2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00"]
        assert first("0 * * * *", BERLIN, "2026-03-29T00:30+01:00", 3) == spring
        autumn = ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"]
        assert first("0 * * * *", BERLIN, "2026-10-25T01:30+02:00", 3) == autumn

    def test_noon_stays_noon(self) -> None:
        assert first("0 12 * * *", BERLIN, "2026-03-27T13:00+01:00", 2) == ["2026-03-28T11:00", "2026-03-29T10:00"]

    def test_utc_knows_no_change(self) -> None:
        assert first("30 2 * * *", "UTC", "2026-03-28T12:00Z", 2) == ["2026-03-29T02:30", "2026-03-30T02:30"]

    @pytest.mark.parametrize(
        "cron", ["30 2 * * *", "*/7 * * * *", "15,45 1-3 * * *", "5 */2 * * *", "59 23 * * SAT,SUN"]
    )
    @pytest.mark.parametrize("zone", [BERLIN, "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
    def test_times_only_grow_and_are_whole_minutes(self, cron: str, zone: str) -> None:
        for day in ("2026-03-28T20:00Z", "2026-10-24T20:00Z", "2026-04-04T10:00Z"):
            start = at(day)
            # From every quarter of an hour on, so also from within the hours that are left out or come twice.
            for quarter in range(60):
                moment = start + timedelta(minutes=15 * quarter)
                found = list(islice(Calendar(cron, zone).after(moment), 3))
                assert moment < found[0] < found[1] < found[2]
                assert all(due.second == due.microsecond == 0 for due in found)
                # Whenever one asks, it is the same time that comes next.
                assert Calendar(cron, zone).first_after(found[0] - timedelta(seconds=1)) == found[0]


class TestCalendars:
    def test_ends_of_months(self) -> None:
        days = ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00", "2026-04-30T00:00"]
        assert first("0 0 L * *", "UTC", "2026-01-15T00:00Z", 4) == days
        assert first("0 0 31 * *", "UTC", "2026-01-15T00:00Z", 3) == [days[0], days[2], "2026-05-31T00:00"]

    def test_the_last_friday(self) -> None:
        assert first("0 9 * * 5L", "UTC", "2026-02-01T00:00Z", 2) == ["2026-02-27T09:00", "2026-03-27T09:00"]

    def test_leap_days(self) -> None:
        days = ["2028-02-29T12:00", "2032-02-29T12:00", "2036-02-29T12:00"]
        assert first("0 12 29 2 *", "UTC", "2026-01-01T00:00Z", 3) == days

    def test_names_ranges_and_steps(self) -> None:
        days = ["2026-06-01T08:00", "2026-06-01T08:20", "2026-06-01T08:40", "2026-06-03T08:00"]
        assert first("*/20 8 * jun mon,wed-fri", "UTC", "2026-06-01T00:00Z", 4) == days

    def test_day_of_month_or_day_of_week(self) -> None:
        # Both are restricted, so either suffices: the 13th, and Fridays.
        assert first("0 0 13 * 5", "UTC", "2026-06-06T00:00Z", 2) == ["2026-06-12T00:00", "2026-06-13T00:00"]

    def test_the_minute_at_hand_is_over(self) -> None:
        assert first("* * * * *", "UTC", "2026-06-01T12:00:00Z", 1) == ["2026-06-01T12:01"]
        assert first("* * * * *", "UTC", "2026-06-01T11:59:59.999Z", 1) == ["2026-06-01T12:00"]

    def test_upcoming(self) -> None:
        assert [due.day for due in upcoming("0 12 * * *", "UTC", NOON, 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("cron", "word"),
    [
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("@daily", "five fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day of week"),
        ("*/0 * * * *", "minute"),
        ("5-1 * * * *", "minute"),
        ("0 0 31 2 *", "no month has such a day"),
        ("0 0 31 4,6,9,11 *", "no month has such a day"),
        ("x * * * *", "minute"),
    ],
)
def test_bad_expressions(cron: str, word: str) -> None:
    with pytest.raises(Invalid, match=word) as caught:
        require_calendar(cron, "UTC", NOON)
    assert caught.value.code == "invalid_cron"


def test_one_that_is_never_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Calendar, "after", lambda *_: iter(()))
    with pytest.raises(Invalid, match="never be due"):
        require_calendar("* * * * *", "UTC", NOON)


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berln", "europe/berlin", "Europe", "../etc/passwd", "/etc/passwd", "", "localtime", "posix/UTC", "+1"],
)
def test_bad_zones(zone: str) -> None:
    with pytest.raises(Invalid) as caught:
        Calendar("* * * * *", zone)
    assert caught.value.code == "invalid_timezone"
    assert "passwd" not in caught.value.detail or zone in caught.value.detail
    assert ("Europe/Berlin" in caught.value.detail) == (zone != "Europe")


def made(catch_up: str, late: timedelta, most: int = 24, cron: str = "* * * * *") -> Plan:
    """The plan of one that has been due since `late` before noon."""
    return plan(Calendar(cron, "UTC"), catch_up, NOON - late, NOON + timedelta(seconds=5), most)


class TestMissedTimes:
    @pytest.mark.parametrize("catch_up", ["none", "latest", "all"])
    def test_one_that_is_on_time_runs(self, catch_up: str) -> None:
        assert made(catch_up, timedelta()) == Plan([NOON], [], NOON + timedelta(minutes=1))

    def test_none_skips_what_was_missed(self) -> None:
        found = made("none", timedelta(minutes=10))
        assert found.runs == [NOON]
        assert [due for due, _ in found.skipped] == [NOON - timedelta(minutes=minute) for minute in range(10, 0, -1)]
        hourly = made("none", timedelta(minutes=30), cron="30 * * * *")
        assert (hourly.runs, len(hourly.skipped), hourly.next) == ([], 1, NOON + timedelta(minutes=30))

    def test_latest_runs_once_for_all(self) -> None:
        found = made("latest", timedelta(minutes=150), cron="30 * * * *")
        assert found.runs == [NOON - timedelta(minutes=30)]
        assert [due.hour for due, _ in found.skipped] == [9, 10]
        assert found.next == NOON + timedelta(minutes=30)

    def test_all_runs_as_many_as_it_may(self) -> None:
        found = made("all", timedelta(minutes=10), most=3)
        assert found.runs == [NOON - timedelta(minutes=minute) for minute in (2, 1, 0)]
        assert len(found.skipped) == 8
        assert len(made("all", timedelta(minutes=10)).runs) == 11

    def test_a_minute_of_grace(self) -> None:
        within = plan(Calendar("0 12 * * *", "UTC"), "none", NOON, NOON + timedelta(seconds=60), 24)
        beyond = plan(Calendar("0 12 * * *", "UTC"), "none", NOON, NOON + timedelta(seconds=61), 24)
        assert (within.runs, beyond.runs) == ([NOON], [])

    @pytest.mark.parametrize("catch_up", ["none", "latest", "all"])
    def test_years_of_every_minute_are_told_in_few_words(self, catch_up: str) -> None:
        found = made(catch_up, timedelta(days=3650), most=2)
        assert len(found.skipped) == SKIPS_TOLD + 1
        assert found.skipped[0][0] == NOON - timedelta(days=3650)
        last_told = min(found.skipped[1][0], *(due for due, _ in found.skipped[1:]))
        assert f"{last_told:%Y-%m-%d %H:%M}" in found.skipped[0][1]
        assert len({due for due, _ in found.skipped} | set(found.runs)) == len(found.skipped) + len(found.runs)

    def test_what_was_promised_counts_although_the_expression_is_another_by_now(self) -> None:
        assert made("latest", timedelta(), cron="30 * * * *").runs == [NOON]
