"""Distances and tests of drift against independent formulas and published values, and errors of the first kind."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ..app.engines.serving.drift import chi_square, kolmogorov_smirnov, psi, q_values, verdict, worst

COUNTS = st.lists(st.integers(1, 500), min_size=2, max_size=12)


def test_the_index_of_two_bins_by_hand() -> None:
    # (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5)
    assert psi([50, 50], [60, 40]) == pytest.approx(0.1 * math.log(1.2) - 0.1 * math.log(0.8), abs=1e-12)


@given(COUNTS, st.randoms(use_true_random=False), st.integers(2, 50))
def test_the_index_is_symmetric_and_zero_for_equal_shares(counts: list[int], random: Random, times: int) -> None:
    other = random.sample(counts, len(counts))
    assert psi(counts, other) == pytest.approx(psi(other, counts), abs=1e-9)
    assert psi(counts, other) >= -1e-12
    assert psi(counts, [times * count for count in counts]) == pytest.approx(0, abs=1e-9)


def test_an_empty_bin_gives_a_finite_index() -> None:
    assert 0 < psi([100, 0], [50, 50]) < 10


def test_the_distance_in_fine_bins_is_that_of_the_values() -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(size=4000), random.normal(0.1, size=3000)
    edges = np.unique(np.concatenate([first, second]))
    counts = [
        np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges)) for values in (first, second)
    ]
    exact = stats.ks_2samp(first, second, method="asymp")
    statistic, p_value = kolmogorov_smirnov(*counts)
    assert statistic == pytest.approx(exact.statistic, abs=1e-12)
    assert p_value == pytest.approx(exact.pvalue, rel=0.05)


def test_chi_square_is_the_one_of_the_textbook() -> None:
    # Agresti, An Introduction to Categorical Data Analysis, 2007, table 2.5 (gender and party): X² = 30.07, df 2.
    statistic, p_value = chi_square([762, 327, 468], [484, 239, 477])
    assert statistic == pytest.approx(30.07, abs=0.005)
    assert p_value == pytest.approx(stats.chi2.sf(30.07, 2), rel=0.01)
    assert chi_square([5, 0], [7, 0]) == (0.0, 1.0)


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    # Benjamini and Hochberg 1995, section 3.2: of these fifteen p-values the four smallest are rejected at 0.05.
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
                0.7590, 1.0000]  # fmt: skip
    assert int((q_values(p_values) <= 0.05).sum()) == 4
    assert len(q_values([])) == 0


def test_equal_distributions_are_rarely_called_different() -> None:
    random = np.random.default_rng(2)
    edges = stats.norm.ppf(np.arange(1, 10) / 10)
    found = []
    for _ in range(400):
        two = [np.bincount(np.searchsorted(edges, random.normal(size=500)), minlength=10) for _ in range(2)]
        found.append(kolmogorov_smirnov(*two)[1] < 0.05)
    # Binned, so conservative: at most the nominal share, within its error.
    assert np.mean(found) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_verdicts_need_both_distance_and_evidence() -> None:
    assert [verdict(d, q) for d, q in ((0.3, 0.01), (0.15, 0.01), (0.05, 0.001), (0.9, 0.2))] == [
        "large",
        "moderate",
        "stable",
        "stable",
    ]
    assert worst(["stable", "large", "moderate"]) == "large"
    assert worst([]) == "stable"
