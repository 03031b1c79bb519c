"""Parameters of each analysis type; their JSON Schemas are what `/analysis/types` serves."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from shared.schemas import RequestModel

from .columns import NUMERIC, ColumnUse

ColumnName = Annotated[str, Field(min_length=1, max_length=1000)]


class Parameters(RequestModel):
    """Base of all parameters."""

    def uses(self) -> Sequence[ColumnUse]:
        """The columns named, in the order a user should hear of their faults."""
        return ()

    def fans_out(self) -> bool:
        """Whether the work may be spread over the Ray cluster."""
        return False


class DescribeParameters(Parameters):
    """Which columns to describe."""

    columns: list[ColumnName] | None = Field(
        None, min_length=1, max_length=500, description="Columns to describe; all when absent."
    )

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return [ColumnUse(name, "columns") for name in self.columns or ()]


class CorrelationParameters(Parameters):
    """Which columns to correlate, and how."""

    columns: list[ColumnName] | None = Field(
        None,
        min_length=2,
        max_length=100,
        description="Columns to compare; when absent all numeric ones but controls, of cramers_v all texts and flags.",
    )
    method: Literal["pearson", "spearman", "kendall", "cramers_v", "partial"] = Field(
        "pearson",
        description="pearson: linear; spearman: monotonic, by ranks; kendall: tau-b, by concordant pairs; cramers_v: "
        "association of categories; partial: linear, with the controls held fixed.",
    )
    controls: list[ColumnName] | None = Field(
        None,
        min_length=1,
        max_length=50,
        description="partial, where they are required: numeric columns to hold fixed.",
    )
    alpha: float = Field(0.05, gt=0, lt=1, description="1 - alpha is the level of the confidence intervals.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("columns", self.columns or [])
        refuse_repeats("controls", self.controls or [])
        if (self.method == "partial") != (self.controls is not None):
            raise ValueError("controls belong to method partial, which needs them")
        both = set(self.columns or ()) & set(self.controls or ())
        if both:
            raise ValueError(f"{min(both)!r} cannot be compared and held fixed at once")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        types = None if self.method == "cramers_v" else NUMERIC
        columns = [ColumnUse(name, "columns", types) for name in self.columns or ()]
        return [*columns, *(ColumnUse(name, "controls", NUMERIC) for name in self.controls or ())]


def refuse_repeats(member: str, names: Sequence[str]) -> None:
    """Raises ValueError if a name occurs twice."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{member} names {repeated[0]!r} more than once")


def refuse_target_among(features: Sequence[str], target: str) -> None:
    """Raises ValueError if a feature occurs twice, or is the target."""
    refuse_repeats("features", features)
    if target in features:
        raise ValueError(f"the target {target!r} cannot be a feature of itself")


def is_changed(parameters: Parameters, name: str) -> bool:
    """Whether a member has another value than its default: a stored order names all of them."""
    return bool(getattr(parameters, name) != type(parameters).model_fields[name].default)
