"""Whether the columns of a file are those of a version: names matched, types compared, differences as a sentence."""

from collections.abc import Collection, Iterable, Sequence

from shared.compute.protocol import ComputeError
from shared.tabular.names import nearest, shown
from shared.tabular.types import DATE, DATETIME, INTEGER, NUMBER, STRING, ColumnSchema

APPEND, UPSERT = "append", "upsert"
LISTED = 10
# A column of the first type can become one of the second without loss, save for integers beyond 2**53.
WIDER = {INTEGER: NUMBER, DATE: DATETIME}


def find(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` means: the same, else the only one that differs in case alone."""
    names = list(known)
    if name in names:
        return name
    alike = [other for other in names if other.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def find_all(wanted: Sequence[str], known: Sequence[str], where: str) -> list[str]:
    """Each of `wanted` as it is written in `known`.

    Raises:
        ComputeError: `unknown_column`, with the nearest name.
    """
    found = {name: find(name, known) for name in wanted}
    for name, other in found.items():
        if other is None:
            raise _unknown_column(name, known, where)
    return [other for other in found.values() if other is not None]


def pair(base: Sequence[str], file: Sequence[str]) -> dict[str, str]:
    """The file's name of each column of `base` that it has: the same first, then one that differs in case."""
    exact = set(base) & set(file)
    left = [name for name in file if name not in exact]
    found = {name: name if name in exact else find(name, left) for name in base}
    return {name: other for name, other in found.items() if other is not None}


def require_columns(base: Sequence[ColumnSchema], file: Sequence[ColumnSchema], unsure: Collection[str] = ()) -> None:
    """Let a file pass whose columns fit those of `base`; the types of its columns in `unsure` are not looked at.

    Raises:
        ComputeError: `schema_mismatch`.
    """
    types = {column["name"]: column["type"] for column in file}
    pairs = pair([column["name"] for column in base], list(types))
    wrong = [
        f"{shown(column['name'])} is {types[other]} instead of {column['type']}"
        for column in base
        if (other := pairs.get(column["name"])) and other not in unsure and not fits(column["type"], types[other])
    ]
    missing = [shown(column["name"]) for column in base if column["name"] not in pairs]
    extra = [shown(name) for name in types if name not in pairs.values()]
    parts = (("it lacks ", missing), ("it has the unknown ", extra), ("", wrong))
    said = "; ".join(start + _listed(items) for start, items in parts if items)
    if said:
        raise mismatch(f"The file does not have the dataset's columns: {said}.")


def misfits(base: Sequence[ColumnSchema], file: Sequence[ColumnSchema]) -> dict[str, str]:
    """The columns of a file whose type does not fit, each with the type that it would have to be read as."""
    types = {column["name"]: column["type"] for column in file}
    pairs = pair([column["name"] for column in base], list(types))
    wanted = {pairs[column["name"]]: column["type"] for column in base if column["name"] in pairs}
    unfit = {name: kind for name, kind in wanted.items() if not fits(kind, types[name])}
    # To read a moment as a date would cut it.
    return {name: DATETIME if kind == DATE else kind for name, kind in unfit.items()}


def mismatch(detail: str) -> ComputeError:
    """The error for a file whose columns do not fit."""
    return ComputeError("schema_mismatch", f"{detail} Change the file, or replace the content instead.")


def fits(base: str, file: str) -> bool:
    """Whether values of the contract type `file` can join a column of type `base`, widened if need be."""
    return base in (file, STRING) or WIDER.get(base) == file or WIDER.get(file) == base


def _unknown_column(name: str, known: Sequence[str], where: str) -> ComputeError:
    return ComputeError("unknown_column", f"{where} has no column {shown(name)}.{nearest(name, known)}")


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return ", ".join(items[:LISTED]) + more
