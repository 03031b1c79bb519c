"""Shapley values against their definition, and published ones."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..app.engines.serving.shapley import Attribution, Value, attribute
from ..app.engines.source import FloatArray

Function = Callable[[FloatArray], FloatArray]


def value_of(function: Function, row: FloatArray, background: FloatArray) -> Value:
    return lambda from_row, rows: function(np.where(from_row, row, background[rows]))


def by_definition(function: Function, row: FloatArray, background: FloatArray) -> FloatArray:
    """The mean over all orders, and over the background, of what each feature adds."""
    found = np.zeros(len(row))
    orders = list(permutations(range(len(row))))
    for order in orders:
        mixed = background.copy()
        for feature in order:
            before = function(mixed).mean()
            mixed[:, feature] = row[feature]
            found[feature] += (function(mixed).mean() - before) / len(orders)
    return found


def crossed(x: FloatArray) -> FloatArray:
    return np.asarray(x[:, 0] * x[:, 1] + np.sin(x[:, 2]) * x[:, 0] - np.maximum(x[:, 1], x[:, 2]))


def run(function: Function, features: int, *, rows: int = 16, is_additive: bool = False) -> tuple[Attribution, float]:
    random = np.random.default_rng(3)
    row, background = random.normal(size=features), random.normal(size=(rows, features))
    found = attribute(value_of(function, row, background), features, rows, 1, is_additive=is_additive)
    return found, float(function(row[None, :])[0])


def test_few_features_are_enumerated_as_the_definition_says() -> None:
    random = np.random.default_rng(3)
    row, background = random.normal(size=3), random.normal(size=(16, 3))
    found = attribute(value_of(crossed, row, background), 3, 16, 0, is_additive=False)
    assert found.method == "exact"
    assert found.contributions == pytest.approx(by_definition(crossed, row, background), abs=1e-12)


def test_the_glove_game() -> None:
    # Shapley values of the glove game (Shapley and Shubik 1969): two left gloves, one right one; 1/6, 1/6, 2/3.
    def pairs(x: FloatArray) -> FloatArray:
        return np.asarray(np.minimum(x[:, 0] + x[:, 1], x[:, 2]))

    found = attribute(value_of(pairs, np.ones(3), np.zeros((1, 3))), 3, 1, 0, is_additive=False)
    assert found.contributions == pytest.approx([1 / 6, 1 / 6, 2 / 3], abs=1e-15)


def test_a_linear_function_has_its_closed_form_in_one_pass() -> None:
    # Štrumbelj and Kononenko 2014, equation 12: β_i (x_i - E[X_i]).
    weights = np.arange(1.0, 10.0)
    random = np.random.default_rng(3)
    row, background = random.normal(size=9), random.normal(size=(16, 9))
    found = attribute(value_of(lambda x: x @ weights, row, background), 9, 16, 0, is_additive=True)
    assert found.contributions == pytest.approx(weights * (row - background.mean(axis=0)), abs=1e-12)
    assert (found.method, found.errors.max()) == ("exact", 0)


def test_sampled_values_lie_around_the_exact_ones_and_add_up() -> None:
    def wide(x: FloatArray) -> FloatArray:
        return np.asarray(crossed(x[:, :3]) + x[:, 3:].sum(axis=1), dtype=np.float64)

    random = np.random.default_rng(3)
    row, background = random.normal(size=8), random.normal(size=(400, 8))
    found = attribute(value_of(wide, row, background), 8, 400, 0, is_additive=False)
    exact = by_definition(crossed, row[:3], background[:, :3])
    assert found.method == "sampled"
    assert np.all(np.abs(found.contributions[:3] - exact) < 4 * found.errors[:3])
    assert found.base + found.contributions.sum() == pytest.approx(float(wide(row[None, :])[0]), abs=1e-9)
    again = attribute(value_of(wide, row, background), 8, 400, 0, is_additive=False)
    assert again.contributions.tolist() == found.contributions.tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 10), st.booleans(), st.integers(2, 20))
def test_contributions_always_add_up(features: int, additive: bool, rows: int) -> None:
    function: Function = (lambda x: x.sum(axis=1)) if additive else (lambda x: np.exp(x.sum(axis=1) / 9))
    found, prediction = run(function, features, rows=rows, is_additive=additive)
    assert found.base + found.contributions.sum() == pytest.approx(prediction, abs=1e-9)


def test_a_feature_that_does_nothing_gets_nothing_and_equal_ones_the_same() -> None:
    row, background = np.array([2.0, 2.0, 5.0]), np.zeros((4, 3))
    found = attribute(value_of(lambda x: x[:, 0] * x[:, 1], row, background), 3, 4, 0, is_additive=False)
    assert found.contributions == pytest.approx([2.0, 2.0, 0.0], abs=1e-12)
