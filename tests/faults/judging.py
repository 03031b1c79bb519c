"""What figures of a long run prove: slopes of processes over their undisturbed time, and latency of its two ends.

Slopes are Theil's and Sen's: the median of the slopes between all pairs of points (Sen, J. Am. Stat. Assoc. 63, 1968,
1379-1389), here of pairs within one life of a process alone, as Hirsch, Slack and Smith pool seasons (Water Resources
Research 18, 1982, 107-121). A median does not see a burst of work or a collection of garbage.
"""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# A new process loads modules, fills caches and opens its pools: what it takes then is no leak. On a busy machine that
# lasts, and a long life shows a leak all the same, so the beginning is at least a part of the life.
WARM_SECONDS = 90.0
WARM_PART = 0.25
# Two points that lie closer tell of noise alone.
APART_SECONDS = 20.0
# So long after a fault queues are worked off and connections made anew.
ECHO_SECONDS = 12.0
POINTS_OF_A_LIFE = 250
LEAST_POINTS = 6
LEAST_ANSWERS = 15

Windows = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at one moment: memory in MB, open descriptors, threads, connections by the server they lead to."""

    at: float
    process: str
    # Told apart by number and beginning: a process that supervisord started again is another one.
    life: tuple[int, float]
    memory: float
    descriptors: int
    threads: int
    links: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """When a request of one class was sent, and how long its answer took."""

    at: float
    kind: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Trend:
    """How a figure of one process went: per hour, and over the longest of its lives as far as they count."""

    points: int
    seconds: float
    per_hour: float
    rise: float
    most: float


Points = list[tuple[float, float]]


def is_calm(at: float, windows: Windows) -> bool:
    """Whether no fault lasts at that time, or has only just ended."""
    return not any(began <= at <= ended + ECHO_SECONDS for began, ended in windows)


def lives(samples: Iterable[Sample], windows: Windows, figure: Callable[[Sample], float]) -> list[Points]:
    """The points of each life of one process, without its beginning and what faults disturbed."""
    found: dict[tuple[int, float], list[Sample]] = defaultdict(list)
    for one in samples:
        found[one.life].append(one)
    groups = [
        [(one.at, figure(one)) for one in life if one.at >= _warm(life) and is_calm(one.at, windows)]
        for life in found.values()
    ]
    return [points for points in groups if len(points) >= LEAST_POINTS]


def _warm(life: Sequence[Sample]) -> float:
    born = life[0].life[1]
    return born + max(WARM_SECONDS, (life[-1].at - born) * WARM_PART)


def slope(groups: Iterable[Points]) -> float:
    """The median of the slopes between all pairs of points that lie apart, within the groups; 0 if there is none."""
    slopes = [
        (later - earlier) / (then - when)
        for points in map(thinned, groups)
        for number, (when, earlier) in enumerate(points)
        for then, later in points[number + 1 :]
        if then - when >= APART_SECONDS
    ]
    return statistics.median(slopes) if slopes else 0.0


def thinned(points: Points) -> Points:
    """At most so many of them, evenly: the pairs grow with the square."""
    step = -(-len(points) // POINTS_OF_A_LIFE) or 1
    return points[::step]


def trend(samples: Sequence[Sample], windows: Windows, figure: Callable[[Sample], float]) -> Trend | None:
    """How a figure of one process went; None if there is too little to tell."""
    groups = lives(samples, windows, figure)
    if not groups:
        return None
    steepness = slope(groups)
    longest = max(points[-1][0] - points[0][0] for points in groups)
    most = max(value for points in groups for _, value in points)
    return Trend(sum(map(len, groups)), longest, steepness * 3600, steepness * longest, most)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is still flat. A slope counts only if the figure has also risen by so much within one life."""

    memory_per_hour: float = 48.0
    memory_rise: float = 8.0
    descriptors_rise: float = 12.0
    threads_rise: float = 4.0
    # Of the medians of the last and the first third.
    latency_factor: float = 2.0
    latency_seconds: float = 0.05


def trend_flaws(process: str, samples: Sequence[Sample], windows: Windows, bounds: Bounds) -> list[str]:
    """What grows in one process that should not."""
    flaws = []
    memory = trend(samples, windows, lambda one: one.memory)
    if memory and memory.per_hour > bounds.memory_per_hour and memory.rise > bounds.memory_rise:
        flaws.append(f"{process}: memory grows by {memory.per_hour:.0f} MB an hour, {memory.rise:.1f} MB in one life")
    for word, figure, limit in (
        ("descriptors", descriptors_of, bounds.descriptors_rise),
        ("threads", threads_of, bounds.threads_rise),
    ):
        found = trend(samples, windows, figure)
        if found and found.rise > limit:
            flaws.append(f"{process}: open {word} grow by {found.rise:.0f} in one life of {found.seconds:.0f} s")
    return flaws


def descriptors_of(sample: Sample) -> float:
    return sample.descriptors


def threads_of(sample: Sample) -> float:
    return sample.threads


def pool_flaws(samples: Iterable[Sample], most: Mapping[str, int]) -> list[str]:
    """Processes that held more connections to a server than their pools may."""
    found: dict[tuple[str, str], int] = {}
    for one in samples:
        for server, count in one.links.items():
            if count > most.get(server, count):
                found[one.process, server] = max(count, found.get((one.process, server), 0))
    return [
        f"{process}: {count} connections to {server}, {most[server]} at most"
        for (process, server), count in sorted(found.items())
    ]


def thirds(answers: Iterable[Answer], began: float, ended: float) -> dict[str, tuple[list[float], list[float]]]:
    """By class: how long answers took in the first and in the last third of the run."""
    first, last = began + (ended - began) / 3, ended - (ended - began) / 3
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for one in answers:
        if began <= one.at < first:
            found[one.kind][0].append(one.seconds)
        elif last <= one.at < ended:
            found[one.kind][1].append(one.seconds)
    return dict(found)


def latency_flaws(
    ends: Mapping[str, tuple[Sequence[float], Sequence[float]]], busier: float, bounds: Bounds
) -> list[str]:
    """Classes that became slower; `busier` says how much slower the machine itself was in the last third."""
    flaws = []
    for kind, (first, last) in sorted(ends.items()):
        if min(len(first), len(last)) < LEAST_ANSWERS:
            continue
        before, after = statistics.median(first), statistics.median(last)
        if after > before * bounds.latency_factor * max(1.0, busier) + bounds.latency_seconds:
            flaws.append(f"{kind}: {before * 1000:.0f} ms in the first third, {after * 1000:.0f} ms in the last")
    return flaws


def ratio(ends: tuple[Sequence[float], Sequence[float]] | None) -> float:
    """How many times as long the last third took; 1 if that cannot be told."""
    if ends is None or not all(ends):
        return 1.0
    return statistics.median(ends[1]) / statistics.median(ends[0])
