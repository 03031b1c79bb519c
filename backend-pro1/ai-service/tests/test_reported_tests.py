"""Which p-values of a result count as hypotheses, and when two are the same."""

from typing import Any

from ..app.services.fingerprints import hashes_of
from ..app.services.reported_tests import reported_tests


def labels(summary: dict[str, Any], tables: list[dict[str, Any]] | None = None, **params: Any) -> dict[str, float]:
    found = reported_tests("anova", params, "ab", summary, tables or [])
    return {one.label: one.p_value for one in found}


def table(name: str, columns: list[str], *rows: list[Any]) -> dict[str, Any]:
    return {"name": name, "columns": columns, "rows": [*rows]}


def test_a_summary_with_parts() -> None:
    summary = {"p_value": 0.2, "f_p_value": 0.3, "homogeneity": {"p_value": 0.4}, "p_value_exact": 0.25, "n": 1}
    assert labels(summary, method="kruskal", column="price", group="district") == {
        "anova kruskal of price, district": 0.2,
        "anova kruskal of price, district: f": 0.3,
        "anova kruskal of price, district: homogeneity": 0.4,
    }


def test_tables_with_rows_and_a_matrix() -> None:
    rows = table("coefficients", ["term", "p_value"], ["const", 0.5], ["x", 0.01], ["y", None])
    matrix = table("p_values", ["column", "a", "b"], ["a", 0.0, 0.04], ["b", 0.04, 0.0])
    found = labels({"p_value": 0.01, "strongest": {"p_value": 0.04}}, [rows, matrix])
    assert found == {"anova: coefficients const": 0.5, "anova: coefficients x": 0.01, "anova: a and b": 0.04}


def test_checks_of_assumptions_and_repeated_rows_are_none() -> None:
    checks = [table(name, ["name", "p_value"], ["a", 0.5]) for name in ("diagnostics", "findings")]
    assert labels({}, checks) == {}
    assert labels({"p_value": None, "r2": 0.5, "flag_p_value": True}) == {}


def test_what_makes_two_the_same() -> None:
    def key(sha256: str = "ab", p_value: float = 0.2, **params: Any) -> bytes:
        (found,) = reported_tests("anova", {"column": "a", **params}, sha256, {"p_value": p_value}, [])
        return found.key

    assert key() == key(alpha=0.01) == key(p_value=0.2)
    assert len({key(), key("cd"), key(p_value=0.3), key(group="b")}) == 4


def test_long_names_are_cut() -> None:
    (label,) = labels({"p_value": 0.1}, column="x" * 900)
    assert (len(label), label[-1]) == (300, "…")


def test_the_warning_of_many_tests_is_in_no_fingerprint() -> None:
    answer = {"summary": {}, "tables": [], "charts": [], "warnings": [{"code": "sampled", "message": "…"}]}
    more = {**answer, "warnings": [*answer["warnings"], {"code": "multiple_testing", "message": "5 of 7"}]}
    assert hashes_of(answer) == hashes_of(more)
