"""All figures of a process, or of all processes of a service, in the format that who asks can read."""

import asyncio
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from shared.metrics import REGISTRY
from shared.metrics.readings import Readings
from shared.metrics.siblings import Siblings


class Exposition:
    """What `/metrics` answers."""

    def __init__(self, registry: CollectorRegistry, readings: Readings) -> None:
        self._registries = (registry, REGISTRY)
        self._readings = readings
        self.siblings: Siblings | None = None

    def collect(self) -> list[Metric]:
        """The figures of this process, without what has to be asked for."""
        return [family for registry in self._registries for family in registry.collect()]

    async def render(self, accepted: str) -> tuple[bytes, str]:
        """The text and its media type: OpenMetrics, which knows exemplars, where `accepted` names it."""
        read = await self._readings.collect()
        own = self.collect()
        counted = own if self.siblings is None else await self.siblings.together(own)
        encode, media_type = choose_encoder(accepted)
        # Thousands of lines, during which requests go on.
        return await asyncio.to_thread(encode, _Collected([*counted, *read])), media_type


class _Collected(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families
