"""What every step is: a model of its members that knows its documentation and turns one table into the next."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from .builder import Builder
from .relation import Relation

MAX_LIST = 1000
Name = Annotated[str, Field(min_length=1, max_length=200, description="A column's name.")]
Names = Annotated[list[Name], Field(min_length=1, max_length=MAX_LIST, description="Names of columns.")]
AnyNames = Annotated[list[Name], Field(max_length=MAX_LIST, description="Names of columns; may be empty.")]
NewName = Annotated[str, Field(min_length=1, max_length=200, description="The name of the new column.")]
Seed = Annotated[int, Field(ge=0, lt=2**63, description="The same seed gives the same rows, on any machine.")]
Scalar = bool | int | float | str


class MembersModel(BaseModel):
    """Members that a step, or a part of one, may have: these and no others, of these very types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)


class StepModel(MembersModel, ABC):
    """The members of one kind of step."""

    title: ClassVar[str]
    description: ClassVar[str]
    example: ClassVar[dict[str, Any]]

    @abstractmethod
    def apply(self, table: Relation, builder: Builder, /) -> Relation:
        """The table after this step.

        Raises:
            ComputeError: `invalid_step`, `unknown_column`, `invalid_expression`.
        """


@dataclass(frozen=True)
class Operation:
    """A kind of step as `GET /process/operations` shows it."""

    op: str
    model: type[StepModel]

    @property
    def title(self) -> str:
        """What it is called."""
        return self.model.title

    @property
    def description(self) -> str:
        """What it does, and how figures are estimated."""
        return self.model.description

    @property
    def example(self) -> Mapping[str, Any]:
        """A step."""
        return self.model.example

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of a step; made when first asked for, as that takes a while."""
        schema = self.model.model_json_schema()
        schema.pop("description", None)
        return schema


@dataclass(frozen=True, slots=True)
class Step:
    """A checked step; `position` counts from 1."""

    position: int
    op: str
    params: StepModel

    @property
    def label(self) -> str:
        """As errors name it."""
        return f"Step {self.position} ({self.op})"
