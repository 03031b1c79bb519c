"""Columns made harmless."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.tabular.names import shown
from shared.tabular.types import DATE, DATETIME, INTEGER, JSON, NUMBER, STRING

from ..expressions.nodes import SQL_TYPES
from .base import Names, StepModel
from .builder import Builder
from .failures import invalid
from .literals import double
from .relation import Column, Relation

BLOCK = 64
Keep = Annotated[int, Field(ge=0, le=100)]


class Anonymise(StepModel):
    """Hide who is meant."""

    title: ClassVar = "Anonymise"
    description: ClassVar = (
        "hash: each value becomes a pseudonym of 32 hexadecimal digits, HMAC-SHA-256 under a key that never leaves the "
        "server, cut to 128 bits: equal values stay equal, across columns and runs with the same key, and cannot be "
        "found by trying without it. mask: all letters but the first `keep_start` and last `keep_end` become *. "
        "generalise: numbers fall to the multiple of `step` below, dates to the start of their `unit`, texts to their "
        "first `letters`. drop: the columns go. Pseudonyms are no anonymity in law: combinations of other columns may "
        "still tell who is meant."
    )
    example: ClassVar = {"op": "anonymise", "columns": ["name"], "method": "mask", "keep_start": 1}

    op: Literal["anonymise"]
    columns: Names
    method: Literal["hash", "mask", "generalise", "drop"]
    keep_start: Keep = 0
    keep_end: Keep = 0
    step: Annotated[float, Field(gt=0, le=1e15)] | None = None
    unit: Literal["month", "quarter", "year", "decade"] | None = None
    letters: Annotated[int, Field(ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _how_far(self) -> Self:
        if self.method == "generalise" and not (self.step or self.unit or self.letters):
            raise ValueError("generalise needs step for numbers, unit for dates or letters for texts")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The columns without what identifies."""
        columns = table.picked(self.columns)
        if self.method == "drop":
            return table.named(table.without(self.columns))
        return builder.replace(table, {column.name: self._sql(column, builder.salt) for column in columns})

    def _sql(self, column: Column, salt: bytes) -> tuple[str, str]:
        if column.type == JSON:
            raise invalid(f"{shown(column.name)} holds nested values; drop the column or compute texts from it.")
        text = f"CAST({column.sql} AS VARCHAR)"
        if self.method == "hash":
            return STRING, f"left({_hmac(text, salt)}, 32)"
        if self.method == "mask":
            return STRING, self._masked(text)
        return self._general(column)

    def _masked(self, text: str) -> str:
        hidden = f"length({text}) - {self.keep_start + self.keep_end}"
        middle = f"{f'left({text}, {self.keep_start})' if self.keep_start else chr(39) * 2} || repeat('*', {hidden})"
        end = f" || right({text}, {self.keep_end})" if self.keep_end else ""
        # What is too short to hide anything of is hidden whole.
        return f"CASE WHEN {hidden} > 0 THEN {middle}{end} WHEN {text} IS NOT NULL THEN repeat('*', length({text})) END"

    def _general(self, column: Column) -> tuple[str, str]:
        if column.type in {INTEGER, NUMBER} and self.step:
            kind = INTEGER if column.type == INTEGER and self.step == int(self.step) else NUMBER
            step = double(self.step)
            sql = f"floor(CAST({column.sql} AS DOUBLE) / {step}) * {step}"
            return kind, f"CAST({sql} AS {SQL_TYPES[kind]})"
        if column.type in {DATE, DATETIME} and self.unit:
            return DATE, f"CAST(date_trunc('{self.unit}', {column.sql}) AS DATE)"
        if column.type == STRING and self.letters:
            return STRING, f"left(CAST({column.sql} AS VARCHAR), {self.letters})"
        needs = "step for numbers, unit for dates, letters for texts"
        raise invalid(f"{shown(column.name)} holds {column.type}; generalise needs {needs}.")


def _hmac(text: str, key: bytes) -> str:
    """SQL for the HMAC-SHA-256 (RFC 2104) of a text, as hexadecimal digits; `key` has at most 64 bytes."""
    padded = key.ljust(BLOCK, b"\0")
    inner, outer = (bytes(byte ^ mask for byte in padded).hex() for mask in (0x36, 0x5C))
    return f"sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode({text}))))"


MODELS: tuple[type[StepModel], ...] = (Anonymise,)
