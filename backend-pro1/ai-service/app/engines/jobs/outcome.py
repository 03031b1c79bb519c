"""What a distributed job returns: a result, and how large the cluster was that computed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from ..executor import Place
from ..results import Outcome, plain


@dataclass(slots=True)
class JobOutcome(Outcome):
    """An outcome; `cluster` has `nodes` and `cpus` when it was computed on Ray."""

    cluster: Mapping[str, float] | None = None

    def done_at(self, place: Place) -> JobOutcome:
        """The same, telling where it was computed."""
        self.executor, self.cluster = place.executor, place.cluster
        self.warnings.extend(place.notices)
        return self

    @override
    def as_json(self) -> dict[str, Any]:
        # Not super(): a dataclass with slots is a class made anew, which the short form does not find.
        return {**Outcome.as_json(self), "cluster": plain(self.cluster)}
