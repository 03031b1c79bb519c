"""What the catalogue says of one type of analysis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .parameters import Parameters


@dataclass(frozen=True, slots=True)
class AnalysisType:
    """A type of analysis; `cost` says how its time grows."""

    name: str
    title: str
    description: str
    parameters: type[Parameters]
    example: Mapping[str, Any]
    cost: Literal["low", "medium", "high"]
