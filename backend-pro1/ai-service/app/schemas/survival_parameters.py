"""Parameters of the analysis of times to an event."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from .columns import NUMERIC, NUMERIC_OR_TEXT, ColumnUse
from .parameters import ColumnName, Parameters, refuse_repeats


class SurvivalParameters(Parameters):
    """Times until an event, or until watching ended without it."""

    time: ColumnName = Field(description="The numeric column of times, from zero, in any unit.")
    event: ColumnName = Field(description="The column that says whether the event came or the time is censored.")
    occurred: str | None = Field(
        None,
        max_length=1000,
        description="The value of `event` that means it came; if absent true, 1, or the last of two values.",
    )
    group: ColumnName | None = Field(None, description="A column whose groups are compared by the log-rank test.")
    features: list[ColumnName] | None = Field(
        None, min_length=1, max_length=50, description="Columns of a Cox model; texts get one term for each level."
    )
    ties: Literal["efron", "breslow"] = Field("efron", description="How the Cox model treats equal times of events.")
    interval: Literal["log", "log-log", "plain"] = Field(
        "log", description="The scale on which Greenwood's standard error makes intervals of the survival curve."
    )
    alpha: float = Field(0.05, gt=0, lt=1, description="1 - alpha is the level of the confidence intervals.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("time, event and features", [self.time, self.event, *(self.features or [])])
        if self.group in {self.time, self.event}:
            raise ValueError(f"the group {self.group!r} cannot be the time or the event")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        named = [ColumnUse(self.time, "time", NUMERIC), ColumnUse(self.event, "event", NUMERIC_OR_TEXT)]
        group = [ColumnUse(self.group, "group", NUMERIC_OR_TEXT)] if self.group is not None else []
        return [*named, *group, *(ColumnUse(name, "features", NUMERIC_OR_TEXT) for name in self.features or ())]
