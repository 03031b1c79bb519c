"""A scan of a whole dataset: every pair of columns tested, and what is left ranked, with few false discoveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from shared.compute import ComputeError

from ..schemas.auto_parameters import COLUMNS_AT_MOST, AutoParameters
from .auto_charts import picture, strengths
from .auto_columns import Fact, Scanned, facts_of, find_copies, scan_column
from .auto_pairs import Pair, Tested, choose_pairs, list_pairs, numbers_of, run_pair
from .auto_sentences import sentence_of
from .job import Job
from .multiplicity import q_values
from .results import Chart, Notice, Outcome, Table
from .sampled import SampledSource
from .simpson import CANDIDATES_AT_MOST, find_reversal, is_candidate
from .source import FloatArray, Source

FINDING_COLUMNS = (
    "rank", "kind", "column1", "column2", "test", "n", "effect_name", "effect", "ci_low", "ci_high", "strength",
    "p_value", "q_value", "sentence",
)  # fmt: skip
HYPOTHESIS_COLUMNS = ("kind", "column1", "column2", "test", "n", "statistic", "p_value", "q_value", "rejected")
COLUMN_COLUMNS = ("name", "type", "role", "missing", "why")
ROWS_AT_LEAST = 10
# How many of the first findings are looked at within levels of other columns.
REVERSALS_SOUGHT = 20


@dataclass(frozen=True, slots=True)
class Scan:
    """All that was tested, in the order of the pairs; `chosen` are positions of rejected hypotheses, best first."""

    tested: Sequence[Tested]
    q: FloatArray
    chosen: Sequence[int]

    def labels(self, most: int) -> list[str]:
        """Names of the first findings."""
        return [_label(self.tested[i].pair) for i in self.chosen[:most]]


def scan(source: Source, parameters: AutoParameters, job: Job) -> Outcome:
    """Findings by rank, all hypotheses with p and q, and what each column is.

    Facts about single columns are no hypotheses: those that any data would reject would loosen the bound for the rest.

    Raises:
        ComputeError: `too_few_rows`, or the faults of `Source.require`.
    """
    source.require(parameters.uses())
    if source.rows < ROWS_AT_LEAST:
        raise ComputeError(
            "too_few_rows", f"The dataset has {source.rows} rows; a scan needs at least {ROWS_AT_LEAST}."
        )
    sample = SampledSource(job.data.path, parameters.max_rows, job.seed)
    names = _names(sample, parameters)
    columns, copies = _without_copies(_read(sample, names, job))
    possible = list_pairs(columns)
    pairs = choose_pairs(possible, parameters.target, parameters.max_pairs, job.seed)
    found = judge(_test(pairs, parameters, job), parameters)
    facts = sorted([*copies, *(fact for column in columns for fact in facts_of(column))], key=lambda f: -f.order)
    reversals = _reversals(found, columns)
    notices = [*sample.notices(), *_limits(source, names, possible, pairs), *_untested(pairs, found), *reversals]
    tables = _tables(found, facts, columns, parameters)
    shown = len(tables[0].rows)
    summary = _summary(found, parameters, sample, len(columns), shown) | {"simpson_reversals": len(reversals)}
    return Outcome(summary, tables, _charts(found, parameters, job.seed), notices)


def judge(tested: Sequence[Tested], parameters: AutoParameters) -> Scan:
    """Which hypotheses are rejected at the false discovery rate, and their rank: those of the target first, then by
    strength, then by q."""
    q = q_values([one.evidence.p_value for one in tested], parameters.correction)
    rejected = [i for i in range(len(tested)) if q[i] <= parameters.alpha]
    rejected.sort(key=lambda i: (parameters.target not in tested[i].pair.names, -tested[i].strength, q[i], i))
    return Scan(tested, q, rejected)


def _names(source: Source, parameters: AutoParameters) -> list[str]:
    target = [parameters.target] if parameters.target is not None else []
    wanted = parameters.columns or source.names
    return list(dict.fromkeys([*target, *wanted]))[:COLUMNS_AT_MOST]


def _read(source: SampledSource, names: Sequence[str], job: Job) -> list[Scanned]:
    columns = []
    for done, name in enumerate(names):
        job.report(done, 2 * len(names), f"Reading {name}")
        columns.append(scan_column(source, name))
    return columns


def _without_copies(columns: list[Scanned]) -> tuple[list[Scanned], list[Fact]]:
    facts = []
    for copy, original in find_copies(columns):
        name, other = columns[copy].name, columns[original].name
        columns[copy] = replace(columns[copy], role="copy", why=f"equal to {other!r}")
        facts.append(Fact("copy", [name, other], f"{name!r} equals {other!r} in every row; one of them is enough."))
    return columns, facts


def _test(pairs: Sequence[Pair], parameters: AutoParameters, job: Job) -> list[Tested]:
    tested = []
    for done, pair in enumerate(pairs):
        if done % 20 == 0:
            job.report(len(pairs) + done, 2 * len(pairs), "Testing pairs of columns")
        tested.append(run_pair(pair, parameters))
    return [one for one in tested if one is not None]


def _reversals(found: Scan, columns: Sequence[Scanned]) -> list[Notice]:
    strata = [column.levels for column in columns if column.levels is not None and is_candidate(column.levels)]
    notices = []
    for i in found.chosen[:REVERSALS_SOUGHT]:
        pair = found.tested[i].pair
        x, y = numbers_of(pair.first), numbers_of(pair.second)
        if x is None or y is None or pair.kind.startswith("missing"):
            continue
        third = [levels for levels in strata if levels.column not in pair.names][:CANDIDATES_AT_MOST]
        reversal = find_reversal(x, y, pair.names, third, "spearman")
        if reversal is not None:
            notices.append(reversal.notice())
    return notices


def _limits(source: Source, names: Sequence[str], possible: Sequence[Pair], pairs: Sequence[Pair]) -> list[Notice]:
    notices = []
    if len(names) == COLUMNS_AT_MOST < len(source.names):
        text = f"Only {COLUMNS_AT_MOST} of {len(source.names)} columns were scanned; name others in `columns`."
        notices.append(Notice("columns_limited", text))
    if len(pairs) < len(possible):
        text = f"{len(pairs)} of {len(possible)} possible hypotheses were tested, chosen at random but for the target's"
        notices.append(Notice("pairs_limited", f"{text}; raise `max_pairs`, or name fewer `columns`."))
    return notices


def _untested(pairs: Sequence[Pair], found: Scan) -> list[Notice]:
    left = len(pairs) - len(found.tested)
    if left == 0:
        return []
    text = f"{left} of {len(pairs)} pairs were not tested: too few rows have both values, or groups are too small."
    return [Notice("pairs_not_tested", text)]


def _tables(found: Scan, facts: Sequence[Fact], columns: Sequence[Scanned], parameters: AutoParameters) -> list[Table]:
    # Facts do not crowd out findings, nor these all facts.
    reserved = min(len(facts), max(parameters.findings - len(found.chosen), parameters.findings // 3))
    ranked = [_finding(found, i, parameters.alpha) for i in found.chosen[: parameters.findings - reserved]]
    ranked += [_fact(fact) for fact in facts[:reserved]]
    chosen = {*found.chosen}
    every = [[*_hypothesis(one), q, i in chosen] for i, (one, q) in enumerate(zip(found.tested, found.q, strict=True))]
    rows = [[c.name, c.kind, c.role, int(c.missing.sum()), c.why] for c in columns]
    return [
        Table("findings", FINDING_COLUMNS, [[rank, *row] for rank, row in enumerate(ranked, 1)]),
        Table("hypotheses", HYPOTHESIS_COLUMNS, every),
        Table("columns", COLUMN_COLUMNS, rows),
    ]


def _finding(found: Scan, i: int, alpha: float) -> list[object]:
    one = found.tested[i]
    effect = {} if one.evidence.effect is None else asdict(one.evidence.effect)
    size = [effect.get(member) for member in ("name", "value", "ci_low", "ci_high")]
    head = [one.pair.kind, *one.pair.names, one.test, one.evidence.n]
    return [*head, *size, one.strength, one.evidence.p_value, found.q[i], sentence_of(one, alpha)]


def _fact(fact: Fact) -> list[object]:
    first, second = [*fact.columns, None][:2]
    size = [fact.measure, fact.value, fact.ci_low, fact.ci_high]
    return [fact.kind, first, second, None, None, *size, None, None, None, fact.sentence]


def _hypothesis(one: Tested) -> list[object]:
    evidence = one.evidence
    return [one.pair.kind, *one.pair.names, one.test, evidence.n, evidence.statistic, evidence.p_value]


def _summary(
    found: Scan, parameters: AutoParameters, sample: SampledSource, columns: int, shown: int
) -> dict[str, object]:
    rejected, tested = len(found.chosen), len(found.tested)
    expected = f"about {parameters.alpha:.0%} of the findings may be due to chance"
    said = f"{rejected} of {tested} hypotheses are rejected at a false discovery rate of {parameters.alpha:g}"
    return {
        "hypotheses_tested": tested,
        "hypotheses_rejected": rejected,
        "fdr_level": parameters.alpha,
        "correction": parameters.correction,
        "columns": columns,
        "rows": sample.total,
        "rows_used": sample.rows,
        "findings": shown,
        "target": parameters.target,
        "conclusion": f"{said}; {expected}." if rejected else f"{said}: no relation between columns is shown.",
    }


def _charts(found: Scan, parameters: AutoParameters, seed: int) -> list[Chart]:
    if parameters.charts == 0 or not found.chosen:
        return []
    shown = min(len(found.chosen), parameters.findings)
    overview = strengths(found.labels(shown), [found.tested[i] for i in found.chosen[:shown]])
    return [overview, *(picture(found.tested[i], seed) for i in found.chosen[: parameters.charts])]


def _label(pair: Pair) -> str:
    first, second = pair.names
    if pair.kind == "missing_pattern":
        return f"{first} & missing {second}"
    return f"missing {first} & missing {second}" if pair.kind == "missing_together" else f"{first} & {second}"
