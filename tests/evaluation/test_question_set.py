"""The question set: known answers as pandas computes them, data as shipped, and files that are no such set."""

import io
import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from comparing import is_answer
from question_set import FlawedSet, QuestionSet, read_set

from .recipes import RECIPES, Frames

SET = read_set()


@pytest.fixture(scope="module")
def frames() -> Frames:
    """The data as they are uploaded."""
    return {name: pd.read_csv(io.BytesIO(content)) for name, content in SET.datasets.items()}


def test_each_question_has_a_recipe() -> None:
    assert [question.id for question in SET.questions] == list(RECIPES)


@pytest.mark.parametrize("place", range(len(SET.questions)), ids=list(RECIPES))
def test_the_known_answer_is_what_pandas_computes(place: int, frames: Frames) -> None:
    question = SET.questions[place]
    computed = json.loads(RECIPES[question.id](frames).to_json(orient="values", double_precision=15))
    assert is_answer(computed, question.answer, ordered=question.is_ordered)
    assert len(computed[0]) == len(question.answer[0])


def test_questions_can_be_told_apart_by_their_texts() -> None:
    assert not [one.text for one, other in permutations(SET.questions, 2) if one.text in other.text]


def test_difficulty_rises() -> None:
    levels = [question.level for question in SET.questions]
    assert levels == sorted(levels)
    assert set(levels) == {1, 2, 3, 4}


def test_a_part_of_the_set_brings_the_data_that_it_needs() -> None:
    part = SET.first(3)
    assert ([question.id for question in part.questions], list(part.datasets)) == (list(RECIPES)[:3], ["iris", "wine"])
    assert SET.first(None) == SET


def written(folder: Path, **changes: Any) -> QuestionSet:
    question = {"id": "q", "datasets": ["own"], "question": "How many?", "answer": [[2]], **changes}
    file = folder / "set.json"
    file.write_text(json.dumps({"name": "Own", "datasets": {"own": {"file": "own.csv"}}, "questions": [question]}))
    return read_set(file)


def test_a_set_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(b"a\n1\n2\n")
    found = written(tmp_path)
    assert (found.name, found.datasets) == ("Own", {"own": b"a\n1\n2\n"})
    assert (found.questions[0].level, found.questions[0].is_ordered) == (1, False)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"datasets": ["other"]}, "unknown data sets: other"),
        ({"datasets": []}, "unknown data sets: none"),
        ({"answer": []}, "needs rows"),
        ({"answer": [[1], [1, 2]]}, "needs rows"),
        ({"answer": 5}, "no set of questions"),
    ],
)
def test_flawed_questions_are_named(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").touch()
    with pytest.raises(FlawedSet, match=reason):
        written(tmp_path, **changes)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"name": "x", "datasets": {"a": {"shipped": "b"}}, "questions": []}']
)
def test_files_that_are_no_set(text: str, tmp_path: Path) -> None:
    file = tmp_path / "set.json"
    file.write_text(text)
    with pytest.raises(FlawedSet, match=r"set\.json"):
        read_set(file)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FlawedSet, match=r"own\.csv"):
        written(tmp_path)
