"""From an expression's text to DuckDB's SQL."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.tabular.types import STRING

from .failures import refused
from .nodes import NULL, Node, as_type
from .parser import Parser

# DuckDB refuses 1000 levels; a level of ours is at most three of its.
MAX_DEPTH = 250


@dataclass(frozen=True, slots=True)
class Compiled:
    """SQL that gives one value per row, its type in the contract's terms, and the columns that it reads."""

    sql: str
    type: str
    columns: frozenset[str]


def compile_expression(text: str, columns: Mapping[str, str], identifiers: Mapping[str, str] | None = None) -> Compiled:
    """Check `text` over `columns` (name → contract type) and write it anew as SQL. A bare null is a string.

    `identifiers` are the columns' identifiers in SQL where these are not their names.

    Raises:
        ComputeError: `invalid_expression`; the detail says where, why and what to write instead.
    """
    node = Parser(text, columns, identifiers or {}).parse()
    if node.depth > MAX_DEPTH:
        raise refused("The expression is too long a chain; split it into several steps", node.position)
    typed: Node = as_type(node, STRING) if node.type == NULL else node
    return Compiled(typed.sql, typed.type, typed.columns)
