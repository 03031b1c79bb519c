"""Which columns fit, and what is said of those that do not."""

import pytest

from shared.compute.protocol import ComputeError
from shared.tabular.types import ColumnSchema

from ..app.engines.merges.fit import find, find_all, misfits, pair, require_columns
from ..app.services.diffs import compare_profiles


def columns(**types: str) -> list[ColumnSchema]:
    return [ColumnSchema(name=name, type=kind) for name, kind in types.items()]


BASE = columns(id="integer", price="number", day="date", zip="string")


def test_names_match_as_they_are_before_they_match_in_another_case() -> None:
    assert pair(["id", "Price"], ["price", "ID", "id"]) == {"id": "id", "Price": "price"}
    assert pair(["a"], ["A", "Á"]) == {"a": "A"}
    assert find("a", ["A", "b"]) == "A"
    assert find("ab", ["AB", "Ab"]) is None


def test_an_unknown_name_comes_with_the_nearest() -> None:
    assert find_all(["ZIP", "id"], ["id", "zip"], "It") == ["zip", "id"]
    with pytest.raises(ComputeError, match=r"It has no column 'pric'\. Did you mean 'Price'\?") as caught:
        find_all(["pric"], ["Price"], "It")
    assert caught.value.code == "unknown_column"


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (columns(zip="integer", day="datetime", price="integer", ID="number"), ""),
        (columns(id="integer", price="number", day="date"), "it lacks 'zip'"),
        (columns(id="integer", price="number", day="date", zip="string", more="string"), "it has the unknown 'more'"),
        (
            columns(id="string", price="boolean", day="date", zip="json"),
            "'id' is string instead of integer, 'price' is",
        ),
    ],
)
def test_columns_are_compared(file: list[ColumnSchema], says: str) -> None:
    if not says:
        require_columns(BASE, file)
        return
    with pytest.raises(ComputeError) as caught:
        require_columns(BASE, file)
    assert (caught.value.code, says in caught.value.detail) == ("schema_mismatch", True), caught.value.detail


def test_a_list_of_columns_is_bounded() -> None:
    file = columns(**{f"{number:03}{'x' * 500}": "string" for number in range(500)})
    with pytest.raises(ComputeError, match="and 490 more") as caught:
        require_columns(BASE, file)
    assert len(caught.value.detail) < 2000


def test_what_to_insist_on() -> None:
    assert misfits(BASE, columns(ID="string", price="integer", day="boolean", zip="json")) == {
        "ID": "integer",
        "day": "datetime",
    }


def test_statistics_side_by_side() -> None:
    common = {"distinct": 2, "mean": 1.5, "min": 1, "max": 2, "approximate": []}
    before = {"columns": [{"name": "n", "nulls": 0, **common}, {"name": "gone", "nulls": 0, **common}]}
    later = {"name": "n", "nulls": 1, **common, "max": 5, "mean": None, "approximate": ["distinct", "quantiles"]}
    text = {"name": "s", "nulls": 0, **common}
    found = compare_profiles(before, {"columns": [later, text]})
    assert found == [
        {
            "column": "n",
            "from": {"nulls": 0, "distinct": 2, "mean": 1.5, "min": 1, "max": 2},
            "to": {"nulls": 1, "distinct": 2, "mean": None, "min": 1, "max": 5},
            "difference": {"nulls": 1, "distinct": 0, "mean": None, "min": 0, "max": 3},
            "approximate": ["distinct"],
        }
    ]
