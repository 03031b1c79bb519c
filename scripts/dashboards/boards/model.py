"""What a dashboard is made of, and the short forms of PromQL that all of them use."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "table", "bargauge"]
# Value from which on a colour holds; the first one begins at the bottom.
Steps = tuple[tuple[float | None, str], ...]

NEUTRAL: Steps = ((None, "green"),)
BAD_IF_ANY: Steps = ((None, "green"), (1, "red"))
GOOD_IF_ONE: Steps = ((None, "red"), (1, "green"))
RATIO: Steps = ((None, "green"), (0.005, "yellow"), (0.05, "red"))
USE: Steps = ((None, "green"), (0.8, "yellow"), (0.95, "red"))


@dataclass(frozen=True)
class Query:
    """One expression, and how its series are called; `{{label}}` stands for a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One picture: `unit` is Grafana's name of it, `wide` of 24 columns, `stacked` for parts of a whole."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    wide: int = 8
    steps: Steps = NEUTRAL
    stacked: bool = False
    highest: float | None = None


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """One dashboard; `by_service` lets people choose services."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    by_service: bool = False


def picked(metric: str, *matchers: str, by_service: bool = False) -> str:
    """The series of the chosen instance, and of the chosen services where the dashboard has that choice."""
    wanted = ('project=~"$project"', *(('job=~"$service"',) if by_service else ()), *matchers)
    return f"{metric}{{{','.join(wanted)}}}"


def rate(metric: str, *matchers: str, by: str = "", by_service: bool = False) -> str:
    """Increase a second, summed up by these labels."""
    return f"{_sum(by)} (rate({picked(metric, *matchers, by_service=by_service)}[$__rate_interval]))"


def total(metric: str, *matchers: str, by: str = "", by_service: bool = False) -> str:
    """Values of now, summed up by these labels."""
    return f"{_sum(by)} ({picked(metric, *matchers, by_service=by_service)})"


def grown(metric: str, *matchers: str, by: str = "") -> str:
    """Increase over the time that the dashboard shows, summed up by these labels."""
    return f"{_sum(by)} (increase({picked(metric, *matchers)}[$__range]))"


def quantile(share: float, metric: str, *matchers: str, by: str = "", by_service: bool = False) -> str:
    """The quantile of a histogram; `metric` without its _bucket."""
    labels = f"{by}, le" if by else "le"
    inner = rate(f"{metric}_bucket", *matchers, by=labels, by_service=by_service)
    return f"histogram_quantile({share}, {inner})"


def mean(metric: str, *matchers: str, by: str = "", by_service: bool = False) -> str:
    """The mean of a histogram; `metric` without its _sum."""
    parts = (rate(f"{metric}_{part}", *matchers, by=by, by_service=by_service) for part in ("sum", "count"))
    above, below = parts
    return f"{above} / ({below} > 0)"


def _sum(by: str) -> str:
    return f"sum by ({by})" if by else "sum"


# What matchers of several dashboards say: of people's own requests, errors of ours, taken connections.
OWN = 'path!~"/health.*|/ready|/metrics"'
OURS = 'status=~"5.."'
USED = 'state="used"'
