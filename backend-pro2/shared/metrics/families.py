"""Families of figures that are read when somebody scrapes, declared so that the catalogue lists them, too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Values = Mapping[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Family:
    """Name (a counter's ends in `_total`), meaning and labels of one figure."""

    kind: Literal["gauge", "counter"]
    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    def of(self, values: Values | float) -> Metric:
        """The family with its values by labels, or the one value of a family that has no labels."""
        make = GaugeMetricFamily if self.kind == "gauge" else CounterMetricFamily
        metric = make(self.name, self.meaning, labels=self.labels)
        for labels, value in (values if isinstance(values, Mapping) else {(): values}).items():
            metric.add_metric(labels, value)
        return metric


DECLARED: dict[str, Family] = {}


def gauge_family(name: str, meaning: str, labels: tuple[str, ...] = ()) -> Family:
    """Declare a figure that goes up and down."""
    return DECLARED.setdefault(name, Family("gauge", name, meaning, labels))


def counter_family(name: str, meaning: str, labels: tuple[str, ...] = ()) -> Family:
    """Declare a figure that only grows; `name` ends in `_total`."""
    return DECLARED.setdefault(name, Family("counter", name, meaning, labels))
