"""Texts: the licences that every Debian has, formulas by hand, brute force, and what holds no words."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.compute import ComputeError

from ..app.engines.near_duplicates import jaccard, shingles, similar_pairs
from ..app.engines.terms import class_scores
from ..app.schemas.text_parameters import TextParameters
from .support import Analyse

LICENCES = Path("/usr/share/common-licenses")
NAMES = ("GPL-1", "GPL-2", "GPL-3", "LGPL-2", "LGPL-2.1", "LGPL-3", "Apache-2.0", "MPL-2.0", "Artistic")
FRUIT = ["apple pear juice", "pear apple tart", "juice of apple and pear"]
CARS = ["engine wheel brake", "brake and wheel", "engine with brake and wheel"]


def table(result: dict[str, Any], number: int = 0) -> list[dict[str, Any]]:
    found = result["tables"][number]
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


def licences() -> list[str]:
    """The real ones, or made up texts of which the fourth and fifth are nearly the same."""
    if all((LICENCES / name).is_file() for name in NAMES):
        return [(LICENCES / name).read_text(encoding="utf-8") for name in NAMES]
    chance = np.random.default_rng(5)
    texts = ["".join(chance.choice([*"abcdefghijklmnopqrst "], size=8000)) for _ in NAMES]
    texts[4] = texts[3].replace("abc", "xyz").replace("de", "uv")
    return texts


class TestDuplicates:
    def test_licences(self, analyse_columns: Analyse) -> None:
        texts = licences()
        asked = {"column": "t", "method": "duplicates", "threshold": 0.3}
        result = analyse_columns("text", {"t": [*texts, texts[1].upper().replace(" ", "   ")]}, asked)
        pairs = {(row["row1"], row["row2"]): row["similarity"] for row in table(result)}
        # The same words in other letters and spaces, and then the Library GPL with its successor.
        assert next(iter(pairs)) == (1, 9)
        assert pairs[1, 9] == 1
        assert list(pairs)[1] == (3, 4)
        assert 0.7 < pairs[3, 4] < 1
        # No licence of another family is near.
        assert not {(0, 6), (1, 6), (2, 6), (6, 7), (7, 8), (2, 7)} & set(pairs)
        assert result["summary"]["exact_pairs"] == 1

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 10**6), st.sampled_from([0.4, 0.6, 0.8]))
    def test_all_pairs_as_by_brute_force(self, seed: int, threshold: float) -> None:
        chance = np.random.default_rng(seed)
        texts = ["".join(chance.choice([*"abcde "], size=chance.integers(1, 80))) for _ in range(12)]
        texts += [text[: int(len(text) * chance.uniform(0.5, 1))] + "x" for text in texts]
        texts = [*dict.fromkeys(texts)]
        found = {(a, b) for a, b, _ in similar_pairs(texts, threshold, 4)[0]}

        def runs(text: str) -> set[str]:
            padded = text.ljust(4, "\0")
            return {padded[i : i + 4] for i in range(len(padded) - 3)}

        scores = {
            (a, b): len(runs(texts[a]) & runs(texts[b])) / len(runs(texts[a]) | runs(texts[b]))
            for a, b in combinations(range(len(texts)), 2)
        }
        assert found <= {pair for pair, score in scores.items() if score >= threshold - 1e-12}
        # Only near the threshold may chance miss one.
        assert {pair for pair, score in scores.items() if score >= threshold + 0.1} <= found

    def test_jaccard_by_hand(self) -> None:
        # Runs of three: abc bcd cde, and bcd cde def.
        assert jaccard(shingles("abcde", 3), shingles("bcdef", 3)) == 0.5
        assert len(shingles("aaaa", 3)) == 1

    def test_groups_link_rows(self, analyse_columns: Analyse, tmp_path: Path) -> None:
        columns = {"t": ["same words here", None, "Same  words here", "other things", "same words here", ""]}
        result = analyse_columns("text", columns, {"column": "t", "method": "duplicates"})
        assert (result["summary"]["groups"], result["summary"]["missing"], result["summary"]["n"]) == (1, 2, 4)
        assert (tmp_path / "duplicates.csv").read_text(encoding="utf-8").split() == ["row,group", "0,0", "2,0", "4,0"]

    def test_thousands_of_equal_texts_are_no_burden(self, analyse_columns: Analyse) -> None:
        columns = {"t": ["the very same text"] * 3000}
        result = analyse_columns("text", columns, {"column": "t", "method": "duplicates"})
        assert (result["summary"]["pairs"], len(result["tables"][0]["rows"])) == (2999, 1000)
        assert codes(result) == ["table_cut"]


class TestTerms:
    def test_keywords_by_the_formula(self, analyse_columns: Analyse) -> None:
        texts = ["cat cat dog", "dog bird"]
        result = analyse_columns("text", {"t": texts}, {"column": "t"})
        # Manning, Raghavan and Schütze, Introduction to Information Retrieval, chapter 6, with smoothed inverse
        # document frequencies: ln(3 / 2) + 1 for cat and bird, 1 for dog.
        rare = np.log(1.5) + 1
        first, second = np.array([2 * rare, 1, 0]), np.array([0, 1, rare])
        expected = (first / np.linalg.norm(first) + second / np.linalg.norm(second)) / 2
        found = {row["term"]: row["score"] for row in table(result)}
        assert [found[term] for term in ("cat", "dog", "bird")] == pytest.approx(expected, rel=1e-12)
        assert (table(result)[0]["term"], table(result)[0]["count"], table(result)[0]["texts"]) == ("cat", 2, 1)

    def test_keywords_tell_groups_apart(self, analyse_columns: Analyse) -> None:
        columns = {"t": [*FRUIT, *CARS, "fruit"], "g": ["f"] * 3 + ["c"] * 3 + [None]}
        result = analyse_columns("text", columns, {"column": "t", "group": "g", "n": 2})
        assert {(row["group"], row["term"]) for row in table(result)} == {
            ("f", "apple"), ("f", "pear"), ("c", "brake"), ("c", "wheel"),
        }  # fmt: skip
        # Grootendorst (2022): tf ln(1 + A / f).
        scores = class_scores(np.array([[3.0, 1.0], [1.0, 1.0]]))
        assert scores[0, 0] == pytest.approx(3 / 4 * np.log(1 + 3 / 4))

    @pytest.mark.parametrize("algorithm", ["nmf", "lda"])
    def test_topics(self, analyse_columns: Analyse, tmp_path: Path, algorithm: str) -> None:
        columns = {"t": [*FRUIT * 3, *CARS * 2, None]}
        asked = {"column": "t", "method": "topics", "k": 2, "n": 3, "algorithm": algorithm}
        result = analyse_columns("text", columns, asked)
        terms = [{row["term"] for row in table(result) if row["topic"] == topic} for topic in (0, 1)]
        assert terms == [{"apple", "pear", "juice"}, {"brake", "wheel", "engine"}]
        assert result["summary"]["sizes"] == [9, 6]
        lines = (tmp_path / "topics.csv").read_text(encoding="utf-8").split()
        assert [line.split(",")[1] for line in lines[1:]] == ["0"] * 9 + ["1"] * 6
        assert analyse_columns("text", columns, asked) == result

    def test_similar_texts(self, analyse_columns: Analyse) -> None:
        columns = {"t": [*CARS, *FRUIT]}
        result = analyse_columns("text", columns, {"column": "t", "method": "similarity", "query": "apple tart"})
        rows = table(result)
        assert rows[0]["row"] == 4
        assert {row["row"] for row in rows} == {3, 4, 5}
        assert 0 < rows[-1]["similarity"] <= rows[0]["similarity"] < 1
        same = analyse_columns("text", columns, {"column": "t", "method": "similarity", "query": FRUIT[0]})
        assert table(same)[0]["similarity"] == pytest.approx(1)
        none = analyse_columns("text", columns, {"column": "t", "method": "similarity", "query": "zebra"})
        assert (table(none), codes(none)) == ([], ["nothing_similar"])

    def test_order_of_rows_does_not_matter(self, analyse_columns: Analyse) -> None:
        one, two = (
            analyse_columns("text", {"t": texts}, {"column": "t", "ngrams": 2})
            for texts in (FRUIT + CARS, CARS + FRUIT)
        )
        assert {row["term"]: pytest.approx(row["score"]) for row in table(one)} == {
            row["term"]: row["score"] for row in table(two)
        }

    def test_other_scripts_have_words_too(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("text", {"t": ["Größe über alles", "größe 數據 данные"]}, {"column": "t"})
        assert {row["term"] for row in table(result)} == {"größe", "über", "alles", "數據", "данные"}


@pytest.mark.parametrize(
    ("columns", "more", "code"),
    [
        ({"t": [None, " ", "one text"]}, {}, "too_few_rows"),
        ({"t": [1.0, 2.0]}, {}, "unsupported_column_type"),
        ({"t": ["the", "of and", "?!"]}, {}, "no_terms"),
        ({"t": ["apple pear", "tart"]}, {"method": "topics", "k": 5}, "too_few_rows"),
        ({"t": ["ab cd"] * 60, "g": [str(i) for i in range(60)]}, {"group": "g"}, "too_many_levels"),
        ({"t": ["ab cd"] * 2, "g": [float("nan")] * 2}, {"group": "g"}, "too_few_rows"),
    ],
)
def test_faults(analyse_columns: Analyse, columns: dict[str, Any], more: dict[str, Any], code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("text", columns, {"column": "t", **more})
    assert caught.value.code == code


@pytest.mark.parametrize("method", ["keywords", "topics", "duplicates"])
def test_a_stored_order_is_the_same_order(method: Any) -> None:
    parameters = TextParameters(column="t", method=method)
    assert TextParameters.model_validate(parameters.model_dump()) == parameters


@pytest.mark.parametrize(
    "more",
    [
        {"method": "similarity"},
        {"method": "topics", "query": "x"},
        {"method": "topics", "k": 1000},
        {"method": "duplicates", "threshold": 0},
        {"group": "t"},
    ],
)
def test_orders_that_make_no_sense(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TextParameters.model_validate({"column": "t", **more})
