"""What an analysis asks of the columns it reads, and the sentence a user gets when they do not fit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

NUMERIC = frozenset({"integer", "number", "boolean"})
NUMERIC_OR_TEXT = NUMERIC | {"string"}
LISTED_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """One column, what it is used as, and the types it may have; None: any."""

    name: str
    role: str
    types: frozenset[str] | None = None


def uses_to_learn(target: str, features: Iterable[str] | None) -> list[ColumnUse]:
    """Of what a model learns from: the target, and the features that are named."""
    return [ColumnUse(target, "target"), *(ColumnUse(name, "features") for name in features or ())]


@dataclass(frozen=True, slots=True)
class ColumnFault:
    """Why a column cannot be used: a stable code and a sentence."""

    code: str
    detail: str


def first_fault(uses: Iterable[ColumnUse], types: Mapping[str, str]) -> ColumnFault | None:
    """The first column that is absent or of a wrong type; `types` maps each column of the version to its type."""
    for use in uses:
        fault = _missing(use.name, types) or _wrong_type(use, types[use.name])
        if fault is not None:
            return fault
    return None


def _missing(name: str, types: Mapping[str, str]) -> ColumnFault | None:
    if name in types:
        return None
    return ColumnFault("column_not_found", f"No column {name!r}. {_hint(name, list(types))}")


def _hint(name: str, names: list[str]) -> str:
    by_lower_case = {candidate.lower(): candidate for candidate in names}
    close = get_close_matches(name.lower(), list(by_lower_case), n=1, cutoff=0.6)
    if close:
        return f"Did you mean {by_lower_case[close[0]]!r}?"
    more = ", …" if len(names) > LISTED_AT_MOST else ""
    return f"The columns are: {', '.join(names[:LISTED_AT_MOST])}{more}."


def _wrong_type(use: ColumnUse, found: str) -> ColumnFault | None:
    if use.types is None or found in use.types:
        return None
    if use.types == NUMERIC:
        detail = f"Column {use.name!r} ({use.role}) must hold numbers, but its type is {found}."
        return ColumnFault("not_numeric", f"{detail} Choose a numeric column or cast it first.")
    accepted = ", ".join(sorted(use.types))
    detail = f"Column {use.name!r} ({use.role}) is of type {found}; accepted here: {accepted}."
    return ColumnFault("unsupported_column_type", f"{detail} Derive such a column first.")
