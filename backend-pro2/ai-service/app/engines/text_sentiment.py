"""The tone of texts by a list of words with weights, which says how much of the texts it has seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from ..schemas.text_parameters import WORD, TextParameters, normal_word
from .charts import histogram
from .job import Job
from .results import Chart, FileMade, Notice, Outcome, Table
from .sentiment_words import ENGLISH, NEGATIONS
from .source import FloatArray, Source
from .text_corpus import Corpus, excerpt

WORDS = re.compile(WORD)
# What a negation before it does not reach beyond.
CLAUSE = re.compile(r"[.,;:!?()\n]+|\bbut\b", re.IGNORECASE)
REACH = 3
TURNED = -0.5
BINS = 20
COVERED_AT_LEAST = 0.5
# Running English text has more of them, other languages written in Latin letters fewer.
COMMON_AT_LEAST = 0.3
TONES = ("positive", "neutral", "negative")
TONE_COLUMNS = ("tone", "texts", "share")
WORD_COLUMNS = ("word", "weight", "count", "negated", "effect")
TEXT_COLUMNS = ("row", "score", "words", "found", "text")
SENTIMENT = FileMade("sentiment.csv", "text/csv")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Weights by word, and the words that turn what follows; `english` where both are ours."""

    weights: Mapping[str, float]
    negations: frozenset[str]
    english: bool

    def negates(self, word: str) -> bool:
        """Whether it turns the words behind it."""
        return word in self.negations or ("not" in self.negations and word.endswith("n't"))


@dataclass(frozen=True, slots=True)
class Tone:
    """Of a text: its words, how many are common English ones, and those of the list, each with whether it is turned."""

    words: int
    common: int
    found: Sequence[tuple[str, bool]]


def find_sentiment(_source: Source, corpus: Corpus, parameters: TextParameters, job: Job) -> Outcome:
    """Tables `tones`, `words` and `texts`; the score of each text is in `sentiment.csv`.

    A text's score is the mean weight of its words that are in the list, counted as often as they occur: null where
    there is none, not zero. One of three words behind a negation, up to a punctuation mark or "but", counts -0.5 times
    its weight, as in Pattern (De Smedt and Daelemans 2012, J. Machine Learning Research 13). Irony, comparisons,
    intensifiers and meanings in context are not seen.
    """
    lexicon = lexicon_of(parameters)
    tones = [tone_of(text, lexicon) for text in corpus.texts]
    scores = np.array([score_of(tone, lexicon) for tone in tones])
    _write_scores(corpus, tones, scores, job)
    known = scores[~np.isnan(scores)]
    counts = {"positive": int((known > 0).sum()), "negative": int((known < 0).sum())}
    counts["neutral"] = len(known) - sum(counts.values())
    words, found = sum(tone.words for tone in tones), sum(len(tone.found) for tone in tones)
    summary: dict[str, object] = {
        "mean": known.mean() if len(known) else None,
        "median": np.median(known) if len(known) else None,
        **counts,
        "without": len(scores) - len(known),
        "words": words,
        "words_found": found,
        "coverage": found / words if words else 0.0,
        "lexicon": "english" if lexicon.english else "own",
        "lexicon_words": len(lexicon.weights),
    }
    tables = [
        Table("tones", TONE_COLUMNS, [[tone, counts[tone], counts[tone] / max(1, len(known))] for tone in TONES]),
        Table("words", WORD_COLUMNS, _words(tones, lexicon, parameters.n)),
        Table("texts", TEXT_COLUMNS, _extremes(corpus, tones, scores, parameters.n)),
    ]
    charts = [_chart(known, parameters.column)] if len(known) else []
    return Outcome(summary, tables, charts, _notices(tones, len(known), lexicon), [SENTIMENT])


def lexicon_of(parameters: TextParameters) -> Lexicon:
    """The caller's list, or ours."""
    negations = NEGATIONS if parameters.negations is None else frozenset(map(normal_word, parameters.negations))
    if parameters.lexicon is None:
        return Lexicon(ENGLISH, negations, english=True)
    weights = {normal_word(word): weight for word, weight in parameters.lexicon.items()}
    return Lexicon(weights, negations, english=False)


def tone_of(text: str, lexicon: Lexicon) -> Tone:
    """Clause by clause."""
    words = common = 0
    found: list[tuple[str, bool]] = []
    for clause in CLAUSE.split(text):
        said = [normal_word(word) for word in WORDS.findall(clause)]
        words += len(said)
        for place, word in enumerate(said):
            common += word in ENGLISH_STOP_WORDS
            if word in lexicon.weights:
                found.append((word, any(map(lexicon.negates, said[max(0, place - REACH) : place]))))
    return Tone(words, common, found)


def score_of(tone: Tone, lexicon: Lexicon) -> float:
    """NaN for a text without a word of the list."""
    if not tone.found:
        return float("nan")
    return sum(lexicon.weights[word] * (TURNED if turned else 1) for word, turned in tone.found) / len(tone.found)


def _words(tones: Sequence[Tone], lexicon: Lexicon, n: int) -> list[list[object]]:
    """Those that moved most, whichever way."""
    counts = Counter(hit for tone in tones for hit in tone.found)
    rows = []
    for word in {word for word, _ in counts}:
        plain, turned, weight = counts[word, False], counts[word, True], lexicon.weights[word]
        rows.append((word, weight, plain + turned, turned, weight * (plain + TURNED * turned)))
    rows.sort(key=lambda row: (-abs(row[4]), row[0]))
    return [list(row) for row in rows[: 2 * n]]


def _extremes(corpus: Corpus, tones: Sequence[Tone], scores: FloatArray, n: int) -> list[list[object]]:
    """The lowest scores and then the highest, `n` of each at most; of equal ones those with most words of the list."""
    known = [int(i) for i in np.flatnonzero(~np.isnan(scores))]
    order = sorted(known, key=lambda i: (scores[i], -len(tones[i].found), i))
    chosen = order if len(order) <= 2 * n else [*order[:n], *_highest(known, tones, scores, n)]
    return [
        [int(corpus.rows[i]), scores[i], tones[i].words, len(tones[i].found), excerpt(corpus.texts[i])] for i in chosen
    ]


def _highest(known: Sequence[int], tones: Sequence[Tone], scores: FloatArray, n: int) -> list[int]:
    return sorted(known, key=lambda i: (-scores[i], -len(tones[i].found), i))[:n][::-1]


def _write_scores(corpus: Corpus, tones: Sequence[Tone], scores: FloatArray, job: Job) -> None:
    lines = [
        f"{row},{'' if np.isnan(score) else repr(float(score))},{tone.words},{len(tone.found)}"
        for row, score, tone in zip(corpus.rows, scores, tones, strict=True)
    ]
    text = "\n".join(["row,score,words,found", *lines]) + "\n"
    (job.output / SENTIMENT.name).write_text(text, encoding="utf-8")


def _chart(known: FloatArray, column: str) -> Chart:
    low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
    counts, edges = np.histogram(known, bins=BINS, range=(low, high) if low < high else (-1.0, 1.0))
    return histogram(f"sentiment in {column}, mean weight of words", edges, counts.tolist())


def _notices(tones: Sequence[Tone], scored: int, lexicon: Lexicon) -> list[Notice]:
    if scored >= COVERED_AT_LEAST * len(tones):
        return []
    notices = []
    words = sum(tone.words for tone in tones)
    if lexicon.english and words and sum(tone.common for tone in tones) < COMMON_AT_LEAST * words:
        text = "The texts do not look like running English, for which the built-in list is made"
        notices.append(Notice("not_english", f"{text}. Give a `lexicon`, and `negations`, of their language."))
    text = f"Only {scored} of {len(tones)} texts have a word of the list; the others have no score"
    return [*notices, Notice("low_coverage", f"{text}, so those that have one may not stand for all.")]
