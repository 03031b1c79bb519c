"""The result of the regression as text that a person can read."""

from typing import Any

from job import Outcome


def table(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A table of the result as one mapping a row."""
    found = next(entry for entry in result["tables"] if entry["name"] == name)
    columns = [column["name"] if isinstance(column, dict) else column for column in found["columns"]]
    return [dict(zip(columns, row, strict=True)) if isinstance(row, list) else row for row in found["rows"]]


def as_text(outcome: Outcome) -> str:
    """Profile in a line, coefficients in a table, quality of the fit below."""
    summary = outcome.result["summary"]
    lines = [
        f"Dataset     {outcome.profile['rows']} rows, {len(outcome.profile['columns'])} columns",
        "",
        f"{'term':<8} {'estimate':>10} {'std error':>10} {'t':>8} {'p':>9} {'95 % interval':>20}",
    ]
    lines += [_row(row) for row in table(outcome.result, "coefficients")]
    lines += [
        "",
        f"R squared {summary['r2']:.6f}   adjusted {summary['adj_r2']:.6f}   n {summary['n']}",
        f"F {summary['f_statistic']:.3f} (p {summary['f_p_value']:.2g})   "
        f"residual std error {summary['residual_std_error']:.3f}",
    ]
    lines += [f"Note: {warning['message']}" for warning in outcome.result["warnings"]]
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> str:
    interval = f"{row['ci_low']:.1f} to {row['ci_high']:.1f}"
    numbers = f"{row['estimate']:>10.3f} {row['std_error']:>10.3f} {row['statistic']:>8.3f} {row['p_value']:>9.2g}"
    return f"{row['term']:<8} {numbers} {interval:>20}"
