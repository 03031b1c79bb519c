"""Rows for training and rows for testing."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.tabular.types import STRING

from .base import Name, NewName, Seed, StepModel
from .builder import Builder, over
from .relation import Relation
from .rows import lot


class TrainTestSplit(StepModel):
    """Divide the rows by lot."""

    title: ClassVar = "Split for training and testing"
    description: ClassVar = (
        "Adds a column that says 'test' for `fraction` of the rows (rounded, halves up) and 'train' for the others, "
        "drawn by a hash of the seed and the row's place: the same seed gives the same split whatever the machine. "
        "With `stratify` the fraction holds within each value of that column."
    )
    example: ClassVar = {"op": "train_test_split", "fraction": 0.4, "seed": 1, "as": "part"}

    op: Literal["train_test_split"]
    fraction: Annotated[float, Field(gt=0, lt=1, description="The share of test rows.")] = 0.2
    seed: Seed = 0
    stratify: Name | None = None
    as_: NewName = Field(default="split", alias="as")

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """One more column."""
        strata = [table.column(self.stratify)] if self.stratify else []
        table, key = builder.numbered(table)
        place = f"row_number() {over(strata, f'{lot(key, self.seed)}, {key}')}"
        tested = f"floor(count(*) {over(strata, '')} * {self.fraction!r}::DOUBLE + 0.5)"
        return builder.add(
            table, self.as_, STRING, f"CASE WHEN {place} <= {tested} THEN 'test' ELSE 'train' END", in_order=False
        )


MODELS: tuple[type[StepModel], ...] = (TrainTestSplit,)
