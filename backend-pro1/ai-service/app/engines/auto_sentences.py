"""A sentence that a person understands for each finding of a scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .auto_pairs import PRESENCE, Tested
from .counts import CrossTable
from .evidence import Effect
from .samples import Sample


def sentence_of(tested: Tested, alpha: float) -> str:
    """What was found, in which direction and how large, with the interval; it claims no cause."""
    return f"{_claim(tested)} ({_size(tested.evidence.effect, alpha)}, n = {tested.evidence.n})."


def _claim(tested: Tested) -> str:
    pair = tested.pair
    if pair.kind == "trend":
        return f"{pair.first.name!r} {'rises' if tested.evidence.statistic > 0 else 'falls'} along {pair.second.name!r}"
    if pair.kind == "correlation":
        word = "higher" if tested.evidence.statistic > 0 else "lower"
        return f"Where {pair.first.name!r} is higher, {pair.second.name!r} tends to be {word}"
    if tested.table is not None:
        return _association(tested, tested.table)
    return _groups(tested, tested.parts)


def _groups(tested: Tested, parts: Sequence[Sample]) -> str:
    values = [float(np.median(part.values)) for part in parts]
    medians = [_shown(value, is_time=tested.pair.first.role == "time") for value in values]
    name, group = tested.pair.first.name, tested.pair.second
    if group.role == "presence":
        named = dict(zip((part.name for part in parts), medians, strict=True))
        shown = f"median {named[PRESENCE[1]]} there, {named[PRESENCE[0]]} elsewhere"
        return f"{name!r} differs where {group.name!r} is missing: {shown}"
    if len(parts) == 2:
        word = "higher" if tested.evidence.effect is not None and tested.evidence.effect.value > 0 else "lower"
        first, second = (f"{group.name!r} is {part.name}" for part in parts)
        return f"{name!r} is {word} where {first} (median {medians[0]}) than where {second} ({medians[1]})"
    top, bottom = int(np.argmax(values)), int(np.argmin(values))
    ends = f"highest in {parts[top].name} (median {medians[top]}), lowest in {parts[bottom].name}"
    return f"{name!r} differs between the groups of {group.name!r}: {ends} ({medians[bottom]})"


def _shown(value: float, *, is_time: bool) -> str:
    """Times come in days since 1970."""
    return str(np.datetime64(round(value), "D")) if is_time else f"{value:.4g}"


def _association(tested: Tested, table: CrossTable) -> str:
    first, second = tested.pair.first, tested.pair.second
    if second.role != "presence":
        row, column, share, overall = _extreme(table, range(len(table.rows)))
        where = f"where {second.name!r} is {table.columns[column]}"
        contrast = f"{share:.1%} of rows {where}, but {overall:.1%} of all"
        return f"{first.name!r} and {second.name!r} go together: {first.name!r} is {table.rows[row]} in {contrast}"
    turned = CrossTable(table.columns, table.rows, table.counts.T, table.dropped)
    row, column, share, overall = _extreme(turned, [turned.rows.index(PRESENCE[1])])
    where = f"where {first.name!r} is {turned.columns[column]}"
    return f"{second.name!r} is missing in {share:.1%} of rows {where}, but in {overall:.1%} of all"


def _extreme(table: CrossTable, rows: Sequence[int]) -> tuple[int, int, float, float]:
    """The cell that is furthest from what independence expects, its share of its column, and that of its row in all."""
    counts = table.counts.astype(np.float64)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / table.n
    far = np.abs(counts - expected) / np.sqrt(expected)
    chosen = [*rows]
    row, column = np.unravel_index(int(np.argmax(far[chosen])), (len(chosen), far.shape[1]))
    at = chosen[int(row)]
    share = counts[at, column] / counts[:, column].sum()
    return at, int(column), float(share), float(counts[at].sum() / table.n)


def _size(effect: Effect | None, alpha: float) -> str:
    if effect is None:
        return "no effect size"
    name = effect.name.replace("_", " ").replace("cramers v", "Cramér's V").replace("spearman rho", "Spearman's rho")
    return f"{name} {effect.value:.2f}, {100 * (1 - alpha):g} % interval {effect.ci_low:.2f} to {effect.ci_high:.2f}"
