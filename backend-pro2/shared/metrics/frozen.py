"""Families as plain data, so that one process can tell another of them, and sums of the same family."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import Metric

# Name, kind, meaning, and the samples: name, labels, value.
Frozen = tuple[str, str, str, Sequence[tuple[str, Mapping[str, str], float]]]
GROWING = frozenset({"counter", "histogram", "summary"})
# Gauges of the library and of ours that no instrument declares; all others add up.
_MODES = {
    "process_start_time_seconds": "min",
    "process_max_fds": "min",
    "python_info": "max",
    "service_info": "max",
    "service_draining": "max",
}
_JOIN: dict[str, Callable[[float, float], float]] = {"min": min, "max": max}


def freeze(families: Iterable[Metric]) -> list[Frozen]:
    """The families, without their exemplars."""
    return [
        (family.name, family.type, family.documentation, [(s.name, s.labels, s.value) for s in family.samples])
        for family in families
    ]


def gauge_modes(registry: CollectorRegistry) -> dict[str, str]:
    """How gauges of several processes become one, by name, as they were declared."""
    found = {collector for collector in registry._collector_to_names if isinstance(collector, Gauge)}  # noqa: SLF001
    modes = {gauge._name: gauge._multiprocess_mode.removeprefix("live") for gauge in found}  # noqa: SLF001
    return _MODES | modes


class Sums:
    """Families of several processes, added up as far as they are of a kind that can be."""

    def __init__(self, modes: Mapping[str, str]) -> None:
        self._modes = modes
        self._families: dict[str, Metric] = {}
        self._values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}

    def add(self, families: Iterable[Any]) -> None:
        """Add what `freeze` gave, directly or by JSON."""
        for name, kind, meaning, samples in families:
            self._families.setdefault(name, Metric(name, meaning, kind))
            values = self._values.setdefault(name, {})
            join = _JOIN.get(self._modes.get(name, "sum"), _sum) if kind not in GROWING else _sum
            for sample, labels, value in samples:
                key = sample, tuple(labels.items())
                values[key] = join(values[key], value) if key in values else value

    def families(self) -> list[Metric]:
        """The sums."""
        for name, family in self._families.items():
            family.samples.clear()
            for (sample, labels), value in self._values[name].items():
                family.add_sample(sample, dict(labels), value)
        return list(self._families.values())


def _sum(one: float, other: float) -> float:
    return one + other
