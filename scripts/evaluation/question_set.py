"""A set of questions over data sets, with the answers that are known to be right, as its file has it."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources import SHIPPED

DEFAULT = Path(__file__).parent / "questions.json"


class FlawedSet(Exception):
    """The file is no set of questions; the text says why."""


@dataclass(frozen=True)
class Question:
    """A question, a query that answers it, and the rows of the right answer."""

    id: str
    level: int
    datasets: Sequence[str]
    text: str
    sql: str
    is_ordered: bool
    answer: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class QuestionSet:
    """Questions, and the CSV of each data set by the name that it is uploaded by."""

    name: str
    datasets: Mapping[str, bytes]
    questions: Sequence[Question]

    def first(self, number: int | None) -> "QuestionSet":
        """Only so many questions, and the data sets that they need."""
        questions = self.questions[:number]
        needed = {name for question in questions for name in question.datasets}
        datasets = {name: content for name, content in self.datasets.items() if name in needed}
        return QuestionSet(self.name, datasets, questions)


def read_set(file: Path = DEFAULT) -> QuestionSet:
    """The set in a file of JSON; its data sets are `shipped` ones, or a `file` beside it.

    Raises:
        FlawedSet: there is none.
    """
    try:
        found = json.loads(file.read_text())
        datasets = {name: _content(entry, file.parent) for name, entry in found["datasets"].items()}
        questions = [_question(entry, datasets) for entry in found["questions"]]
        return QuestionSet(str(found["name"]), datasets, questions)
    except (OSError, ValueError) as error:
        raise FlawedSet(f"{file}: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise FlawedSet(f"{file} is no set of questions: {error!r}") from error


def _content(entry: Mapping[str, str], folder: Path) -> bytes:
    if "file" in entry:
        return (folder / entry["file"]).read_bytes()
    if entry["shipped"] not in SHIPPED:
        raise ValueError(f"no data set '{entry['shipped']}' is shipped; there are: {', '.join(SHIPPED)}")
    text = io.StringIO()
    SHIPPED[entry["shipped"]]().to_csv(text, index=False)
    return text.getvalue().encode()


def _question(entry: Mapping[str, Any], datasets: Mapping[str, bytes]) -> Question:
    unknown = [name for name in entry["datasets"] if name not in datasets]
    if unknown or not entry["datasets"]:
        raise ValueError(f"question '{entry['id']}' is about unknown data sets: {', '.join(unknown) or 'none'}")
    if not entry["answer"] or len({len(row) for row in entry["answer"]}) != 1:
        raise ValueError(f"the answer of question '{entry['id']}' needs rows of the same length")
    return Question(
        id=str(entry["id"]),
        level=int(entry.get("level", 1)),
        datasets=list(entry["datasets"]),
        text=str(entry["question"]),
        sql=str(entry.get("sql", "")),
        is_ordered=bool(entry.get("ordered", False)),
        answer=entry["answer"],
    )
