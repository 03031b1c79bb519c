"""Parameters of the search for association rules."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator
from typing_extensions import override

from .columns import NUMERIC_OR_TEXT, ColumnUse
from .parameters import ColumnName, Parameters, refuse_repeats

ID_TYPES = NUMERIC_OR_TEXT | {"date", "datetime"}


class AssociationParameters(Parameters):
    """What goes together in transactions, each of them a row, or all rows of one id."""

    columns: list[ColumnName] = Field(
        min_length=1,
        max_length=50,
        description="Columns of items. A true value is an item of the column's name, any other one `column=value`; "
        "with `transaction` and one column the item is the value alone. False and missing values are no items.",
    )
    transaction: ColumnName | None = Field(
        None, description="A column of ids: rows of one id are one transaction. Each row is one when absent."
    )
    min_support: float = Field(0.05, ge=0.0001, le=1, description="Least share of transactions that have all items.")
    min_confidence: float = Field(0.5, ge=0, le=1, description="Least share of those with the antecedent.")
    min_lift: float = Field(0, ge=0, le=1e6, description="Least lift: how often together, over what chance would make.")
    max_size: int = Field(3, ge=2, le=6, description="Most items in a rule, both sides together.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("columns and transaction", [use.name for use in self.uses()])
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        ids = [ColumnUse(self.transaction, "transaction", ID_TYPES)] if self.transaction is not None else []
        return [*ids, *(ColumnUse(name, "columns", NUMERIC_OR_TEXT) for name in self.columns)]
