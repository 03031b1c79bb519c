"""JSON merge patch: the examples of RFC 7396, appendix A, whose target or patch is an object."""

from typing import Any

import pytest

from ..app.core.merge_patch import merged

EXAMPLES: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
def test_examples_of_the_standard(target: Any, patch: dict[str, Any], result: dict[str, Any]) -> None:
    assert merged(target, patch) == result


def test_the_target_stays_as_it_was() -> None:
    target: dict[str, Any] = {"a": {"b": 1}}
    merged(target, {"a": {"b": None}, "c": 1})
    assert target == {"a": {"b": 1}}
