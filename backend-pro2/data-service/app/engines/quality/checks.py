"""Check the rules of a dataset against one version: one scan for all rules about single rows."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import duckdb

from shared.compute import Report
from shared.compute.protocol import ComputeError
from shared.tabular.duck import confine, connect, engine_memory_mb, error_message
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import ColumnSchema, contract_type
from shared.tabular.values import json_value

from .rules import RowRule, TableRule, compile_rule

SAMPLES = 5
# Outcomes are kept with every check, and values may be as long as a file.
SAMPLE_LETTERS = 200
SAMPLE_COLUMNS = 20
RULES_A_SCAN = 50


class QualityJob(TypedDict):
    """`rules` as stored, each with id and severity; `parents` are files by dataset id, for foreign keys."""

    path: str
    scratch: str
    rules: list[dict[str, Any]]
    parents: dict[str, str]
    memory_mb: int
    threads: int


class RuleOutcome(TypedDict):
    """How one rule came out (schemas.quality.RuleResult)."""

    rule_id: str
    rule: dict[str, Any]
    severity: str
    passed: bool
    checked: int
    violations: int
    share: float
    samples: list[Any]
    message: str


class QualityAnswer(TypedDict):
    """All outcomes, in the order of the rules, and the judgement: passed, warned or failed."""

    status: str
    results: list[RuleOutcome]


def run(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Check a stored version (job: QualityJob, answer: QualityAnswer).

    Raises:
        ComputeError: never for a broken rule; one that cannot be checked is broken, and its message says why.
    """
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    with connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=Path(job["scratch"])) as connection:
        answer = check(connection, Path(job["path"]), job["rules"], job["parents"])
    report(1, 1, "Checked")
    return dict(answer)


def check(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    rules: Sequence[Mapping[str, Any]],
    parents: Mapping[str, str],
) -> QualityAnswer:
    """The outcomes of `rules` for the Parquet file `path`; afterwards the connection reaches no other files.

    `parents` are files by dataset id, for foreign keys.
    """
    confine(connection, path, *parents.values())
    source = f"read_parquet({literal(path)})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - a quoted literal
    schema = [ColumnSchema(name=row[0], type=contract_type(row[1])) for row in described]
    outcomes: dict[str, RuleOutcome] = {}
    row_rules: list[tuple[Mapping[str, Any], RowRule]] = []
    for stored in rules:
        try:
            compiled = compile_rule(stored["rule"], schema, parents, source)
        except ComputeError as error:
            outcomes[stored["id"]] = _unchecked(stored, error.detail)
            continue
        if isinstance(compiled, RowRule):
            row_rules.append((stored, compiled))
        else:
            outcomes[stored["id"]] = _table_outcome(connection, stored, compiled)
    for start in range(0, len(row_rules), RULES_A_SCAN):
        outcomes.update(_scan(connection, source, row_rules[start : start + RULES_A_SCAN]))
    results = [outcomes[stored["id"]] for stored in rules]
    return QualityAnswer(status=judge(results), results=results)


def judge(results: Sequence[Mapping[str, Any]]) -> str:
    """`failed` when a rule of severity error is broken, `warned` when only others are."""
    broken = {result["severity"] for result in results if not result["passed"]}
    if "error" in broken:
        return "failed"
    return "warned" if broken else "passed"


def _scan(
    connection: duckdb.DuckDBPyConnection, source: str, rules: Sequence[tuple[Mapping[str, Any], RowRule]]
) -> Iterator[tuple[str, RuleOutcome]]:
    """All counts in one scan; each rule alone if one of them stops it, so that the others are still checked."""
    expressions = ", ".join(f"count_if({rule.applies}), count_if({rule.broken})" for _, rule in rules)
    try:
        counts = connection.execute(f"SELECT {expressions} FROM {source}").fetchone() or ()  # noqa: S608
    except duckdb.Error as error:
        if len(rules) == 1:
            yield rules[0][0]["id"], _unchecked(rules[0][0], _reason(error))
            return
        for single in rules:
            yield from _scan(connection, source, [single])
        return
    for (stored, rule), checked, violations in zip(rules, counts[::2], counts[1::2], strict=True):
        samples = _samples(connection, source, rule) if violations else []
        yield stored["id"], _outcome(stored, checked, violations, samples, rule.message(checked, violations))


def _samples(connection: duckdb.DuckDBPyConnection, source: str, rule: RowRule) -> list[Any]:
    names = rule.columns[:SAMPLE_COLUMNS]
    columns = ", ".join(identifier(name) for name in names)
    rows = connection.execute(
        f"SELECT {columns} FROM {source} WHERE {rule.broken} LIMIT {SAMPLES}"  # noqa: S608 - quoted identifiers
    ).fetchall()
    if len(names) == 1:
        return [_sample(row[0]) for row in rows]
    return [dict(zip(names, map(_sample, row), strict=True)) for row in rows]


def _sample(value: object) -> Any:
    """A value to be looked at: what is long is cut."""
    shown = json_value(value)
    text = str(shown) if isinstance(shown, str | list | dict) else ""
    return shown if len(text) <= SAMPLE_LETTERS else f"{text[:SAMPLE_LETTERS]}…"


def _table_outcome(connection: duckdb.DuckDBPyConnection, stored: Mapping[str, Any], rule: TableRule) -> RuleOutcome:
    try:
        checked, violations, seen = connection.execute(rule.counts).fetchone() or (0, 0, None)
        rows = connection.execute(rule.samples).fetchall() if violations and rule.samples else []
    except duckdb.Error as error:
        return _unchecked(stored, _reason(error))
    samples = [_sample(row[0] if len(row) == 1 else row) for row in rows]
    seen = json_value(seen) if isinstance(seen, dt.date | dt.datetime) else seen
    return _outcome(stored, checked, violations, samples, rule.message(checked, violations, seen))


def _reason(error: duckdb.Error) -> str:
    # What is said about files names their paths.
    if isinstance(error, duckdb.IOException | duckdb.PermissionException):
        return "a file that it needs is not on this machine any more; check again."
    return error_message(error).partition("\n")[0][:200]


def _outcome(stored: Mapping[str, Any], checked: int, violations: int, samples: list[Any], message: str) -> RuleOutcome:
    rule = dict(stored["rule"])
    share = violations / checked if checked else float(violations > 0)
    return RuleOutcome(
        rule_id=stored["id"],
        rule=rule,
        severity=stored["severity"],
        passed=share <= rule.get("max_share", 0),
        checked=checked,
        violations=violations,
        share=share,
        samples=samples,
        message=message,
    )


def _unchecked(stored: Mapping[str, Any], reason: str) -> RuleOutcome:
    outcome = _outcome(stored, 0, 0, [], f"The rule cannot be checked: {reason}")
    outcome["passed"] = False
    return outcome
