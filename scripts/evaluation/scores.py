"""How well a model did: each question's outcome, and what all of them come to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from asker import Asked
from comparing import is_answer
from question_set import Question

# A plan and an answer; each reply beyond mends a plan.
REPLIES_NEEDED = 2


@dataclass(frozen=True)
class Outcome:
    """What came of one question."""

    id: str
    level: int
    question: str
    is_right: bool
    code: str = ""
    detail: str = ""
    answer: str = ""
    sql: Sequence[str] = ()
    grounded: int = 0
    struck: int = 0
    repairs: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    warnings: Sequence[str] = ()


def judge(question: Question, asked: Asked) -> Outcome:
    """Hold what came of a question against what is known."""
    seconds = round(asked.seconds, 3)
    nothing = Outcome(question.id, question.level, question.text, is_right=False, seconds=seconds)
    if asked.result is None:
        return replace(nothing, code=asked.code, detail=asked.detail)
    summary = asked.result["summary"]
    statuses = Counter(claim["status"] for claim in summary["claims"])
    return replace(
        nothing,
        is_right=any(
            is_answer(table["rows"], question.answer, ordered=question.is_ordered) for table in asked.result["tables"]
        ),
        answer=summary["answer"],
        sql=summary["sql"],
        grounded=statuses["grounded"],
        struck=statuses["struck"],
        repairs=max(0, asked.result["manifest"]["ask"]["replies"] - REPLIES_NEEDED),
        warnings=[warning["code"] for warning in asked.result["warnings"]],
        **summary["usage"],
    )


@dataclass(frozen=True)
class Scores:
    """What all outcomes come to. Shares are fractions of 1; None is that of no claims at all."""

    questions: int
    right: int
    accuracy: float
    accuracy_by_level: dict[str, float]
    claims: int
    grounding: float | None
    answers_with_struck_numbers: int
    repairs: int
    failures: dict[str, int]
    tokens_in: int
    tokens_out: int
    cost: float
    seconds: float
    median_seconds: float
    outcomes: Sequence[Outcome] = field(repr=False, default=())

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return asdict(self)


def score(outcomes: Sequence[Outcome]) -> Scores:
    """Sum up the outcomes of one question at least."""
    right, grounded = sum(one.is_right for one in outcomes), sum(one.grounded for one in outcomes)
    claims = grounded + sum(one.struck for one in outcomes)
    seconds = sorted(one.seconds for one in outcomes)
    return Scores(
        questions=len(outcomes),
        right=right,
        accuracy=right / len(outcomes),
        accuracy_by_level=_by_level(outcomes),
        claims=claims,
        grounding=grounded / claims if claims else None,
        answers_with_struck_numbers=sum(one.struck > 0 for one in outcomes),
        repairs=sum(one.repairs for one in outcomes),
        failures=dict(Counter(one.code for one in outcomes if one.code)),
        tokens_in=sum(one.tokens_in for one in outcomes),
        tokens_out=sum(one.tokens_out for one in outcomes),
        cost=sum(one.cost for one in outcomes),
        seconds=round(sum(seconds), 3),
        median_seconds=seconds[len(seconds) // 2],
        outcomes=outcomes,
    )


def _by_level(outcomes: Sequence[Outcome]) -> dict[str, float]:
    levels: dict[str, list[bool]] = {}
    for one in sorted(outcomes, key=lambda outcome: outcome.level):
        levels.setdefault(str(one.level), []).append(one.is_right)
    return {level: sum(rights) / len(rights) for level, rights in levels.items()}
