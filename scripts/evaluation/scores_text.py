"""Scores for people: lines for a terminal, and a page of Markdown."""

import json
from pathlib import Path

from scores import Outcome, Scores

_HEAD = ("question", "level", "table", "numbers", "repairs", "tokens", "seconds", "failure")
_LINE = "  {:<20} {:>5}  {:<6} {:>12} {:>8} {:>8} {:>8}  {}"


def line(one: Outcome) -> str:
    """One question on a terminal."""
    return _LINE.format(*_cells(one)).rstrip()


def head() -> str:
    """The line above those."""
    return _LINE.format(*_HEAD)


def summary(scores: Scores) -> list[tuple[str, str]]:
    """What all questions come to, as pairs of a name and a value."""
    levels = ", ".join(f"level {level}: {share:.0%}" for level, share in scores.accuracy_by_level.items())
    failures = ", ".join(f"{code} {count}" for code, count in sorted(scores.failures.items()))
    return [
        ("Execution accuracy", f"{scores.accuracy:.1%} ({scores.right} of {scores.questions}; {levels})"),
        ("Grounding", _grounding(scores)),
        ("Answers with struck numbers", str(scores.answers_with_struck_numbers)),
        ("Repairs", str(scores.repairs)),
        ("Failures", failures or "none"),
        ("Tokens", f"{scores.tokens_in} in, {scores.tokens_out} out"),
        ("Cost", f"{scores.cost:.6f}"),
        ("Time", f"{scores.seconds:.1f} s, {scores.median_seconds:.1f} s the median question"),
    ]


def as_text(scores: Scores) -> str:
    """The summary on a terminal."""
    return "\n".join(f"{name:<28} {value}" for name, value in summary(scores))


def as_markdown(scores: Scores, title: str) -> str:
    """A page."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(_cells(one) for one in scores.outcomes)]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    points = "\n".join(f"* {name}: {value}" for name, value in summary(scores))
    return f"# {title}\n\n{points}\n\n{table}\n"


def write_report(scores: Scores, title: str, file: Path) -> None:
    """Markdown if the name ends so, else JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".md":
        file.write_text(as_markdown(scores, title))
    else:
        file.write_text(json.dumps({"title": title, **scores.as_json()}, indent=2, ensure_ascii=False) + "\n")


def _grounding(scores: Scores) -> str:
    if scores.grounding is None:
        return "no numbers in answers"
    return f"{scores.grounding:.1%} of {scores.claims} numbers in answers"


def _cells(one: Outcome) -> tuple[str, ...]:
    numbers = f"{one.grounded} of {one.grounded + one.struck}"
    tokens = str(one.tokens_in + one.tokens_out)
    verdict = "right" if one.is_right else "failed" if one.code else "wrong"
    return one.id, str(one.level), verdict, numbers, str(one.repairs), tokens, f"{one.seconds:.1f}", one.code
