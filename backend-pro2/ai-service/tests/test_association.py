"""Association rules: textbook transactions, a count by brute force, and bounds."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.compute import ComputeError

from ..app.engines.apriori import frequent_sets
from ..app.engines.baskets import Baskets
from ..app.schemas.association_parameters import AssociationParameters
from .support import Analyse

# Agrawal and Srikant, "Fast Algorithms for Mining Association Rules" (1994), figure 3.
DATABASE = [[1, 3, 4], [2, 3, 5], [1, 2, 3, 5], [2, 5]]
# Tan, Steinbach and Kumar, "Introduction to Data Mining", table of market baskets.
MARKET = [
    ["Bread", "Milk"],
    ["Bread", "Diapers", "Beer", "Eggs"],
    ["Milk", "Diapers", "Beer", "Cola"],
    ["Bread", "Milk", "Diapers", "Beer"],
    ["Bread", "Milk", "Diapers", "Cola"],
]
LONG = {"columns": ["item"], "transaction": "id"}


def long(transactions: list[list[Any]]) -> dict[str, list[Any]]:
    pairs = [(number, item) for number, items in enumerate(transactions) for item in items]
    return {"id": [number for number, _ in pairs], "item": [item for _, item in pairs]}


def rules(result: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    table = result["tables"][0]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    return {(row["antecedent"], row["consequent"]): row for row in rows}


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


class TestPublished:
    def test_agrawal_and_srikant(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("association", long(DATABASE), {**LONG, "min_support": 0.5})
        assert [row[:3] for row in result["tables"][1]["rows"]] == [
            ["2, 5", 2, 3],
            ["1, 3", 2, 2],
            ["2, 3", 2, 2],
            ["3, 5", 2, 2],
            ["2, 3, 5", 3, 2],
        ]
        assert (result["summary"]["items"], result["summary"]["transactions"], result["summary"]["min_count"]) == (
            4,
            4,
            2,
        )

    def test_market_baskets(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("association", long(MARKET), {**LONG, "min_support": 0.4, "min_confidence": 0.6})
        rule = rules(result)["Diapers, Milk", "Beer"]
        # "{Milk, Diapers} -> {Beer}" has s = 0.4 and c = 0.67.
        assert (rule["support"], rule["confidence"]) == (pytest.approx(0.4), pytest.approx(2 / 3))
        assert rule["lift"] == pytest.approx(2 / 3 / 0.6)
        assert rule["leverage"] == pytest.approx(0.4 - 0.6 * 0.6)

    def test_tea_and_coffee(self, analyse_columns: Analyse) -> None:
        # The same book: of 1000 people 150 drink both, 50 tea only, 650 coffee only; lift 0.9375.
        tea = [True] * 200 + [False] * 800
        coffee = [True] * 150 + [False] * 50 + [True] * 650 + [False] * 150
        parameters = {"columns": ["tea", "coffee"]}
        result = analyse_columns("association", {"tea": tea, "coffee": coffee}, parameters)
        rule = rules(result)["tea", "coffee"]
        assert (rule["support"], rule["confidence"], rule["lift"]) == pytest.approx((0.15, 0.75, 0.9375))
        none = analyse_columns("association", {"tea": tea, "coffee": coffee}, {**parameters, "min_lift": 1})
        assert (codes(none), none["charts"], none["tables"][0]["rows"]) == (["no_rules"], [], [])


@given(st.lists(st.sets(st.integers(0, 6)), min_size=2, max_size=20), st.integers(1, 6), st.integers(2, 4))
@settings(max_examples=80, deadline=None)
def test_sets_are_those_of_brute_force(transactions: list[set[int]], needed: int, max_size: int) -> None:
    held = np.array([[item in transaction for transaction in transactions] for item in range(7)])
    kept = [item for item in range(7) if held[item].sum() >= needed]
    baskets = Baskets([str(item) for item in kept], np.packbits(held[kept], axis=1), len(transactions), needed)
    found, size = frequent_sets(baskets, max_size)
    expected = {
        items: count
        for length in range(1, max_size + 1)
        for items in combinations(range(len(kept)), length)
        if (count := sum({kept[item] for item in items} <= transaction for transaction in transactions)) >= needed
    }
    assert (found, size) == (expected, max_size)


def test_rows_as_transactions(analyse_columns: Analyse) -> None:
    columns = {
        "colour": ["red", "red", "blue", None],
        "size": [1, 1, 2, 1],
        "sold": [True, True, False, None],
    }
    result = analyse_columns("association", columns, {"columns": [*columns], "min_support": 0.5})
    assert set(rules(result)) >= {("colour=red", "size=1"), ("colour=red, size=1", "sold"), ("sold", "colour=red")}
    assert not any("false" in side or "None" in side for pair in rules(result) for side in pair)
    assert rules(result)["size=1", "colour=red"]["confidence"] == pytest.approx(2 / 3)


def test_order_and_repetition_do_not_matter(analyse_columns: Analyse) -> None:
    data = long(MARKET)
    order = np.random.default_rng(3).permutation(len(data["id"]))
    shuffled = {name: [values[i] for i in order] * 2 for name, values in data.items()}
    results = [analyse_columns("association", columns, LONG) for columns in (data, shuffled)]
    assert results[0] == results[1]


def test_rows_without_an_id_or_an_item_are_left_out(analyse_columns: Analyse) -> None:
    data = long(DATABASE)
    more = {"id": [*map(float, data["id"]), float("nan"), 9.0], "item": [*data["item"], 2, None]}
    result = analyse_columns("association", more, {**LONG, "min_support": 0.4})
    # The transaction of id 9 is there, and empty.
    assert (result["summary"]["transactions"], result["summary"]["min_count"]) == (5, 2)
    assert rules(result)["2", "5"]["support"] == pytest.approx(0.6)


def test_the_search_and_its_tables_are_bounded(analyse_columns: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    held = np.random.default_rng(1).random((50, 25)) < 0.7
    columns = {f"c{i}": held[:, i] for i in range(25)}
    parameters = {"columns": [*columns], "min_support": 0.1, "min_confidence": 0}
    result = analyse_columns("association", columns, parameters)
    assert codes(result) == ["table_cut"]
    assert [len(table["rows"]) for table in result["tables"]] == [1000, 1000]
    monkeypatch.setattr("ai-service.app.engines.apriori.CANDIDATES_AT_MOST", 300)
    bounded = analyse_columns("association", columns, parameters)
    assert (bounded["summary"]["size_searched"], bounded["summary"]["itemsets"]) == (2, 300)
    assert codes(bounded) == ["search_bounded"]
    monkeypatch.setattr("ai-service.app.engines.apriori.SETS_AT_MOST", 100)
    assert analyse_columns("association", columns, parameters)["summary"]["size_searched"] == 1


@pytest.mark.parametrize(
    ("columns", "parameters", "code", "detail"),
    [
        ({"a": ["x"]}, {"columns": ["a"]}, "too_few_rows", "1 transactions"),
        ({"id": [1, 1], "item": ["x", "y"]}, LONG, "too_few_rows", "1 transactions"),
        ({"a": np.arange(2000) % 1500}, {"columns": ["a"], "min_support": 0.0001}, "too_many_levels", "1000 items"),
        ({"a": ["x", "y"]}, {"columns": ["b"]}, "column_not_found", "'b'"),
    ],
)
def test_faults(
    analyse_columns: Analyse, columns: dict[str, Any], parameters: dict[str, Any], code: str, detail: str
) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("association", columns, parameters)
    assert caught.value.code == code
    assert detail in caught.value.detail


def test_a_column_without_values_has_no_items(analyse_columns: Analyse) -> None:
    columns = {"a": [float("nan")] * 3, "b": ["x", "x", "x"]}
    result = analyse_columns("association", columns, {"columns": ["a", "b"]})
    assert (result["summary"]["items"], codes(result)) == (1, ["no_rules"])
    assert analyse_columns("association", columns, {"columns": ["a"]})["summary"]["items"] == 0


def test_the_id_is_no_item() -> None:
    with pytest.raises(ValueError, match="more than once"):
        AssociationParameters(columns=["a"], transaction="a")
