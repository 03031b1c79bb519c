"""Sentiment by words: sums by hand, negation, what is covered, lists of callers, and languages that are not English."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.compute import ComputeError

from ..app.engines.sentiment_words import ENGLISH, NEGATIONS
from ..app.engines.text_sentiment import lexicon_of, score_of, tone_of
from ..app.schemas.text_parameters import TextParameters
from .support import Analyse
from .test_text import codes, table

ASKED = {"column": "t", "method": "sentiment"}
GERMAN = [
    "Die Lieferung war schnell und das Produkt ist in Ordnung, aber der Preis war zu hoch.",
    "Ich bin mit der Qualität sehr zufrieden und würde es wieder kaufen.",
]


def scored(text: str, **more: Any) -> float | None:
    """The score of one text; None without a word of the list."""
    lexicon = lexicon_of(TextParameters.model_validate(ASKED | more))
    score = score_of(tone_of(text, lexicon), lexicon)
    return None if np.isnan(score) else score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("The food was excellent and the staff were friendly.", 1.5),
        ("EXCELLENT!", 2),
        ("It arrived on Tuesday.", None),
        ("It is good, good and bad.", 1 / 3),
        # A negation counts for three words behind it, not for more, and not beyond the clause.
        ("It is not good.", -0.5),
        ("It isn't good.", -0.5),
        ("It isn\u2019t good.", -0.5),
        ("It is not at all good.", -0.5),
        ("It is not what I would call good.", 1),
        ("Not for me, but good.", 1),
        ("Was it not? Good.", 1),
        ("Never a problem.", 0.5),
        ("No problem, no good.", 0),
        # Words inside others are not words.
        ("A badger in Goodwood.", None),
    ],
)
def test_scores(text: str, score: float | None) -> None:
    assert scored(text) == (None if score is None else pytest.approx(score, abs=1e-12))


def test_a_list_of_ones_own_with_negations_of_its_language() -> None:
    own = {"lexicon": {"Gut": 1, "prächtig": 3, "übel": -2}, "negations": ["nicht", "kein"]}
    assert scored("Das ist gut.", **own) == 1
    assert scored("Das ist NICHT gut, sondern prächtig.", **own) == (-0.5 + 3) / 2
    assert scored("It is not gut.", **own) == 1
    assert scored("excellent", **own) is None


class TestResult:
    TEXTS = ("Excellent, I love it.", "Awful. Not good.", "It arrived.", None, "Good and bad.", "Fine, I think it is.")

    def test_everything_is_counted(self, analyse_columns: Analyse, tmp_path: Path) -> None:
        result = analyse_columns("text", {"t": self.TEXTS}, ASKED, output=tmp_path)
        summary = result["summary"]
        assert (summary["n"], summary["missing"], summary["without"]) == (5, 1, 2)
        assert (summary["positive"], summary["neutral"], summary["negative"]) == (1, 1, 1)
        assert summary["mean"] == pytest.approx((2 + (-2 - 0.5) / 2 + 0) / 3)
        assert (summary["words"], summary["words_found"]) == (4 + 3 + 2 + 3 + 5, 6)
        assert summary["coverage"] == pytest.approx(6 / 17)
        assert [(row["tone"], row["texts"]) for row in table(result)] == [
            ("positive", 1), ("neutral", 1), ("negative", 1)
        ]  # fmt: skip
        words = {row["word"]: row for row in table(result, 1)}
        assert (words["good"]["count"], words["good"]["negated"], words["good"]["effect"]) == (2, 1, 0.5)
        assert [row["row"] for row in table(result, 2)] == [1, 4, 0]
        lines = (tmp_path / "sentiment.csv").read_text().splitlines()
        assert lines == ["row,score,words,found", "0,2.0,4,2", "1,-1.25,3,2", "2,,2,0", "4,0.0,3,2", "5,,5,0"]
        (chart,) = result["charts"]
        assert sum(row["count"] for row in chart["spec"]["data"]["values"]) == 3
        assert codes(result) == []

    def test_of_many_the_lowest_and_the_highest(self, analyse_columns: Analyse) -> None:
        texts = [f"good {'bad ' * i} it is what it was" for i in range(20)]
        result = analyse_columns("text", {"t": texts}, ASKED | {"n": 2})
        assert [row["row"] for row in table(result, 2)] == [19, 18, 1, 0]

    def test_low_coverage(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("text", {"t": ["It is good."] * 4 + ["It is what it is."] * 6}, ASKED)
        assert codes(result) == ["low_coverage"]
        assert result["warnings"][0]["message"].startswith("Only 4 of 10 texts")

    def test_another_language(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("text", {"t": GERMAN}, ASKED)
        assert codes(result) == ["not_english", "low_coverage"]
        assert (result["summary"]["mean"], result["charts"]) == (None, [])
        own = {"lexicon": {"zufrieden": 1, "hoch": -1}, "negations": ["nicht"]}
        assert codes(analyse_columns("text", {"t": GERMAN}, ASKED | own)) == []

    def test_terse_english_is_english(self, analyse_columns: Analyse) -> None:
        assert codes(analyse_columns("text", {"t": ["Great phone", "bad battery", "blue"]}, ASKED)) == []

    def test_no_words_at_all(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("text", {"t": ["!!!", "???", "..."]}, ASKED)
        assert (result["summary"]["coverage"], codes(result)) == (0, ["low_coverage"])

    def test_too_few(self, analyse_columns: Analyse) -> None:
        with pytest.raises(ComputeError, match="at least two"):
            analyse_columns("text", {"t": pa.array(["good", None])}, ASKED)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["good", "bad", "superb", "not", "it", "was"]), min_size=1, max_size=12))
def test_a_mirrored_list_mirrors_the_score(words: list[str]) -> None:
    text, weights = " ".join(words), {"good": 1.0, "bad": -1.0, "superb": 2.0}
    score, other = (scored(text, lexicon={w: sign * v for w, v in weights.items()}) for sign in (1, -1))
    assert (score is None and other is None) or other == pytest.approx(-(score or 0))
    scaled = scored(text, lexicon={word: 8 * weight for word, weight in weights.items()})
    assert scaled == (None if score is None else pytest.approx(8 * score))


def test_our_own_words_are_sound() -> None:
    assert len(ENGLISH) == 343
    assert not NEGATIONS & ENGLISH.keys()
    assert all(word == word.casefold() and word.isalpha() for word in ENGLISH)
    # Words whose other forms are in the list have the sign of those.
    stems = {word: weight for word, weight in ENGLISH.items() if f"{word}ly" in ENGLISH}
    assert len(stems) > 20
    assert all(weight * ENGLISH[f"{word}ly"] > 0 for word, weight in stems.items())


@pytest.mark.parametrize(
    "more",
    [
        {"lexicon": {}},
        {"lexicon": {"two words": 1}},
        {"lexicon": {"good": 1, "GOOD": 2}},
        {"lexicon": {"good": float("inf")}},
        {"lexicon": {"": 1}},
        {"lexicon": {"c++": 1}},
        {"lexicon": {"good": "much"}},
        {"negations": ["no way"]},
        {"method": "keywords", "lexicon": {"good": 1}},
        {"method": "topics", "negations": ["not"]},
        {"threshold": 0.5},
    ],
)
def test_orders_that_make_no_sense(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TextParameters.model_validate(ASKED | more)
