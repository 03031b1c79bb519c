"""Even grids of time: a fixed step, calendar months, working days, or mere order."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .frames import IndexArray

# Datetimes or numbers: no type of NumPy says "what can be subtracted".
Times = npt.NDArray[Any]
# A grid with more than this many places to a value would be mostly invented.
PLACES_PER_VALUE = 3
OFF_THE_GRID = 0.1
DAY = np.timedelta64(1, "D")
SEASONS = {"hours": 24, "half hours": 48, "days": 7, "working days": 5, "weeks": 52, "months": 12, "quarters": 4}


@dataclass(frozen=True, slots=True)
class Grid:
    """Place p is `start` and p steps of `kind`; of a fixed step its length is `step`, of months their number."""

    kind: Literal["order", "step", "months", "working days"]
    start: Any = 0
    step: Any = 1
    even: bool = True
    month_end: bool = False

    def places(self, times: Times) -> IndexArray:
        """Shape of `times`, which increase."""
        if self.kind == "order":
            return np.asarray(times, dtype=np.intp) if self.even else np.arange(len(times))
        if self.kind == "months":
            return np.asarray((_month(times) - _month(self._start)[0]) // self._int_step, dtype=np.intp)
        if self.kind == "working days":
            return np.asarray(np.busday_count(self._start.astype("datetime64[D]"), times.astype("datetime64[D]")))
        return np.asarray(np.rint((times - self._start) / np.asarray(self.step)), dtype=np.intp)

    def times(self, places: IndexArray) -> Times:
        """The times at these places; the inverse of `places` where the grid is even."""
        if self.kind == "order":
            return np.asarray(places)
        if self.kind == "months":
            return self._month_times(places)
        if self.kind == "working days":
            days = self._start.astype("datetime64[D]")
            return np.asarray(np.busday_offset(days, places) + (self._start - days))
        return np.asarray(self._start + places * np.asarray(self.step))

    @property
    def season(self) -> int | None:
        """Values in the season that calendars suggest, if they do."""
        return SEASONS.get(self.unit)

    @property
    def unit(self) -> str:
        """What one step is called, or "" where it has no name."""
        if self.kind == "months":
            return {1: "months", 3: "quarters", 12: "years"}.get(self._int_step, "")
        if self.kind == "step" and isinstance(self.step, np.timedelta64):
            seconds = int(self.step / np.timedelta64(1, "s"))
            return {1800: "half hours", 3600: "hours", 86400: "days", 604800: "weeks"}.get(seconds, "")
        return "working days" if self.kind == "working days" else ""

    @property
    def _start(self) -> Times:
        return np.asarray(self.start)

    @property
    def _int_step(self) -> int:
        return int(self.step)

    def _month_times(self, places: IndexArray) -> Times:
        within = self._start - self._start.astype("datetime64[D]")
        months = (_month(self._start)[0] + places * self._int_step).astype("datetime64[M]")
        lengths = np.array([calendar.monthrange(int(m) // 12 + 1970, int(m) % 12 + 1)[1] for m in months.astype(int)])
        day = 31 if self.month_end else int(_day_of_month(self._start)[0])
        days = months.astype("datetime64[D]") + np.minimum(day, lengths) - 1
        return np.asarray((days + within).astype("datetime64[us]"))


def in_order() -> Grid:
    """The grid of positions."""
    return Grid("order")


def find_grid(times: Times) -> Grid:
    """The grid that distinct, increasing times lie on; mere order where there is none."""
    if len(times) < 3:
        return Grid("order", even=False)
    candidates = [_step_grid(times)]
    if times.dtype.kind == "M":
        candidates = [_months_grid(times), _working_days_grid(times), *candidates]
    fitting = (grid for grid in candidates if grid is not None and _fits(grid, times))
    return next(fitting, Grid("order", even=False))


def _fits(grid: Grid, times: Times) -> bool:
    places = grid.places(times)
    return bool((np.diff(places) > 0).all()) and int(places[-1]) < PLACES_PER_VALUE * len(times)


def _step_grid(times: Times) -> Grid | None:
    steps, counts = np.unique(np.diff(times), return_counts=True)
    # The most frequent step; where gaps are as frequent as steps, the least one.
    for step in (steps[np.argmax(counts)], steps[0]):
        exact = (times - times[0]) / step
        if np.abs(exact - np.rint(exact)).max() <= OFF_THE_GRID:
            return Grid("step", times[0], step)
    return None


def _months_grid(times: Times) -> Grid | None:
    months = _month(times)
    step = int(np.gcd.reduce(np.diff(months)))
    days = _day_of_month(times)
    at_end = _day_of_month(times + DAY) == 1
    if step == 0 or (np.diff(months) == 0).any() or not (at_end.all() or (days == days[0]).all()):
        return None
    return Grid("months", times[0], step, month_end=bool(at_end.all()))


def _working_days_grid(times: Times) -> Grid | None:
    days = times.astype("datetime64[D]")
    steps = np.diff(days)
    daily = len(times) > 5 and (steps == DAY).mean() > 0.5 and len(np.unique(times - days)) == 1
    return Grid("working days", times[0]) if daily and np.is_busday(days).all() else None


def _month(times: Times) -> npt.NDArray[np.int64]:
    return np.atleast_1d(times).astype("datetime64[M]").astype(np.int64)


def _day_of_month(times: Times) -> npt.NDArray[np.int64]:
    whole = np.atleast_1d(times)
    days = whole.astype("datetime64[D]") - whole.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(days.astype(np.int64) + 1)
