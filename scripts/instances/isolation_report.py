"""What the isolation check found, as a matrix for people and as JSON for programs."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from isolation import ALLOWED, NOT_APPLICABLE, REFUSED, UNPROVEN, Outcome, Row

STATES = (REFUSED, ALLOWED, UNPROVEN, NOT_APPLICABLE)


def is_isolated(rows: Sequence[Row]) -> bool:
    """Whether every crossing that could be tried was refused."""
    return not {ALLOWED, UNPROVEN} & {outcome.state for outcome in _outcomes(rows)}


def as_json(rows: Sequence[Row], mode: str) -> dict[str, object]:
    """The shape that `check-isolation.sh --json` promises."""
    return {
        "mode": mode,
        "isolated": is_isolated(rows),
        "counts": _counts(rows),
        "crossings": [
            {"area": row.crossing.area, "crossing": row.crossing.name, "from": who, "to": at}
            | {"state": outcome.state, "note": outcome.note}
            for row in rows
            for (who, at), outcome in row.outcomes.items()
        ],
    }


def as_table(rows: Sequence[Row], mode: str) -> str:
    """A row for each crossing, a column for each ordered pair, and notes below on all that was not refused."""
    pairs = list(rows[0].outcomes)
    notes: dict[str, int] = {}
    width = max(len(row.crossing.name) for row in rows) + 2
    columns = [max(len(f"{who} → {at}"), 12) for who, at in pairs]
    heads = [f"{who} → {at}".ljust(size) for (who, at), size in zip(pairs, columns, strict=True)]
    lines = [_line(f"{mode} mode", width, heads)]
    for area, group in groupby(rows, lambda row: row.crossing.area):
        lines.append(area)
        for row in group:
            cells = [_cell(row.outcomes[pair], notes).ljust(size) for pair, size in zip(pairs, columns, strict=True)]
            lines.append(_line(row.crossing.name, width, cells))
    return "\n".join([*lines, "", *_footnotes(notes), _summary(rows)])


def _line(name: str, width: int, cells: Sequence[str]) -> str:
    return "  ".join([f"  {name:<{width}}", *cells]).rstrip()


def _cell(outcome: Outcome, notes: dict[str, int]) -> str:
    if not outcome.note:
        return outcome.state
    number = notes.setdefault(f"{outcome.state}: {outcome.note}", len(notes) + 1)
    return f"{outcome.state} ({number})"


def _footnotes(notes: dict[str, int]) -> list[str]:
    lines = [f"  ({number}) {note}" for note, number in notes.items()]
    return [*lines, ""] if lines else []


def _summary(rows: Sequence[Row]) -> str:
    counts = _counts(rows)
    said = ", ".join(f"{counts[state]} {_WORDS[state]}" for state in STATES)
    return f"{sum(counts.values())} crossings: {said}"


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    found = Counter(outcome.state for outcome in _outcomes(rows))
    return {state: found[state] for state in STATES}


def _outcomes(rows: Sequence[Row]) -> list[Outcome]:
    return [outcome for row in rows for outcome in row.outcomes.values()]


_WORDS = {REFUSED: "refused", ALLOWED: "ALLOWED", UNPROVEN: "unproven", NOT_APPLICABLE: "not applicable"}
