"""Scores: what is counted of each question, and how it is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from asker import Asked
from evaluate import options_of
from question_set import Question
from scores import Scores, judge, score
from scores_text import as_markdown, as_text, head, line, write_report

QUESTION = Question("q-1", 2, ["own"], "How many | and why?", "SELECT 1", False, [[2]])


def result(rows: list[list[Any]], *claims: str, replies: int = 2) -> dict[str, Any]:
    return {
        "summary": {
            "answer": "There are 2.",
            "sql": ["SELECT 2 AS n"],
            "claims": [{"status": status} for status in claims],
            "usage": {"tokens_in": 100, "tokens_out": 20, "cost": 0.25},
        },
        "tables": [{"name": "t1", "rows": [[7]]}, {"name": "t2", "rows": rows}],
        "manifest": {"ask": {"replies": replies}},
        "warnings": [{"code": "unverified_numbers"}],
    }


@pytest.fixture
def scores() -> Scores:
    right = judge(QUESTION, Asked(1.0, result([[2]], "grounded", "grounded", replies=3)))
    wrong = judge(QUESTION, Asked(3.0, result([[3]], "grounded", "struck")))
    failed = judge(Question("q-2", 1, ["own"], "Else?", "", False, [[1]]), Asked(2.0, code="ask_failed", detail="So."))
    return score([right, wrong, failed])


def test_what_all_come_to(scores: Scores) -> None:
    assert (scores.questions, scores.right, round(scores.accuracy, 3)) == (3, 1, 0.333)
    assert scores.accuracy_by_level == {"1": 0, "2": 0.5}
    assert (scores.claims, scores.grounding, scores.answers_with_struck_numbers) == (4, 0.75, 1)
    assert (scores.repairs, scores.failures) == (1, {"ask_failed": 1})
    assert (scores.tokens_in, scores.tokens_out, scores.cost) == (200, 40, 0.5)
    assert (scores.seconds, scores.median_seconds) == (6.0, 2.0)


def test_a_question_that_was_clarified_needed_no_repair() -> None:
    assert judge(QUESTION, Asked(1.0, result([[2]], replies=1))).repairs == 0


def test_no_claims_are_no_lies_and_no_truths() -> None:
    found = score([judge(QUESTION, Asked(1.0, result([[2]])))])
    assert found.grounding is None
    assert "no numbers in answers" in as_text(found)


def test_shown_on_a_terminal(scores: Scores) -> None:
    lines = [line(one) for one in scores.outcomes]
    assert [text.split()[2] for text in lines] == ["right", "wrong", "failed"]
    assert lines[2].endswith("ask_failed")
    assert len(head()) <= 120
    text = as_text(scores)
    assert "33.3% (1 of 3; level 1: 0%, level 2: 50%)" in text
    assert "75.0% of 4" in text
    assert "ask_failed 1" in text


def test_reports(scores: Scores, tmp_path: Path) -> None:
    write_report(scores, "Own", tmp_path / "new" / "report.json")
    found = json.loads((tmp_path / "new" / "report.json").read_text())
    assert (found["title"], found["accuracy_by_level"], len(found["outcomes"])) == ("Own", {"1": 0, "2": 0.5}, 3)
    assert found["outcomes"][2]["detail"] == "So."
    write_report(scores, "Own", tmp_path / "report.md")
    page = (tmp_path / "report.md").read_text()
    assert page == as_markdown(scores, "Own")
    assert "| q-1 | 2 | wrong | 1 of 2 | 0 | 120 | 3.0 |  |" in page


@pytest.mark.parametrize("wrong", [("--limit", "0"), ("--limit", "x"), ("--least", "80"), ("--least", "-1")])
def test_options_out_of_reason_are_misuse(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options_of(["--url", "http://127.0.0.1:1", *wrong])
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err
