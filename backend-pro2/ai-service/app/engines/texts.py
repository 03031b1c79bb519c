"""A column of texts: read in bounded size, and what they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from shared.compute import ComputeError

from ..schemas.text_parameters import TextParameters
from .frames import IndexArray
from .job import Job
from .near_duplicates import find_duplicates
from .results import Notice, Outcome
from .source import Source, TextArray
from .terms import find_keywords, find_similar, find_topics
from .text_corpus import Corpus
from .text_sentiment import find_sentiment

ROWS_AT_MOST = 50_000
CHARACTERS_AT_MOST = 100_000
# All texts together: what counting their words takes stays far below a child's memory.
TOTAL_AT_MOST = 20_000_000


@dataclass(frozen=True, slots=True)
class _Read:
    corpus: Corpus
    notices: list[Notice]


def analyse_texts(source: Source, parameters: TextParameters, job: Job) -> Outcome:
    """Tables `keywords`, `topics`, `similar`, `pairs` or `tones`, `words` and `texts`, by method.

    Raises:
        ComputeError: `too_few_rows`, `no_terms`, `too_many_levels`, or the faults of `Source.require`.
    """
    source.require(parameters.uses())
    job.report(0, 2, "Reading texts")
    read = _read(source, parameters.column, job.seed)
    job.report(1, 2, f"Finding {parameters.method}")
    outcome = _METHODS[parameters.method](source, read.corpus, parameters, job)
    own = {"method": parameters.method, "n": len(read.corpus.texts), "missing": read.corpus.missing}
    outcome.summary = {**own, **outcome.summary}
    outcome.warnings = [*read.notices, *outcome.warnings]
    return outcome


def _read(source: Source, name: str, seed: int) -> _Read:
    values = source.texts(name)
    there = np.flatnonzero([value is not None and not str(value).isspace() and value != "" for value in values])
    if len(there) < 2:
        detail = f"{len(there)} of {len(values)} rows have a text in {name!r}; at least two are needed."
        raise ComputeError("too_few_rows", detail)
    rows = _bounded(there, values, seed)
    notices = []
    if len(rows) < len(there):
        text = f"A random sample of {len(rows)} of {len(there)} texts was used, to bound time and memory."
        notices.append(Notice("sampled", text))
    texts = [str(values[row]) for row in rows]
    long = sum(len(text) > CHARACTERS_AT_MOST for text in texts)
    if long:
        notices.append(Notice("texts_cut", f"{long} texts were cut after {CHARACTERS_AT_MOST:,} characters."))
    return _Read(Corpus([t[:CHARACTERS_AT_MOST] for t in texts], rows, len(values) - len(there)), notices)


def _bounded(there: IndexArray, values: TextArray, seed: int) -> IndexArray:
    """A sample, in the order of rows, whose texts together are not too long."""
    order = np.random.default_rng(seed).permutation(there)[:ROWS_AT_MOST] if len(there) > ROWS_AT_MOST else there
    lengths = np.cumsum([min(len(values[row]), CHARACTERS_AT_MOST) for row in order])
    if lengths[-1] > TOTAL_AT_MOST:
        if len(there) <= ROWS_AT_MOST:
            order = np.random.default_rng(seed).permutation(there)
            lengths = np.cumsum([min(len(values[row]), CHARACTERS_AT_MOST) for row in order])
        order = order[: max(2, int(np.searchsorted(lengths, TOTAL_AT_MOST)))]
    return np.sort(order)


_METHODS: Mapping[str, Callable[[Source, Corpus, TextParameters, Job], Outcome]] = {
    "keywords": find_keywords,
    "topics": find_topics,
    "similarity": find_similar,
    "duplicates": find_duplicates,
    "sentiment": find_sentiment,
}
