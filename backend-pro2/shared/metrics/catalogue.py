"""The list of all metrics, as they are declared: `python -m shared.metrics.catalogue` prints docs/metrics.md."""

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

import shared.metrics
from shared.metrics import REGISTRY
from shared.metrics.families import DECLARED

_HEAD = """# Metrics

What `/metrics` of the services and of the workers shows, made from the code by `python -m shared.metrics.catalogue`.
Where nothing of a kind has happened yet, its series are absent or 0. Beside `project`, which each instance's Prometheus
adds, every label is listed, and where its values are known beforehand, these too. `process_*` and `python_*` are the
library's own.

| Name | Kind | Labels | Meaning |
|---|---|---|---|
"""


class Entry(NamedTuple):
    """One metric: `labels` by name, with their values as far as they are known beforehand."""

    name: str
    kind: str
    labels: dict[str, list[str]]
    meaning: str


def entries() -> list[Entry]:
    """All metrics that any process of an instance shows, by name."""
    for module in pkgutil.iter_modules(shared.metrics.__path__):
        importlib.import_module(f"{shared.metrics.__name__}.{module.name}")
    from shared.metrics.http import HttpMetrics

    # Of a registry of their own, since every application has one.
    found = [*_of(REGISTRY._collector_to_names), *_collected(HttpMetrics(CollectorRegistry()))]  # noqa: SLF001
    found += [Entry(f.name, f.kind, {label: [] for label in f.labels}, f.meaning) for f in DECLARED.values()]
    return sorted(found)


def _of(collectors: Iterable[Collector]) -> Iterator[Entry]:
    for collector in collectors:
        if isinstance(collector, MetricWrapperBase):
            yield _instrument(collector)
        else:
            yield from _collected(collector)


def _instrument(instrument: MetricWrapperBase) -> Entry:
    known: Iterable[tuple[str, ...]] = getattr(instrument, "_metrics", {})
    names: tuple[str, ...] = instrument._labelnames  # noqa: SLF001 - there is no public way
    values = {name: sorted({labels[place] for labels in known}) for place, name in enumerate(names)}
    name, kind = instrument._name, str(instrument._type)  # noqa: SLF001
    return Entry(_named(name, kind), kind, values, instrument._documentation)  # noqa: SLF001


def _collected(collector: Collector) -> Iterator[Entry]:
    for family in collector.collect():
        names: Iterable[str] = getattr(family, "_labelnames", ())
        yield Entry(_named(family.name, family.type), family.type, {name: [] for name in names}, family.documentation)


def _named(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" and not name.endswith("_total") else name


def document() -> str:
    """The list as Markdown."""
    return _HEAD + "".join(_row(entry) for entry in entries())


def _row(entry: Entry) -> str:
    labels = ", ".join(
        f"`{name}`" + (f" ({', '.join(values)})" if values else "") for name, values in entry.labels.items()
    )
    return f"| `{entry.name}` | {entry.kind} | {labels} | {entry.meaning} |\n"


if __name__ == "__main__":
    sys.stdout.write(document())
