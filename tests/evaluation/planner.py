"""What a scripted model says to the questions of a set: as a good one, a liar, a clumsy one and a hostile one would."""

import json
from collections.abc import Iterable
from enum import StrEnum
from itertools import cycle
from typing import Any

from question_set import Question

Answers = list[dict[str, Any]]
# No data set of ours comes near these, nor near their roundings.
INVENTED = ("98765.4321", "-424242", "31337 %")
NO_COLUMN = "SELECT no_such_column FROM {table}"


class Mode(StrEnum):
    HONEST = "honest"
    LYING = "lying"
    CLUMSY = "clumsy"
    HOSTILE = "hostile"


HOSTILITIES = (
    json.dumps({"sql": "DROP TABLE {table}"}),
    json.dumps({"sql": "SELECT * FROM read_csv('/etc/passwd')"}),
    json.dumps({"sql": "SELECT count(*) FROM {table}; DELETE FROM {table}"}),
    "<html><script>alert(1)</script></html>",
)


def rules(questions: Iterable[Question], mode: Mode) -> dict[str, Answers]:
    """For each question, by its own text, what is said in turn."""
    hostilities = cycle(HOSTILITIES)
    return {question.text: _said(question, mode, next(hostilities)) for question in questions}


def _said(question: Question, mode: Mode, hostility: str) -> Answers:
    plan = {"text": json.dumps({"sql": question.sql})}
    table = f'"{question.datasets[0]}"'
    if mode is Mode.HOSTILE:
        return [{"text": hostility.replace("{table}", json.dumps(table)[1:-1])}]
    if mode is Mode.LYING:
        return [plan, {"text": " ".join(f"Surely {number} is right." for number in INVENTED)}]
    truth = {"text": " ".join(_sentence(row) for row in question.answer[:2])}
    if mode is Mode.CLUMSY:
        return [{"text": json.dumps({"sql": NO_COLUMN.replace("{table}", table)})}, plan, truth]
    return [plan, truth]


def _sentence(row: Iterable[Any]) -> str:
    return "Found: " + ", ".join(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row) + "."
