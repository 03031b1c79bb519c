"""The p-values that a result reports, each with a name and a key that is the same for the same hypothesis."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..repositories.hypotheses import Hypothesis
from .fingerprints import canonical

# Checks of a model's assumptions are no hypotheses about the data; findings repeat rows of the table `hypotheses`.
_NO_TESTS = frozenset({"diagnostics", "findings"})
_SUBJECTS = (
    "target", "exposure", "outcome", "event", "time", "column", "column2", "group", "groups", "columns", "features",
    "strata",
)  # fmt: skip
# They change how a hypothesis is judged or shown, not what it is.
_PRESENTATION = frozenset({"alpha", "charts", "findings"})
LABEL_CHARACTERS = 300
_SHOWN_SUBJECTS = 3


def reported_tests(
    kind: str, params: Mapping[str, Any], sha256: str, summary: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]
) -> list[Hypothesis]:
    """The hypotheses of a result: `p_value` of the summary and of its parts, of each row of a table, and the pairs of a
    table `p_values`. A p-value of the summary that a table has too is one of the table's.
    """
    rows = [found for table in tables if table["name"] not in _NO_TESTS for found in _in_table(table)]
    known = {p_value for _, p_value in rows}
    found = [*((place, p) for place, p in _in_summary("", summary) if p not in known), *rows]
    subject = _subject(kind, params)
    asked = {name: value for name, value in params.items() if name not in _PRESENTATION}
    hypotheses = [
        Hypothesis(_named(subject, place), p_value, _key(kind, asked, sha256, place, p_value))
        for place, p_value in found
    ]
    return [*{one.key: one for one in hypotheses}.values()]


def _in_summary(place: str, summary: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in summary.items():
        if isinstance(value, Mapping):
            yield from _in_summary(f"{place} {name}".strip(), value)
        elif (name == "p_value" or name.endswith("_p_value")) and _is_probability(value):
            yield f"{place} {name.removesuffix('p_value').strip('_')}".strip(), float(value)


def _in_table(table: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    columns = table["columns"]
    if table["name"] == "p_values":
        for number, row in enumerate(table["rows"]):
            # The matrix is symmetric; its first column names the rows.
            for name, value in [*zip(columns, row, strict=True)][number + 2 :]:
                if _is_probability(value):
                    yield f"{row[0]} and {name}", float(value)
    elif "p_value" in columns:
        position = columns.index("p_value")
        for number, row in enumerate(table["rows"]):
            if _is_probability(row[position]):
                yield f"{table['name']} {_row_name(row, number)}", float(row[position])


def _row_name(row: Sequence[Any], number: int) -> str:
    words = []
    for cell in row:
        if not isinstance(cell, str):
            break
        words.append(cell)
    return ", ".join(words) or str(number)


def _is_probability(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _subject(kind: str, params: Mapping[str, Any]) -> str:
    named: list[str] = []
    for name in _SUBJECTS:
        value = params.get(name)
        named += [value] if isinstance(value, str) else [str(item) for item in value or ()]
    method = params.get("method")
    more = ", …" if len(named) > _SHOWN_SUBJECTS else ""
    shown = ", ".join(named[:_SHOWN_SUBJECTS]) + more
    head = f"{kind} {method}" if method else kind
    return f"{head} of {shown}" if shown else head


def _named(subject: str, place: str) -> str:
    label = f"{subject}: {place}" if place else subject
    return label if len(label) <= LABEL_CHARACTERS else f"{label[: LABEL_CHARACTERS - 1]}…"


def _key(kind: str, params: Mapping[str, Any], sha256: str, place: str, p_value: float) -> bytes:
    # Without the seed: where it matters p differs, and the hypothesis counts anew.
    content = json.dumps(canonical([kind, params, sha256, place, p_value]), sort_keys=True)
    return hashlib.sha256(content.encode()).digest()
