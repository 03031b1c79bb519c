"""When one commit counts as slower than another."""

import pytest

from benchmarks.harness.judging import LEAST_ROUNDS, Measure

ALIKE = [100.0] * 9


def cpu(b: list[float], a: list[float] | None = None) -> Measure:
    return Measure("list of projects", "CPU us a request", a or ALIKE[: len(b)], b)


def test_equal_sides_are_no_regression() -> None:
    same = cpu(ALIKE)
    assert same.ratio == 1
    assert same.chance == 1
    assert not same.is_regression(0.1)


def test_worse_in_every_round_is_one() -> None:
    slower = cpu([125.0] * 9)
    assert slower.ratio == 1.25
    assert slower.chance == pytest.approx(1 / 2**9)
    assert slower.is_regression(0.1)


def test_what_stays_within_the_bound_is_none_however_steady() -> None:
    assert not cpu([109.0] * 9).is_regression(0.1)
    assert cpu([109.0] * 9).is_regression(0.05)


def test_what_chance_explains_is_none_however_large() -> None:
    # Six of nine rounds worse: 0.25 where nothing differs.
    unsteady = cpu([150.0] * 6 + [90.0] * 3)
    assert unsteady.ratio == 1.5
    assert unsteady.chance == pytest.approx(0.25390625)
    assert not unsteady.is_regression(0.1)


def test_rounds_without_a_difference_do_not_count() -> None:
    assert cpu([100.0, 100.0, 120.0, 120.0, 120.0]).chance == pytest.approx(1 / 8)


def test_the_least_number_of_rounds_can_show_a_regression_and_one_less_cannot() -> None:
    assert cpu([200.0] * LEAST_ROUNDS).is_regression(0.1)
    assert not cpu([200.0] * (LEAST_ROUNDS - 1)).is_regression(0.1)


def test_of_rates_fewer_are_worse() -> None:
    rates = Measure("auth/me", "requests a second", [1000.0] * 7, [800.0] * 7, more_is_better=True)
    assert rates.ratio == 1.25
    assert rates.is_regression(0.1)
    assert not Measure("auth/me", "requests a second", [800.0] * 7, [1000.0] * 7, more_is_better=True).is_regression(
        0.1
    )


def test_ratios_are_taken_within_a_round() -> None:
    # The machine became twice as slow in the middle, for both alike.
    assert not cpu([100.0] * 4 + [200.0] * 5, [100.0] * 4 + [200.0] * 5).is_regression(0.1)


def test_a_row_says_what_was_found() -> None:
    row = cpu([125.0] * 9).row(0.1)
    assert row == ["list of projects", "CPU us a request", "100", "125", "1.25", "9 of 9", "**slower**"]
    assert cpu(ALIKE).row(0.1)[-1] == "as before"
