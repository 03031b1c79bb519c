"""Terms of texts: those that matter, those that occur together, and texts that use the same ones."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from shared.compute import ComputeError

from ..schemas.text_parameters import TextParameters
from .charts import drawn, finished
from .job import Job
from .levels import read_levels
from .results import Chart, FileMade, Notice, Outcome, Table
from .source import FloatArray, Source
from .text_corpus import Corpus, excerpt

TERMS_AT_MOST = 20_000
GROUPS_AT_MOST = 50
CHARTED_GROUPS = 12
CHARTED_TERMS = 10
KEYWORD_COLUMNS = ("group", "term", "score", "count", "texts")
TOPIC_COLUMNS = ("topic", "term", "weight")
SIMILAR_COLUMNS = ("row", "similarity", "text")
WORD = r"(?u)\b[^\W_][^\W_]+\b"
TOPICS = FileMade("topics.csv", "text/csv")


def find_keywords(source: Source, corpus: Corpus, parameters: TextParameters, _job: Job) -> Outcome:
    """Terms of the largest mean TF-IDF; with `group`, of the largest class-based one in each group.

    TF-IDF is the count times 1 + ln((1 + texts) / (1 + texts with the term)), of length 1 for each text. Class-based
    (Grootendorst 2022): the share among the group's words times ln(1 + A / f), f the term's count in all groups and A
    the mean number of words of a group.
    """
    counts, names = _counts(corpus, parameters)
    found = np.asarray((counts > 0).sum(axis=0)).ravel()
    if parameters.group is None:
        scores = np.asarray(TfidfTransformer().fit_transform(counts).mean(axis=0)).reshape(1, -1)
        groups, sums = [""], np.asarray(counts.sum(axis=0)).reshape(1, -1)
    else:
        groups, sums = _by_group(source, corpus, counts, parameters.group)
        scores = class_scores(sums)
    rows: list[list[object]] = [
        [group or None, names[i], scores[number, i], int(sums[number, i]), int(found[i])]
        for number, group in enumerate(groups)
        for i in _largest(scores[number], parameters.n)
    ]
    title, axis = f"Keywords of {parameters.column}", "TF-IDF"
    if parameters.group is not None:
        title, axis = f"{title} by {parameters.group}", "Class-based TF-IDF"
    chart = _bars([(str(row[0] or "all texts"), str(row[1]), row[2]) for row in rows], axis, title)
    return Outcome({"terms": len(names), "groups": len(groups)}, [Table("keywords", KEYWORD_COLUMNS, rows)], [chart])


def class_scores(sums: FloatArray) -> FloatArray:
    """Class-based TF-IDF of counts of shape (groups, terms)."""
    words = sums.sum(axis=1, keepdims=True)
    frequency = sums.sum(axis=0)
    return np.asarray(sums / np.maximum(words, 1) * np.log1p(words.mean() / np.maximum(frequency, 1)))


def _by_group(source: Source, corpus: Corpus, counts: Any, group: str) -> tuple[list[str], FloatArray]:
    levels = read_levels(source, group, GROUPS_AT_MOST)
    codes = levels.codes[corpus.rows]
    sums = [np.asarray(counts[np.flatnonzero(codes == i)].sum(axis=0)).ravel() for i in range(len(levels.names))]
    used = [i for i, total in enumerate(sums) if total.sum() > 0]
    if not used:
        raise ComputeError("too_few_rows", f"No row has both a text and a value in {group!r}.")
    return [levels.names[i] for i in used], np.array([sums[i] for i in used], dtype=np.float64)


def find_topics(_source: Source, corpus: Corpus, parameters: TextParameters, job: Job) -> Outcome:
    """Topics from the largest to the smallest; the main topic of each text is in the artifact `topics.csv`.

    Raises:
        ComputeError: `too_few_rows` for fewer texts or terms than topics.
    """
    counts, names = _counts(corpus, parameters)
    if min(counts.shape) < parameters.k:
        detail = f"{counts.shape[0]} texts with {counts.shape[1]} terms are too few for {parameters.k} topics"
        raise ComputeError("too_few_rows", f"{detail}. Choose a smaller k.")
    weights, components, measure, converged = _factors(counts, parameters, job.seed)
    total = weights.sum(axis=1, keepdims=True)
    shares = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    main = np.where(total[:, 0] > 0, weights.argmax(axis=1), -1)
    sizes = np.bincount(main[main >= 0], minlength=parameters.k)
    order = np.argsort(-sizes, kind="stable")
    rank = np.argsort(order, kind="stable")
    _write_topics(corpus, np.where(main >= 0, rank[main], -1), shares.max(axis=1), job)
    scaled = components / np.maximum(components.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    rows: list[list[object]] = [
        [number, names[i], scaled[topic, i]]
        for number, topic in enumerate(order.tolist())
        for i in _largest(scaled[topic], parameters.n)
    ]
    summary = {"k": parameters.k, "algorithm": parameters.algorithm, "terms": len(names), "sizes": sizes[order]}
    bars = [(f"Topic {row[0]}", str(row[1]), row[2]) for row in rows]
    chart = _bars(bars, "Weight in the topic", f"Topics of {parameters.column}")
    text = "The topics were still changing when the search ended."
    notices = [] if converged else [Notice("not_converged", text)]
    tables = [Table("topics", TOPIC_COLUMNS, rows)]
    return Outcome({**summary, **measure}, tables, [chart], notices, [TOPICS])


def _factors(
    counts: Any, parameters: TextParameters, seed: int
) -> tuple[FloatArray, FloatArray, dict[str, float], bool]:
    if parameters.algorithm == "nmf":
        model = NMF(parameters.k, init="nndsvda", random_state=seed, max_iter=400)
        weights = model.fit_transform(TfidfTransformer().fit_transform(counts))
        return weights, model.components_, {"error": float(model.reconstruction_err_)}, model.n_iter_ < 400
    latent = LatentDirichletAllocation(parameters.k, random_state=seed, max_iter=20, n_jobs=1)
    weights = latent.fit_transform(counts)
    return weights, latent.components_, {"perplexity": float(latent.perplexity(counts))}, True


def _write_topics(corpus: Corpus, main: Any, share: FloatArray, job: Job) -> None:
    lines = ["row,topic,share"]
    for row, topic, part in zip(corpus.rows.tolist(), main.tolist(), share.tolist(), strict=True):
        lines.append(f"{row},{topic if topic >= 0 else ''},{part:.6g}")
    (job.output / TOPICS.name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def find_similar(_source: Source, corpus: Corpus, parameters: TextParameters, _job: Job) -> Outcome:
    """The texts with the largest cosine of TF-IDF with the query, those that share no term left out."""
    vectorizer = _vectorizer(parameters)
    counts = _fitted(vectorizer, corpus)
    weigh = TfidfTransformer().fit(counts)
    asked = weigh.transform(vectorizer.transform([str(parameters.query)]))
    similar = np.asarray((weigh.transform(counts) @ asked.T).todense()).ravel()
    rows = [
        [int(corpus.rows[i]), similar[i], excerpt(corpus.texts[i])]
        for i in _largest(similar, parameters.n)
    ]  # fmt: skip
    notices = [] if rows else [Notice("nothing_similar", "No text shares a term with the query.")]
    return Outcome({"found": len(rows)}, [Table("similar", SIMILAR_COLUMNS, rows)], [], notices)


def _vectorizer(parameters: TextParameters) -> CountVectorizer:
    return CountVectorizer(
        stop_words=None if parameters.stop_words == "none" else "english",
        ngram_range=(1, parameters.ngrams),
        max_features=TERMS_AT_MOST,
        token_pattern=WORD,
    )


def _fitted(vectorizer: CountVectorizer, corpus: Corpus) -> Any:
    try:
        return vectorizer.fit_transform(corpus.texts)
    except ValueError as error:
        detail = "The texts hold no word of two letters that is not a stop word"
        raise ComputeError("no_terms", f"{detail}. Set `stop_words` to none, or choose another column.") from error


def _counts(corpus: Corpus, parameters: TextParameters) -> tuple[Any, list[str]]:
    vectorizer = _vectorizer(parameters)
    counts = _fitted(vectorizer, corpus)
    return counts, vectorizer.get_feature_names_out().tolist()


def _largest(scores: FloatArray, n: int) -> list[int]:
    """Positions of the largest scores above zero; the earlier term where two are equal."""
    order = np.argsort(-scores, kind="stable")[:n]
    found: list[int] = order[scores[order] > 0].tolist()
    return found


def _bars(rows: list[tuple[str, str, object]], axis: str, title: str) -> Chart:
    groups = list(dict.fromkeys(group for group, _, _ in rows))[:CHARTED_GROUPS]
    shown = []
    for group in groups:
        shown += [{"group": g, "term": term, "score": score} for g, term, score in rows if g == group][:CHARTED_TERMS]
    chart = drawn(shown).mark_bar().properties(width=180, height=160)
    chart = chart.encode(
        x=alt.X("score", type="quantitative", title=axis),
        y=alt.Y("term", type="nominal", title=None, sort="-x"),
        facet=alt.Facet("group", type="nominal", title=None, columns=3, sort=groups),
    )
    return finished(chart.resolve_scale(y="independent"), title)
