"""Association rules: what goes together in transactions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..schemas.association_parameters import AssociationParameters
from .apriori import Counts, ItemSet, frequent_sets
from .association_charts import rule_map
from .baskets import Baskets, fill_baskets
from .job import Job
from .results import Chart, Notice, Outcome, Table
from .source import Source

ROWS_SHOWN = 1000
RULE_COLUMNS = ("antecedent", "consequent", "count", "support", "confidence", "lift", "leverage")
SET_COLUMNS = ("items", "size", "count", "support")
# What a share just missed by rounding still has.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Rule:
    """Shares of transactions: with both sides, of those with the antecedent, and how they compare with chance."""

    antecedent: ItemSet
    consequent: int
    count: int
    support: float
    confidence: float
    lift: float
    leverage: float


def associate(source: Source, parameters: AssociationParameters, job: Job) -> Outcome:
    """Tables `rules`, the strongest lift first, and `itemsets`, the most frequent first.

    Raises:
        ComputeError: `too_few_rows`, `too_many_levels`, or the faults of `Source.require`.
    """
    job.report(0, 2, "Filling baskets")
    baskets = fill_baskets(source, parameters)
    job.report(1, 2, "Counting sets of items")
    counts, size = frequent_sets(baskets, parameters.max_size)
    rules = sorted(_kept(counts, baskets, parameters), key=_rank)
    larger = {items: count for items, count in counts.items() if len(items) > 1}
    summary: dict[str, object] = {
        "transactions": baskets.transactions,
        "items": len(baskets.items),
        "itemsets": len(larger),
        "rules": len(rules),
        "min_count": baskets.needed,
        "size_searched": size,
    }
    tables = [_rule_table(rules, baskets), _set_table(larger, baskets)]
    return Outcome(summary, tables, _charts(rules, baskets), _notices(rules, larger, size, parameters))


def _kept(counts: Counts, baskets: Baskets, parameters: AssociationParameters) -> Iterator[Rule]:
    for rule in _rules(counts, baskets.transactions):
        confident = rule.confidence >= parameters.min_confidence - ROUNDING
        if confident and rule.lift >= parameters.min_lift * (1 - ROUNDING):
            yield rule


def _rules(counts: Counts, total: int) -> Iterator[Rule]:
    """Every split of a frequent set into one item and the others."""
    for items, count in counts.items():
        for position, item in enumerate(items):
            others = items[:position] + items[position + 1 :]
            if others:
                before, after = counts[others], counts[(item,)]
                lift, leverage = count * total / (before * after), count / total - before * after / total**2
                yield Rule(others, item, count, count / total, count / before, lift, leverage)


def _rank(rule: Rule) -> tuple[float, float, int, int, ItemSet, int]:
    return -rule.lift, -rule.confidence, -rule.count, len(rule.antecedent), rule.antecedent, rule.consequent


def _rule_table(rules: list[Rule], baskets: Baskets) -> Table:
    rows = [
        [
            _named(r.antecedent, baskets),
            baskets.items[r.consequent],
            r.count,
            r.support,
            r.confidence,
            r.lift,
            r.leverage,
        ]
        for r in rules[:ROWS_SHOWN]
    ]
    return Table("rules", RULE_COLUMNS, rows)


def _set_table(sets: Counts, baskets: Baskets) -> Table:
    ordered = sorted(sets.items(), key=lambda entry: (-entry[1], len(entry[0]), entry[0]))[:ROWS_SHOWN]
    rows = [[_named(items, baskets), len(items), count, count / baskets.transactions] for items, count in ordered]
    return Table("itemsets", SET_COLUMNS, rows)


def _named(items: ItemSet, baskets: Baskets) -> str:
    return ", ".join(baskets.items[item] for item in items)


def _charts(rules: list[Rule], baskets: Baskets) -> list[Chart]:
    shown = rules[:ROWS_SHOWN]
    rows = [
        {
            "rule": f"{_named(rule.antecedent, baskets)} → {baskets.items[rule.consequent]}",
            "support": rule.support,
            "confidence": rule.confidence,
            "lift": rule.lift,
        }
        for rule in shown
    ]
    return [rule_map(rows, f"The {ROWS_SHOWN} of largest lift." if len(rules) > len(shown) else "")] if rows else []


def _notices(rules: list[Rule], sets: Counts, size: int, parameters: AssociationParameters) -> list[Notice]:
    notices = []
    if size < parameters.max_size:
        text = f"There are too many sets of more than {size} items, which were not searched; raise `min_support`."
        notices.append(Notice("search_bounded", text))
    if max(len(rules), len(sets)) > ROWS_SHOWN:
        text = f"Tables show {ROWS_SHOWN} of {len(rules)} rules and {len(sets)} sets at most."
        notices.append(Notice("table_cut", text))
    if not rules:
        text = "No rule has the support, confidence and lift asked for; lower them to see more."
        notices.append(Notice("no_rules", text))
    return notices
