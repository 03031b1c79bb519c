"""What is refused before any work is accepted, and how it is said."""

from typing import Any

import pytest

from shared.errors import Invalid

from ..app.schemas.types import ANALYSIS_TYPES
from ..app.services.parameters import check_columns, find_type, read_parameters

TYPES = {"price": "number", "Area": "integer", "district": "string", "sold": "date", "new": "boolean"}


@pytest.mark.parametrize("name", ANALYSIS_TYPES)
def test_each_example_is_accepted(name: str) -> None:
    entry = find_type(name)
    assert read_parameters(entry, entry.example).model_dump(mode="json", exclude_unset=True) == entry.example


@pytest.mark.parametrize(
    ("name", "hint"), [("regresion", "Did you mean 'regression'?"), ("magic", "The types are: describe, correlation")]
)
def test_unknown_types(name: str, hint: str) -> None:
    with pytest.raises(Invalid, match="There is no analysis of type") as caught:
        find_type(name)
    assert caught.value.code == "unknown_type"
    assert hint in caught.value.detail


@pytest.mark.parametrize(
    ("name", "params", "detail"),
    [
        ("regression", {"features": ["x"]}, "params.target: Field required."),
        ("regression", {"target": "y", "features": []}, "params.features"),
        ("regression", {"target": "y", "features": ["x", "x"]}, "features names 'x' more than once"),
        ("regression", {"target": "y", "features": ["y"]}, "cannot be a feature of itself"),
        ("regression", {"target": "y", "features": ["x"], "alpha": 1}, "params.alpha"),
        ("regression", {"target": "y", "features": ["x"], "lambda": 1}, "params.lambda: Extra inputs"),
        ("regression", {"target": "y", "features": ["x"], "method": "magic"}, "params.method"),
        ("regression", {"target": "y", "features": ["x"], "intercept": "no"}, "params.intercept"),
        ("cluster", {"columns": ["x"], "standardise": 0}, "params.standardise"),
        ("cluster", {"columns": ["x"], "k": 1}, "params.k"),
        ("cluster", {"columns": ["x"], "k": "many"}, "params.k"),
        ("cluster", {"columns": ["x", "x"]}, "columns names 'x' more than once"),
        ("correlation", {"columns": ["x"]}, "params.columns"),
        ("describe", {"columns": ["\x00"]}, "NUL"),
    ],
)
def test_invalid_parameters(name: str, params: dict[str, Any], detail: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_parameters(find_type(name), params)
    assert caught.value.code == "invalid_parameters"
    assert detail in caught.value.detail
    assert caught.value.errors[0]["loc"][:2] == ["body", "params"]


@pytest.mark.parametrize(
    ("name", "params", "code", "detail"),
    [
        ("regression", {"target": "prise", "features": ["new"]}, "column_not_found", "Did you mean 'price'?"),
        ("regression", {"target": "price", "features": ["area"]}, "column_not_found", "Did you mean 'Area'?"),
        ("describe", {"columns": ["zzz"]}, "column_not_found", "The columns are: price, Area, district, sold, new."),
        ("regression", {"target": "district", "features": ["new"]}, "not_numeric", "cast it first"),
        ("cluster", {"columns": ["price", "district"]}, "not_numeric", "'district' (columns)"),
        ("regression", {"target": "price", "features": ["sold"]}, "unsupported_column_type", "is of type date"),
    ],
)
def test_columns_that_do_not_fit(name: str, params: dict[str, Any], code: str, detail: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_columns(read_parameters(find_type(name), params), TYPES)
    assert caught.value.code == code
    assert detail in caught.value.detail


def test_columns_that_fit() -> None:
    params = {"target": "price", "features": ["Area", "district", "new"]}
    check_columns(read_parameters(find_type("regression"), params), TYPES)


def test_only_the_search_for_k_fans_out() -> None:
    cluster = find_type("cluster")
    assert read_parameters(cluster, {"columns": ["x"]}).fans_out()
    assert not read_parameters(cluster, {"columns": ["x"], "k": 3}).fans_out()
    assert not read_parameters(find_type("describe"), {}).fans_out()
