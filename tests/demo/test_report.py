"""What the demo shows: the text and the page."""

import re
import xml.etree.ElementTree as ET

import pytest

from chart import Scale, clouds, page
from job import Outcome, diabetes_csv
from report import as_text, table

COLUMNS = ["term", "estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high"]
ROWS = [["const", 152.1, 2.6, 59.1, 1e-208, 147.1, 157.2], ["b<m>i", 519.8, 66.5, 7.8, 4e-14, 389.1, 650.6]]
AXES = {
    "x": {"field": "fitted", "type": "quantitative", "title": "Fitted value"},
    "y": {"field": "residual", "type": "quantitative"},
}
CLOUD = {"encoding": AXES, "data": {"values": [{"fitted": 1.0, "residual": -2.0}, {"fitted": 3.0, "residual": 4.0}]}}
RULE = {"encoding": {"y": {"field": "zero", "type": "quantitative"}}, "data": {"values": [{"zero": 0}]}}


@pytest.fixture
def outcome() -> Outcome:
    summary = {"r2": 0.5177484, "adj_r2": 0.5066, "n": 442, "f_statistic": 46.27, "f_p_value": 3.8e-62}
    return Outcome(
        dataset={},
        profile={"rows": 442, "columns": [{}] * 11},
        result={
            "summary": {**summary, "residual_std_error": 54.15},
            "tables": [{"name": "coefficients", "columns": COLUMNS, "rows": ROWS}],
            "charts": [{"title": "Residuals", "spec": {"layer": [RULE, CLOUD]}}],
            "warnings": [{"code": "x", "message": "Mind this."}],
        },
    )


def test_the_data_are_those_of_scikit_learn() -> None:
    content, features = diabetes_csv()
    lines = content.decode().splitlines()
    assert len(lines) == 443
    assert lines[0] == "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6,target"
    assert len(features) == 10


def test_a_table_is_read_by_its_columns(outcome: Outcome) -> None:
    rows = table(outcome.result, "coefficients")
    assert rows[1]["term"] == "b<m>i"
    assert rows[1]["ci_high"] == 650.6


def test_the_text_holds_fit_coefficients_and_warnings(outcome: Outcome) -> None:
    text = as_text(outcome)
    assert "R squared 0.517748" in text
    assert "442 rows, 11 columns" in text
    assert "389.1 to 650.6" in text
    assert "Mind this." in text


class TestPage:
    def test_stands_alone(self, outcome: Outcome) -> None:
        text = page(outcome)
        assert "0.517748" in text
        assert "<script" not in text
        assert not re.search(r"(src|href)=", text)

    def test_draws_the_intervals_and_the_points(self, outcome: Outcome) -> None:
        drawings = re.findall(r"<svg.*?</svg>", page(outcome), re.DOTALL)
        circles = [len(ET.fromstring(drawing).findall("{*}circle")) for drawing in drawings]  # noqa: S314
        assert circles == [1, 2]

    def test_escapes_names(self, outcome: Outcome) -> None:
        assert "b&lt;m&gt;i" in page(outcome)


def test_a_chart_without_two_numbers_is_left_out() -> None:
    assert list(clouds([{"title": "Rule", "spec": RULE}])) == []


@pytest.mark.parametrize(("low", "high"), [(-1611.2, 1143.1), (0.0, 0.3), (-4.0, 4.0), (5.0, 5.0)])
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    ticks = Scale(low, high, 0, 100).ticks()
    assert 1 <= len(ticks) <= 12
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
