"""Facts of profiles and results: which there are, what leaves of them, and texts that are held against them."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from shared.ids import new_id

from ..app.repositories.profiled_versions import ProfiledVersion
from ..app.repositories.results import Result
from ..app.schemas.llm_policies import Level
from ..app.services.facts import MOST_FACTS, Fact, Facts
from ..app.services.llm_context import TableContext, table_of
from ..app.services.profile_facts import MOST_PAIRS, profile_facts
from ..app.services.result_facts import names_personal, result_facts, told_analysis
from .ask_bench import column, profile

SECRET, CANARY = "secret", "canary-7f3a"
QUANTILES = {"p05": 1.5, "p25": 2.5, "p50": 3.5, "p75": 4.5, "p95": 5.5}
TOP = [{"value": "north", "count": 60}, {"value": "south", "count": 36}, {"value": CANARY, "count": 4}]
COLUMNS = [
    column("price", "number", nulls=25, min=1, max=9, mean=4.25, std=1.5, quantiles=QUANTILES),
    column("area", "integer", 50, min=11, max=99, mean=47.5, quantiles=None),
    column("region", "string", 3, top=TOP),
    column("day", "date", min="2024-01-01", max="2024-12-31"),
    column(SECRET, "string", 3, top=[{"value": CANARY, "count": 100}]),
]
MATRIX = {"columns": ["price", "area", SECRET], "matrix": [[1.0, 0.8125, 0.9], [0.8125, 1.0, None], [0.9, None, 1.0]]}
WARNINGS = [
    {"code": "many_nulls", "message": "Column 'price' is missing in 25 of 100 rows."},
    {"code": "constant_column", "message": f"Column '{SECRET}' has one value only."},
]
NOTES = {SECRET: {"personal": True}}


def version(columns: list[dict[str, Any]] = COLUMNS, matrix: dict[str, Any] = MATRIX) -> ProfiledVersion:
    found = {**profile(columns, matrix=matrix), "duplicates": 2, "warnings": WARNINGS}
    schema = [{"name": each["name"], "type": each["type"]} for each in columns]
    return ProfiledVersion(new_id(), "flats", 1, 100, "key", "0" * 64, schema, found, NOTES)


def table(level: Level) -> TableContext:
    return table_of(version(), level)


def facts(level: Level, focus: str = "") -> Facts:
    return Facts.of(profile_facts(version(), table(level), level, focus), list(table(level).types))


def values(found: Iterable[Fact]) -> dict[str, Any]:
    return {fact.name: fact.value for fact in found}


class TestProfile:
    def test_figures_of_the_profile(self) -> None:
        found = values(facts(Level.AGGREGATES).by_id.values())
        expected = {
            "rows": 100,
            "rows equal to an earlier one": 2,
            "warning many_nulls": "Column 'price' is missing in 25 of 100 rows.",
            "Pearson correlation of price and area": 0.8125,
            "missing values of price": 25,
            "share of missing values of price": 0.25,
            "mean of price": 4.25,
            "median of price": 3.5,
            "largest value of day": "2024-12-31",
            "rows where region is 'north'": 60,
            "rows where region is 'south'": 36,
        }
        assert {name: found.get(name) for name in expected} == expected
        assert next(iter(facts(Level.AGGREGATES).by_id)) == "f1"

    @pytest.mark.parametrize("level", Level)
    def test_personal_columns_and_rare_values_are_no_facts(self, level: Level) -> None:
        found = json.dumps([fact.as_json() for fact in facts(level).by_id.values()])
        assert SECRET not in found
        assert CANARY not in found

    def test_without_values_names_alone_leave(self) -> None:
        told = facts(Level.SCHEMA).told()
        assert told["f1"] == {"name": "rows", "value": 100}
        assert {entry["value"] for name, entry in told.items() if name != "f1"} == {"withheld"}
        assert facts(Level.AGGREGATES).told()["f2"]["value"] == 2

    def test_without_values_the_choice_of_facts_says_nothing_either(self) -> None:
        empty = dict.fromkeys(("min", "max", "mean", "std", "quantiles"))
        others = [{**each, **empty, "nulls": 0, "distinct": 9, "top": []} for each in COLUMNS]
        nothing = {**MATRIX, "matrix": [[None] * 3] * 3}
        other = version(others, nothing)
        assert other.profile is not None
        other.profile["warnings"] = []
        found = list(profile_facts(other, table_of(other, Level.SCHEMA), Level.SCHEMA))
        expected = [fact.name for fact in facts(Level.SCHEMA).by_id.values()]
        assert [fact.name for fact in found] == expected

    def test_columns_in_focus_come_first(self) -> None:
        names = [fact.name for fact in facts(Level.AGGREGATES, "What about AREA?").by_id.values()]
        assert names.index("mean of area") < names.index("mean of price")

    def test_strong_correlations_of_many(self) -> None:
        names = [f"c{number}" for number in range(30)]
        matrix = [[(one * other % 97) / 100 for other in range(30)] for one in range(30)]
        wide = version([column(name, "number") for name in names], {"columns": names, "matrix": matrix})
        found = [
            fact
            for fact in profile_facts(wide, table_of(wide, Level.ROWS), Level.ROWS)
            if fact.measure == "correlation"
        ]
        assert len(found) == MOST_PAIRS
        strongest = max(matrix[one][other] for one in range(30) for other in range(one + 1, 30))
        assert found[0].value == strongest

    def test_there_are_not_too_many(self) -> None:
        wide = version([column(f"column {number}", "number", min=1, max=2) for number in range(1000)])
        found = Facts.of(profile_facts(wide, table_of(wide, Level.ROWS), Level.ROWS), [])
        assert 50 < len(found.by_id) <= MOST_FACTS
        assert len(json.dumps(found.told())) < 25_000


def result(kind: str, tables: list[dict[str, Any]], summary: dict[str, Any], **params: Any) -> Result:
    return Result(new_id(), kind, summary, tables, [], [], [], {"params": params})


COEFFICIENTS = {
    "name": "coefficients",
    "columns": ["term", "estimate", "note"],
    "rows": [["const", 3.5, None], ["area", 2.25, CANARY], [SECRET, 7.5, None], ["region=west", 1.5, None]],
}


class TestResult:
    def test_summary_and_tables(self) -> None:
        made = result("regression", [COEFFICIENTS], {"n": 100, "r2": 0.5, "method": "ols", "aic": None})
        found = list(result_facts(made, table(Level.AGGREGATES), Level.AGGREGATES))
        assert values(found) == {
            "n": 100,
            "r2": 0.5,
            "coefficients: estimate of const": 3.5,
            "coefficients: estimate of area": 2.25,
            "coefficients: estimate in row 3": 1.5,
        }
        assert all(fact.is_told for fact in found)

    @pytest.mark.parametrize("level", Level)
    def test_members_of_a_summary_may_be_columns_and_values(self, level: Level) -> None:
        summary = {
            "missing": {"price": 3, SECRET: 7, f"log_{SECRET}": 8},
            "classes": {CANARY: 5, "n": 9},
            "strongest": {"column1": "price", "column2": SECRET, "p_value": 0.125},
            "target": CANARY,
        }
        made = result("correlation", [], summary)
        found = {fact.name: (fact.value, fact.is_told) for fact in result_facts(made, table(level), level)}
        is_told = level is not Level.SCHEMA
        expected = {"missing price": 3, "classes value 1": 5, "classes n": 9}
        assert found == {name: (value, is_told) for name, value in expected.items()}

    def test_rows_of_analyses_that_tell_of_rows_stay(self) -> None:
        scores = {"name": "scores", "columns": ["row", "score"], "rows": [[7, 3.25]]}
        made = result("anomaly", [scores], {"n": 100})
        told = {level: [*result_facts(made, table(level), level)] for level in Level}
        assert [fact.is_told for fact in told[Level.ROWS]] == [True] * 3
        assert not any(fact.is_told for level in (Level.SCHEMA, Level.AGGREGATES) for fact in told[level])

    @pytest.mark.parametrize("level", Level)
    def test_columns_called_by_values_have_numbers(self, level: Level) -> None:
        counts = {"name": "counts", "columns": ["region", CANARY, "north", SECRET], "rows": [["north", 1, 2, 3]]}
        made = result("hypothesis-test", [counts], {})
        found = json.dumps([fact.as_json() for fact in result_facts(made, table(level), level)])
        assert CANARY not in found
        assert SECRET not in found
        assert "column 2" in found

    def test_parameters_that_name_columns(self) -> None:
        made = result("regression", [], {}, target="price", features=["area", "region"], values=[CANARY], alpha=0.05)
        told = told_analysis(made, table(Level.ROWS))
        assert (told["type"], told["columns"]) == ("regression", {"target": ["price"], "features": ["area", "region"]})
        assert names_personal({"features": ["area", {"column": SECRET.upper()}]}, [SECRET])
        assert not names_personal(made.manifest["params"], [SECRET])


class TestHeld:
    SOME = Facts.of(
        [
            Fact("mean of price", 4.25, "mean", ("price",)),
            Fact("mean of area", 47.5, "mean", ("area",)),
            Fact("share of missing values of price", 0.25, "share", ("price",)),
            Fact("correlation", 0.8125, "correlation", ("price", "area")),
            Fact("smallest value of day", "2024-01-01", "min", ("day",)),
        ],
        ["price", "area", "day"],
    )

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("The mean of price is {{f1}}.", "The mean of price is 4.25."),
            ("price and area correlate by {{f4.value|2}} [f4].", "price and area correlate by 0.81."),
            ("Of price {f3|1%} is missing (f3, f1).", "Of price 25.0% is missing."),
            ("Of price 25% is missing.", "Of price 25% is missing."),
            ("price and area go together (0.81).", "price and area go together (0.81)."),
            ("price has 4.25 and area 47.5.", "price has 4.25 and area 47.5."),
            ("It begins on 2024-01-01.", "It begins on 2024-01-01."),
            ("The mean of area is 4.25.", "The mean of area is [unverified]."),
            ("It is 4.25, 4.9 or {{f9}}.", "It is 4.25, [unverified] or [unverified]."),
            ("<b>4.25</b> [x](https://evil.example) forty-two", "4.25 x [unverified]"),
        ],
    )
    def test_texts(self, text: str, shown: str) -> None:
        assert self.SOME.hold(text, self.SOME.by_id.keys()).text == shown

    def test_only_facts_that_are_named_prove_anything(self) -> None:
        held = self.SOME.hold("It is 4.25 and 47.5.", ["f1"])
        assert held.text == "It is 4.25 and [unverified]."
        assert (held.used, held.struck) == (["f1"], 1)
        assert held.claims[0] == {"text": "4.25", "value": 4.25, "fact": "f1", "status": "grounded"}
        assert held.claims[1]["fact"] is None

    def test_citations(self) -> None:
        assert self.SOME.cited_in("{{f2}} [f1; f4] {{f77}} f3") == ["f2", "f1", "f4"]
        assert self.SOME.shown(["f1", "f9", "f1"]) == [{"id": "f1", "name": "mean of price", "value": 4.25}]
