"""k-means: known groups, the search over k, labels, and what makes it impossible."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from shared.compute import ComputeError

from .support import Analyse


def three_groups(rows: int = 60) -> dict[str, list[float]]:
    """Well separated groups of `rows`, `rows / 2` and `rows / 4` points, in columns of very different units."""
    random = np.random.default_rng(5)
    sizes = (rows, rows // 2, rows // 4)
    places = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)]
    points = np.vstack([random.normal(place, 0.5, size=(size, 2)) for place, size in zip(places, sizes, strict=True)])
    return {"metres": points[:, 0].tolist(), "grams": (points[:, 1] * 1000).tolist()}


class TestKnownGroups:
    def test_iris_inertia(self, analyse_columns: Analyse) -> None:
        # The known optimum of k-means on Fisher's iris data, k = 3: within-cluster sum of squares 78.851441.
        frame = load_iris(as_frame=True).data
        parameters = {"columns": list(frame), "k": 3, "standardise": False}
        result = analyse_columns("cluster", frame.to_dict("list"), parameters)
        assert result["summary"]["inertia"] == pytest.approx(78.851441, abs=1e-5)
        assert result["summary"]["sizes"] == [62, 50, 38]
        assert result["summary"]["silhouette"] == pytest.approx(0.552819, abs=1e-5)
        assert len(result["charts"]) == 1

    def test_search_finds_the_number_of_groups(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("cluster", three_groups(), {"columns": ["metres", "grams"]}, threads=2)
        assert result["summary"]["k"] == 3
        assert result["summary"]["sizes"] == [60, 30, 15]
        assert [row[0] for row in result["tables"][1]["rows"]] == list(range(2, 11))
        assert result["executor"] == "local"

    def test_centers_are_in_original_units(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("cluster", three_groups(), {"columns": ["metres", "grams"], "k": 3})
        centers = result["tables"][0]
        assert centers["columns"] == ["cluster", "metres", "grams"]
        assert np.allclose(np.array(centers["rows"])[:, 1:], [[0, 0], [10, 0], [0, 10_000]], atol=400)

    def test_standardising_matters(self, analyse_columns: Analyse) -> None:
        plain = analyse_columns(
            "cluster", three_groups(), {"columns": ["metres", "grams"], "k": 2, "standardise": False}
        )
        assert plain["summary"]["sizes"] == [90, 15]


class TestLabels:
    def test_every_row_has_one_and_incomplete_rows_an_empty_one(self, analyse_columns: Analyse, tmp_path: Path) -> None:
        columns: dict[str, list[Any]] = three_groups()
        columns["metres"][3] = None
        result = analyse_columns("cluster", columns, {"columns": ["metres", "grams"], "k": 3})
        rows = list(csv.DictReader((tmp_path / "labels.csv").read_text(encoding="utf-8").splitlines()))
        assert result["artifacts"] == [{"name": "labels.csv", "media_type": "text/csv"}]
        assert [row["row"] for row in rows] == [str(position) for position in range(105)]
        assert rows[3]["cluster"] == ""
        assert {row["cluster"] for row in rows[60:90]} == {"1"}
        assert result["summary"]["dropped_rows"] == 1
        assert result["warnings"][0]["code"] == "rows_dropped"


class TestOneColumn:
    def test_works(self, analyse_columns: Analyse) -> None:
        result = analyse_columns("cluster", three_groups(), {"columns": ["metres"], "k": 2})
        assert result["summary"]["sizes"] == [75, 30]


def test_a_constant_column_is_only_a_warning(analyse_columns: Analyse) -> None:
    columns = three_groups() | {"same": [1.0] * 105}
    result = analyse_columns("cluster", columns, {"columns": ["metres", "grams", "same"], "k": 3})
    assert [warning["code"] for warning in result["warnings"]] == ["constant_column"]


def test_large_data_samples_the_silhouette_and_the_chart(analyse_columns: Analyse) -> None:
    result = analyse_columns("cluster", three_groups(4000), {"columns": ["metres", "grams"], "k": 3})
    assert [warning["code"] for warning in result["warnings"]] == ["silhouette_sampled"]
    spec = result["charts"][0]["spec"]
    assert len(spec["data"]["values"]) == 2000
    assert spec["title"]["subtitle"] == "A random sample of 2000 of 7000 rows."


@pytest.mark.parametrize(
    ("columns", "parameters", "code", "detail"),
    [
        ({"a": [1.0, 2.0]}, {"k": 3}, "too_few_rows", "2 of 2 rows"),
        ({"a": [1.0, 1.0, 2.0, 2.0]}, {"k": 3}, "too_few_rows", "only 2 distinct rows, too few for 3 clusters"),
        ({"a": [1.0] * 9}, {}, "too_few_rows", "only 1 distinct rows"),
        ({"a": [1.0, None]}, {}, "too_few_rows", "1 of 2 rows"),
        ({"a": [1e200, 2e200, 3e200]}, {"k": 2}, "out_of_range", "'a' is 3e+200 in size"),
        ({"a": [1e-200, 2e-200, 3e-200]}, {}, "out_of_range", "'a' is 3e-200 in size"),
        ({"a": list("xyz")}, {}, "not_numeric", "'a'"),
        ({"b": [1.0]}, {}, "column_not_found", "No column 'a'. The columns are: b."),
    ],
)
def test_faults(
    analyse_columns: Analyse, columns: dict[str, list[object]], parameters: dict[str, Any], code: str, detail: str
) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("cluster", columns, {"columns": ["a"], **parameters})
    assert caught.value.code == code
    assert detail in caught.value.detail
