"""What a function takes, what it gives, and how its SQL is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.tabular.names import shown
from shared.tabular.quoting import literal
from shared.tabular.types import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, STRING

from .failures import refused
from .nodes import NUMBERS, TIMES, Node

ANY = frozenset({BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, STRING})
MAX_PATTERN = 1000
MANY = 100


@dataclass(frozen=True, slots=True)
class Parameter:
    """`alike` ones share a type; `read_as` is the type that the SQL wants; `literal` writes or refuses a constant."""

    name: str
    kinds: frozenset[str]
    alike: bool = False
    read_as: str = ""
    literal: Callable[[Node, str], str] | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """`templates` holds SQL by number of arguments, {0} for the first; "{all}" stands for all of them.

    `returns` is a type, "" for the type of the alike arguments, or a function of the arguments.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: str | Callable[[Sequence[Node]], str]
    templates: tuple[str, ...]
    description: str
    example: str
    least: int
    repeats: bool = False

    @property
    def most(self) -> int:
        """The largest number of arguments."""
        return MANY if self.repeats else len(self.parameters)

    def parameter(self, index: int) -> Parameter:
        """The parameter of an argument; the last one repeats."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    def result(self, common: str, arguments: Sequence[Node]) -> str:
        """The type of a call."""
        if callable(self.returns):
            return self.returns(arguments)
        return self.returns or common

    def write(self, arguments: Sequence[str], kind: str) -> str:
        """The SQL of a call whose type is `kind`."""
        if self.repeats:
            return self.templates[0].format(all=", ".join(arguments))
        sql = self.templates[len(arguments) - self.least].format(*arguments)
        return f"CAST({sql} AS DATE)" if kind == DATE and callable(self.returns) else sql


def number(name: str) -> Parameter:
    """A number, read as a double."""
    return Parameter(name, NUMBERS, read_as=NUMBER)


def integer(name: str) -> Parameter:
    """A whole number."""
    return Parameter(name, frozenset({INTEGER}), read_as=INTEGER)


def text(name: str) -> Parameter:
    """A text."""
    return Parameter(name, frozenset({STRING}), read_as=STRING)


def time(name: str) -> Parameter:
    """A date or a moment, in the type that it has."""
    return Parameter(name, TIMES)


def pattern(name: str = "pattern") -> Parameter:
    """A regular expression, written out."""
    return Parameter(name, frozenset({STRING}), literal=_pattern)


def choice(name: str, *words: str) -> Parameter:
    """One of these words, written out."""

    def write(node: Node, what: str) -> str:
        word = str(node.value).lower()
        if word not in words:
            raise refused(f"{what} is one of {', '.join(words)}, not {shown(str(node.value))}", node.position)
        return word

    return Parameter(name, frozenset({STRING}), literal=write)


def small(name: str, most: int) -> Parameter:
    """A whole number from 0 to `most`, written out."""

    def write(node: Node, what: str) -> str:
        if not isinstance(node.value, int) or not 0 <= node.value <= most:
            raise refused(f"{what} is a whole number from 0 to {most}", node.position)
        return str(node.value)

    return Parameter(name, frozenset({INTEGER}), literal=write)


def _pattern(node: Node, what: str) -> str:
    value = str(node.value)
    if len(value) > MAX_PATTERN:
        raise refused(f"{what} is longer than {MAX_PATTERN} characters", node.position)
    return literal(value)
